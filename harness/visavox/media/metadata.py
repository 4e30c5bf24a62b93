"""What an image file gives away beside its picture: position, serial numbers, names, ids, embedded pictures.

Only codes leave this module, never a value. Files come from strangers: nothing raises, sizes, counts and depth are
bounded, and what cannot be read is said to be so.

References:
    Exif 3.0 (CIPA DC-008); ISO 16684-1 (XMP); IPTC-IIM 4.2; Metadata Working Group, Guidelines 2.0; CIPA DC-007 (MPF).
"""

from __future__ import annotations

import io
import struct
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

import numpy as np
from PIL import Image as PillowImage

from visavox.core.errors import MediaError

from .containers import (
    BlockKind,
    DamagedFileError,
    blocks,
    iptc_datasets,
    photoshop_resources,
    picture_at,
    picture_starts,
)
from .image import FORMATS, Image, decode_image
from .thumbnails import ThumbnailVerdict, reduced, thumbnail_shows
from .xmp import read_xmp

MAX_PICTURES: Final = 16
MAX_PICTURE_PIXELS: Final = 64_000_000
MAX_CANDIDATES: Final = 64
MAX_DEPTH: Final = 3


class Leak(StrEnum):
    """What a file gives away."""

    GPS = "gps"
    SERIAL_NUMBER = "serial_number"
    PERSON_NAME = "person_name"
    UNIQUE_ID = "unique_id"
    THUMBNAIL_UNEDITED = "thumbnail_unedited"
    THUMBNAIL_DIFFERS = "thumbnail_differs"
    UNREADABLE = "unreadable"


@dataclass(frozen=True)
class FileFindings:
    """What one file holds.

    Attributes:
        leaks: codes, all but the two of thumbnails.
        pictures: the embedded pictures, upright as they say themselves, at most 512 pixels long; in memory only.
    """

    leaks: frozenset[Leak]
    pictures: tuple[Image, ...] = field(default=(), repr=False)


def examine(data: bytes) -> FileFindings:
    """What the bytes of an image file (JPEG, PNG, WebP, TIFF, BMP, GIF) give away; never raises.

    Looked at: EXIF with its thumbnail, maker notes and previews, XMP, IPTC, Photoshop resources, JFIF thumbnails, PNG
    text, content-credential boxes, further pages of a TIFF, pictures appended behind the end, and the metadata of
    embedded pictures themselves. ``unreadable``: a part is damaged, or beyond the bounds.
    """
    examiner = _Examiner()
    examiner.file(data, 0)
    return FileFindings(frozenset(examiner.leaks), tuple(examiner.pictures))


def leaks_of(data: bytes, output: Image, sources: Sequence[Image] = ()) -> tuple[str, ...]:
    """The codes of an output's file, sorted.

    Args:
        data: the file that the output came in.
        output: its picture, decoded.
        sources: the unedited pictures that went into it, as far as they are known.
    """
    findings = examine(data)
    leaks = set(findings.leaks)
    for picture in findings.pictures:
        verdicts = {thumbnail_shows(picture, output, source) for source in sources or (None,)}
        if ThumbnailVerdict.UNEDITED in verdicts:
            leaks.add(Leak.THUMBNAIL_UNEDITED)
        elif ThumbnailVerdict.EDITED not in verdicts and ThumbnailVerdict.DIFFERS in verdicts:
            leaks.add(Leak.THUMBNAIL_DIFFERS)
    return tuple(sorted(leak.value for leak in leaks))


# ---------------------------------------------------------------- what names what
_EXIF_IFD, _GPS_IFD, _MAKER_NOTE, _IFD1 = 0x8769, 0x8825, 0x927C, -1
_TEXTS: Final[Mapping[int, Leak]] = {
    0x013B: Leak.PERSON_NAME,  # Artist
    0x9C9D: Leak.PERSON_NAME,  # XPAuthor
    0xA430: Leak.PERSON_NAME,  # CameraOwnerName
    0xA437: Leak.PERSON_NAME,  # Photographer
    0xA438: Leak.PERSON_NAME,  # ImageEditor
    0xA431: Leak.SERIAL_NUMBER,  # BodySerialNumber
    0xA435: Leak.SERIAL_NUMBER,  # LensSerialNumber
    0xC62F: Leak.SERIAL_NUMBER,  # CameraSerialNumber
    0xA420: Leak.UNIQUE_ID,  # ImageUniqueID
    0xC65D: Leak.UNIQUE_ID,  # RawDataUniqueID
}
_POSITIONS: Final = (0x02, 0x04, 0x14, 0x16)  # latitude and longitude, of the camera and of the destination
_SUB_IFDS, _XMP_TAG, _IPTC_TAG, _PHOTOSHOP_TAG = 0x014A, 0x02BC, 0x83BB, 0x8649
_JPEG_OFFSET, _JPEG_BYTES = 0x0201, 0x0202

