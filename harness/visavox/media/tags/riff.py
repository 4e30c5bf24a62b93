"""Chunks of WAV files, RF64 and Broadcast Wave included."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Final

from ..containers import MAX_STEPS, DamagedFileError, check, cut, unpack
from .id3 import id3_tags
from .records import Tag, TagKind, TagPlace, text_tag

_ANY_LENGTH: Final = frozenset({0, 0xFFFFFFFF})  # what a writer that could not seek back leaves
_SOUND: Final = frozenset({b"data", b"fmt ", b"fact", b"PEAK", b"peak", b"slnt", b"ds64", b"JUNK", b"PAD ", b"FLLR"})
_TEXTS: Final = frozenset({b"iXML", b"AIGC", b"axml"})
_ORIGINATOR_REFERENCE, _UMID = slice(288, 320), slice(348, 412)  # EBU Tech 3285, fields of bext


def riff_tags(data: bytes) -> Iterator[Tag]:
    """The tags of a WAV file.

    Raises:
        DamagedFileError: where its structure breaks off.
    """
    (stated,) = unpack("<I", data, 4)
    end = len(data) if stated in _ANY_LENGTH or data[:4] != b"RIFF" else min(len(data), 8 + stated + stated % 2)
    at, samples = 12, None
    for _ in range(MAX_STEPS):
        if at + 8 > end:
            break
        kind, size = unpack("<4sI", data, at)
        at += 8
        if kind == b"ds64":
            (samples,) = struct.unpack("<Q", cut(data, at + 8, 8))
        if kind == b"data" and size == 0xFFFFFFFF and samples is not None:
            size = samples
        elif kind == b"data" and size in _ANY_LENGTH:
            return  # sound until the end
        check(data, at, size)
        if kind not in _SOUND:
            yield from _of_chunk(kind, data[at : at + size])
        at += size + size % 2
    else:
        raise DamagedFileError("more chunks than are looked at")
    if stated not in _ANY_LENGTH and data[:4] == b"RIFF" and 8 + stated > len(data) + 1:
        raise DamagedFileError("the file breaks off")
    if data[end:].strip(b"\0"):
        yield Tag(TagKind.BINARY, TagPlace.RIFF_CHUNK, "behind the end", data[end:])


def _of_chunk(kind: bytes, body: bytes) -> Iterator[Tag]:
    name = kind.decode("latin-1")
    if kind == b"LIST" and body[:4] == b"INFO":
        yield from _info(body)
    elif kind in {b"id3 ", b"ID3 "}:
        yield from id3_tags(body)
    elif kind == b"_PMX":
        yield Tag(TagKind.XMP, TagPlace.RIFF_CHUNK, name, body)
    elif kind == b"bext":
        yield text_tag(TagPlace.BWF, "OriginatorReference", body[_ORIGINATOR_REFERENCE], "latin-1")
        if any(body[_UMID]):
            yield text_tag(TagPlace.BWF, "UMID", body[_UMID].hex())
    elif kind in _TEXTS:
        yield text_tag(TagPlace.RIFF_CHUNK, name, body)
    else:
        yield Tag(TagKind.BINARY, TagPlace.RIFF_CHUNK, name, body)


def _info(body: bytes) -> Iterator[Tag]:
    at = 4
    while at + 8 <= len(body):
        kind, size = unpack("<4sI", body, at)
        yield text_tag(TagPlace.RIFF_INFO, kind.decode("latin-1"), cut(body, at + 8, size))
        at += 8 + size + size % 2
