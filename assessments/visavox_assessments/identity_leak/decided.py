"""The trials behind each match rate, decided: what two runs of one plan are compared by."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from visavox.core.terms import Attacker
from visavox.metrics import intervals
from visavox.metrics.operating_points import threshold_at_fmr
from visavox.ports.assessment import AssessmentInput, JudgeView
from visavox.ports.decided import DecidedTrials

from .rates import Decided, sorted_kinds, strata_of
from .trials import LOOK_ALIKES, Kind, KindTrials, People

Floats: TypeAlias = npt.NDArray[np.float64]


def decided_match_rate(
    data: AssessmentInput, judge: JudgeView, attacker: Attacker, trials: KindTrials, name: str
) -> DecidedTrials | None:
    """The trials of a match rate, as its value counts them; None where no kind of comparison can be decided."""
    fmr = data.fmrs[0]
    _, decided, imputed = sorted_kinds(judge, trials, fmr)
    if not decided:
        return None
    lowest = min(decided, key=lambda one: one.point.threshold)
    strangers = [Decided(kind, lowest.point) for kind in imputed if kind.name in LOOK_ALIKES]
    met = [*decided, *strangers]
    deciding = [*decided, *(lowest for _ in strangers)]

    def each(value: Callable[[Decided], float]) -> Floats:
        """A value of the kind that decides it, for each trial."""
        sizes = [one.kind.mated.size for one in met]
        return np.repeat([value(one) for one in deciding], sizes).astype(np.float64)

    return DecidedTrials(
        name=name,
        recogniser=judge.id,
        attacker=attacker,
        strata=_strata(decided, strangers, trials.betrayed, fmr),
        keys=np.concatenate([one.kind.keys for one in met]),
        persons=np.concatenate([one.kind.persons for one in met]).astype(np.int64),
        scores=np.concatenate([one.kind.mated for one in met]).astype(np.float64),
        thresholds=each(lambda one: one.point.threshold),
        looser=each(lambda one: _threshold(one.kind, 2 * fmr)),
        stricter=each(lambda one: _threshold(one.kind, fmr / 2)),
        fmrs=each(lambda one: one.point.fmr),
        betrayed=trials.betrayed.persons.astype(np.int64),
    )


def _threshold(kind: Kind, fmr: float) -> float:
    return float(threshold_at_fmr(kind.non_mated, fmr).threshold)


def _strata(
    decided: list[Decided], strangers: list[Decided], betrayed: People, fmr: float
) -> tuple[intervals.Stratum, ...]:
    """Look-alikes without a threshold of their own, and trials that need none, go with the first kind."""
    extra = People.joined([*(one.kind.people for one in strangers), betrayed])
    matched = [one.kind.mated >= one.point.threshold for one in strangers]
    hits = np.concatenate([*matched, np.ones(betrayed.persons.size, bool)])
    return tuple(strata_of(decided, hits, extra, fmr))
