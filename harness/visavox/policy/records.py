"""Records of a policy: controls, what they rest on, their limits, whom they bind.

A rule that was not read at its source can warn, never fail; a limit that no law sets says so; an attestation has a
statement instead of a limit.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal, NamedTuple

from pydantic import Field, model_validator

from visavox.core.config import Suite
from visavox.core.records import Record, Sha256
from visavox.core.report import Basis, Limit
from visavox.core.terms import (
    Attacker,
    CacRisk,
    CacSection,
    Claim,
    ControlKind,
    Direction,
    DutyRole,
    Modality,
    Obligation,
    Severity,
    Support,
    ToolClass,
    Verified,
)
from visavox.core.utility_figures import UtilityFigure

DETECTABILITY = "detectability"
_Day = Annotated[str, Field(pattern=r"^\d{4}-\d{2}-\d{2}$")]


class Title(Record):
    en: Annotated[str, Field(min_length=1)]
    zh: str = ""


class Competence(Record):
    """A recogniser that misses more of the unedited mated comparisons than this cannot support a PASS."""

    fmr: Annotated[float, Field(gt=0, lt=0.5)]
    max_fnmr: Annotated[float, Field(gt=0, lt=1)]


class _Floors(Record):
    def given(self) -> dict[UtilityFigure, float]:
        """The floors that are set."""
        return {UtilityFigure(name): value for name, value in self if value is not None}


class FaceFloors(_Floors):
    """What an output has to keep of its unedited input; ``below_utility_floor_share`` counts those that do not."""

    psnr_db: Annotated[float, Field(gt=0)] | None = None
    """Peak signal-to-noise ratio, at least; the output has to have the input's size."""
    ssim: Annotated[float, Field(gt=0, le=1)] | None = None
    """Structural similarity, at least; the output has to have the input's size."""
    landmark_error: Annotated[float, Field(gt=0)] | None = None
    """Mean distance of five points over that of the eyes, at most."""


class VoiceFloors(_Floors):
    """What an output has to keep of its unedited input; ``below_utility_floor_share`` counts those that do not."""

    stoi: Annotated[float, Field(gt=0, le=1)] | None = None
    """Intelligibility, at least; lengths have to agree within 5 %, for the figures below too."""
    si_sdr_db: float | None = None
    """Scale-invariant signal-to-distortion ratio, at least; only edits that keep the waveform have one worth asking."""
    f0_correlation: Annotated[float, Field(gt=-1, le=1)] | None = None
    """Correlation of the pitch, at least."""
    pesq: Annotated[float, Field(ge=1, lt=4.64)] | None = None
    """PESQ, wide band, at least; needs the package pesq."""
    word_error_rate: Annotated[float, Field(gt=0)] | None = None
    """Share of the words that a speech recogniser gets wrong, at most; the suite has to name one."""


class Modalities(Record):
    """Operating points and competence by modality."""

    fmr: Annotated[float, Field(gt=0, lt=0.5)]
    competence: Competence


class FaceModality(Modalities):
    utility_floors: FaceFloors = FaceFloors()


class VoiceModality(Modalities):
    utility_floors: VoiceFloors = VoiceFloors()


class Source(Record):
    """A text that controls cite by ``name``.

    Attributes:
        instrument: its full title, as the report prints it.
        verified: how well it was read, on the day ``read_on``; a citation may say worse of itself.
        url: where it is published; capture: the copy that was read, where it was another.
    """

    name: Annotated[str, Field(min_length=1)]
    instrument: Annotated[str, Field(min_length=1)]
    language: Annotated[str, Field(pattern=r"^[a-z]{2}$")]
    verified: Verified
    read_on: _Day
    url: str = ""
    capture: str = ""


class Citation(Record):
    """A passage of a source, word for word; without a quotation it was not read there."""

    source: str
    article: Annotated[str, Field(min_length=1)]
    quotation: str = ""
    verified: Verified | None = None
    """Where it is other than the source's."""

    @model_validator(mode="after")
    def _read_is_quoted(self) -> Citation:
        if self.verified is Verified.PRIMARY and not self.quotation:
            raise ValueError("a passage that was read at its source is quoted")
        return self


