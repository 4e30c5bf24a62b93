"""Vorbis comments and pictures of FLAC and Ogg files."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator
from typing import Final

from ..containers import MAX_BLOCK_BYTES, MAX_ITEMS, MAX_STEPS, DamagedFileError, check, cut, unpack
from .id3 import id3_end, id3_tags, trailing_tags
from .records import Tag, TagKind, TagPlace, text_tag

_HEADERS: Final = {b"\x03vorbis": 7, b"OpusTags": 8, b"\x81theora": 7, b"\x83kate\0\0\0": 9}
_FIRST_HEADERS: Final = (b"\x01vorbis", b"OpusHead", b"\x7fFLAC", b"Speex   ", b"\x80theora")
_MAX_STREAMS: Final = 64
_MAX_HEADERS: Final = 16


def flac_tags(data: bytes) -> Iterator[Tag]:
    """The tags of a FLAC file.

    Raises:
        DamagedFileError: where its structure breaks off.
    """
    yield from id3_tags(data)
    at, is_last = id3_end(data) + 4, False
    for _ in range(MAX_ITEMS):
        if is_last:
            break
        (head,) = unpack(">I", data, at)
        is_last, kind, size = bool(head >> 31), head >> 24 & 0x7F, head & 0xFFFFFF
        yield from _of_block(kind, cut(data, at + 4, size))
        at += 4 + size
    else:
        raise DamagedFileError("more blocks than are looked at")
    yield from trailing_tags(data)


def _of_block(kind: int, body: bytes) -> Iterator[Tag]:
    if kind == 4:
        yield from vorbis_comments(body)
    elif kind == 6:
        yield _picture(body)
    elif kind == 2:
        yield Tag(TagKind.BINARY, TagPlace.VORBIS, "APPLICATION", body)
    elif kind == 127:
        raise DamagedFileError("a metadata block of a kind that must not be")


def vorbis_comments(body: bytes) -> Iterator[Tag]:
    """The comments of a comment header.

    Raises:
        DamagedFileError: where they break off.
    """
    (size,) = unpack("<I", body, 0)
    check(body, 4, size)
    at = 4 + size
    (count,) = unpack("<I", body, at)
    at += 4
    if count > MAX_ITEMS:
        raise DamagedFileError("more comments than are looked at")
    for _ in range(count):
        (size,) = unpack("<I", body, at)
        name, _, value = cut(body, at + 4, size).partition(b"=")
        at += 4 + size
        yield from _of_comment(name.decode("utf-8", "replace"), value)


def _of_comment(name: str, value: bytes) -> Iterator[Tag]:
    if name.upper() not in {"METADATA_BLOCK_PICTURE", "COVERART"}:
        yield text_tag(TagPlace.VORBIS, name, value)
        return
    try:
        picture = base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        raise DamagedFileError("a picture that is no base64") from None
    yield _picture(picture) if name.upper() != "COVERART" else Tag(TagKind.PICTURE, TagPlace.VORBIS, name, picture)


def _picture(body: bytes) -> Tag:
    """The picture of a FLAC picture block: kind, media type, description, four numbers, length, bytes."""
    at = 4
    for _ in range(2):
        (size,) = unpack(">I", body, at)
        check(body, at + 4, size)
        at += 4 + size
    (size,) = unpack(">I", body, at + 16)
    return Tag(TagKind.PICTURE, TagPlace.VORBIS, "PICTURE", cut(body, at + 20, size))


# ---------------------------------------------------------------- Ogg
class _Stream:
    """One logical stream: its headers until the comments were read."""

    def __init__(self) -> None:
        self.packets = 0
        self.is_flac = self.is_speex = self.is_done = False
        self.has_comments = True  # as far as anybody knows
        self._part = bytearray()

    def take(self, part: bytes, *, is_end: bool) -> Iterator[Tag]:
        """A segment's bytes; the tags of the packet that they complete."""
        if self.is_done:
            return
        self._part += part
        if len(self._part) > MAX_BLOCK_BYTES:
            raise DamagedFileError("a header larger than is looked at")
        if is_end:
            packet, self._part = bytes(self._part), bytearray()
            yield from self._packet(packet)
            self.packets += 1

    def _packet(self, packet: bytes) -> Iterator[Tag]:
        self.is_done = self.packets >= _MAX_HEADERS
        if self.packets == 0:
            self.is_flac, self.is_speex = packet.startswith(b"\x7fFLAC"), packet.startswith(b"Speex   ")
            self.has_comments = not packet.startswith(_FIRST_HEADERS)
            return
        start = next((size for magic, size in _HEADERS.items() if packet.startswith(magic)), None)
        if self.is_flac:
            self.is_done = bool(packet[0] & 0x80) if packet else True
            self.has_comments = self.is_done
            yield from _of_block(packet[0] & 0x7F, packet[4:]) if packet else ()
        elif start is not None or self.is_speex:
            self.is_done = self.has_comments = True
            yield from vorbis_comments(packet[start or 0 :])


def ogg_tags(data: bytes) -> Iterator[Tag]:
    """The tags of every logical stream of an Ogg file.

    Raises:
        DamagedFileError: where its structure breaks off.
    """
    streams: dict[int, _Stream] = {}
    at = 0
    for _ in range(MAX_STEPS):
        if at == len(data):
            if not all(stream.has_comments for stream in streams.values()):
                raise DamagedFileError("a stream that ends before its comments")
            return
        magic, flags, serial, count = unpack("<4sxB8xI8xB", data, at)
        if magic != b"OggS":
            raise DamagedFileError("what follows is no page")
        sizes = cut(data, at + 27, count)
        at += 27 + count
        check(data, at, sum(sizes))
        if flags & 0x02 or serial not in streams:
            streams[serial] = _Stream()
        if len(streams) > _MAX_STREAMS:
            raise DamagedFileError("more streams than are looked at")
        for size in sizes:
            yield from streams[serial].take(data[at : at + size], is_end=size < 255)
            at += size
    raise DamagedFileError("more pages than are looked at")
