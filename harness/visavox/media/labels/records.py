"""What was found of a file's labels: the records that ``visavox label`` writes."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

from visavox.core.records import Pairs, Record
from visavox.core.terms import AigcVerdict, CredentialState, IptcState, PerceptibleVerdict


class Shape(StrEnum):
    """Whether the seven keys stand in an outer object ``{"AIGC": {...}}`` inside the value, or are the value."""

    WRAPPED = "wrapped"
    BARE = "bare"
    NEITHER = "neither"


class Finding(Record):
    """One rule that is broken, or one remark.

    Attributes:
        rule: its code.
        clause: where it is written.
        found: what was found instead.
        todo: what to do about it.
    """

    rule: str
    clause: str
    found: str
    todo: str


class AigcLabel(Record):
    """One ``AIGC`` label as it stands in the file.

    Attributes:
        place: where it stands.
        shape: how the seven keys are held.
        fields: of the seven keys those that are texts.
    """

    place: str
    shape: Shape
    fields: Pairs = ()


class AigcFindings(Record):
    """The ``AIGC`` labels of a file and what they are worth.

    Attributes:
        broken_rules, warnings: codes; ``details`` says the rest of each.
        labels: every one found.
        reason: of ``inconclusive``, why.
    """

    verdict: AigcVerdict
    broken_rules: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    details: tuple[Finding, ...] = ()
    labels: tuple[AigcLabel, ...] = ()
    reason: str = ""


class CredentialFindings(Record):
    """The C2PA manifest of a file.

    Attributes:
        first_action: of the active manifest; empty if it has none.
        digital_source_types: of its actions, in order.
        fits_tool_class: whether they are what a tool of the class that was asked about writes; None if none was.
        failures: the validator's codes.
        broken_rules: codes; ``details`` says the rest of each.
        signer, generator: as the manifest names them.
    """

    state: CredentialState
    first_action: str = ""
    digital_source_types: tuple[str, ...] = ()
    fits_tool_class: bool | None = None
    failures: tuple[str, ...] = ()
    broken_rules: tuple[str, ...] = ()
    details: tuple[Finding, ...] = ()
    signer: str = ""
    generator: str = ""
    reason: str = ""


class IptcFindings(Record):
    """``Iptc4xmpExt:DigitalSourceType`` of a file's XMP.

    Attributes:
        digital_source_types: every value.
        fits_tool_class: whether they are what a tool of the class that was asked about writes; None if none was.
        broken_rules: codes; ``details`` says the rest of each.
    """

    state: IptcState
    digital_source_types: tuple[str, ...] = ()
    fits_tool_class: bool | None = None
    broken_rules: tuple[str, ...] = ()
    details: tuple[Finding, ...] = ()


class FileLabels(Record):
    """The labels in a file's metadata, and what else its metadata give away (``visavox.media.leaks.Leak``)."""

    aigc: AigcFindings
    c2pa: CredentialFindings
    iptc: IptcFindings
    leaks: tuple[str, ...] = ()


class PerceptibleFindings(Record):
    """A label that is seen or heard, and what it is worth.

    Attributes:
        broken_rules: codes; ``details`` says the rest of each, and of remarks.
        method: how it was looked for, with the tolerances that are the project's.
        reason: of ``inconclusive`` and ``not_examined``, why.
    """

    verdict: PerceptibleVerdict
    broken_rules: tuple[str, ...] = ()
    details: tuple[Finding, ...] = ()
    method: str = ""
    reason: str = ""


class VisibleFindings(PerceptibleFindings):
    """The visible label of a picture.

    Attributes:
        text: as it was read; empty where there is none.
        height_share: height of its characters over the picture's shortest side.
        gap_share: distance to the nearest edge over the shortest side.
    """

    text: str = ""
    height_share: float | None = None
    gap_share: float | None = None


class Rhythm(Record):
    """The rhythm short-long short-short, once.

    Attributes:
        position: ``start``, ``middle`` or ``end``, told from the speech.
        short_s: mean length of the short bursts; ``ratio``: of the long one to it.
        frequency_hz: of the tone.
        level_db: of the tone, against the rest of the sound.
    """

    position: Literal["start", "middle", "end"]
    start_s: float
    end_s: float
    short_s: float
    ratio: float
    frequency_hz: float
    level_db: float


class AudibleFindings(PerceptibleFindings):
    """The audible label of a sound."""

    rhythms: tuple[Rhythm, ...] = ()