class RequiredPack(Record):
    """A pack of perturbations that a figure has to rest on.

    Attributes:
        digest: over every parameter, as a report's ``packs`` and its seal give it; a pack of the same name with another
            one is another pack.
        modality: of whose media; None: of all that the control speaks of.
    """

    name: Annotated[str, Field(min_length=1)]
    version: Annotated[str, Field(min_length=1)]
    digest: Sha256
    modality: Modality | None = None


class Duties(NamedTuple):
    """Who is assessed, as the suite says; what it leaves unsaid binds.

    Attributes:
        public_opinion_attribute: the service can shape public opinion or mobilise people; None: not stated.
    """

    role: DutyRole = DutyRole.BOTH
    public_opinion_attribute: bool | None = None

    @classmethod
    def of(cls, suite: Suite) -> Duties:
        """Those of a suite."""
        return cls(suite.role, suite.public_opinion_attribute)


class Control(Record):
    """One control: a metric and a limit on an interval's end, or what an organisation has to state, and whom it binds.

    Attributes:
        attackers: the attackers whose cells are gated; empty where the metric knows none.
        claim: binds only where the suite makes this claim of its tool.
        can_fail: False where missing the limit forbids PASS but is no FAIL.
        statement: what an organisation attests; of the kinds ``attestation`` and ``both``.
        fmr: judged at this false match rate instead of the modality's.
        min_people: fewer people in a figure support no PASS.
        every: the rule knows no exception: one output seen to miss it bars a PASS, whatever the bound.
        packs: the figure has to rest on media that went through these; a run without one of them decides nothing.
        public_opinion_only: binds unless the suite says that the service has no public-opinion attribute.
    """

    id: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]
    title: Title
    kind: ControlKind = ControlKind.TEST
    obligation: Obligation = Obligation.PROJECT_DEFAULT
    basis: tuple[Citation, ...] = ()
    assessment: str = ""
    metric: str = ""
    attackers: tuple[Attacker, ...] = ()
    tool_classes: Annotated[tuple[ToolClass, ...], Field(min_length=1)]
    modalities: Annotated[tuple[Modality, ...], Field(min_length=1)] = tuple(Modality)
    roles: Annotated[tuple[Literal[DutyRole.PROVIDER, DutyRole.TECHNICAL_SUPPORTER], ...], Field(min_length=1)] = (
        DutyRole.PROVIDER,
        DutyRole.TECHNICAL_SUPPORTER,
    )
    public_opinion_only: bool = False
    per_judge: bool = True
    limit: Limit | None = None
    fmr: Annotated[float, Field(gt=0, lt=0.5)] | None = None
    min_people: Annotated[int, Field(ge=2)] | None = None
    every: bool = False
    packs: tuple[RequiredPack, ...] = ()
    severity: Severity = Severity.FAIL
    claim: Claim | None = None
    can_fail: bool = True
    statement: Title | None = None
    cac_sections: tuple[CacSection, ...] = ()
    cac_risks: tuple[CacRisk, ...] = ()

    @model_validator(mode="after")
    def _whole(self) -> Control:
        if self.is_tested and not (self.assessment and self.metric and self.limit):
            raise ValueError(f"{self.id}: a control that is tested needs assessment, metric and limit")
        if self.is_attested and self.statement is None:
            raise ValueError(f"{self.id}: a control that is attested needs a statement")
        if not self.is_tested and (self.assessment or self.metric or self.limit or self.attackers or self.claim):
            raise ValueError(f"{self.id}: an attestation alone has no assessment, metric, limit, attackers or claim")
        if not self.is_attested and self.statement is not None:
            raise ValueError(f"{self.id}: a statement is attested: kind attestation or both")
        if self.packs and self.assessment != DETECTABILITY:
            raise ValueError(f"{self.id}: packs are of figures of {DETECTABILITY}")
        if self.obligation is not Obligation.PROJECT_DEFAULT and not self.basis:
            raise ValueError(f"{self.id}: the obligation is {self.obligation.value}, and no basis says so")
        return self

    @property
    def is_tested(self) -> bool:
        """Whether figures decide it, alone or with a statement."""
        return self.kind is not ControlKind.ATTESTATION

    @property
    def is_attested(self) -> bool:
        """Whether an organisation's statement decides it, alone or with figures."""
        return self.kind is not ControlKind.TEST

    @property
    def asks_detectors(self) -> bool:
        """Whether its judges are the suite's detectors, where it has one cell a judge."""
        return self.assessment == DETECTABILITY

    @property
    def tested_limit(self) -> Limit:
        """The limit of a control that is tested."""
        assert self.limit is not None
        return self.limit

    @property
    def direction(self) -> Direction:
        """Which way is safe, by the limit's operator."""
        return Direction.LOWER_IS_SAFER if self.tested_limit.op == "<=" else Direction.HIGHER_IS_SAFER

    def binds(self, tool_class: ToolClass, duties: Duties) -> bool:
        """Whether it asks anything of such a tool and whoever offers it; what is unsaid binds."""
        is_ours = duties.role is DutyRole.BOTH or duties.role in self.roles
        is_waived = self.public_opinion_only and duties.public_opinion_attribute is False
        return tool_class in self.tool_classes and is_ours and not is_waived


