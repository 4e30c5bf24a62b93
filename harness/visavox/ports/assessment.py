"""The door ``assessment``: a question put to the run's comparison scores.

An assessment is two pure functions: ``comparisons`` says which tables of scores it needs, ``assess`` turns them into
estimates. It runs no model and reads no file, so it is tested without either.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

from visavox.core.contracts import Contract
from visavox.core.figures import AssessmentResult
from visavox.core.records import FileLabelCodes
from visavox.core.registry import Registry
from visavox.core.terms import Modality, Outcome, ToolClass
from visavox.core.utility_figures import UtilityFigure

from .consent import Probe
from .detection import Detection
from .watermark import WatermarkReadings

if TYPE_CHECKING:
    from visavox.media.labels.records import AudibleFindings, VisibleFindings

Ints: TypeAlias = npt.NDArray[np.int32]
Floats: TypeAlias = npt.NDArray[np.float32]

ORIGINAL, EDITED, MASKED = "original", "edited", "masked"
"""Sets of templates: test samples; first outputs of each case; the same with the face region masked (two a person)."""
REPEATED, PROBED, ENROLLED = "repeated", "probed", "enrolled"
"""Outputs of the further attempts; outputs of the consent probes; and, as references alone, one template a person: the
mean of their recordings, those that went into the probe's edit (and the probe itself) left out."""
SEMI_INFORMED = "semi_informed"
"""Back-end fitted to outputs of other people; ``_50`` and ``_25``: to that share of them in %; ``_permuted``: to people
whose labels were permuted."""

NOT_EDITED, NO_TEMPLATE, DETECTED, FALLBACK = -1, 0, 1, 2
"""State of a case for one recogniser: not edited; no template; found in the output; cropped with the input's region."""


class ScoreTable(NamedTuple):
    """A table a run computes: probes against references.

    Indices are sample numbers for ``original``, person numbers for ``enrolled``, case numbers for the others. A set
    against itself holds each unordered pair once; an output is never compared with a recording that went into it.

    Attributes:
        backend: what scores the templates; empty for the recogniser's own comparison.
    """

    probes: str
    references: str
    backend: str = ""

    @property
    def name(self) -> str:
        """``original-edited`` and so on: references first, as kinds of comparison are named."""
        return f"{self.references}-{self.probes}" + (f".{self.backend}" if self.backend else "")


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
    backends: tuple[str, ...] = ()
    """What the semi-informed attacker's inner cross-validation chose, one line a model."""


@dataclass(frozen=True)
class CaseFigures:
    """One figure of utility, case by case: the first attempts' outputs against their own unedited inputs.

    Attributes:
        values: (n_cases,) the figure; NaN where missing or not asked of the case, infinite where the output equals its
            input and the figure has no end.
        reasons: (n_cases,) why it is missing; empty where it is not.
        of_input: (n_cases,) bool: it is missing because the input has no such figure, whatever the output is.
        method: how it was made, where its name does not say so.
    """

    values: Floats
    reasons: tuple[str, ...]
    of_input: npt.NDArray[np.bool_]
    method: str = ""


@dataclass(frozen=True)
class AssessmentInput:
    """Everything an assessment may look at.

    Attributes:
        sample_person: (n_samples,) person number of each test sample.
        sample_session: (n_samples,) session number within the data set, -1 where unstated.
        case_person: (n_cases,) person whose recording was edited (role ``subject`` or ``host``).
        case_sample: (n_cases,) number of that sample, -1 where it is not known (media made elsewhere).
        second_person, second_sample: (n_cases,) the donor or second contributor in the same way; -1 for none.
        case_first: (n_cases,) number of the first attempt of the same case, its own where it is that.
        case_probe: (n_cases,) bool: the editor was told that the donor refused consent, or was sent a token that it
            must not serve (``case_token_probe``).
        case_outcome: (n_cases,) what became of each.
        case_leaks: what each output's file gives away; None where there was no file to look at, or no output.
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
    second_person: Ints
    second_sample: Ints
    case_first: Ints
    case_probe: npt.NDArray[np.bool_]
    case_outcome: tuple[Outcome, ...]
    case_leaks: tuple[tuple[str, ...] | None, ...]
    judges: tuple[JudgeView, ...]
    fmrs: tuple[float, ...]
    competence: tuple[float, float]
    limits: Mapping[str, float]
    options: Any
    alpha: float
    seed: int
    case_utility: Mapping[UtilityFigure, CaseFigures] = field(default_factory=dict)
    """Figures of utility; empty unless the assessment says ``needs_utility = True``."""
    utility_floors: Mapping[UtilityFigure, float] = field(default_factory=dict)
    """The policy's floors of the modality."""
    case_labels: tuple[FileLabelCodes | None, ...] = ()
    """What the labels of each output's file are worth; None where there was no file; empty where nobody looked."""
    case_perceptible: tuple[VisibleFindings | AudibleFindings | None, ...] = ()
    """Labels seen in each output's picture or heard in its sound; None without an output; empty where nobody looked."""
    watermark: WatermarkReadings | None = None
    """What the tool's decoder read in outputs and in unedited samples; None where the suite names no decoder."""
    detection: Detection | None = None
    """Scores of detectors; None unless the assessment says ``needs_detection = True`` and the run made them."""
    case_token_probe: tuple[str, ...] = ()
    """The probe of consent tokens that each case is; empty of all others, and where the editor takes no tokens."""
    token_probes: tuple[Probe, ...] = ()
    """The probes that were planned."""


class Assessment(Protocol):
    """One assessment.

    One that reads ``case_utility`` also says ``needs_utility = True``, one that reads ``detection``
    ``needs_detection = True``, one that reads outcomes alone ``needs_outcomes = True``; such a one applies where the
    contract table lists figures of its name, with or without a table of scores.
    """

    name: str

    def comparisons(self, contract: Contract, options: Any) -> tuple[ScoreTable, ...]:
        """The tables of scores it needs; empty where it does not apply to the tool class."""
        ...

    def assess(self, data: AssessmentInput) -> AssessmentResult:
        """Estimates, instruments and limitations; no verdict."""
        ...


def needs_utility(assessment: Assessment) -> bool:
    """Whether a run has to compare each output with its unedited input for this assessment."""
    return bool(getattr(assessment, "needs_utility", False))


def needs_detection(assessment: Assessment) -> bool:
    """Whether a run has to let detectors score its media for this assessment."""
    return bool(getattr(assessment, "needs_detection", False))


def needs_outcomes(assessment: Assessment) -> bool:
    """Whether it reads what became of the cases alone, so that it applies without a table of scores."""
    return bool(getattr(assessment, "needs_outcomes", False))


assessments: Registry[Callable[[], Assessment]] = Registry("assessments")
