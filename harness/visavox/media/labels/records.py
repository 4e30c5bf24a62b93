"""What was found of a file's labels: the records that ``visavox label`` writes."""

from __future__ import annotations

from enum import StrEnum

from visavox.core.records import Pairs, Record


class AigcVerdict(StrEnum):
    """What a file's ``AIGC`` label is worth.

    ``compliant``: exactly one, and it breaks no rule. ``noncompliant``: a rule is broken, and which is said.
    ``not_found``: the file was read as a whole and has none. ``inconclusive``: it could not be read as a whole, or no
    practice guide says where this container carries a label.
    """

    COMPLIANT = "compliant"
    NONCOMPLIANT = "noncompliant"
    NOT_FOUND = "not_found"
    INCONCLUSIVE = "inconclusive"


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


class CredentialState(StrEnum):
    """What a file's C2PA manifest is worth.

    ``trusted``: valid, and signed by someone on a trust list. ``valid``: signature and hashes hold; whose signature it
    is was not checked. ``invalid``: they do not. ``unreadable``: there is one that cannot be read. ``not_examined``:
    nobody looked, and ``reason`` says why.
    """

    TRUSTED = "trusted"
    VALID = "valid"
    INVALID = "invalid"
    UNREADABLE = "unreadable"
    NOT_FOUND = "not_found"
    NOT_EXAMINED = "not_examined"


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


class IptcState(StrEnum):
    """Whether XMP states a digital source type. ``unreadable``: none was found, and not all XMP could be read."""

    FOUND = "found"
    NOT_FOUND = "not_found"
    UNREADABLE = "unreadable"


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
