"""What a suite may ask of each assessment, and of the decoder of the tool's watermark."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from pydantic import BeforeValidator, Field, field_validator, model_validator

from .records import Pairs, Record
from .terms import Attacker, Claim, Modality
from .utility_figures import UtilityFigure


def _one_or_many(value: object) -> object:
    return (value,) if isinstance(value, int | float | str) else value


class IdentityLeakOptions(Record):
    """Options of the assessment ``identity_leak``; the policy's operating point is judged, these add estimates."""

    fmr: Annotated[tuple[Annotated[float, Field(gt=0, lt=0.5)], ...], BeforeValidator(_one_or_many)] = ()
    attackers: tuple[Attacker, ...] = tuple(Attacker)

    @field_validator("attackers")
    @classmethod
    def _with_control(cls, attackers: tuple[Attacker, ...]) -> tuple[Attacker, ...]:
        return tuple(attacker for attacker in Attacker if attacker in {Attacker.CONTROL, *attackers})


class ImpersonationOptions(Record):
    """Options of the assessment ``impersonation``."""

    fmr: Annotated[tuple[Annotated[float, Field(gt=0, lt=0.5)], ...], BeforeValidator(_one_or_many)] = ()
    attempts: Annotated[int, Field(ge=1, le=16)] = 1
    """Edits of one case, each with a seed of its own; any-of-k is reported beside the rate per attempt."""
    probe_attempts: Annotated[int, Field(ge=1, le=16)] = 4
    """R of MAP[r, c]: probe recordings of each contributor at most; fewer where people have fewer."""
    claims: tuple[Claim, ...] = ()
    """morph: ``morph_resistance``, an output passes as no contributor pair; a policy may then gate it."""
    consent_probes: bool = True
    """swap: two more cases a person, in which the editor is told that the donor refused consent."""


class TranscriberSpec(Record):
    """A speech recogniser: a registered name and the adapter's own parameters."""

    name: str
    params: Pairs = ()


class UtilityOptions(Record):
    """Options of the assessment ``utility``; the figures that the policy sets a floor for are always made."""

    figures: Annotated[tuple[UtilityFigure, ...], BeforeValidator(_one_or_many)] = ()
    """Which figures to make; each counts for its own modality. Empty: all, ``pesq`` where that package is installed,
    ``word_error_rate`` where a transcriber is named."""
    transcriber: TranscriberSpec | None = None
    """The speech recogniser behind ``word_error_rate``; without one there is no such figure."""

    @model_validator(mode="after")
    def _transcriber_is_used(self) -> UtilityOptions:
        is_asked = UtilityFigure.WORD_ERROR_RATE in self.figures
        if is_asked and self.transcriber is None:
            raise ValueError("figures: word_error_rate needs a transcriber: `visavox list transcribers`")
        if self.figures and not is_asked and self.transcriber is not None:
            raise ValueError("transcriber: the figures leave word_error_rate out, which alone needs it")
        return self


class DetectabilityOptions(Record):
    """Options of the assessment ``detectability``."""

    perturbations: Annotated[tuple[Annotated[str, Field(min_length=1)], ...], BeforeValidator(_one_or_many)] = ()
    """Packs that media go through on their way to a detector (`visavox list perturbations`), or paths of own ones.
    Empty: ``image-default`` and ``social-media`` of faces, ``audio-default`` and ``call-centre`` of voices."""
    most_perturbed: Annotated[int, Field(ge=1)] = 300
    """Outputs, and as many bona fide media, that go through them; all are scored as they are."""
    crossing: Annotated[float, Field(gt=0, le=1)] = 0.5
    """Share of outputs still detected below which a survival curve is said to have crossed."""
    perceptible_labels: bool = False
    """Look for visible labels in pictures (by OCR, about a second each) and for audible ones in sounds; again after
    perturbations, of suites without detector or watermark only where ``perturbations`` are named."""
    most_labels_read: Annotated[int, Field(ge=1)] = 40
    """Outputs whose labels are looked for again after perturbations, and as many bona fide media, where nothing may be
    found: pictures after chains, sounds after every one unless somebody listens to them."""
    transcriber: TranscriberSpec | None = None
    """The speech recogniser that hears spoken labels; without one a sound without a rhythm is inconclusive."""
    likeness_floor: Annotated[float, Field(gt=0, le=1)] | None = None
    """What a laundered output must keep to be of use: SSIM (default .5) or STOI (default .75) to what it was."""

    @model_validator(mode="after")
    def _transcriber_hears_labels(self) -> DetectabilityOptions:
        if self.transcriber is not None and not self.perceptible_labels:
            raise ValueError("transcriber: it hears spoken labels; set perceptible_labels: true, or leave it out")
        return self

    def packs(self, modality: Modality) -> tuple[str, ...]:
        """The packs of one modality."""
        defaults = {Modality.FACE: ("image-default", "social-media"), Modality.VOICE: ("audio-default", "call-centre")}
        return self.perturbations or defaults.get(modality, ())


class ConsentOptions(Record):
    """Options of the assessment ``consent``; the editor's tokens are named by ``editor.consent``."""

    probes: Annotated[str, Field(min_length=1)] = "consent-default"
    """The list of requests that must be refused (`visavox list probes`), or the path of an own one."""
    most_people: Annotated[int, Field(ge=2)] = 64
    """People who are probed, each once a probe; half of ``execution.max_cases`` is the most that probes may take."""


class WatermarkSpec(Record):
    """A suite's ``watermark``: who reads the tool's mark, and how it is decided that a medium bears it."""

    kind: Annotated[str, Field(min_length=1)]
    message: Annotated[str, Field(pattern=r"^([01]*|0x[0-9a-fA-F]+)$")] = ""
    """What the tool writes: bits, or hexadecimal digits after ``0x``; in quotes. Empty where a score decides."""
    fpr: Annotated[float, Field(gt=0, lt=0.5)] = 0.01
    """Of the exact test of the bits."""
    threshold: float | None = None
    """Of a decoder that gives scores: a mark from here on."""
    params: Pairs = ()


OPTIONS: Mapping[str, type[Record]] = {
    "identity_leak": IdentityLeakOptions,
    "impersonation": ImpersonationOptions,
    "utility": UtilityOptions,
    "detectability": DetectabilityOptions,
    "consent": ConsentOptions,
}
"""Options of the assessments that this version has."""
