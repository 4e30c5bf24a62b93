"""The share of outputs that miss a floor of the policy: what a destroyed output is caught by."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from visavox.core.figures import Estimate, NotMade
from visavox.core.utility_figures import FIGURES, is_kept
from visavox.metrics import intervals
from visavox.ports.assessment import AssessmentInput, CaseFigures
from visavox_assessments.estimates import bounded

NAME = "below_utility_floor_share"
METHOD = "effective-size Clopper-Pearson (STATISTICS 3a)"


def below_floor_share(data: AssessmentInput) -> Estimate | NotMade:
    """The share of outputs for which any figure misses its floor or is missing, clustered by people.

    A figure that the input has not even against itself decides nothing; an output for which no figure decides is no
    trial. So an output without a face counts against the tool, an input without one does not.
    """
    floors = data.utility_floors
    unmade = [figure.value for figure in floors if figure not in data.case_utility]
    if unmade or not floors:
        reason = f"{', '.join(unmade)} was not made" if unmade else "the policy sets no utility floor for such media"
        return NotMade(name=NAME, recogniser="", reason=reason)
    below = np.zeros(data.case_person.size, bool)
    is_trial = below.copy()
    notes = []
    for figure, floor in floors.items():
        by_case = data.case_utility[figure]
        decides = _decides(by_case)
        missing = decides & np.isnan(by_case.values)
        misses = np.array([not is_kept(figure, float(value), floor) for value in by_case.values]) & decides
        below |= misses
        is_trial |= decides
        sign = "<=" if FIGURES[figure].is_error else ">="
        notes.append(
            f"{figure.value} {sign} {floor:g}: missed by {int(misses.sum())}, of them without it {int(missing.sum())}"
        )
    persons = data.case_person[is_trial]
    if np.unique(persons).size < 2:
        reason = "fewer than two people have an output with a known unedited input that has these figures"
        return NotMade(name=NAME, recogniser="", reason=reason)
    found = intervals.rate_interval(below[is_trial], persons)
    return bounded(
        NAME,
        "",
        None,
        found.p,
        (found.basis,),
        data.alpha,
        n=found.n,
        n_subjects=found.n_people,
        method=METHOD,
        chance=0.0,
        note="; ".join(notes),
    )


def _decides(by_case: CaseFigures) -> npt.NDArray[np.bool_]:
    """(n_cases,) bool: the output was compared, and the input has the figure."""
    compared = ~np.isnan(by_case.values) | np.array([bool(reason) for reason in by_case.reasons])
    decides: npt.NDArray[np.bool_] = compared & ~by_case.of_input
    return decides
