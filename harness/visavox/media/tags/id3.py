"""ID3v2 (2.2, 2.3, 2.4) before the sound, ID3v1 and APEv2 behind it."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from typing import Final, NamedTuple

from ..containers import MAX_BLOCK_BYTES, MAX_ITEMS, DamagedFileError, check, cut, unpack
from .records import Tag, TagKind, TagPlace, text_tag

_ENCODINGS: Final = ("latin-1", "utf-16", "utf-16-be", "utf-8")
_LONG_NAMES: Final = {
    "TP1": "TPE1", "TP2": "TPE2", "TP3": "TPE3", "TP4": "TPE4", "TCM": "TCOM", "TXT": "TEXT", "TOA": "TOPE",
    "TOL": "TOLY", "TXX": "TXXX", "PIC": "APIC", "UFI": "UFID", "POP": "POPM", "TRC": "TSRC", "MCI": "MCDI",
    "IPL": "IPLS", "GEO": "GEOB", "COM": "COMM",
}  # fmt: skip
_V1_ARTIST: Final = slice(33, 63)
_APE_FOOTER_BYTES: Final = 32


def mpeg_tags(data: bytes) -> Iterator[Tag]:
    """The tags of a file of MPEG audio or AAC frames; the frames themselves are not walked.

    Raises:
        DamagedFileError: where a tag breaks off.
    """
    yield from id3_tags(data)
    yield from trailing_tags(data)


def id3_tags(data: bytes) -> Iterator[Tag]:
    """The frames of the ID3v2 tags that bytes begin with.

    Raises:
        DamagedFileError: where they break off.
    """
    at = 0
    for _ in range(16):
        if data[at : at + 3] != b"ID3":
            return
        version, flags = unpack(">BxB", data, at + 3)
        size = _synchsafe(cut(data, at + 6, 4))
        body = cut(data, at + 10, size)
        at += 10 + size + (10 if flags & 0x10 else 0)  # a footer
        yield from _frames(body, version, flags)


def id3_end(data: bytes) -> int:
    """Offset behind the ID3v2 tags that bytes begin with."""
    at = 0
    while data[at : at + 3] == b"ID3":
        (flags,) = unpack(">B", data, at + 5)
        at += 10 + _synchsafe(cut(data, at + 6, 4)) + (10 if flags & 0x10 else 0)
    return at


class _Layout(NamedTuple):
    """Of a frame's header: bytes of name and of the whole, the flags of its second byte."""

    name_bytes: int
    header_bytes: int
    grouped: int
    compressed: int
    encrypted: int
    has_length: int


_LAYOUTS: Final = {
    2: _Layout(3, 6, 0, 0, 0, 0),
    3: _Layout(4, 10, 0x20, 0x80, 0x40, 0x80),
    4: _Layout(4, 10, 0x40, 0x08, 0x04, 0x01),
}


def _frames(body: bytes, version: int, flags: int) -> Iterator[Tag]:
    layout = _LAYOUTS.get(version)
    if layout is None:
        raise DamagedFileError("an ID3 tag of an unknown version")
    if flags & 0x80 and version < 4:
        body = body.replace(b"\xff\0", b"\xff")
    at = _extended_header_bytes(body, version) if flags & 0x40 and version > 2 else 0
    for _ in range(MAX_ITEMS):
        if at + layout.header_bytes > len(body) or body[at] == 0:
            return
        name = body[at : at + layout.name_bytes].decode("latin-1")
        size, format_flags = _frame_size(body, at, version, layout)
        content = cut(body, at + layout.header_bytes, size)
        at += layout.header_bytes + size
        plain = _plain(content, format_flags, version, flags, layout)
        if plain is not None:
            yield from _of_frame(_LONG_NAMES.get(name, name), plain, is_short=version == 2)
    raise DamagedFileError("more frames than are looked at")


def _frame_size(body: bytes, at: int, version: int, layout: _Layout) -> tuple[int, int]:
    if version == 2:
        return int.from_bytes(body[at + 3 : at + 6], "big"), 0
    raw, format_flags = body[at + 4 : at + 8], body[at + 9]
    size = int.from_bytes(raw, "big")
    if version == 4 and not any(byte & 0x80 for byte in raw):
        size = _synchsafe(raw)
        plain = int.from_bytes(raw, "big")
        if plain != size and not _starts_frame(body, at + layout.header_bytes + size):
            size = plain if _starts_frame(body, at + layout.header_bytes + plain) else size  # iTunes wrote such ones
    return size, format_flags


def _starts_frame(body: bytes, at: int) -> bool:
    return at == len(body) or body[at : at + 1] == b"\0" or body[at : at + 4].isalnum()


def _extended_header_bytes(body: bytes, version: int) -> int:
    return _synchsafe(cut(body, 0, 4)) if version == 4 else 4 + int.from_bytes(cut(body, 0, 4), "big")