_XMP_LEAKS: Final[Mapping[Leak, Mapping[str, Sequence[str]]]] = {
    Leak.GPS: {
        "http://ns.adobe.com/exif/1.0/": ("GPSLatitude", "GPSLongitude", "GPSDestLatitude", "GPSDestLongitude"),
    },
    Leak.SERIAL_NUMBER: {
        "http://ns.adobe.com/exif/1.0/aux/": ("SerialNumber", "LensSerialNumber"),
        "http://cipa.jp/exif/1.0/": ("BodySerialNumber", "LensSerialNumber"),
        "http://ns.microsoft.com/photo/1.0/": ("CameraSerialNumber",),
    },
    Leak.PERSON_NAME: {
        "http://purl.org/dc/elements/1.1/": ("creator",),
        "http://ns.adobe.com/tiff/1.0/": ("Artist",),
        "http://ns.adobe.com/exif/1.0/aux/": ("OwnerName",),
        "http://cipa.jp/exif/1.0/": ("CameraOwnerName", "Photographer", "ImageEditor"),
        "http://iptc.org/std/Iptc4xmpExt/2008-02-29/": ("PersonInImage", "PersonInImageWDetails"),
        "http://www.metadataworkinggroup.com/schemas/regions/": ("Name",),
        "http://ns.microsoft.com/photo/1.2/t/Region#": ("PersonDisplayName",),
        "http://ns.useplus.org/ldf/xmp/1.0/": ("ImageCreatorName",),
    },
    Leak.UNIQUE_ID: {
        "http://ns.adobe.com/xap/1.0/mm/": ("DocumentID", "OriginalDocumentID", "InstanceID"),
        "http://ns.adobe.com/xap/1.0/sType/ResourceRef#": ("documentID", "originalDocumentID", "instanceID"),
        "http://ns.adobe.com/exif/1.0/": ("ImageUniqueID",),
        "http://iptc.org/std/Iptc4xmpExt/2008-02-29/": ("DigImageGUID",),
    },
}
_IPTC_LEAKS: Final[Mapping[tuple[int, int], Leak]] = {
    (1, 100): Leak.UNIQUE_ID,  # unique name of object
    (2, 80): Leak.PERSON_NAME,  # by-line
    (2, 118): Leak.PERSON_NAME,  # contact
    (2, 122): Leak.PERSON_NAME,  # writer
}
_IPTC, _BGR_THUMBNAIL, _THUMBNAIL, _EXIF, _EXIF_3, _XMP = 0x0404, 0x0409, 0x040C, 0x0422, 0x0423, 0x0424
_THUMBNAIL_HEADER_BYTES = 28

_MAKERS: Final[Sequence[tuple[bytes, str, int, tuple[int, ...]]]] = (
    (b"Nikon\0\2", "own", 10, (0x001D, 0x00A0)),
    (b"Panasonic\0", "shared", 12, (0x0025,)),
    (b"", "shared", 0, (0x000C, 0x0096)),  # Canon: no header
)
"""First bytes of a maker note, whether its offsets count from its own header or the file's, where it begins, tags."""


