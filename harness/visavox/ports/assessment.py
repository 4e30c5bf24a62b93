"""The door ``assessment``: a question put to the run's comparison scores.

An assessment is two pure functions: ``comparisons`` says which tables of scores it needs, ``assess`` turns them into
estimates. It runs no model and reads no file, so it is tested without either.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

from visavox.core.contracts import Contract
from visavox.core.records import AssessmentResult
from visavox.core.registry import Registry
from visavox.core.terms import Modality, ToolClass

Ints: TypeAlias = npt.NDArray[np.int32]
Floats: TypeAlias = npt.NDArray[np.float32]

ORIGINAL, EDITED, MASKED = "original", "edited", "masked"
"""Sets of templates: test samples; outputs; outputs with the face region masked (at most two a person)."""

NOT_EDITED, NO_TEMPLATE, DETECTED, FALLBACK = -1, 0, 1, 2
"""State of a case for one recogniser: not edited; no template; found in the output; cropped with the input's region."""


class ScoreTable(NamedTuple):
    """A table a run computes: probes against references.

    Indices are sample numbers for ``original`` and case numbers for ``edited`` and ``masked``. A set against itself
    holds each unordered pair once; an output is never compared with its own input.
    """

    probes: str
    references: str

    @property
    def name(self) -> str:
        """``original-edited`` and so on: references first, as kinds of comparison are named."""
        return f"{self.references}-{self.probes}"


class Comparisons(NamedTuple):
    """Scores of one table, in a fixed order; higher = more alike."""

    probe: Ints
    reference: Ints
    score: Floats


@dataclass(frozen=True)
class JudgeView:
    """What an assessment knows of one recogniser.

    Attributes:
        sample_ok: (n_samples,) bool: the test sample has a template.
        case_state: (n_cases,) int: NOT_EDITED, NO_TEMPLATE, DETECTED or FALLBACK.
        fta_reasons: reason -> outputs without a template.
        table: the scores of a table by its name.
    """

    id: str
    families: frozenset[str]
    training_overlap: str
    sample_ok: npt.NDArray[np.bool_]
    case_state: npt.NDArray[np.int8]
    fta_reasons: Mapping[str, int]
    table: Callable[[str], Comparisons]


@dataclass(frozen=True)
class AssessmentInput:
    """Everything an assessment may look at.

    Attributes:
        sample_person: (n_samples,) person number of each test sample.
        sample_session: (n_samples,) session number within the data set, -1 where unstated.
        case_person: (n_cases,) person whose recording was edited (role ``subject`` or ``host``).
        case_sample: (n_cases,) number of that sample, -1 where it is not known (media made elsewhere).
        fmrs: target FMRs to estimate at; the policy's first.
        competence: (fmr, largest FNMR) at which a recogniser may support a PASS.
        limits: the policy's limit by metric name; instruments compare with them.
        options: the suite's options of this assessment.
    """

    tool_class: ToolClass
    modality: Modality
    contract: Contract
    sample_person: Ints
    sample_session: Ints
    case_person: Ints
    case_sample: Ints
    judges: tuple[JudgeView, ...]
    fmrs: tuple[float, ...]
    competence: tuple[float, float]
    limits: Mapping[str, float]
    options: Any
    alpha: float
    seed: int


class Assessment(Protocol):
    """One assessment."""

    name: str

    def comparisons(self, contract: Contract, options: Any) -> tuple[ScoreTable, ...]:
        """The tables of scores it needs; empty where it does not apply to the tool class."""
        ...

    def assess(self, data: AssessmentInput) -> AssessmentResult:
        """Estimates, instruments and limitations; no verdict."""
        ...


assessments: Registry[Callable[[], Assessment]] = Registry("assessments")
