"""Frozen records of the decision and of the report it stands in."""

from __future__ import annotations

from typing import Literal

from pydantic import ConfigDict, Field, model_validator

from .figures import AssessmentResult, CaseLedger, Instrument, NotMade
from .records import Digest, Pairs, Record, Sha256
from .terms import Attacker, Modality, Operation, Severity, ToolClass, Verdict


class Limit(Record):
    """A limit on an interval's end: ``<=`` on the upper, ``>=`` on the lower one."""

    op: Literal["<=", ">="]
    value: float
    on: Literal["upper", "lower"] = "upper"
    source: str = "project default: no law or standard sets this number"

    @model_validator(mode="after")
    def _on_the_deciding_end(self) -> Limit:
        if (self.op == "<=") != (self.on == "upper"):
            raise ValueError(f"a limit with {self.op} is on the {'upper' if self.op == '<=' else 'lower'} end")
        return self


class Cell(Record):
    """Control x judge x attacker x group; listed in the seal, missing at the end = INCONCLUSIVE."""

    control: str
    metric: str
    recogniser: str = ""
    attacker: Attacker | None = None
    group: str | None = None
    modality: Modality | None = None
    """None in seals written before voices were assessed: the one modality of the run."""


class CellDecision(Record):
    cell: Cell
    verdict: Verdict
    value: float | None = None
    bound: float | None = None
    opposite_bound: float | None = None
    p_fail: float | None = None
    reason: str


class ControlDecision(Record):
    id: str
    title: str
    verdict: Verdict
    severity: Severity
    limit: Limit
    cells: tuple[CellDecision, ...]
    reason: str


class Decision(Record):
    verdict: Verdict
    controls: tuple[ControlDecision, ...]
    reasons: tuple[str, ...] = ()


class Subject(Record):
    """The model under test, and the digest the report binds to."""

    name: str
    version: str
    kind: str
    tool_class: ToolClass
    operation: Operation
    digest: Digest
    trained_with: tuple[str, ...] = ()


class JudgeCard(Record):
    """A recogniser as the report describes it.

    ``batching``: ``dynamic``, or ``fixed`` where its graph takes one crop at a time; empty where it does not say.
    """

    id: str
    name: str
    digest: Sha256
    detector: str
    score: str
    families: tuple[str, ...]
    training_overlap: str
    batching: str = ""


class DetectorCard(Record):
    """A passive detector as the report describes it.

    Attributes:
        learns: it is fitted inside the run; else it was trained elsewhere.
    """

    id: str
    name: str
    modality: Modality
    digest: Sha256
    learns: bool


class DatasetSummary(Record):
    """The data set, free of names. ``consent`` counts the test samples; ``n_withheld`` those left out without it.

    Where it mixes faces and voices, ``modality`` is None and ``parts`` describes each; a person with both counts once.
    """

    kind: str
    digest: Digest
    modality: Modality | None
    n_subjects: int
    n_samples: int
    n_test_subjects: int
    n_test_samples: int
    n_merged_duplicates: int = 0
    n_withheld: int = 0
    consent: Pairs = ()
    licences: tuple[str, ...] = ()
    sessions_stated: bool = False
    parts: tuple[DatasetSummary, ...] = ()


class Card(Record):
    """What is known of a data set, a recogniser, a detector or a baseline (``configs/cards``)."""

    name: str
    kind: Literal["dataset", "recogniser", "detector", "baseline"]
    title: str
    licence: str
    consent_basis: str
    revision: str
    digest: str
    training_overlap: str
    known_limits: tuple[str, ...]
    source: str


class PolicySummary(Record):
    id: str
    digest: Digest


class Environment(Record):
    visavox: str
    python: str
    platform: str
    device: str
    packages: Pairs = ()


class Clock(Record):
    """All that may differ between two runs of the same command. ``run`` is the run folder's own random id."""

    run: str = ""
    started: str = ""
    finished: str = ""
    duration_s: float = 0.0
    sessions: int = 1
    retried_units: int = 0
    has_known_figures: bool = False
    """Whether figures were taken from an earlier run that was equal in everything (``execution.cache``)."""
    earlier_runs: tuple[Pairs, ...] = ()


class Report(Record):
    """``report.json``, the one truth; every other form is rendered from it."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, populate_by_name=True)

    schema_id: str = Field(default="visavox/report/v1", alias="schema")
    suite: Digest
    suite_name: str = ""
    """What the suite calls itself; empty in reports written before it was noted."""
    seal: Digest
    plan: Digest
    smoke: bool = False
    decision: Decision
    subject: Subject
    judges: tuple[JudgeCard, ...]
    detectors: tuple[DetectorCard, ...] = ()
    results: tuple[AssessmentResult, ...]
    ledger: CaseLedger
    instruments: tuple[Instrument, ...]
    dataset: DatasetSummary
    cards: tuple[Card, ...] = ()
    policy: PolicySummary
    environment: Environment
    limitations: tuple[str, ...]
    not_made: tuple[NotMade, ...]
    clock: Clock
