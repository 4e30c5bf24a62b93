"""Match rates with their bounds: every trial at the threshold of its own kind (STATISTICS 2, 3e and 4)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from visavox.core.figures import Estimate, IntervalBasis, NotMade, OperatingPoint, Stratum, StricterThreshold
from visavox.core.terms import Attacker, Support
from visavox.metrics import intervals
from visavox.metrics.operating_points import threshold_at_fmr
from visavox.metrics.spread import JudgeTrials
from visavox.ports.assessment import AssessmentInput, JudgeView
from visavox_assessments.estimates import bounded, complement, operating_point
from visavox_assessments.spreads import spread_estimate

from .trials import LOOK_ALIKES, Kind, KindTrials, People, trials_of

METHOD = (
    "effective-size Clopper-Pearson, threshold estimated on the same people (STATISTICS 3e); upper end at a threshold "
    "without each output's nearest others"
)
MATCH_RATES = ("subject_match_rate", "host_match_rate")
"""Match rates with the person who must not be recognised: subject (anonymise, attribute), host (swap)."""
_RANK = {Support.NONE: 0, Support.FEW_PEOPLE: 1, Support.WEAK: 2, Support.FULL: 2}


class Decided(NamedTuple):
    """A kind with its operating point."""

    kind: Kind
    point: OperatingPoint


class Undecided(NamedTuple):
    """Trials without an operating point: no leak for FAIL.

    Attributes:
        lost: people of trials without a score, or of a kind without support; a leak for PASS.
        strangers: kinds of look-alikes without support; for PASS they meet the lowest threshold of the others (more
            match there than at one of their own).
        betrayed: people of trials that need no score; a leak on both sides.
    """

    lost: People
    strangers: tuple[Kind, ...]
    betrayed: People

    @property
    def people(self) -> People:
        """Of all of them."""
        return People.joined([self.lost, *(kind.people for kind in self.strangers), self.betrayed])

    @property
    def is_certain(self) -> bool:
        """Whether no trial counts as one thing for PASS and as another for FAIL."""
        return not self.lost.persons.size and not self.strangers

    def hits(self, threshold: float, *, for_pass: bool) -> npt.NDArray[np.int64]:
        """What each counts as."""
        parts = [np.full(self.lost.persons.size, for_pass)]
        parts += [(kind.mated >= threshold) & for_pass for kind in self.strangers]
        return np.concatenate([*parts, np.ones(self.betrayed.persons.size, bool)]).astype(np.int64)


class SortedKinds(NamedTuple):
    """An attacker's kinds of comparison that have trials.

    Attributes:
        points: all of them, each with its operating point, if it has one.
        decided: those of the best support; imputed: the others.
    """

    points: list[tuple[Kind, OperatingPoint | None]]
    decided: list[Decided]
    imputed: list[Kind]


def sorted_kinds(judge: JudgeView, trials: KindTrials, fmr: float) -> SortedKinds:
    """Which kinds of comparison are decided at a threshold of their own."""
    points = [(kind, operating_point(judge, kind.comparisons, fmr)) for kind in trials.kinds if kind.mated.size]
    best = max((_RANK[point.support] for _, point in points if point), default=0)
    decided = [Decided(kind, point) for kind, point in points if point and best and _RANK[point.support] == best]
    imputed = [kind for kind, point in points if not point or _RANK[point.support] < best]
    return SortedKinds(points, decided, imputed)


def match_rate(
    data: AssessmentInput,
    judge: JudgeView,
    attacker: Attacker | None,
    trials: KindTrials,
    fmr: float,
    *,
    name: str = "subject_match_rate",
    stricter: float = 1 / 3,
) -> Estimate | NotMade:
    """The share of an attacker's mated comparisons that match at same-kind FMR <= ``fmr``.

    ``stricter`` times ``fmr`` is the point at which a FAIL on few people has to hold too: 1/3 where a match is the
    fault, 3 where a non-match is.
    """
    points, decided, imputed = sorted_kinds(judge, trials, fmr)
    if not decided and trials.betrayed.persons.size:
        return _all_betrayed(data, judge, attacker, trials, points, fmr, name)
    if not decided:
        return NotMade(name=name, recogniser=judge.id, attacker=attacker, reason=_why_not(points, trials, fmr))
    lost = [trials.missing, *(kind.people for kind in imputed if kind.name not in LOOK_ALIKES)]
    strangers = tuple(kind for kind in imputed if kind.name in LOOK_ALIKES)
    rest = Undecided(People.joined(lost), strangers, trials.betrayed)
    basis = _basis(decided, rest, fmr)
    lowest = min((d.point for d in decided), key=lambda point: point.threshold)
    met = [*decided, *(Decided(kind, lowest) for kind in strangers)]
    hits = [int((d.kind.mated >= d.point.threshold).sum()) for d in met]
    n_betrayed = trials.betrayed.persons.size
    n = sum(d.kind.mated.size for d in met) + n_betrayed
    main = max(decided, key=lambda d: d.kind.mated.size)
    strata = [
        Stratum(kind=d.kind.name, n=d.kind.mated.size, hits=h, operating_point=d.point)
        for d, h in zip(met, hits, strict=True)
    ] + [Stratum(kind=kind.name, n=kind.mated.size, hits=0, imputed=True) for kind in imputed if kind not in strangers]
    if trials.missing.persons.size:
        strata.append(Stratum(kind="no template", n=trials.missing.persons.size, hits=0, imputed=True))
    if n_betrayed:
        strata.append(Stratum(kind="unedited face in the file", n=n_betrayed, hits=n_betrayed))
    tried = np.concatenate([rest.people.persons, *(d.kind.persons for d in decided)])
    people = np.unique(tried).size
    chance = sum(d.point.fmr * d.kind.mated.size for d in met) / n
    few = main.point.support is Support.FEW_PEOPLE
    return bounded(
        name,
        judge.id,
        attacker,
        (sum(hits) + n_betrayed) / n,
        (basis,),
        data.alpha,
        n=n,
        n_subjects=int(people),
        n_failed=rest.lost.persons.size,
        operating_point=main.point,
        strata=tuple(strata),
        chance=chance,
        stricter=_stricter(judge, decided, rest, fmr * stricter) if few else None,
        method=METHOD,
    )


def _all_betrayed(
    data: AssessmentInput,
    judge: JudgeView,
    attacker: Attacker | None,
    trials: KindTrials,
    points: Sequence[tuple[Kind, OperatingPoint | None]],
    fmr: float,
    name: str,
) -> Estimate | NotMade:
    """Where only trials that need no score are left: the others count against PASS and against FAIL."""
    betrayed = trials.betrayed.persons
    lost = np.concatenate([trials.missing.persons, *(kind.persons for kind, _ in points)])
    persons = np.concatenate([betrayed, lost])
    if np.unique(persons).size < 2:
        return NotMade(name=name, recogniser=judge.id, attacker=attacker, reason=_why_not(points, trials, fmr))
    low, high = (
        intervals.rate_interval(np.concatenate([np.ones(betrayed.size), np.full(lost.size, hit)]), persons)
        for hit in (0, 1)
    )
    return bounded(
        name,
        judge.id,
        attacker,
        1.0,
        (intervals.imputed(low, high),),
        data.alpha,
        n=betrayed.size,
        n_subjects=low.n_people,
        n_failed=lost.size,
        method="effective-size Clopper-Pearson (STATISTICS 3a); the outputs' files hold the unedited face",
        strata=(Stratum(kind="unedited face in the file", n=betrayed.size, hits=betrayed.size),),
    )


def _basis(decided: Sequence[Decided], rest: Undecided, fmr: float) -> IntervalBasis:
    """Lower side: thresholds of all comparisons, and trials without an operating point are no leak.

    Upper side: thresholds without each output's nearest others, where these are lower, and see ``Undecided``.
    """
    far = [_without_nearest(d, fmr) for d in decided]
    low = _interval(decided, rest, fmr, for_pass=False)
    is_same = rest.is_certain and all(d.point.threshold == f.point.threshold for d, f in zip(decided, far, strict=True))
    return low.basis if is_same else intervals.imputed(low, _interval(far, rest, fmr, for_pass=True))


def _without_nearest(one: Decided, fmr: float) -> Decided:
    """The kind at the threshold that a PASS has to hold at: outputs made alike in twos and threes do not raise it."""
    if not one.kind.near.any() or one.kind.near.all():
        return one
    kind = one.kind.without_nearest
    threshold = threshold_at_fmr(kind.non_mated, fmr).threshold
    if threshold >= one.point.threshold:
        return one
    return Decided(kind, one.point.model_copy(update={"threshold": threshold}))


def _interval(decided: Sequence[Decided], rest: Undecided, fmr: float, *, for_pass: bool) -> intervals.RateInterval:
    hits = rest.hits(min(d.point.threshold for d in decided), for_pass=for_pass)
    return intervals.rate_at_threshold_interval(strata_of(decided, hits, rest.people, fmr))


def strata_of(
    decided: Sequence[Decided], extra_hits: npt.NDArray[np.bool_] | npt.NDArray[np.int64], extra: People, fmr: float
) -> list[intervals.Stratum]:
    """A stratum for each kind of comparison; trials without a threshold of their own go with the first."""
    return [
        intervals.Stratum(
            scores=d.kind.mated,
            persons=d.kind.people.persons,
            seconds=d.kind.people.seconds,
            thirds=d.kind.people.thirds,
            threshold=d.point.threshold,
            target_fmr=fmr,
            non_mated=d.kind.non_mated,
            non_first=d.kind.non_first,
            non_second=d.kind.non_second,
            non_thirds=d.kind.non_people.seconds,
            non_fourths=d.kind.non_people.thirds,
            extra_hits=extra_hits if number == 0 else None,
            extra_persons=extra.persons if number == 0 else None,
            extra_seconds=extra.seconds if number == 0 else None,
            extra_thirds=extra.thirds if number == 0 else None,
        )
        for number, d in enumerate(decided)
    ]


def _stricter(judge: JudgeView, decided: Sequence[Decided], rest: Undecided, fmr: float) -> StricterThreshold | None:
    """The same rate at the thresholds for another target: a FAIL on few people must hold there too."""
    points = [(d.kind, operating_point(judge, d.kind.comparisons, fmr)) for d in decided]
    strict = [Decided(kind, point) for kind, point in points if point]
    if len(strict) != len(decided):
        return None
    lowest, n_betrayed = min(d.point.threshold for d in strict), rest.betrayed.persons.size
    hits = sum(int((d.kind.mated >= d.point.threshold).sum()) for d in strict) + n_betrayed
    hits += sum(int((kind.mated >= lowest).sum()) for kind in rest.strangers)
    n = sum(kind.mated.size for kind in (*(d.kind for d in strict), *rest.strangers)) + n_betrayed
    return StricterThreshold(value=hits / n, basis=(_basis(strict, rest, fmr),))


def non_match_rate(
    data: AssessmentInput, judge: JudgeView, outputs: KindTrials, control: KindTrials
) -> Estimate | NotMade:
    """The share of outputs' mated comparisons that a system which knows nothing of the edit would reject.

    Decided at the bona fide threshold. An output in which no face is found counts as rejected for PASS, as accepted
    for FAIL.
    """
    name = "subject_non_match_rate"
    (bona_fide,) = control.kinds
    found = next((kind for kind in outputs.kinds if kind.name == "original-edited"), None)
    if found is None or found.mated.size == 0:
        return NotMade(name=name, recogniser=judge.id, reason="no output has a template to compare")
    cropped = [kind.people for kind in outputs.kinds if kind is not found]
    kind = found._replace(
        name="original-original",
        non_mated=bona_fide.non_mated,
        non_first=bona_fide.non_first,
        non_second=bona_fide.non_second,
        non_people=bona_fide.non_people,
        near=bona_fide.near,
        n_people=min(found.n_people, bona_fide.n_people),
    )
    trials = KindTrials((kind,), People.joined([outputs.missing, *cropped]), People.none())
    rate = match_rate(data, judge, None, trials, data.fmrs[0], name=name, stricter=3.0)
    return rate if isinstance(rate, NotMade) else complement(rate, name=name, attacker=None)


def match_rate_spread(data: AssessmentInput, attacker: Attacker) -> Estimate | None:
    """How far the judges' match rates of one attacker are apart, on trials of the kinds that each of them decided."""
    judged = {}
    for judge in data.judges:
        kinds = trials_of(data, judge, attacker).kinds
        points = [(kind, operating_point(judge, kind.comparisons, data.fmrs[0])) for kind in kinds if kind.mated.size]
        decided = [(kind, point) for kind, point in points if point and _RANK[point.support]]
        if decided:
            people = People.joined([kind.people for kind, _ in decided])
            hits = np.concatenate([kind.mated >= point.threshold for kind, point in decided])
            judged[judge.id] = JudgeTrials(hits, people.persons, people.seconds)
    return spread_estimate("match_rate_spread", data, judged, attacker)


def _why_not(points: Sequence[tuple[Kind, OperatingPoint | None]], trials: KindTrials, fmr: float) -> str:
    if not points:
        lost = trials.missing.persons.size
        return f"no mated comparison has a score ({lost} lost to failures to acquire)"
    kind, point = max(points, key=lambda entry: entry[0].mated.size)
    if point is None:
        return f"no non-mated comparison of the kind {kind.name}"
    return (
        f"a threshold at FMR {fmr:g} needs 8 people and {3 / fmr:.0f} non-mated comparisons of its own kind; "
        f"{kind.name} has {point.n_people} people and {point.n_non_mated}"
    )
