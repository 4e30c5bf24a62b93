"""The ``AIGC`` label of a file: found, checked, and judged in four words."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from visavox.core.terms import AigcVerdict

from ..containers import DamagedFileError
from .annex_e import Checked, check_label, one_label
from .places import Carrier, Unreadable, XmpPacket, in_xmp, parts
from .records import AigcFindings, Finding

MAX_LABELS: Final = 64


def aigc_findings(data: bytes) -> AigcFindings:
    """The ``AIGC`` labels of a file's bytes and their verdict; never raises.

    A broken rule counts even where the rest of the file cannot be read; without one, such a file is ``inconclusive``,
    for nobody knows whether a second label stands there.

    >>> aigc_findings(b"RIFF\\x04\\0\\0\\0WAVE").verdict.value
    'not_found'
    >>> aigc_findings(b"something else").reason
    'no image, sound or video file that is known here'
    """
    checked: list[Checked] = []
    reason = ""
    try:
        for part in _found_parts(data):
            if isinstance(part, Unreadable):
                reason = part.reason
            elif len(checked) == MAX_LABELS:
                raise DamagedFileError(f"more than {MAX_LABELS} labels")
            else:
                checked.append(check_label(part))
    except DamagedFileError as error:
        reason = str(error)
    except Exception as error:  # noqa: BLE001 - whatever a stranger's bytes raise means the same
        reason = f"it cannot be read: {type(error).__name__}"
    twice = one_label(tuple(found.label.place for found in checked))
    broken = [*((twice,) if twice else ()), *(finding for found in checked for finding in found.broken)]
    remarks = [finding for found in checked for finding in found.remarks]
    return AigcFindings(
        verdict=_verdict(bool(checked), bool(broken), reason),
        broken_rules=_codes(broken),
        warnings=_codes(remarks),
        details=(*broken, *remarks),
        labels=tuple(found.label for found in checked),
        reason=reason,
    )


def _found_parts(data: bytes) -> Iterator[Carrier | Unreadable]:
    for part in parts(data):
        if isinstance(part, XmpPacket):
            yield from in_xmp(part)
        else:
            yield part


def xmp_packets(data: bytes) -> tuple[tuple[XmpPacket, ...], bool]:
    """The XMP packets of a file, and whether its structure could be walked to the end; never raises."""
    found: list[XmpPacket] = []
    try:
        for part in parts(data):
            if isinstance(part, XmpPacket):
                found.append(part)
    except Exception:  # noqa: BLE001 - as in `aigc_findings`
        return tuple(found), False
    return tuple(found), True


def _verdict(is_found: bool, is_broken: bool, reason: str) -> AigcVerdict:
    if is_broken:
        return AigcVerdict.NONCOMPLIANT
    if reason:
        return AigcVerdict.INCONCLUSIVE
    return AigcVerdict.COMPLIANT if is_found else AigcVerdict.NOT_FOUND


def _codes(findings: list[Finding]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(finding.rule for finding in findings))
