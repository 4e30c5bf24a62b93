"""The blocks of an image file that are no picture: metadata, previews, whatever is appended behind the end.

Only the structure of a file is walked here (JPEG segments, PNG and WebP chunks, Photoshop resources); what the blocks
mean is `visavox.media.metadata`'s. Files come from strangers: every length is checked against the bytes that are
there, inflated text is bounded, and a file whose structure breaks off keeps the blocks found until then.
"""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Iterator
from enum import StrEnum
from typing import Any, Final, NamedTuple

MAX_BLOCKS: Final = 10_000
MAX_STEPS: Final = 200_000
MAX_ITEMS: Final = 10_000
MAX_BLOCK_BYTES: Final = 64 << 20
MAX_TOTAL_BYTES: Final = 512 << 20
"""Of all blocks together: small files can hold much compressed text."""
_MARKER: Final = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]", re.DOTALL)
_END: Final = 0xD9
_PNG_SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"
_PICTURE_START: Final = re.compile(rb"\xff\xd8\xff[\xc0-\xfe]|\x89PNG\r\n\x1a\n|RIFF.{4}WEBPVP8", re.DOTALL)


class BlockKind(StrEnum):
    """What a block holds."""

    EXIF = "exif"
    XMP = "xmp"
    PHOTOSHOP = "photoshop"
    IPTC = "iptc"
    AUTHOR = "author"
    TEXT = "text"
    PICTURE = "picture"
    RAW_PICTURE = "raw_picture"
    OTHER = "other"


class Block(NamedTuple):
    """One block of a file.

    Attributes:
        kind: what it is.
        data: its bytes without the container's own header. A raw picture: width, height (u16, big-endian), RGB. A text:
            keyword, zero byte, text.
    """

    kind: BlockKind
    data: bytes


class DamagedFileError(ValueError):
    """The structure of a file or block breaks off."""


def blocks(data: bytes) -> Iterator[Block]:
    """The blocks of a JPEG, PNG, WebP, BMP or GIF file, in order; none of a TIFF file, which is one EXIF block itself.

    Raises:
        DamagedFileError: where the structure breaks off; what came before it has been yielded.
    """
    if data.startswith(b"\xff\xd8"):
        found = _of_jpeg(data)
    elif data.startswith(_PNG_SIGNATURE):
        found = _of_png(data)
    elif data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        found = _of_webp(data)
    elif data.startswith(b"BM"):
        found = _of_bmp(data)
    elif data.startswith(b"GIF8"):
        found = _of_gif(data)
    else:
        return
    total = 0
    for number, block in enumerate(found):
        total += len(block.data)
        if number >= MAX_BLOCKS or len(block.data) > MAX_BLOCK_BYTES or total > MAX_TOTAL_BYTES:
            raise DamagedFileError("more blocks, or a larger one, than are looked at")
        yield block


def picture_starts(data: bytes) -> Iterator[int]:
    """Offsets at which a JPEG, PNG or WebP file may begin."""
    return (match.start() for match in _PICTURE_START.finditer(data))


def picture_at(data: bytes, start: int) -> bytes:
    """The bytes from ``start`` to the end of the file that begins there, or to the last one if it has no end."""
    rest = data[start:]
    end = None
    try:
        if rest.startswith(b"\xff\xd8"):
            end = next((int.from_bytes(body, "big") for marker, body in _segments(rest) if marker == _END), None)
        elif rest.startswith(_PNG_SIGNATURE):
            end = rest.index(b"IEND") + 8
        else:
            end = 8 + unpack("<I", rest, 4)[0]
    except ValueError:
        pass  # it breaks off
    return rest[:end]


def photoshop_resources(data: bytes) -> Iterator[tuple[int, bytes]]:
    """(id, bytes) of each image resource (``8BIM``).

    Raises:
        DamagedFileError: where they break off.
    """
    at, left = 0, MAX_ITEMS
    while at + 4 <= len(data) and data[at : at + 4] in {b"8BIM", b"MeSa", b"AgHg", b"PHUT", b"DCSR"} and left:
        left -= 1
        (identifier,) = unpack(">H", data, at + 4)
        (name_bytes,) = unpack(">B", data, at + 6)
        at += 6 + (name_bytes + 2) // 2 * 2
        (size,) = unpack(">I", data, at)
        yield identifier, cut(data, at + 4, size)
        at += 4 + size + size % 2
    if data[at:].strip(b"\0"):
        raise DamagedFileError("what follows is no Photoshop resource")


def iptc_datasets(data: bytes) -> Iterator[tuple[int, int, bytes]]:
    """(record, data set, bytes) of each IPTC-IIM data set.

    Raises:
        DamagedFileError: where they break off.
    """
    at, left = 0, MAX_ITEMS
    while at + 5 <= len(data) and data[at] == 0x1C and left:
        left -= 1
        record, number, size = unpack(">BBH", data, at + 1)
        at += 5
        if size & 0x8000:
            width = size & 0x7FFF
            if not 1 <= width <= 4:
                raise DamagedFileError("an IPTC length of more than four bytes")
            size = int.from_bytes(cut(data, at, width), "big")
            at += width
        yield record, number, cut(data, at, size)
        at += size
    if data[at:].strip(b"\0"):
        raise DamagedFileError("what follows is no IPTC data set")


