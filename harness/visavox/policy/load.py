"""Policy files: controls, limits and operating points, read strictly."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, ValidationError, model_validator

from visavox.core.config import explain, read_yaml
from visavox.core.digest import sha256_bytes
from visavox.core.errors import UnknownNameError
from visavox.core.records import Record
from visavox.core.report import Limit
from visavox.core.resources import configs_dir
from visavox.core.terms import Attacker, Claim, Direction, Modality, Severity, Support, ToolClass
from visavox.core.utility_figures import UtilityFigure

DETECTABILITY = "detectability"


class Title(Record):
    en: str
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


class Control(Record):
    """One control: a metric, a limit on an interval's end, and whom it binds.

    Attributes:
        attackers: the attackers whose cells are gated; empty where the metric knows none.
        claim: binds only where the suite makes this claim of its tool.
        can_fail: False where missing the limit forbids PASS but is no FAIL.
    """

    id: str
    title: Title
    assessment: str
    metric: str
    attackers: tuple[Attacker, ...] = ()
    tool_classes: tuple[ToolClass, ...]
    per_judge: bool = True
    limit: Limit
    severity: Severity = Severity.FAIL
    claim: Claim | None = None
    can_fail: bool = True

    @property
    def asks_detectors(self) -> bool:
        """Whether its judges are the suite's detectors, where it has one cell a judge."""
        return self.assessment == DETECTABILITY

    @property
    def direction(self) -> Direction:
        """Which way is safe, by the limit's operator."""
        return Direction.LOWER_IS_SAFER if self.limit.op == "<=" else Direction.HIGHER_IS_SAFER


class Policy(Record):
    """A policy, as the seal binds it."""

    id: str
    version: str
    title: Title
    status: Literal["draft", "in_force"]
    alpha: Annotated[float, Field(gt=0, lt=0.5)] = 0.05
    face: FaceModality
    voice: VoiceModality
    min_judge_families: Annotated[int, Field(ge=1)] = 1
    min_support: Literal[Support.WEAK, Support.FULL] = Support.WEAK
    require_consent: bool = False
    require_signature: bool = False
    requires: tuple[str, ...]
    controls: Annotated[tuple[Control, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _unique(self) -> Policy:
        ids = [control.id for control in self.controls]
        if len(set(ids)) != len(ids):
            raise ValueError("controls: an id stands twice")
        return self

    def modality(self, modality: Modality) -> FaceModality | VoiceModality:
        """Operating point and competence of one modality."""
        return self.voice if modality is Modality.VOICE else self.face

    def limits(self) -> dict[str, float]:
        """The strictest limit by metric name."""
        found: dict[str, float] = {}
        for control in self.controls:
            found[control.metric] = min(control.limit.value, found.get(control.metric, 1.0))
        return found


class LoadedPolicy(Record):
    policy: Policy
    text: str
    digest: str


def names() -> list[str]:
    """Names of the shipped policies."""
    return sorted(path.stem for path in (configs_dir() / "policies").glob("*.yaml"))


def load_policy(name: str) -> LoadedPolicy:
    """A shipped policy by name, or one from a path.

    Raises:
        UnknownNameError: no shipped policy bears the name, or there is no file at the path.
        ConfigError: the file is not valid.
    """
    path = (
        Path(name) if "/" in name or name.endswith((".yaml", ".yml")) else configs_dir() / "policies" / f"{name}.yaml"
    )
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UnknownNameError(
            f"policy {name!r}", found=str(error), todo=f"shipped policies: {', '.join(names())}; or give a path"
        ) from error
    return parse_policy(text, what=path.name)


def parse_policy(text: str, *, what: str) -> LoadedPolicy:
    """Reads a policy's YAML text.

    Raises:
        ConfigError: the text is not a valid policy.
    """
    try:
        policy = Policy.model_validate(read_yaml(text, what=what))
    except ValidationError as error:
        raise explain(error, what=what, schema="policy") from error
    return LoadedPolicy(policy=policy, text=text, digest=sha256_bytes(text.encode()))