def _plain(content: bytes, format_flags: int, version: int, flags: int, layout: _Layout) -> bytes | None:
    """A frame's content without its own wrapping; None of an encrypted one, which nobody reads without its key."""
    if format_flags & layout.encrypted:
        return None
    if format_flags & layout.has_length:
        content = content[4:]
    if format_flags & layout.grouped:
        content = content[1:]
    if version == 4 and (format_flags & 0x02 or flags & 0x80):
        content = content.replace(b"\xff\0", b"\xff")
    if format_flags & layout.compressed:
        inflater = zlib.decompressobj()
        try:
            content = inflater.decompress(content, MAX_BLOCK_BYTES)
        except zlib.error:
            raise DamagedFileError("a compressed frame that cannot be inflated") from None
        if not inflater.eof:
            raise DamagedFileError("a compressed frame that is too long or breaks off")
    return content


def _of_frame(name: str, content: bytes, *, is_short: bool) -> Iterator[Tag]:
    if not content:
        return
    if name == "TXXX":
        description, text = _described(content[1:], content[0])
        yield text_tag(TagPlace.ID3_TXXX, description, text)
    elif name[:1] == "T" or name == "IPLS":
        yield text_tag(TagPlace.ID3, name, _decoded(content[1:], content[0]).strip("\0"))
    elif name == "COMM":
        description, text = _described(content[4:], content[0])
        yield text_tag(TagPlace.ID3, f"COMM:{description}" if description else name, text)
    elif name == "APIC":
        rest = content[4:] if is_short else content[1:].partition(b"\0")[2]
        yield Tag(TagKind.PICTURE, TagPlace.ID3, name, _behind_text(rest[1:], content[0]))
    elif name == "PRIV" and content.startswith(b"XMP\0"):
        yield Tag(TagKind.XMP, TagPlace.ID3, name, content[4:])
    elif name in {"UFID", "MCDI", "POPM"}:
        yield text_tag(TagPlace.ID3, name, content, "latin-1")
    else:
        yield Tag(TagKind.BINARY, TagPlace.ID3, name, content)


def _decoded(text: bytes, encoding: int) -> str:
    if encoding == 1 and text[:2] not in {b"\xff\xfe", b"\xfe\xff"}:
        return text.decode("utf-16-le", "replace")
    known = _ENCODINGS[encoding] if encoding < len(_ENCODINGS) else "latin-1"
    return text.decode(known, "replace")


def _described(content: bytes, encoding: int) -> tuple[str, str]:
    """A description and a text, each with a byte order mark of its own where the encoding has one."""
    rest = _behind_text(content, encoding)
    description = content[: len(content) - len(rest)]
    return _decoded(description, encoding).strip("\0"), _decoded(rest, encoding).strip("\0")


def _behind_text(content: bytes, encoding: int) -> bytes:
    """What follows the first terminated text."""
    if encoding not in {1, 2}:
        return content.partition(b"\0")[2]
    at = next((i for i in range(0, len(content) - 1, 2) if content[i : i + 2] == b"\0\0"), len(content))
    return content[at + 2 :]


def _synchsafe(raw: bytes) -> int:
    value = 0
    for byte in raw:
        value = value << 7 | byte & 0x7F
    return value


# ---------------------------------------------------------------- behind the sound
def trailing_tags(data: bytes) -> Iterator[Tag]:
    """The tags of APEv2 and ID3v1 at the end of a file.

    Raises:
        DamagedFileError: where the former break off.
    """
    end = len(data)
    if data[-128:-125] == b"TAG":
        end -= 128
        yield text_tag(TagPlace.ID3V1, "artist", data[end:][_V1_ARTIST].partition(b"\0")[0], "latin-1")
    footer = data[max(0, end - _APE_FOOTER_BYTES) : end]
    if footer.startswith(b"APETAGEX"):
        size, count = unpack("<II", footer, 12)
        check(data, end - size, size)
        yield from _ape_items(data[end - size : end - _APE_FOOTER_BYTES], count)


def _ape_items(body: bytes, count: int) -> Iterator[Tag]:
    at = 0
    for _ in range(min(count, MAX_ITEMS)):
        size, flags = unpack("<II", body, at)
        key, _, _ = body[at + 8 : at + 264].partition(b"\0")
        at += 8 + len(key) + 1
        value = cut(body, at, size)
        at += size
        name = key.decode("latin-1")
        if flags >> 1 & 3 != 1:
            yield text_tag(TagPlace.APE, name, value)
        elif name.lower().startswith("cover art"):
            yield Tag(TagKind.PICTURE, TagPlace.APE, name, value.partition(b"\0")[2])
        else:
            yield Tag(TagKind.BINARY, TagPlace.APE, name, value)
