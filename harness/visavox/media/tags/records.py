"""What a tag of a sound or video file is, whoever wrote it."""

from __future__ import annotations

from enum import StrEnum
from typing import Final, NamedTuple

MAX_TAGS: Final = 20_000


class TagKind(StrEnum):
    """What a tag holds. ``binary``: a part of the file that is neither sound nor known."""

    TEXT = "text"
    PICTURE = "picture"
    XMP = "xmp"
    BINARY = "binary"


class TagPlace(StrEnum):
    """Where in its container a tag stands."""

    ID3 = "ID3v2 frame"
    ID3_TXXX = "ID3v2 TXXX"
    ID3V1 = "ID3v1"
    APE = "APEv2"
    VORBIS = "Vorbis comment"
    RIFF_CHUNK = "RIFF chunk"
    RIFF_INFO = "RIFF LIST INFO"
    BWF = "Broadcast Wave bext"
    AIFF_CHUNK = "AIFF chunk"
    MP4_KEYS = "moov.udta.meta.keys"
    MP4_OTHER_KEYS = "meta.keys outside moov.udta"
    MP4_ITEM = "MP4 ilst item"
    MP4_BOX = "MP4 box"
    MATROSKA = "Matroska SimpleTag"


class Tag(NamedTuple):
    """One tag.

    Attributes:
        kind: what it holds.
        place: where it stands.
        name: the field's name as the file spells it.
        data: text in UTF-8 (what could not be decoded replaced), or the bytes.
    """

    kind: TagKind
    place: TagPlace
    name: str
    data: bytes


def text_tag(place: TagPlace, name: str, text: bytes | str, encoding: str = "utf-8") -> Tag:
    """A text, decoded from whatever the file has it in."""
    plain = text if isinstance(text, str) else text.decode(encoding, "replace")
    return Tag(TagKind.TEXT, place, name, plain.strip("\0").encode("utf-8", "replace"))
