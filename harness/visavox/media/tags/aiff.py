"""Chunks of AIFF files."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ..containers import MAX_STEPS, DamagedFileError, check, unpack
from .id3 import id3_tags
from .records import Tag, TagKind, TagPlace, text_tag

_SOUND: Final = frozenset({b"SSND", b"COMM", b"FVER", b"MARK", b"INST"})
_TEXTS: Final = frozenset({b"NAME", b"AUTH", b"ANNO", b"(c) ", b"AIGC"})


def aiff_tags(data: bytes) -> Iterator[Tag]:
    """The tags of an AIFF file.

    Raises:
        DamagedFileError: where its structure breaks off.
    """
    at = 12
    for _ in range(MAX_STEPS):
        if at + 8 > len(data):
            if 8 + unpack(">I", data, 4)[0] > len(data) + 1:
                raise DamagedFileError("the file breaks off")
            return
        kind, size = unpack(">4sI", data, at)
        check(data, at + 8, size)
        name = kind.decode("latin-1")
        if kind in {b"ID3 ", b"id3 "}:
            yield from id3_tags(data[at + 8 : at + 8 + size])
        elif kind in _TEXTS:
            yield text_tag(TagPlace.AIFF_CHUNK, name, data[at + 8 : at + 8 + size])
        elif kind not in _SOUND:
            yield Tag(TagKind.BINARY, TagPlace.AIFF_CHUNK, name, data[at + 8 : at + 8 + size])
        at += 8 + size + size % 2
    raise DamagedFileError("more chunks than are looked at")
