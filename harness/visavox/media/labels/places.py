"""Where a file may carry an ``AIGC`` label: the places that the practice guides name, and others seen in the wild.

References:
    GB 45438-2025, Annex E a); TC260-PG-20259A (images, Annex B for EXIF and PNG text), 202510A (audio), 20257A (video),
    all V1.0-202508, as POLICY 2.4 has them.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator
from typing import Final, NamedTuple

from PIL import Image as PillowImage

from ..containers import Block, BlockKind, DamagedFileError, blocks
from ..tags import SoundContainer, Tag, TagKind, TagPlace, sound_container, tags
from ..xmp import xmp_values

MAX_LABEL_BYTES: Final = 1 << 16
TC260: Final = "http://www.tc260.org.cn/ns/AIGC/1.0/"
DIGITAL_SOURCE_TYPE: Final = "http://iptc.org/std/Iptc4xmpExt/2008-02-29/ DigitalSourceType"
_TIFF: Final = frozenset({b"II*\0", b"MM\0*"})
_CAMERA_DIRECTORY, _USER_COMMENT, _XMP_TAG = 0x8769, 0x9286, 0x02BC
_COMMENT_ENCODINGS: Final = {b"ASCII\0\0\0": "ascii", b"UNICODE\0": "utf-16", b"JIS\0\0\0\0\0": "iso2022_jp"}
_GUIDED: Final = {
    SoundContainer.WAV: TagPlace.RIFF_CHUNK,
    SoundContainer.MPEG: TagPlace.ID3_TXXX,
    SoundContainer.FLAC: TagPlace.VORBIS,
    SoundContainer.OGG: TagPlace.VORBIS,
    SoundContainer.MP4: TagPlace.MP4_KEYS,
    SoundContainer.MATROSKA: TagPlace.MATROSKA,
}
_SEGMENT: Final = re.compile(rb"AIGC[\s:=\0]*\{|\{\s*\"AIGC\"")
_LOOKS_LIKE_LABEL: Final = re.compile(r"\"(AIGC|ContentProducer)\"\s*:")


class Carrier(NamedTuple):
    """A value that stands where a label may stand.

    Attributes:
        place: the field, in words.
        value: its text; None of a structure of fields, which is no text.
        is_guided: whether a practice guide names the place.
        is_named: whether the field's name or keyword contains ``AIGC``.
    """

    place: str
    value: str | None
    is_guided: bool = True
    is_named: bool = True


class XmpPacket(NamedTuple):
    """An XMP packet, where it stands, and whether a practice guide names that place."""

    place: str
    data: bytes
    is_guided: bool = True


class Unreadable(NamedTuple):
    """A part of the file that could not be read, and why; the rest was looked at all the same."""

    reason: str


Part = Carrier | XmpPacket | Unreadable


def parts(data: bytes) -> Iterator[Part]:
    """Every value of a file that may be a label, and every XMP packet, in order.

    Raises:
        DamagedFileError: where the file's structure breaks off, or it is of no known container; what came before has
            been yielded.
    """
    container = sound_container(data)
    if container is not None:
        for tag in tags(data):
            yield from _of_tag(tag, _GUIDED.get(container))
    elif data[:4] in _TIFF:
        yield from _of_exif(data, is_guided=False)
    elif _is_image(data):
        for block in blocks(data):
            yield from _of_block(block, is_jpeg=data.startswith(b"\xff\xd8"))
    else:
        raise DamagedFileError("no image, sound or video file that is known here")


def _is_image(data: bytes) -> bool:
    is_webp = data[:4] == b"RIFF" and data[8:12] == b"WEBP"
    return is_webp or data.startswith((b"\xff\xd8", b"\x89PNG\r\n\x1a\n", b"GIF8", b"BM"))


def _of_block(block: Block, *, is_jpeg: bool) -> Iterator[Part]:
    if block.kind is BlockKind.XMP:
        yield XmpPacket("XMP", block.data)
    elif block.kind is BlockKind.EXIF:
        yield from _of_exif(block.data, is_guided=is_jpeg)
    elif block.kind is BlockKind.TEXT:
        keyword, _, text = block.data.partition(b"\0")
        if b"AIGC" in keyword.upper():
            yield from _named(f"PNG text {_plain(keyword)}", _plain(keyword), _plain(text), is_guided=True)
    elif block.kind is BlockKind.OTHER and (match := _SEGMENT.match(block.data)):
        at = match.end() - 1 if match[0].startswith(b"AIGC") else 0
        yield Carrier("a segment of its own", _plain(block.data[at:].rstrip(b"\0")), is_guided=False)


def _of_exif(data: bytes, *, is_guided: bool) -> Iterator[Part]:
    """``UserComment``, which the guide names of JPEG alone, and of a TIFF file the XMP."""
    exif = PillowImage.Exif()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", UserWarning)
            exif.load(data + bytes(4))  # some writers leave out the last pointer to no further directory
            comment, packet = exif.get_ifd(_CAMERA_DIRECTORY).get(_USER_COMMENT), exif.get(_XMP_TAG)
    except Exception:  # noqa: BLE001 - Pillow raises many kinds over hostile bytes; each means the same here
        yield Unreadable("EXIF that cannot be read")
        return
    if isinstance(packet, bytes):
        yield XmpPacket("XMP", packet)
    text = _user_comment(comment)
    if _LOOKS_LIKE_LABEL.search(text):
        yield Carrier("EXIF UserComment", text, is_guided, is_named=re.search(r"\"AIGC\"", text) is not None)


def _user_comment(comment: object) -> str:
    if isinstance(comment, str):
        return comment
    if not isinstance(comment, bytes):
        return ""
    encoding = _COMMENT_ENCODINGS.get(comment[:8].upper())
    if encoding == "utf-16" and comment[8:10] not in {b"\xff\xfe", b"\xfe\xff"}:
        encoding = "utf-16-be" if comment[8:9] == b"\0" else "utf-16-le"
    if encoding is None:
        return _plain(comment[8:] if comment[:8] == bytes(8) else comment).strip("\0 ")
    return comment[8:].decode(encoding, "replace").strip("\0 ")


def _of_tag(tag: Tag, guided: TagPlace | None) -> Iterator[Part]:
    if tag.kind is TagKind.XMP:
        yield XmpPacket(f"XMP in {tag.place.value} {tag.name},", tag.data, is_guided=False)
    elif tag.kind is TagKind.TEXT and "AIGC" in tag.name.upper():
        name = tag.name.upper() if tag.place is TagPlace.VORBIS else tag.name  # there, case does not count
        is_guided = tag.place is guided and name == "AIGC"
        place = f"{tag.place.value} {tag.name}"
        yield from _named(place, tag.name, tag.data.decode("utf-8", "replace"), is_guided=is_guided)


def _named(place: str, name: str, value: str, *, is_guided: bool) -> Iterator[Carrier]:
    """A field called ``AIGC``; one whose name only contains it if its value looks like a label."""
    if name.upper() == "AIGC" or _LOOKS_LIKE_LABEL.search(value):
        yield Carrier(place, value.strip("\0"), is_guided)


def in_xmp(packet: XmpPacket) -> Iterator[Carrier | Unreadable]:
    """The labels of an XMP packet, as far as it can be read."""
    values, is_whole = xmp_values(packet.data, lambda name: name.startswith(f"{TC260} ") or name.endswith(" AIGC"))
    others = set()
    for value in values:
        space, _, name = value.name.rpartition(" ")
        if name != "AIGC":
            others.add(name)
            continue
        text = value.text if value.is_plain else None
        yield Carrier(
            f"{packet.place} {'TC260:' if space == TC260 else ''}AIGC", text, packet.is_guided and space == TC260
        )
    if others and not any(value.name.endswith(" AIGC") for value in values):
        yield Carrier(f"{packet.place} TC260:{'/'.join(sorted(others))[:80]}", None, is_guided=False, is_named=False)
    if not is_whole:
        yield Unreadable("an XMP packet that cannot be read as a whole")


def source_types(packet: XmpPacket) -> tuple[tuple[str, ...], bool]:
    """The digital source types that an XMP packet states, and whether all of it could be read."""
    values, is_whole = xmp_values(packet.data, lambda name: name == DIGITAL_SOURCE_TYPE)
    return tuple(value.text for value in values if value.text), is_whole


def _plain(text: bytes) -> str:
    """UTF-8, or else Latin-1, which PNG texts are in."""
    try:
        return text.decode("utf-8")
    except UnicodeDecodeError:
        return text.decode("latin-1")
