"""Match rates with their bounds: every trial at the threshold of its own kind (STATISTICS 2, 3e and 4)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from visavox.core.records import (
    Estimate,
    IntervalBasis,
    NotMade,
    OperatingPoint,
    Stratum,
    StricterThreshold,
)
from visavox.core.terms import Attacker, Direction, Support
from visavox.metrics import intervals
from visavox.metrics.operating_points import support, threshold_at_fmr
from visavox.ports.assessment import AssessmentInput, JudgeView

from .trials import Kind, KindTrials

METHOD = "effective-size Clopper-Pearson, threshold estimated on the same people (STATISTICS 3e)"
DISPLAY_ALPHA = 0.025
_RANK = {Support.NONE: 0, Support.FEW_PEOPLE: 1, Support.WEAK: 2, Support.FULL: 2}


class Decided(NamedTuple):
    """A kind with its operating point."""

    kind: Kind
    point: OperatingPoint


def operating_point(judge: JudgeView, kind: Kind, fmr: float, *, fnmr: float | None = None) -> OperatingPoint | None:
    """The threshold of one kind at ``fmr`` and its support; None where it has no non-mated comparison."""
    if kind.non_mated.size == 0:
        return None
    found = threshold_at_fmr(kind.non_mated, fmr)
    realised = intervals.pair_rate_interval(kind.non_mated >= found.threshold, kind.non_first, kind.non_second)
    level = support(kind.n_people, kind.non_mated.size, fmr)
    if level is Support.FULL and judge.training_overlap != "none":
        level = Support.WEAK
    return OperatingPoint(
        recogniser=judge.id,
        kind=kind.name,
        target_fmr=fmr,
        threshold=found.threshold,
        n_non_mated=kind.non_mated.size,
        n_people=kind.n_people,
        fmr=found.fmr,
        fmr_low=intervals.bound_lower(realised.basis, DISPLAY_ALPHA),
        fmr_high=intervals.bound_upper(realised.basis, DISPLAY_ALPHA),
        fnmr=fnmr,
        support=level,
        ties=found.ties,
    )


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
    points = [(kind, operating_point(judge, kind, fmr)) for kind in trials.kinds if kind.mated.size]
    best = max((_RANK[point.support] for _, point in points if point), default=0)
    decided = [Decided(kind, point) for kind, point in points if point and best and _RANK[point.support] == best]
    if not decided:
        return NotMade(name=name, recogniser=judge.id, attacker=attacker, reason=_why_not(points, trials, fmr))
    imputed = [kind for kind, point in points if not point or _RANK[point.support] < best]
    extra = np.concatenate([trials.missing_persons, *(kind.persons for kind in imputed)]).astype(np.int64)
    basis = _basis(decided, extra, fmr)
    hits = [int((d.kind.mated >= d.point.threshold).sum()) for d in decided]
    n = sum(d.kind.mated.size for d in decided)
    main = max(decided, key=lambda d: d.kind.mated.size)
    strata = [
        Stratum(kind=d.kind.name, n=d.kind.mated.size, hits=h, operating_point=d.point)
        for d, h in zip(decided, hits, strict=True)
    ] + [Stratum(kind=kind.name, n=kind.mated.size, hits=0, imputed=True) for kind in imputed]
    if trials.missing_persons.size:
        strata.append(Stratum(kind="no template", n=trials.missing_persons.size, hits=0, imputed=True))
    people = np.unique(np.concatenate([extra, *(d.kind.persons for d in decided)])).size
    chance = sum(d.point.fmr * d.kind.mated.size for d in decided) / n
    few = main.point.support is Support.FEW_PEOPLE
    return bounded(
        name,
        judge,
        attacker,
        sum(hits) / n,
        (basis,),
        data.alpha,
        n=n,
        n_subjects=int(people),
        n_failed=int(extra.size),
        operating_point=main.point,
        strata=tuple(strata),
        chance=chance,
        stricter=_stricter(judge, decided, extra, fmr * stricter) if few else None,
        method=METHOD,
    )


def _basis(
    decided: Sequence[Decided], extra_persons: np.ndarray[tuple[int], np.dtype[np.int64]], fmr: float
) -> IntervalBasis:
    """Lower side: imputed trials are no leak; upper side: they are."""

    def at(imputed_hit: int) -> intervals.RateInterval:
        strata = [
            intervals.Stratum(
                scores=d.kind.mated,
                persons=d.kind.persons,
                threshold=d.point.threshold,
                target_fmr=fmr,
                non_mated=d.kind.non_mated,
                non_first=d.kind.non_first,
                non_second=d.kind.non_second,
                extra_hits=np.full(extra_persons.size if first else 0, imputed_hit),
                extra_persons=extra_persons if first else extra_persons[:0],
            )
            for first, d in ((number == 0, d) for number, d in enumerate(decided))
        ]
        return intervals.rate_at_threshold_interval(strata)

    without = at(0)
    return without.basis if extra_persons.size == 0 else intervals.imputed(without, at(1))


def _stricter(
    judge: JudgeView, decided: Sequence[Decided], extra: np.ndarray[tuple[int], np.dtype[np.int64]], fmr: float
) -> StricterThreshold | None:
    """The same rate at the thresholds for another target: a FAIL on few people must hold there too."""
    points = [(d.kind, operating_point(judge, d.kind, fmr)) for d in decided]
    strict = [Decided(kind, point) for kind, point in points if point]
    if len(strict) != len(decided):
        return None
    hits = sum(int((d.kind.mated >= d.point.threshold).sum()) for d in strict)
    n = sum(d.kind.mated.size for d in strict)
    return StricterThreshold(value=hits / n, basis=(_basis(strict, extra, fmr),))


def bounded(
    name: str,
    judge: JudgeView,
    attacker: Attacker | None,
    value: float,
    basis: tuple[IntervalBasis, ...],
    alpha: float,
    *,
    n: int,
    n_subjects: int,
    method: str,
    n_failed: int = 0,
    operating_point: OperatingPoint | None = None,
    strata: tuple[Stratum, ...] = (),
    chance: float | None = None,
    stricter: StricterThreshold | None = None,
    direction: Direction = Direction.LOWER_IS_SAFER,
    note: str = "",
) -> Estimate:
    """An estimate whose interval and one-sided bounds come from its basis."""
    if len(basis) == 2:
        wide = intervals.difference_bounds(basis[0], basis[1], DISPLAY_ALPHA)
        one = intervals.difference_bounds(basis[0], basis[1], alpha)
    else:
        wide = _both(basis[0], DISPLAY_ALPHA)
        one = _both(basis[0], alpha)
    extra = {} if operating_point is None else {"operating_point": operating_point}
    none_seen = len(basis) == 1 and basis[0].p_high == 0.0
    return Estimate(
        name=name,
        value=value,
        low=wide.lower,
        high=wide.upper,
        lower=one.lower,
        upper=one.upper,
        alpha=alpha,
        method=method,
        n=n,
        n_eff=basis[0].n_eff_high,
        n_subjects=n_subjects,
        n_failed=n_failed,
        recogniser=judge.id,
        attacker=attacker,
        direction=direction,
        chance=chance,
        upper_any_correlation=intervals.upper_any_correlation(n_subjects, alpha) if none_seen else None,
        basis=basis,
        strata=strata,
        stricter=stricter,
        note=note,
        **extra,
    )


def _both(basis: IntervalBasis, alpha: float) -> intervals.Bounds:
    return intervals.Bounds(intervals.bound_lower(basis, alpha), intervals.bound_upper(basis, alpha))


def complement(found: Estimate, *, name: str, attacker: Attacker | None) -> Estimate:
    """1 - rate, with the ends changed over."""

    def flip(basis: IntervalBasis) -> IntervalBasis:
        return IntervalBasis(
            p_low=1.0 - basis.p_high,
            n_eff_low=basis.n_eff_high,
            p_high=1.0 - basis.p_low,
            n_eff_high=basis.n_eff_low,
            df=basis.df,
        )

    def stratum(part: Stratum) -> Stratum:
        return part if part.imputed else part.model_copy(update={"hits": part.n - part.hits})

    stricter = found.stricter
    return found.model_copy(
        update={
            "name": name,
            "attacker": attacker,
            "value": 1.0 - found.value,
            "low": 1.0 - found.high,
            "high": 1.0 - found.low,
            "lower": 1.0 - found.upper,
            "upper": 1.0 - found.lower,
            "basis": tuple(flip(basis) for basis in found.basis),
            "strata": tuple(stratum(part) for part in found.strata),
            "chance": None if found.chance is None else 1.0 - found.chance,
            "upper_any_correlation": None,
            "stricter": None
            if stricter is None
            else StricterThreshold(value=1.0 - stricter.value, basis=tuple(flip(b) for b in stricter.basis)),
        }
    )


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
        return NotMade(name=name, recogniser=judge.id, reason="no output has a face to compare")
    cropped = [kind.persons for kind in outputs.kinds if kind is not found]
    kind = found._replace(
        name="original-original",
        non_mated=bona_fide.non_mated,
        non_first=bona_fide.non_first,
        non_second=bona_fide.non_second,
        n_people=min(found.n_people, bona_fide.n_people),
    )
    missing = np.concatenate([outputs.missing_persons, *cropped]).astype(np.int32)
    rate = match_rate(data, judge, None, KindTrials((kind,), missing), data.fmrs[0], name=name, stricter=3.0)
    return rate if isinstance(rate, NotMade) else complement(rate, name=name, attacker=None)


def _why_not(points: Sequence[tuple[Kind, OperatingPoint | None]], trials: KindTrials, fmr: float) -> str:
    if not points:
        lost = trials.missing_persons.size
        return f"no mated comparison has a score ({lost} lost to failures to acquire)"
    kind, point = max(points, key=lambda entry: entry[0].mated.size)
    if point is None:
        return f"no non-mated comparison of the kind {kind.name}"
    return (
        f"a threshold at FMR {fmr:g} needs 8 people and {3 / fmr:.0f} non-mated comparisons of its own kind; "
        f"{kind.name} has {point.n_people} people and {point.n_non_mated}"
    )
