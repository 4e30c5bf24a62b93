"""What an image file gives away beside its picture: position, serial numbers, names, ids, embedded pictures.

Only codes leave this module, never a value. Files come from strangers: nothing raises, sizes, counts and depth are
bounded, and what cannot be read is said to be so.
"""

from __future__ import annotations

import io
import struct
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from PIL import Image as PillowImage

from visavox.core.errors import MediaError

from .containers import (
    Block,
    BlockKind,
    DamagedFileError,
    blocks,
    iptc_datasets,
    photoshop_resources,
    picture_at,
    picture_starts,
)
from .image import FORMATS, Image, decode_image
from .leaks import EXIF_LEAKS, IPTC_LEAKS, XMP_LEAKS, Leak
from .thumbnails import ThumbnailVerdict, reduced, thumbnail_shows
from .xmp import read_xmp

MAX_PICTURES: Final = 16
MAX_PICTURE_PIXELS: Final = 64_000_000
MAX_CANDIDATES: Final = 64
MAX_DEPTH: Final = 3


@dataclass(frozen=True)
class FileFindings:
    """What one file holds.

    Attributes:
        leaks: codes, all but the two of thumbnails.
        pictures: the embedded pictures, upright as they say themselves, at most 256 pixels long; in memory only.
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


def examine_parts(parts: Iterable[Block]) -> FileFindings:
    """What parts of another file give away, as `examine` finds it in an image's blocks; never raises.

    ``parts`` may end with `DamagedFileError`, which is ``unreadable``.
    """
    examiner = _Examiner()
    examiner.parts(parts, 0)
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


_EXIF_IFD, _GPS_IFD, _MAKER_NOTE, _IFD1 = 0x8769, 0x8825, 0x927C, -1
_POSITIONS: Final = (0x02, 0x04, 0x14, 0x16)  # latitude and longitude, of the camera and of the destination
_CARRIED: Final = {0x02BC: BlockKind.XMP, 0x83BB: BlockKind.IPTC, 0x8649: BlockKind.PHOTOSHOP}
_MAKE, _STRIP_OFFSETS, _SUB_IFDS, _JPEG_OFFSET, _JPEG_BYTES = 0x010F, 0x0111, 0x014A, 0x0201, 0x0202
_IPTC, _BGR_THUMBNAIL, _THUMBNAIL, _EXIF, _EXIF_3, _XMP = 0x0404, 0x0409, 0x040C, 0x0422, 0x0423, 0x0424
_THUMBNAIL_HEADER_BYTES = 28


class _Examiner:
    """One examination: what was found so far, and what may still be decoded."""

    def __init__(self) -> None:
        self.leaks: set[Leak] = set()
        self.pictures: list[Image] = []
        self._pixels = MAX_PICTURE_PIXELS
        self._candidates = MAX_CANDIDATES

    def file(self, data: bytes, depth: int) -> None:
        """Every block of a file."""
        with self._safely():
            if data[:4] in {b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"}:
                self._tiff_file(data, depth)
                return
            self.parts(blocks(data), depth)

    def parts(self, parts: Iterable[Block], depth: int) -> None:
        """Every one of several blocks."""
        with self._safely():
            for block in parts:
                self._block(block.kind, block.data, depth)

    @contextmanager
    def _safely(self) -> Iterator[None]:
        """Whatever parsing a stranger's bytes raises means the same; what comes after it is looked at all the same."""
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            try:
                yield
            except Exception:  # noqa: BLE001 - as said
                self.leaks.add(Leak.UNREADABLE)
        if any(issubclass(warning.category, UserWarning) for warning in caught):
            self.leaks.add(Leak.UNREADABLE)  # Pillow skips a damaged entry with a warning

    def _block(self, kind: BlockKind, data: bytes, depth: int) -> None:
        with self._safely():
            if kind is BlockKind.EXIF:
                self._exif(data, depth)
            elif kind is BlockKind.XMP:
                self._xmp(data, depth)
            elif kind is BlockKind.PHOTOSHOP:
                self._photoshop(data, depth)
            elif kind is BlockKind.IPTC:
                self._iptc(data)
            elif kind is BlockKind.TEXT:
                return  # free text: nobody can tell whom it names
            elif kind is BlockKind.AUTHOR:
                self._note(Leak.PERSON_NAME, data)
            elif kind is BlockKind.PICTURE:
                self._picture(data, depth)
            elif kind is BlockKind.RAW_PICTURE:
                self._raw_picture(data)
            else:
                self._search(data, depth)

    # ------------------------------------------------------------ EXIF and TIFF
    def _exif(self, data: bytes, depth: int) -> None:
        with self._safely():
            exif = _loaded(data)
            self._directories(exif, data)
            self._first_thumbnail(exif.get_ifd(_IFD1), data, depth)
        self._search(data, depth)  # previews in maker notes, and thumbnails that nothing points at any more

    def _first_thumbnail(self, tags: Mapping[int, Any], data: bytes, depth: int) -> None:
        self._note_tags(tags)
        if _JPEG_OFFSET in tags:
            start = int(tags[_JPEG_OFFSET])
            self._picture(data[start : start + int(tags[_JPEG_BYTES])], depth)
        elif _STRIP_OFFSETS in tags:  # not compressed
            self._picture(_starting_at(data, next(_further_pages(data))), MAX_DEPTH)

    def _tiff_file(self, data: bytes, depth: int) -> None:
        with PillowImage.open(io.BytesIO(data), formats=("TIFF",)) as picture:
            exif = picture.getexif()
            carried = {kind: _bytes_of(exif.get(tag)) for tag, kind in _CARRIED.items()}
            previews = [int(offset) for offset in _tuple_of(exif.get(_SUB_IFDS))]
            with self._safely():
                self._directories(exif, data)
        for kind, block in carried.items():
            if block:
                self._block(kind, block, depth)
        for offset in [*_further_pages(data), *previews][:MAX_PICTURES]:
            with self._safely():
                self._picture(_starting_at(data, offset), MAX_DEPTH)

    def _directories(self, exif: PillowImage.Exif, data: bytes) -> None:
        camera, position = exif.get_ifd(_EXIF_IFD), exif.get_ifd(_GPS_IFD)
        self._note_tags(exif)
        self._note_tags(camera)
        if any(_is_position(position.get(tag)) for tag in _POSITIONS):
            self.leaks.add(Leak.GPS)
        note = _bytes_of(camera.get(_MAKER_NOTE))
        with suppress(Exception), warnings.catch_warnings():  # private formats: what cannot be read is passed over
            warnings.simplefilter("ignore")
            self._maker_note(exif, note, data)

    def _note_tags(self, tags: Mapping[int, Any] | PillowImage.Exif) -> None:
        for tag, leak in EXIF_LEAKS.items():
            if tag in tags:
                self._note(leak, _bytes_of(tags[tag]))

    def _maker_note(self, exif: PillowImage.Exif, note: bytes, data: bytes) -> None:
        """Serial numbers in the notes of four makers; Pillow knows Fujifilm's, the others are directories too."""
        maker = _bytes_of(exif.get(_MAKE)).strip(b"\0 ").lower()
        tags: Mapping[int, Any] | PillowImage.Exif
        numbers: tuple[int, ...]
        if note.startswith(b"FUJIFILM"):
            tags, numbers = exif.get_ifd(_MAKER_NOTE), (0x0010,)
        elif note.startswith(b"Nikon\0\2"):  # a TIFF structure of its own
            tags, numbers = _loaded(note[10:]), (0x001D, 0x00A0)
        elif note.startswith(b"Panasonic\0"):
            tags, numbers = _loaded(_starting_at(data, data.find(note) + 12)), (0x0025,)
        elif note and maker.startswith(b"canon"):
            tags, numbers = _loaded(_starting_at(data, data.find(note))), (0x000C, 0x0096)
        else:
            return
        for number in numbers:
            self._note(Leak.SERIAL_NUMBER, _bytes_of(tags.get(number)))

    # ------------------------------------------------------------ other metadata
    def _xmp(self, data: bytes, depth: int) -> None:
        content = read_xmp(data)
        if not content.is_whole:
            self.leaks.add(Leak.UNREADABLE)
        for leak, spaces in XMP_LEAKS.items():
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
            leak = IPTC_LEAKS.get((record, number))
            if leak is not None:
                self._note(leak, value)

    def _note(self, leak: Leak, value: bytes) -> None:
        """Notes a leak if there is a value at all: blanks are none, nor are zeros for a number."""
        if value.strip(b"\0 \t\r\n" + (b"" if leak is Leak.PERSON_NAME else b"0")):
            self.leaks.add(leak)

    # ------------------------------------------------------------ pictures
    def _search(self, data: bytes, depth: int) -> None:
        """Pictures anywhere in a block; what only looks like the beginning of one is passed over."""
        behind = 0
        for start in picture_starts(data):
            if start < behind:
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
    exif.load(data + bytes(4))  # some writers leave out the last pointer to no further directory
    return exif


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
        with PillowImage.open(io.BytesIO(data), formats=FORMATS) as picture:
            return picture.width * picture.height
    except PillowImage.DecompressionBombError:
        return MAX_PICTURE_PIXELS + 1
    except Exception:  # noqa: BLE001 - decoders of hostile bytes raise many kinds; each means the same here
        return 0
