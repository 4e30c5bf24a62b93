"""What two runs of one plan are compared by: the trials behind a figure, each with the threshold that decides it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from visavox.core.terms import Attacker
from visavox.metrics.intervals import Stratum

from .assessment import Assessment, AssessmentInput

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


class DecidedTrials(NamedTuple):
    """The trials of one figure at the policy's operating point.

    Attributes:
        name, recogniser, attacker: the figure's.
        strata: the trials that make up its value, decided.
        keys: (n,) which comparison each scored trial is; the same in every run of a plan.
        persons, scores, thresholds: (n,) whose it is, its score, and what it was decided at; a match iff at least that.
        looser, stricter: (n,) the thresholds of its kind at twice and at half the target FMR.
        fmrs: (n,) the false match rate at the threshold.
        betrayed: people of trials that match without a score.
    """

    name: str
    recogniser: str
    attacker: Attacker | None
    strata: tuple[Stratum, ...]
    keys: Ints
    persons: Ints
    scores: Floats
    thresholds: Floats
    looser: Floats
    stricter: Floats
    fmrs: Floats
    betrayed: Ints


def decided_trials(assessment: Assessment, data: AssessmentInput) -> tuple[DecidedTrials, ...]:
    """The trials of an assessment's figures, of as many as it gives: its method ``decided``, if it has one."""
    give: Any = getattr(assessment, "decided", None)
    found: Iterable[DecidedTrials] = give(data) if callable(give) else ()
    return tuple(found)