# ---------------------------------------------------------------- JPEG
def _of_jpeg(data: bytes) -> Iterator[Block]:
    spread: dict[BlockKind, list[bytes]] = {}  # over several segments
    end = None
    for marker, segment in _segments(data):
        if marker == _END:
            end = int.from_bytes(segment, "big")
        elif marker == 0xE0:
            yield from _of_jfif(segment)
        elif marker == 0xE1 and segment.startswith(b"Exif\0"):
            yield Block(BlockKind.EXIF, segment[6:])
        elif marker == 0xE1 and segment.startswith(b"http://ns.adobe.com/xap/1.0/\0"):
            yield Block(BlockKind.XMP, segment[29:])
        elif marker == 0xE1 and segment.startswith(b"http://ns.adobe.com/xmp/extension/\0"):
            spread.setdefault(BlockKind.XMP, []).append(segment[35:])
        elif marker == 0xED and segment.startswith(b"Photoshop 3.0\0"):
            spread.setdefault(BlockKind.PHOTOSHOP, []).append(segment[14:])
        elif marker == 0xEB and segment.startswith(b"JP"):
            spread.setdefault(BlockKind.OTHER, []).append(segment[8:] if segment[4:8] == b"\0\0\0\1" else segment[16:])
        elif 0xE0 <= marker <= 0xEF or marker == 0xFE:
            yield Block(BlockKind.OTHER, segment)
    for packet in _extended_xmp(spread.pop(BlockKind.XMP, [])):
        yield Block(BlockKind.XMP, packet)
    for kind, portions in spread.items():
        yield Block(kind, b"".join(portions))
    if end is None:
        raise DamagedFileError("a JPEG file without an end")
    yield Block(BlockKind.OTHER, data[end:])


def _segments(data: bytes) -> Iterator[tuple[int, bytes]]:
    """(marker, bytes) of each segment; of the end's marker, the offset behind it as bytes."""
    at = 2
    for _ in range(MAX_STEPS):
        match = _MARKER.search(data, at)  # entropy-coded data and fill bytes are passed over
        if match is None:
            return
        marker, at = data[match.start() + 1], match.end()
        if marker == _END:
            yield marker, at.to_bytes(8, "big")
            return
        if marker in {0x01, 0xD8}:
            continue
        (length,) = unpack(">H", data, at)
        yield marker, cut(data, at + 2, length - 2)
        at += length


def _of_jfif(segment: bytes) -> Iterator[Block]:
    if segment.startswith(b"JFIF\0") and len(segment) > 14 and segment[12] and segment[13]:
        yield Block(BlockKind.RAW_PICTURE, struct.pack(">HH", segment[12], segment[13]) + segment[14:])
    elif segment.startswith(b"JFXX\0\x10"):
        yield Block(BlockKind.PICTURE, segment[6:])
    elif segment.startswith(b"JFXX\0\x13") and len(segment) > 8:
        yield Block(BlockKind.RAW_PICTURE, struct.pack(">HH", segment[6], segment[7]) + segment[8:])
    elif segment.startswith(b"JFXX\0\x11") and len(segment) > 8 + 768:
        palette, indices = segment[8:776], segment[776:]
        pixels = b"".join(palette[3 * i : 3 * i + 3] for i in indices)
        yield Block(BlockKind.RAW_PICTURE, struct.pack(">HH", segment[6], segment[7]) + pixels)


def _extended_xmp(portions: list[bytes]) -> list[bytes]:
    """The packets that portions of extended XMP make up: identifier (32), full length, offset, bytes."""
    packets: dict[bytes, list[tuple[int, bytes]]] = {}
    for portion in portions:
        if len(portion) > 40:
            packets.setdefault(portion[:32], []).append((int.from_bytes(portion[36:40], "big"), portion[40:]))
    return [b"".join(part for _, part in sorted(parts)) for parts in packets.values()]


# ---------------------------------------------------------------- PNG
def _of_png(data: bytes) -> Iterator[Block]:
    at = len(_PNG_SIGNATURE)
    for _ in range(MAX_STEPS):
        size, kind = unpack(">I4s", data, at)
        if kind in {b"IDAT", b"fdAT", b"PLTE", b"IHDR", b"iCCP"}:
            check(data, at + 8, size)
        else:
            yield from _of_chunk(kind, cut(data, at + 8, size))
        at += 12 + size
        if kind == b"IEND":
            yield Block(BlockKind.OTHER, data[at:])
            return
    raise DamagedFileError("more chunks than are looked at")


