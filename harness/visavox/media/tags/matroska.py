"""Tags and attachments of Matroska and WebM files."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ..containers import MAX_STEPS, DamagedFileError, cut
from .records import Tag, TagKind, TagPlace, text_tag

MAX_DEPTH: Final = 12
_SEGMENT, _CLUSTER = 0x18538067, 0x1F43B675
_PARENTS: Final = frozenset({_SEGMENT, 0x1254C367, 0x7373, 0x1941A469, 0x61A7})  # Tags, Tag, Attachments, AttachedFile
_SIMPLE, _NAME, _STRING, _FILE = 0x67C8, 0x45A3, 0x4487, 0x465C


def matroska_tags(data: bytes) -> Iterator[Tag]:
    """The tags of a Matroska or WebM file.

    Raises:
        DamagedFileError: where its structure breaks off.
    """
    elements = _Elements(data)
    yield from elements.walk(0, len(data), 0)
    if not elements.has_segment:
        raise DamagedFileError("a file without a segment")


class _Elements:
    """One walk: what may still be looked at."""

    def __init__(self, data: bytes) -> None:
        self._data, self._left = data, MAX_STEPS
        self.has_segment = False

    def walk(self, at: int, end: int, depth: int) -> Iterator[Tag]:
        """The tags of the elements between two offsets."""
        name = ""
        for kind, start, stop in self._elements(at, end, depth):
            if kind in _PARENTS or kind == _SIMPLE:
                self.has_segment |= kind == _SEGMENT
                yield from self.walk(start, stop, depth + 1)
            elif kind == _NAME:
                name = self._data[start:stop].decode("utf-8", "replace")
            elif kind == _STRING:
                yield text_tag(TagPlace.MATROSKA, name, self._data[start:stop])
            elif kind == _FILE:
                yield Tag(TagKind.BINARY, TagPlace.MATROSKA, "attachment", self._data[start:stop])

    def _elements(self, at: int, end: int, depth: int) -> Iterator[tuple[int, int, int]]:
        """(id, offset of the content, offset behind it) of each element."""
        if depth > MAX_DEPTH:
            raise DamagedFileError("elements nested deeper than is looked at")
        while at < end:
            self._left -= 1
            if self._left < 0:
                raise DamagedFileError("more elements than are looked at")
            kind, at = self._number(at, is_id=True)
            size, start = self._number(at, is_id=False)
            if size is None and kind == _CLUSTER:
                at = start  # of unknown size: its children follow
                continue
            stop = end if size is None else start + size
            if stop > end:
                raise DamagedFileError("an element that leads past the end of what holds it")
            yield kind or 0, start, stop
            at = stop

    def _number(self, at: int, *, is_id: bool) -> tuple[int | None, int]:
        """A number of variable length and the offset behind it; None of a size that is not known."""
        (first,) = cut(self._data, at, 1)
        width = 9 - first.bit_length()
        if width > 8:
            raise DamagedFileError("a number of no length")
        value = int.from_bytes(cut(self._data, at, width), "big")
        if is_id:
            return value, at + width
        value &= (1 << 7 * width) - 1
        return (None if value == (1 << 7 * width) - 1 else value), at + width
