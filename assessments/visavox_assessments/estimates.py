"""From an interval basis to an estimate, and from non-mated comparisons to an operating point: one way for all."""

from __future__ import annotations

from typing import NamedTuple

from visavox.core.figures import Estimate, IntervalBasis, OperatingPoint, Stratum, StricterThreshold
from visavox.core.terms import Attacker, Direction, Support
from visavox.metrics import intervals
from visavox.metrics.mean_intervals import MeanInterval
from visavox.metrics.operating_points import support, threshold_at_fmr
from visavox.ports.assessment import AssessmentInput, Floats, Ints, JudgeView

DISPLAY_ALPHA = 0.025
ROOM = 3
"""How many times its limit a difference to the unedited inputs must be able to reach."""


class NonMated(NamedTuple):
    """Non-mated comparisons of one kind, from which its threshold is read.

    Attributes:
        kind: its name.
        scores, first, second: the scores and the two people of each comparison.
        n_people: people of the smallest part used.
    """

    kind: str
    scores: Floats
    first: Ints
    second: Ints
    n_people: int


def operating_point(
    judge: JudgeView, comparisons: NonMated, fmr: float, *, fnmr: float | None = None
) -> OperatingPoint | None:
    """The threshold of one kind at ``fmr`` and its support; None where it has no non-mated comparison."""
    if comparisons.scores.size == 0:
        return None
    found = threshold_at_fmr(comparisons.scores, fmr)
    false_matches = comparisons.scores >= found.threshold
    realised = intervals.pair_rate_interval(false_matches, comparisons.first, comparisons.second)
    level = support(comparisons.n_people, comparisons.scores.size, fmr)
    if level is Support.FULL and judge.training_overlap != "none":
        level = Support.WEAK
    return OperatingPoint(
        recogniser=judge.id,
        kind=comparisons.kind,
        target_fmr=fmr,
        threshold=found.threshold,
        n_non_mated=comparisons.scores.size,
        n_people=comparisons.n_people,
        fmr=found.fmr,
        fmr_low=intervals.bound_lower(realised.basis, DISPLAY_ALPHA),
        fmr_high=intervals.bound_upper(realised.basis, DISPLAY_ALPHA),
        fnmr=fnmr,
        support=level,
        ties=found.ties,
    )


def bounded(
    name: str,
    recogniser: str,
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
    band: str = "",
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
        recogniser=recogniser,
        attacker=attacker,
        direction=direction,
        chance=chance,
        upper_any_correlation=intervals.upper_any_correlation(n_subjects, alpha) if none_seen else None,
        basis=basis,
        strata=strata,
        stricter=stricter,
        band=band,
        note=note,
        **extra,
    )


def displayed(
    name: str,
    found: MeanInterval,
    *,
    recogniser: str,
    method: str,
    n: int | None = None,
    n_failed: int = 0,
    attacker: Attacker | None = None,
    chance: float | None = None,
    note: str = "",
) -> Estimate:
    """A mean over people or a jackknifed figure as an estimate: without a basis, so that no limit can bind it.

    Args:
        n: trials; the people where they are not counted.
    """
    return Estimate(
        name=name,
        value=found.value,
        low=found.low,
        high=found.high,
        lower=found.lower,
        upper=found.upper,
        alpha=found.alpha,
        method=method,
        n=found.n_people if n is None else n,
        n_eff=float(found.n_people),
        n_subjects=found.n_people,
        n_failed=n_failed,
        recogniser=recogniser,
        attacker=attacker,
        direction=Direction.NEITHER,
        chance=chance,
        note=note,
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


def no_room(data: AssessmentInput, name: str, unedited: float) -> str:
    """Why a figure of matches with anyone cannot be judged: the unedited inputs match somebody by chance already."""
    limit = data.limits.get(name, 0.0)
    if 1.0 - unedited >= ROOM * limit:
        return ""
    return (
        f"{unedited:.1%} of the unedited inputs match somebody by chance, so a difference of {limit:.0%} could not be "
        "told; fewer people in a run, or a lower FMR, leave room"
    )
