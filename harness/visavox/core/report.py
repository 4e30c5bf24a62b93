"""Frozen records of the decision and of the report it stands in."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import ConfigDict, Field, model_validator

from .figures import AssessmentResult, CaseLedger, Instrument, NotMade
from .records import Digest, Pairs, Record, Sha256
from .terms import (
    Attacker,
    AttestationVerdict,
    CacRisk,
    CacSection,
    ControlKind,
    DutyRole,
    Modality,
    Obligation,
    Operation,
    Severity,
    ToolClass,
    Verdict,
    Verified,
)

NO_LAW_SETS_IT: Final = "project default: no law or standard sets this number"


class Limit(Record):
    """A limit on an interval's end: ``<=`` on the upper, ``>=`` on the lower one.

    Attributes:
        set_by: what sets the number; ``source`` says it in words, with the passage.
    """

    op: Literal["<=", ">="]
    value: float
    on: Literal["upper", "lower"] = "upper"
    source: str = NO_LAW_SETS_IT
    set_by: Obligation = Obligation.PROJECT_DEFAULT

    @model_validator(mode="after")
    def _on_the_deciding_end(self) -> Limit:
        if (self.op == "<=") != (self.on == "upper"):
            raise ValueError(f"a limit with {self.op} is on the {'upper' if self.op == '<=' else 'lower'} end")
        if self.set_by is not Obligation.PROJECT_DEFAULT and self.source == NO_LAW_SETS_IT:
            raise ValueError(f"a limit set by {self.set_by.value} names the passage in source")
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


class Basis(Record):
    """What a control rests on: a rule, quoted, and how well its text was read.

    Attributes:
        quotation: word for word, in ``language``; empty where the text was not read.
        read_on: the day on which it was read, ``2026-11-21``.
        url: where the text is published; ``capture``: the copy that was read, where it was another.
    """

    instrument: str
    article: str
    quotation: str = ""
    language: Annotated[str, Field(pattern=r"^[a-z]{2}$")] = "en"
    verified: Verified
    read_on: Annotated[str, Field(pattern=r"^\d{4}-\d{2}-\d{2}$")]
    url: str = ""
    capture: str = ""


class EvidenceFile(Record):
    """A file that an attestation rests on, by its last name."""

    name: str
    sha256: Sha256


class AttestationCard(Record):
    """What an organisation states of itself, and what became of it; never shown as tested.

    Attributes:
        id: the control that it answers.
        date, expires: days, ``2026-11-21``; empty where it is missing.
        signed_by: key ids of valid signatures.
        digest: SHA-256 of its file; empty where it is missing.
    """

    id: str
    verdict: AttestationVerdict
    statement: str = ""
    owner: str = ""
    date: str = ""
    expires: str = ""
    evidence: tuple[EvidenceFile, ...] = ()
    signed_by: tuple[str, ...] = ()
    reason: str = ""
    digest: str = ""


class ControlDecision(Record):
    """What became of one control.

    Attributes:
        limit: None where it is an attestation alone, or where its figures are disclosed without one.
        kind: of an attestation alone ``verdict`` says what was attested: it is never to be shown as tested.
        cac_sections, cac_risks: where it stands in the Chinese algorithm self-assessment report.
    """

    id: str
    title: str
    title_zh: str = ""
    verdict: Verdict
    severity: Severity
    limit: Limit | None = None
    cells: tuple[CellDecision, ...]
    reason: str
    kind: ControlKind = ControlKind.TEST
    obligation: Obligation = Obligation.PROJECT_DEFAULT
    basis: tuple[Basis, ...] = ()
    cac_sections: tuple[CacSection, ...] = ()
    cac_risks: tuple[CacRisk, ...] = ()
    attestations: tuple[AttestationCard, ...] = ()


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
    version: str = ""
    title: str = ""
    title_zh: str = ""
    jurisdiction: str = ""


class Waiver(Record):
    """Somebody's word that a run which ended FAIL may stand beside a PASS.

    Attributes:
        date: the first day on which it holds; expires: the last one.
        runs: ids of the run folders that it names.
    """

    owner: Annotated[str, Field(min_length=1)]
    reason: Annotated[str, Field(min_length=1)]
    date: Annotated[str, Field(pattern=r"^\d{4}-\d{2}-\d{2}$")]
    expires: Annotated[str, Field(pattern=r"^\d{4}-\d{2}-\d{2}$")]
    runs: Annotated[tuple[str, ...], Field(min_length=1)]


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
    role: DutyRole = DutyRole.BOTH
    """Whose duties were asked about; all, where the suite does not say."""
    public_opinion_attribute: bool | None = None
    """Whether the suite says that the service has public-opinion attributes; None: it does not say, so they bind."""
    attestations: tuple[AttestationCard, ...] = ()
    waivers: tuple[Waiver, ...] = ()
    clock: Clock
