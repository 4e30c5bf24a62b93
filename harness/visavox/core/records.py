"""Frozen records: what is written into a run folder, and what passes between the layers.

Row-level data (scores, trials) are arrays or Parquet tables, never records.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeAlias

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    JsonValue,
    PlainSerializer,
    model_validator,
)

from .terms import (
    Attacker,
    Consent,
    Direction,
    InstrumentState,
    Modality,
    Operation,
    Outcome,
    Severity,
    Support,
    ToolClass,
    Verdict,
)


class Record(BaseModel):
    """Base of every record: frozen, strict about names, free of NaN and infinity."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, use_attribute_docstrings=True)


def _pairs(value: object) -> object:
    return tuple(sorted(value.items())) if isinstance(value, dict) else value


Pairs: TypeAlias = Annotated[
    tuple[tuple[str, JsonValue], ...],
    BeforeValidator(_pairs),
    PlainSerializer(dict, return_type=dict[str, Any]),
]
"""A frozen mapping: written as a JSON object, held as sorted (name, value) pairs."""

Rate: TypeAlias = Annotated[float, Field(ge=0.0, le=1.0)]
Sha256: TypeAlias = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class Digest(Record):
    sha256: Sha256


# ---------------------------------------------------------------- people, cases, edits
class Sample(Record):
    """One recording of one person. ``id`` = first 16 hex digits of the content's SHA-256."""

    id: str
    subject_id: str
    modality: Modality
    digest: Sha256
    fold: str
    session: str | None = None
    consent: Consent = Consent.UNSTATED
    is_fake: bool = False
    attributes: Pairs = ()


class Role(Record):
    """Who plays which part in a case: a role name and the sample that goes in."""

    role: str
    sample_id: str


class Case(Record):
    """One edit with the people in it."""

    id: Annotated[str, Field(pattern=r"^[0-9a-f]{16}$")]
    roles: tuple[Role, ...]
    operation: Operation
    params_digest: Sha256
    seed: int


class Output(Record):
    """One output of one case.

    Attributes:
        leaks: what its file gives away beside picture or sound, in the words of ``visavox.media.leaks``; None where the
            editor hands over pixels or samples and no file was there to look at.
    """

    digest: Sha256
    unchanged: bool = False
    blank: bool = False
    shape: tuple[int, ...] = ()
    leaks: tuple[str, ...] | None = None


class EditRow(Record):
    """What became of one case."""

    case_id: str
    outcome: Outcome
    outputs: tuple[Output, ...] = ()
    reason: str = ""


class DatasetSpec(Record):
    """A suite's ``dataset``.

    Attributes:
        kind: a registered name, ``manifest`` for instance.
        path: absolute path of the manifest or folder; None for kinds that need none.
        params: the kind's own parameters.
    """

    kind: str
    path: str | None = None
    params: Pairs = ()


class RecogniserSpec(Record):
    """One entry of a suite's ``recognisers``: a registered name, an id, and the adapter's own parameters."""

    name: str
    id: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
    params: Pairs = ()

    def param(self, key: str, default: Any = None) -> Any:
        """One of the adapter's own parameters."""
        return dict(self.params).get(key, default)


# ---------------------------------------------------------------- figures
class OperatingPoint(Record):
    """A threshold at a target FMR, for one kind of comparison, and what it rests on.

    Attributes:
        kind: the kind of comparison (``original-original``, ``original-edited`` ...).
        threshold: accept iff score >= threshold.
        fmr, fmr_low, fmr_high: realised FMR at the threshold with its two-sided 95 % interval.
        n_people: people of the smallest part used.
        fnmr: of the bona fide mated comparisons at the bona fide threshold; None where not measured.
        ties: no score reached the target; the threshold is the next float above the maximum.
    """

    recogniser: str
    kind: str
    target_fmr: float
    threshold: float
    n_non_mated: int
    n_people: int
    fmr: Rate
    fmr_low: Rate
    fmr_high: Rate
    fnmr: Rate | None = None
    support: Support
    ties: bool = False


class IntervalBasis(Record):
    """What an effective-size interval is computed from, at any alpha (STATISTICS 3).

    ``lower`` uses ``p_low`` with ``n_eff_low`` trials, ``upper`` uses ``p_high`` with ``n_eff_high``: the two differ
    only where failures to acquire are imputed. ``df`` = people - 1.
    """

    p_low: Rate
    n_eff_low: Annotated[float, Field(gt=0)]
    p_high: Rate
    n_eff_high: Annotated[float, Field(gt=0)]
    df: Annotated[int, Field(ge=1)]


class NoOperatingPoint(Record):
    """A figure without a threshold; written as an empty object."""


