"""IPTC's digital source type in a file's XMP."""

from __future__ import annotations

from visavox.core.terms import IptcState, ToolClass

from .aigc import xmp_packets
from .places import source_types
from .records import IptcFindings
from .source_types import check_types, fits

MAX_TYPES = 64


def iptc_findings(data: bytes, *, tool_class: ToolClass | None = None) -> IptcFindings:
    """What a file's XMP states in ``Iptc4xmpExt:DigitalSourceType``; never raises.

    Args:
        data: the file.
        tool_class: what is held against it.

    References:
        IPTC Photo Metadata 2023.2, Digital Source Type.
    """
    packets, is_whole = xmp_packets(data)
    read = [source_types(packet) for packet in packets]
    types = tuple(dict.fromkeys(found for values, _ in read for found in values))[:MAX_TYPES]
    broken = tuple(check_types(types, tool_class, data))
    if types:
        state = IptcState.FOUND
    else:
        state = IptcState.NOT_FOUND if is_whole and all(whole for _, whole in read) else IptcState.UNREADABLE
    return IptcFindings(
        state=state,
        digital_source_types=types,
        fits_tool_class=fits(types, tool_class, data),
        broken_rules=tuple(finding.rule for finding in broken),
        details=broken,
    )