def _of_chunk(kind: bytes, body: bytes) -> Iterator[Block]:
    if kind == b"eXIf":
        yield Block(BlockKind.EXIF, body.removeprefix(b"Exif\0\0"))
        return
    if kind not in {b"tEXt", b"zTXt", b"iTXt"}:
        yield Block(BlockKind.OTHER, body)
        return
    keyword, _, rest = body.partition(b"\0")
    if kind == b"zTXt":
        text = _inflated(rest[1:])
    elif kind == b"iTXt":
        _, _, text = rest[2:].partition(b"\0")[2].partition(b"\0")
        text = _inflated(text) if rest[:1] == b"\1" else text
    else:
        text = rest
    name = keyword.strip().lower()
    if name == b"xml:com.adobe.xmp":
        yield Block(BlockKind.XMP, text)
    elif name in {b"author", b"artist"}:
        yield Block(BlockKind.AUTHOR, text)
    elif name.startswith(b"raw profile type "):
        yield from _raw_profile(name.removeprefix(b"raw profile type "), text)
    else:
        yield Block(BlockKind.TEXT, keyword + b"\0" + text)


def _raw_profile(kind: bytes, text: bytes) -> Iterator[Block]:
    """A profile in hexadecimal digits after a name and a length, as ImageMagick writes it."""
    if kind not in {b"exif", b"app1", b"xmp", b"iptc", b"8bim"}:
        return
    words = text.split(None, 2)
    try:
        profile = bytes.fromhex(words[2].decode("ascii"))
    except (ValueError, IndexError):
        raise DamagedFileError("a raw profile that is no hexadecimal text") from None
    if profile.startswith(b"Exif\0"):
        yield Block(BlockKind.EXIF, profile[6:])
    elif profile.startswith(b"8BIM"):
        yield Block(BlockKind.PHOTOSHOP, profile)
    elif profile.startswith(b"\x1c"):
        yield Block(BlockKind.IPTC, profile)
    else:
        yield Block(BlockKind.XMP, profile.removeprefix(b"http://ns.adobe.com/xap/1.0/\0"))


def _inflated(data: bytes) -> bytes:
    inflater = zlib.decompressobj()
    try:
        text = inflater.decompress(data, MAX_BLOCK_BYTES)
    except zlib.error:
        raise DamagedFileError("compressed text that cannot be inflated") from None
    if not inflater.eof:
        raise DamagedFileError("compressed text that is too long or breaks off")
    return text


# ---------------------------------------------------------------- WebP, BMP, GIF
def _of_webp(data: bytes) -> Iterator[Block]:
    (size,) = unpack("<I", data, 4)
    stated, end = 8 + size, min(8 + size + size % 2, len(data))
    at = 12
    for _ in range(MAX_STEPS):
        if at + 8 > end:
            break
        kind, size = unpack("<4sI", data, at)
        if kind == b"EXIF":
            yield Block(BlockKind.EXIF, cut(data, at + 8, size).removeprefix(b"Exif\0\0"))
        elif kind == b"XMP ":
            yield Block(BlockKind.XMP, cut(data, at + 8, size))
        elif kind in {b"VP8 ", b"VP8L", b"VP8X", b"ALPH", b"ANIM", b"ANMF", b"ICCP"}:
            check(data, at + 8, size)
        else:
            yield Block(BlockKind.OTHER, cut(data, at + 8, size))
        at += 8 + size + size % 2
    if stated > len(data):
        raise DamagedFileError("a WebP file that breaks off")
    yield Block(BlockKind.OTHER, data[end:])


def _of_bmp(data: bytes) -> Iterator[Block]:
    (size,) = unpack("<I", data, 2)
    if size >= 26:
        yield Block(BlockKind.OTHER, data[size:])


def _of_gif(data: bytes) -> Iterator[Block]:
    start = data.find(b"XMP DataXMP")
    end = data.find(b"<?xpacket end", start)
    if 0 <= start < end:
        yield Block(BlockKind.XMP, data[start + 11 : end])
    yield Block(BlockKind.OTHER, data[data.rfind(b"\0;") :])  # behind the last block's end and the trailer


# ---------------------------------------------------------------- bounds
def unpack(form: str, data: bytes, at: int) -> tuple[Any, ...]:
    """Numbers at an offset.

    Raises:
        DamagedFileError: if the bytes end before them.
    """
    try:
        return struct.unpack_from(form, data, at)
    except struct.error:
        raise DamagedFileError("the file breaks off") from None


def check(data: bytes, at: int, size: int) -> None:
    """Refuses a length that leads past the end.

    Raises:
        DamagedFileError: if it does, or is negative.
    """
    if size < 0 or at + size > len(data):
        raise DamagedFileError("a length that leads past the end")


def cut(data: bytes, at: int, size: int) -> bytes:
    """``size`` bytes from ``at``.

    Raises:
        DamagedFileError: if they are not there.
    """
    check(data, at, size)
    return data[at : at + size]