class Stratum(Record):
    """The trials of one kind of comparison within a figure.

    ``imputed``: the kind has too little support (or no template); its trials count as the unfavourable value for PASS
    and as the favourable one for FAIL, and ``hits`` says nothing.
    """

    kind: str
    n: int
    hits: int
    imputed: bool = False
    operating_point: OperatingPoint | NoOperatingPoint = NoOperatingPoint()


class StricterThreshold(Record):
    """The same rate at the threshold for f/3, which a FAIL on few people must survive (STATISTICS 2)."""

    value: float
    basis: tuple[IntervalBasis, ...] = ()


class Estimate(Record):
    """One figure with its uncertainty.

    Attributes:
        value: a share in [0, 1] unless ``name`` says otherwise.
        low, high: two-sided 95 % interval, for display.
        lower, upper: one-sided bounds at ``alpha``; these decide.
        method: how the interval was made.
        n: trials decided; n_eff: effective trials; n_subjects: people; n_failed: trials imputed.
        chance: what a tool that leaks nothing would show.
        upper_any_correlation: where hits are 0, the bound 1 - alpha**(1/people) that holds whatever the correlation.
        basis: one interval basis for a rate, two (output, unedited input) for a difference, none where never gated.
        strata: the kinds of comparison that make up the figure, each decided at its own threshold.
    """

    name: str
    value: float
    low: float
    high: float
    lower: float
    upper: float
    alpha: float = 0.05
    method: str
    n: int
    n_eff: float
    n_subjects: int
    n_failed: int = 0
    group: str | None = None
    recogniser: str
    attacker: Attacker | None = None
    operating_point: OperatingPoint | NoOperatingPoint = NoOperatingPoint()
    direction: Direction = Direction.LOWER_IS_SAFER
    chance: float | None = None
    upper_any_correlation: float | None = None
    basis: tuple[IntervalBasis, ...] = ()
    strata: tuple[Stratum, ...] = ()
    stricter: StricterThreshold | None = None
    band: str = ""
    """The band of a disclosed link, where the whole interval lies in one: ``<= 7 %``, ``7-20 %``, ``> 20 %``."""
    note: str = ""


class NotMade(Record):
    """An estimate that could not be made, and why; its control is INCONCLUSIVE."""

    name: str
    recogniser: str
    attacker: Attacker | None = None
    group: str | None = None
    reason: str


class Instrument(Record):
    """A check of the harness itself in this very run.

    Attributes:
        protects: the verdict that it guards: a red sensitivity check forbids PASS, a red specificity check FAIL.
        recogniser: the judge it speaks of; empty = all.
        detectable: the smallest leak it would have caught with 80 % power, in words with a number.
    """

    name: str
    state: InstrumentState
    protects: Verdict
    recogniser: str = ""
    attacker: Attacker | None = None
    value: float | None = None
    p_value: float | None = None
    detectable: str
    reason: str
    binds_limits_to: float = 1.0
    """It speaks only of controls whose limit is not above this."""


class Curve(Record):
    """A DET curve, thinned for drawing: equal lengths, FMR ascending."""

    recogniser: str
    attacker: Attacker | None = None
    kind: str
    fmr: tuple[Rate, ...]
    fnmr: tuple[Rate, ...]


class Histogram(Record):
    """Comparison scores of one link in equal bins.

    Attributes:
        link: ``mated``, ``non-mated``, ``output~host``, ``output~donor`` ...
        edges: one more than ``counts``; equal for all links that are drawn together.
        threshold: what decides these scores; None where nothing does.
    """

    recogniser: str
    attacker: Attacker | None = None
    kind: str
    link: str
    edges: tuple[float, ...]
    counts: tuple[int, ...]
    threshold: float | None = None


class TemplateLedger(Record):
    """Per recogniser: edited = scored + fta (fallback crops are scored). Each adds up or the run ends in an error."""

    recogniser: str
    edited: int
    scored: int
    fallback: int
    fta: int
    references: int
    references_without_template: int
    fta_reasons: Pairs = ()


class CaseLedger(Record):
    """attempted = edited + refused + failed + timed_out + invalid."""

    attempted: int = 0
    edited: int = 0
    refused: int = 0
    failed: int = 0
    timed_out: int = 0
    invalid: int = 0
    unchanged: int = 0
    blank: int = 0


class AssessmentResult(Record):
    """Estimates without a verdict."""

    assessment: str
    modality: Modality
    not_applicable: str = ""
    estimates: tuple[Estimate, ...] = ()
    not_made: tuple[NotMade, ...] = ()
    instruments: tuple[Instrument, ...] = ()
    templates: tuple[TemplateLedger, ...] = ()
    curves: tuple[Curve, ...] = ()
    histograms: tuple[Histogram, ...] = ()
    limitations: tuple[str, ...] = ()


# ---------------------------------------------------------------- decision and report
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
    """What is known of a data set, a recogniser or a baseline (``configs/cards``)."""

    name: str
    kind: Literal["dataset", "recogniser", "baseline"]
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