class _Examiner:
    """One examination: what was found so far, and what may still be decoded."""

    def __init__(self) -> None:
        self.leaks: set[Leak] = set()
        self.pictures: list[Image] = []
        self._pixels = MAX_PICTURE_PIXELS
        self._candidates = MAX_CANDIDATES

    def file(self, data: bytes, depth: int) -> None:
        """Every block of a file."""
        try:
            if data[:4] in {b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"}:
                self._tiff_file(data, depth)
                return
            for block in blocks(data):
                self._block(block.kind, block.data, depth)
        except Exception:  # noqa: BLE001 - a stranger's bytes: whatever their parsing raises means the same
            self.leaks.add(Leak.UNREADABLE)

    def _block(self, kind: BlockKind, data: bytes, depth: int) -> None:
        """One block; if it is damaged the others are looked at all the same."""
        try:
            if kind is BlockKind.EXIF:
                self._exif(data, depth)
            elif kind is BlockKind.XMP:
                self._xmp(data, depth)
            elif kind is BlockKind.PHOTOSHOP:
                self._photoshop(data, depth)
            elif kind is BlockKind.IPTC:
                self._iptc(data)
            elif kind is BlockKind.AUTHOR:
                self._note(Leak.PERSON_NAME, data)
            elif kind is BlockKind.PICTURE:
                self._picture(data, depth)
            elif kind is BlockKind.RAW_PICTURE:
                self._raw_picture(data)
            else:
                self._search(data, depth)
        except Exception:  # noqa: BLE001 - as above
            self.leaks.add(Leak.UNREADABLE)

    # ------------------------------------------------------------ EXIF and TIFF
    def _exif(self, data: bytes, depth: int) -> None:
        exif = _loaded(data)
        self._directories(exif, data)
        thumbnail = _directory(exif, _IFD1)
        self._note_tags(thumbnail)
        declared = -1
        if _JPEG_OFFSET in thumbnail:
            declared = int(thumbnail[_JPEG_OFFSET])
            self._picture(data[declared : declared + int(thumbnail[_JPEG_BYTES])], depth)
        elif thumbnail.get(0x0111) is not None:  # StripOffsets: the thumbnail is not compressed
            self._picture(_starting_at(data, next(_further_pages(data))), MAX_DEPTH)
        self._search(data, depth, but=declared)

    def _tiff_file(self, data: bytes, depth: int) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with PillowImage.open(io.BytesIO(data), formats=("TIFF",)) as picture:
                exif = picture.getexif()
                self._directories(exif, data)
                carried = {tag: _bytes_of(exif.get(tag)) for tag in (_XMP_TAG, _IPTC_TAG, _PHOTOSHOP_TAG)}
                previews = [int(offset) for offset in _tuple_of(exif.get(_SUB_IFDS))]
        for tag, kind in (
            (_XMP_TAG, BlockKind.XMP),
            (_IPTC_TAG, BlockKind.IPTC),
            (_PHOTOSHOP_TAG, BlockKind.PHOTOSHOP),
        ):
            if carried[tag]:
                self._block(kind, carried[tag], depth)
        for offset in [*_further_pages(data), *previews][:MAX_PICTURES]:
            self._picture(_starting_at(data, offset), MAX_DEPTH)

    def _directories(self, exif: PillowImage.Exif, data: bytes) -> None:
        camera = _directory(exif, _EXIF_IFD)
        self._note_tags(exif)
        self._note_tags(camera)
        position = _directory(exif, _GPS_IFD)
        if any(_is_position(position.get(tag)) for tag in _POSITIONS):
            self.leaks.add(Leak.GPS)
        note = _bytes_of(camera.get(_MAKER_NOTE))
        if note:
            self._maker_note(exif, note, data)

    def _note_tags(self, tags: Mapping[int, Any] | PillowImage.Exif) -> None:
        for tag, leak in _TEXTS.items():
            if tag in tags:
                self._note(leak, _bytes_of(tags[tag]))

    def _maker_note(self, exif: PillowImage.Exif, note: bytes, data: bytes) -> None:
        """Serial numbers in the notes whose layout is known; the notes of other makers are passed over."""
        if note.startswith(b"FUJIFILM"):
            self._note(Leak.SERIAL_NUMBER, _bytes_of(_directory(exif, _MAKER_NOTE).get(0x0010)))
            return
        maker = _bytes_of(exif.get(0x010F)).strip(b"\0 ").lower()
        for start, base, at, tags in _MAKERS:
            if not note.startswith(start) or (not start and not maker.startswith(b"canon")):
                continue
            tiff = note[at:] if base == "own" else _starting_at(data, data.find(note) + at)
            found = _loaded(tiff)
            for tag in tags:
                self._note(Leak.SERIAL_NUMBER, _bytes_of(found.get(tag)))
            return

    # ------------------------------------------------------------ other metadata
    def _xmp(self, data: bytes, depth: int) -> None:
        content = read_xmp(data)
        if not content.is_whole:
            self.leaks.add(Leak.UNREADABLE)
        for leak, spaces in _XMP_LEAKS.items():
            if any(f"{space} {name}" in content.filled for space, names in spaces.items() for name in names):
                self.leaks.add(leak)
        for picture in content.pictures:
            self._picture(picture, depth)

    def _photoshop(self, data: bytes, depth: int) -> None:
        for identifier, body in photoshop_resources(data):
            if identifier == _IPTC:
                self._block(BlockKind.IPTC, body, depth)
            elif identifier in {_EXIF, _EXIF_3}:
                self._block(BlockKind.EXIF, body.removeprefix(b"Exif\0\0"), depth)
            elif identifier == _XMP:
                self._block(BlockKind.XMP, body, depth)
            elif identifier in {_THUMBNAIL, _BGR_THUMBNAIL}:
                self._picture(body[_THUMBNAIL_HEADER_BYTES:], depth, is_bgr=identifier == _BGR_THUMBNAIL)

    def _iptc(self, data: bytes) -> None:
        for record, number, value in iptc_datasets(data):
            leak = _IPTC_LEAKS.get((record, number))
            if leak is not None:
                self._note(leak, value)

    def _note(self, leak: Leak, value: bytes) -> None:
        """Notes a leak if there is a value at all: blanks are none, nor are zeros for a number."""
        if value.strip(b"\0 \t\r\n" + (b"" if leak is Leak.PERSON_NAME else b"0")):
            self.leaks.add(leak)

    # ------------------------------------------------------------ pictures
    def _search(self, data: bytes, depth: int, but: int = -1) -> None:
        """Pictures anywhere in a block; what only looks like the beginning of one is passed over."""
        behind = 0
        for start in picture_starts(data):
            if start < behind or start == but:
                continue
            if self._candidates == 0:
                self.leaks.add(Leak.UNREADABLE)
                return
            self._candidates -= 1
            picture = picture_at(data, start)
            try:
                self._picture(picture, depth)
            except MediaError:
                continue
            behind = start + len(picture)

    def _picture(self, data: bytes, depth: int, *, is_bgr: bool = False) -> None:
        """Decodes an embedded picture and looks at its own metadata.

        Raises:
            MediaError: if it cannot be decoded.
        """
        n_pixels = _n_pixels(data)
        if n_pixels > self._pixels:
            self.leaks.add(Leak.UNREADABLE)
            return
        self._pixels -= n_pixels
        image = decode_image(data)
        self._keep(image[..., ::-1] if is_bgr else image)
        if depth + 1 < MAX_DEPTH:
            self.file(data, depth + 1)

    def _raw_picture(self, data: bytes) -> None:
        width, height = struct.unpack_from(">HH", data)
        pixels = np.frombuffer(data, np.uint8, count=3 * width * height, offset=4)
        self._keep(pixels.reshape(height, width, 3))

    def _keep(self, image: Image) -> None:
        small = reduced(image)
        if any(np.array_equal(small, known) for known in self.pictures):
            return
        if len(self.pictures) == MAX_PICTURES:
            self.leaks.add(Leak.UNREADABLE)
        else:
            self.pictures.append(small)


# ---------------------------------------------------------------- Pillow's directories
def _loaded(data: bytes) -> PillowImage.Exif:
    exif = PillowImage.Exif()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        exif.load(data)
    return exif


def _directory(exif: PillowImage.Exif, tag: int) -> Mapping[int, Any]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return exif.get_ifd(tag)


def _starting_at(data: bytes, offset: int) -> bytes:
    """The same TIFF structure, begun at another of its directories.

    Raises:
        DamagedFileError: if there is none.
    """
    if not 8 <= offset < len(data):
        raise DamagedFileError("a directory outside the file")
    return data[:4] + struct.pack("<I" if data[:1] == b"I" else ">I", offset) + data[8:]


def _further_pages(data: bytes) -> Iterator[int]:
    """Offsets of the directories that follow the first, at most `MAX_PICTURES`."""
    order = "<" if data[:1] == b"I" else ">"
    if struct.unpack_from(order + "H", data, 2) != (42,):
        return  # a BigTIFF: its first page alone is looked at
    (offset,) = struct.unpack_from(order + "I", data, 4)
    for _ in range(MAX_PICTURES):
        (entries,) = struct.unpack_from(order + "H", data, offset)
        (offset,) = struct.unpack_from(order + "I", data, offset + 2 + 12 * entries)
        if not offset:
            return
        yield offset


def _bytes_of(value: Any) -> bytes:
    """Text, bytes or a number as bytes; of a sequence the elements one after another."""
    if value is None:
        return b""
    if isinstance(value, bytes):
        return value
    if isinstance(value, str):
        return value.encode("utf-8", "replace")
    if isinstance(value, Iterable):
        return b"".join(_bytes_of(part) for part in value)
    return str(value).encode()


def _tuple_of(value: Any) -> tuple[Any, ...]:
    if value is None:
        return ()
    return tuple(value) if isinstance(value, Sequence) else (value,)


def _is_position(value: Any) -> bool:
    """Whether degrees, minutes and seconds hold a number other than 0: cameras without a fix write zeros."""
    return any(part == part and part != 0 for part in _tuple_of(value))  # noqa: PLR0124 - 0/0 is NaN


def _n_pixels(data: bytes) -> int:
    """Pixels that a file's header states; 0 if it is no picture."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with PillowImage.open(io.BytesIO(data), formats=FORMATS) as picture:
                return picture.width * picture.height
    except PillowImage.DecompressionBombError:
        return MAX_PICTURE_PIXELS + 1
    except Exception:  # noqa: BLE001 - decoders of hostile bytes raise many kinds; each means the same here
        return 0
