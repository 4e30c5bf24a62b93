"""Several attempts at one case: all their outputs count, and what one attempt leaks is not diluted by the others."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TypeAlias

import numpy as np

from visavox.core.figures import Estimate, IntervalBasis, NotMade
from visavox.metrics import intervals
from visavox.ports.assessment import EDITED, REPEATED, AssessmentInput, Comparisons, Ints, JudgeView
from visavox_assessments.estimates import DISPLAY_ALPHA

Figures: TypeAlias = Sequence[Estimate | NotMade]


def outputs_against_originals(data: AssessmentInput, judge: JudgeView) -> Comparisons:
    """Outputs against single recordings, those of further attempts too: whoever holds one of them holds an output."""
    parts = [judge.table(f"original-{name}") for name in (EDITED, REPEATED)]
    kept = [~data.case_probe[part.probe] for part in parts]
    return Comparisons(
        *(
            np.concatenate([column[keep] for column, keep in zip(columns, kept, strict=True)])
            for columns in zip(*parts, strict=True)
        )
    )


def worst_of_attempts(data: AssessmentInput, make: Callable[[AssessmentInput], Figures]) -> Figures:
    """Figures over all attempts whose upper ends are those of the worst attempt.

    An editor that leaks in one attempt of ten would else show a tenth of it. Value and lower end stay those of all
    attempts, so that the worst of many draws makes no FAIL.

    Args:
        data: the run.
        make: figures of a run, the same in the same order for each; probes are none of its trials.
    """
    whole, number = make(data), _attempt_numbers(data)
    if number.max(initial=0) == 0:
        return whole
    others = [replace(data, case_probe=data.case_probe | (number != k)) for k in range(int(number.max()) + 1)]
    by_attempt = [make(of_one) for of_one in others]
    return [_with_worst(found, parts, data.alpha) for found, *parts in zip(whole, *by_attempt, strict=True)]


def _attempt_numbers(data: AssessmentInput) -> Ints:
    """(n_cases,) 0 for a case's first attempt, 1 for its second ..."""
    number = np.zeros(data.case_first.size, np.int32)
    seen: dict[int, int] = {}
    for case, first in enumerate(data.case_first.tolist()):
        number[case] = seen.get(first, 0)
        seen[first] = seen.get(first, 0) + 1
    return number


def _with_worst(found: Estimate | NotMade, parts: Figures, alpha: float) -> Estimate | NotMade:
    missing = next((part for part in parts if isinstance(part, NotMade)), None)
    if isinstance(found, NotMade):
        return found
    if missing is not None:
        return missing.model_copy(update={"reason": f"in one of {len(parts)} attempts: {missing.reason}"})
    made = [part for part in (found, *parts) if isinstance(part, Estimate)]
    worst = max(range(len(made)), key=lambda k: made[k].upper)
    if worst == 0:
        return found
    basis: tuple[IntervalBasis, ...] = (_sides(found.basis[0], made[worst].basis[0]),)
    if len(found.basis) == 2:  # of a difference the other side of the baseline makes the upper end
        basis = (*basis, _sides(made[worst].basis[1], found.basis[1]))
    ends = {name: _bounds(basis, a) for name, a in (("display", DISPLAY_ALPHA), ("one", alpha))}
    note = f"upper ends of attempt {worst}, {made[worst].value:.6f} there"
    return found.model_copy(
        update={
            "basis": basis,
            "low": ends["display"].lower,
            "high": ends["display"].upper,
            "lower": ends["one"].lower,
            "upper": ends["one"].upper,
            "upper_any_correlation": None,
            "note": "; ".join(part for part in (found.note, note) if part),
        }
    )


def _sides(low: IntervalBasis, high: IntervalBasis) -> IntervalBasis:
    """The lower side of one basis with the upper side of another."""
    return IntervalBasis(
        p_low=low.p_low,
        n_eff_low=low.n_eff_low,
        p_high=high.p_high,
        n_eff_high=high.n_eff_high,
        df=min(low.df, high.df),
    )


def _bounds(basis: tuple[IntervalBasis, ...], alpha: float) -> intervals.Bounds:
    if len(basis) == 2:
        return intervals.difference_bounds(basis[0], basis[1], alpha)
    return intervals.Bounds(intervals.bound_lower(basis[0], alpha), intervals.bound_upper(basis[0], alpha))
