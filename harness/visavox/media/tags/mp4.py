"""Boxes of MP4, M4A and QuickTime files."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Final

from ..containers import MAX_STEPS, DamagedFileError, check, cut, unpack
from .records import Tag, TagKind, TagPlace, text_tag

MAX_DEPTH: Final = 12
_PARENTS: Final = frozenset({b"moov", b"udta", b"trak", b"mdia", b"minf", b"edts", b"moof", b"traf", b"mvex"})
_SOUND: Final = frozenset(
    {b"mdat", b"free", b"skip", b"wide", b"ftyp", b"styp", b"sidx", b"mvhd", b"tkhd", b"mdhd", b"hdlr", b"stbl"}
)
_XMP: Final = bytes.fromhex("be7acfcb97a942e89c71999491e3afac")
_TEXT_BOXES: Final = frozenset({b"auth", b"perf", b"titl", b"dscp", b"cprt", b"albm", b"gnre"})  # 3GPP TS 26.244
_PICTURES: Final = frozenset({13, 14, 27})


def mp4_tags(data: bytes) -> Iterator[Tag]:
    """The tags of an MP4 or QuickTime file.

    Raises:
        DamagedFileError: where its structure breaks off.
    """
    boxes = _Boxes(data)
    yield from boxes.walk(0, len(data), ())
    if not boxes.is_described:
        raise DamagedFileError("a file without the box that describes it (moov)")


class _Boxes:
    """One walk: what may still be looked at."""

    def __init__(self, data: bytes) -> None:
        self._data, self._left = data, MAX_STEPS
        self.is_described = False

    def walk(self, at: int, end: int, path: tuple[bytes, ...]) -> Iterator[Tag]:
        """The tags of the boxes between two offsets."""
        if len(path) > MAX_DEPTH:
            raise DamagedFileError("boxes nested deeper than is looked at")
        for kind, start, stop in self._boxes(at, end, path):
            yield from self._of_box(kind, start, stop, path)

    def _boxes(self, at: int, end: int, path: tuple[bytes, ...]) -> Iterator[tuple[bytes, int, int]]:
        """(type, offset of the content, offset behind it) of each box."""
        while at + 8 <= end:
            self._left -= 1
            if self._left < 0:
                raise DamagedFileError("more boxes than are looked at")
            size, kind = unpack(">I4s", self._data, at)
            header = 8
            if size == 1:
                (size,), header = unpack(">Q", self._data, at + 8), 16
            elif size == 0:
                if path and path[-1] == b"udta":
                    return  # QuickTime ends a list of user data with 32 zero bits
                size = end - at
            if size < header or at + size > end:
                raise DamagedFileError("a box that leads past the end of what holds it")
            yield kind, at + header, at + size
            at += size
        if not path and at != end:
            raise DamagedFileError("the file breaks off")

    def _of_box(self, kind: bytes, start: int, stop: int, path: tuple[bytes, ...]) -> Iterator[Tag]:
        name = kind.decode("latin-1")
        if kind in _PARENTS:
            self.is_described |= kind in {b"moov", b"moof"}
            yield from self.walk(start, stop, (*path, kind))
        elif kind == b"meta":
            yield from self._meta(start, stop, (*path, kind))
        elif kind == b"ilst":
            yield from self._items(start, stop, (*path, kind), ())
        elif kind == b"uuid" and self._data[start : start + 16] == _XMP:
            yield Tag(TagKind.XMP, TagPlace.MP4_BOX, "uuid", self._data[start + 16 : stop])
        elif kind == b"XMP_":
            yield Tag(TagKind.XMP, TagPlace.MP4_BOX, name, self._data[start:stop])
        elif name.upper() == "AIGC":
            yield text_tag(TagPlace.MP4_BOX, name, self._data[start:stop])
        elif b"udta" in path and name[0] == "\xa9":
            yield from self._international_text(name, self._data[start:stop])
        elif b"udta" in path and kind in _TEXT_BOXES:
            yield text_tag(TagPlace.MP4_BOX, name, self._data[start + 6 : stop])
        elif kind == b"loci":
            yield from _place_of(self._data[start:stop])
        elif kind not in _SOUND and (b"udta" in path or not path or kind == b"uuid"):
            yield Tag(TagKind.BINARY, TagPlace.MP4_BOX, name, self._data[start:stop])

    def _meta(self, start: int, stop: int, path: tuple[bytes, ...]) -> Iterator[Tag]:
        if self._data[start + 4 : start + 8] != b"hdlr":
            start += 4  # a version and flags, which QuickTime leaves out
        keys: tuple[str, ...] = ()
        for kind, at, end in self._boxes(min(start, stop), stop, path):
            if kind == b"keys":
                keys = self._keys(at, end)
            elif kind == b"ilst":
                yield from self._items(at, end, path, keys)
            elif kind not in {b"iloc", b"iinf", b"iprp", b"pitm", b"iref", b"idat"}:
                yield from self._of_box(kind, at, end, path)

    def _keys(self, start: int, stop: int) -> tuple[str, ...]:
        found, at = [], start + 8
        while at + 8 <= stop:
            (size,) = unpack(">I", self._data, at)
            if size < 8 or at + size > stop:
                raise DamagedFileError("a key that leads past the end")
            found.append(self._data[at + 8 : at + size].decode("utf-8", "replace"))
            at += size
        return tuple(found)

    def _items(self, start: int, stop: int, path: tuple[bytes, ...], keys: tuple[str, ...]) -> Iterator[Tag]:
        for kind, at, end in self._boxes(start, stop, path):
            number = int.from_bytes(kind, "big")
            if 0 < number <= len(keys):
                is_guided = path[:3] == (b"moov", b"udta", b"meta")
                place, name = TagPlace.MP4_KEYS if is_guided else TagPlace.MP4_OTHER_KEYS, keys[number - 1]
            else:
                place, name = TagPlace.MP4_ITEM, kind.decode("latin-1")
            for inner, first, last in self._boxes(at, end, path):
                if inner == b"name" and kind == b"----":
                    name = cut(self._data, first, last - first)[4:].decode("utf-8", "replace")
                elif inner == b"data":
                    yield self._of_data(place, name, self._data[first:last])

    @staticmethod
    def _of_data(place: TagPlace, name: str, body: bytes) -> Tag:
        (kind,) = unpack(">I", body, 0)
        if kind in _PICTURES or name == "covr":
            return Tag(TagKind.PICTURE, place, name, body[8:])
        if kind in {0, 1, 2}:
            return text_tag(place, name, body[8:], "utf-16-be" if kind == 2 else "utf-8")
        return Tag(TagKind.BINARY, place, name, body[8:])

    @staticmethod
    def _international_text(name: str, body: bytes) -> Iterator[Tag]:
        """Texts in several languages: length, language, bytes."""
        at = 0
        while at + 4 <= len(body):
            (size,) = unpack(">H", body, at)
            check(body, at + 4, size)
            yield text_tag(TagPlace.MP4_BOX, name, body[at + 4 : at + 4 + size])
            at += 4 + size


def _place_of(body: bytes) -> Iterator[Tag]:
    """Longitude and latitude of 3GPP location information, if they are no zeros."""
    behind = body[6:].partition(b"\0")[2]  # version, flags, language, name
    longitude, latitude = struct.unpack(">ii", cut(behind, 1, 8))
    if longitude or latitude:
        yield text_tag(TagPlace.MP4_BOX, "loci", f"{latitude / 65536:+.4f}{longitude / 65536:+.4f}")
