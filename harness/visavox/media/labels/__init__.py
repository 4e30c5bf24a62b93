"""Labels in a file's metadata: the Chinese ``AIGC`` label, C2PA content credentials, IPTC's digital source type.

They are read and checked, never written or taken away. Files come from strangers: parsing is bounded and nothing here
raises; each file has one clear outcome.
"""

from __future__ import annotations

import warnings

from visavox.core.errors import MediaError
from visavox.core.records import FileLabelCodes
from visavox.core.terms import AigcVerdict, CredentialState, IptcState, ToolClass

from ..image import decode_image
from ..metadata import examine, leaks_of
from ..sound_leaks import sound_leaks
from ..tags import sound_container
from .aigc import aigc_findings
from .annex_e import KEYS, check_label
from .credentials import credential_findings
from .iptc import iptc_findings
from .places import Carrier
from .records import (
    AigcFindings,
    AigcLabel,
    CredentialFindings,
    FileLabels,
    Finding,
    IptcFindings,
    Shape,
)

__all__ = [
    "KEYS",
    "AigcFindings",
    "AigcLabel",
    "AigcVerdict",
    "Carrier",
    "CredentialFindings",
    "CredentialState",
    "FileLabels",
    "Finding",
    "IptcFindings",
    "IptcState",
    "Shape",
    "aigc_findings",
    "check_label",
    "credential_findings",
    "iptc_findings",
    "label_codes",
    "read_labels",
]


def read_labels(data: bytes, *, tool_class: ToolClass | None = None, trust_anchors: str = "") -> FileLabels:
    """Every label in a file's metadata, and what else they give away; never raises.

    Args:
        data: the bytes of an image, sound or video file.
        tool_class: what digital source types are held against.
        trust_anchors: certificates in PEM of those whose C2PA signatures are trusted.

    >>> read_labels(b"RIFF\\x04\\0\\0\\0WAVE").aigc.verdict.value
    'not_found'
    """
    return FileLabels(
        aigc=aigc_findings(data),
        c2pa=credential_findings(data, tool_class=tool_class, trust_anchors=trust_anchors),
        iptc=iptc_findings(data, tool_class=tool_class),
        leaks=file_leaks(data),
    )


def label_codes(data: bytes, *, tool_class: ToolClass | None = None) -> FileLabelCodes:
    """What the labels of an output's file are worth, in codes; never raises.

    >>> label_codes(b"RIFF\\x04\\0\\0\\0WAVE").aigc.value
    'not_found'
    """
    aigc, c2pa = aigc_findings(data), credential_findings(data, tool_class=tool_class)
    iptc = iptc_findings(data, tool_class=tool_class)
    return FileLabelCodes(
        aigc=aigc.verdict,
        aigc_broken=tuple(sorted(aigc.broken_rules)),
        aigc_remarks=tuple(sorted(aigc.warnings)),
        c2pa=c2pa.state,
        c2pa_fits=c2pa.fits_tool_class,
        c2pa_broken=tuple(sorted(c2pa.broken_rules)),
        iptc=iptc.state,
        iptc_fits=iptc.fits_tool_class,
        iptc_broken=tuple(sorted(set(iptc.broken_rules))),
    )


def file_leaks(data: bytes) -> tuple[str, ...]:
    """The codes of what a file gives away beside its picture or sound, sorted; never raises."""
    if sound_container(data) is not None:
        return sound_leaks(data)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow's, of damage that `leaks_of` names itself
            return leaks_of(data, decode_image(data))
    except (MediaError, MemoryError):
        return tuple(sorted({leak.value for leak in examine(data).leaks} | {"unreadable"}))
