"""Digital source types of IPTC, and which of them a tool of each class writes.

A tool that edits media of a person writes that they are a composite with something a trained algorithm made; one that
makes them anew writes that a trained algorithm made all of it, and so may a voice tool that swaps, for its output is
synthesised whole.

References:
    IPTC NewsCodes, Digital Source Type; C2PA 2.2, 18.14.2 (first action); POLICY 4.3.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from visavox.core.terms import ToolClass

from ..tags import sound_container
from .records import Finding

IPTC: Final = "http://cv.iptc.org/newscodes/digitalsourcetype/"
C2PA: Final = "http://c2pa.org/digitalsourcetype/"
GENERATED: Final = IPTC + "trainedAlgorithmicMedia"
COMPOSITE: Final = IPTC + "compositeWithTrainedAlgorithmicMedia"
SYNTHETIC: Final = IPTC + "compositeSynthetic"
_CODES: Final = frozenset(
    {
        "algorithmicMedia", "algorithmicallyEnhanced", "composite", "compositeCapture", "compositeSynthetic",
        "compositeWithTrainedAlgorithmicMedia", "computationalCapture", "dataDrivenMedia", "digitalArt",
        "digitalCapture", "digitalCreation", "humanEdits", "minorHumanEdits", "multiFrameComputationalCapture",
        "negativeFilm", "positiveFilm", "print", "screenCapture", "softwareImage",
        "trainedAlgorithmicMedia", "virtualRecording",
    }
)  # fmt: skip
_KNOWN: Final = frozenset(
    {IPTC + code for code in _CODES} | {C2PA + "empty", C2PA + "trainedAlgorithmicData"},
)


def types_of(tool_class: ToolClass, data: bytes) -> frozenset[str]:
    """The digital source types that fit an output of such a tool."""
    if tool_class is ToolClass.GENERATE:
        return frozenset({GENERATED})
    is_sound = sound_container(data) is not None
    return frozenset({COMPOSITE, SYNTHETIC} | ({GENERATED} if is_sound and tool_class is ToolClass.SWAP else set()))


def check_types(types: Sequence[str], tool_class: ToolClass | None, data: bytes) -> Iterator[Finding]:
    """The rules on digital source types that are broken."""
    unknown = [found for found in types if found not in _KNOWN]
    if unknown:
        yield Finding(
            rule="digital-source-type-uri",
            clause="IPTC NewsCodes, Digital Source Type",
            found=f"not a full address of the vocabulary: {unknown[0][:100]}",
            todo=f"write {COMPOSITE} for an edit, {GENERATED} for what is generated whole",
        )
    if tool_class is not None and types and not set(types) & types_of(tool_class, data):
        yield Finding(
            rule="digital-source-type-fit",
            clause="C2PA 2.2, 18.14.2; IPTC NewsCodes",
            found=f"{', '.join(found.rpartition('/')[2][:60] for found in types)} for a tool of class {tool_class}",
            todo=f"write {' or '.join(sorted(types_of(tool_class, data)))}",
        )


def fits(types: Sequence[str], tool_class: ToolClass | None, data: bytes) -> bool | None:
    """Whether one of the types fits the class; None if there is no class or no type."""
    return bool(set(types) & types_of(tool_class, data)) if tool_class is not None and types else None