class Policy(Record):
    """A policy, as the seal binds it."""

    id: str
    version: str
    title: Title
    jurisdiction: str = ""
    status: Literal["draft", "in_force"]
    sources: tuple[Source, ...] = ()
    alpha: Annotated[float, Field(gt=0, lt=0.5)] = 0.05
    face: FaceModality
    voice: VoiceModality
    min_judge_families: Annotated[int, Field(ge=1)] = 1
    min_support: Literal[Support.WEAK, Support.FULL] = Support.WEAK
    require_consent: bool = False
    require_signature: bool = False
    """A gate passes only what trusted keys have signed."""
    min_signers: Annotated[int, Field(ge=1)] = 1
    """Different trusted keys that have to have signed, where a signature is asked for."""
    requires: tuple[str, ...]
    not_measured: tuple[Title, ...] = ()
    """What its rules ask and this version measures nowhere; the report says so."""
    controls: Annotated[tuple[Control, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _consistent(self) -> Policy:
        for what, names in (
            ("controls: an id", [control.id for control in self.controls]),
            ("sources: a name", [source.name for source in self.sources]),
        ):
            if len(set(names)) != len(names):
                raise ValueError(f"{what} stands twice")
        cited = {citation.source for control in self.controls for citation in control.basis}
        unknown = sorted(cited - {source.name for source in self.sources})
        if unknown:
            raise ValueError(f"sources: controls cite {', '.join(unknown)}, which stands there under no name")
        for control in self.controls:
            self._refuse_unread(control)
        return self

    def _refuse_unread(self, control: Control) -> None:
        found = self.basis(control)
        if control.severity is Severity.FAIL and found and all(one.verified is not Verified.PRIMARY for one in found):
            raise ValueError(
                f"{control.id}: no rule that it cites was read at its source; such a control can warn, never fail"
            )
        for one in found:
            if one.verified is Verified.PRIMARY and not one.quotation:
                raise ValueError(f"{control.id}: {one.article} is said to be read at its source, and is not quoted")

    def basis(self, control: Control) -> tuple[Basis, ...]:
        """What a control cites, with all that is known of each source."""
        sources = {source.name: source for source in self.sources}
        return tuple(_cited(one, sources[one.source]) for one in control.basis)

    def modality(self, modality: Modality) -> FaceModality | VoiceModality:
        """Operating point and competence of one modality."""
        return self.voice if modality is Modality.VOICE else self.face

    def fmr(self, control: Control, modality: Modality) -> float:
        """The false match rate at which a control is judged."""
        return self.modality(modality).fmr if control.fmr is None else control.fmr

    def fmrs(self, assessment: str, modality: Modality) -> tuple[float, ...]:
        """Every false match rate that an assessment has to estimate at; the modality's first."""
        own = [c for c in self.controls if c.assessment == assessment and modality in c.modalities]
        return tuple(dict.fromkeys((self.modality(modality).fmr, *(self.fmr(control, modality) for control in own))))

    def limits(self) -> dict[str, float]:
        """The strictest limit by metric name."""
        found: dict[str, float] = {}
        for control in self.controls:
            if control.limit is not None:
                found[control.metric] = min(control.limit.value, found.get(control.metric, 1.0))
        return found


def _cited(one: Citation, source: Source) -> Basis:
    verified: Sequence[Verified] = (source.verified, one.verified or source.verified)
    return Basis(
        instrument=source.instrument,
        article=one.article,
        quotation=one.quotation,
        language=source.language,
        verified=max(verified, key=list(Verified).index),
        read_on=source.read_on,
        url=source.url,
        capture=source.capture,
    )


class LoadedPolicy(Record):
    policy: Policy
    text: str
    digest: str
