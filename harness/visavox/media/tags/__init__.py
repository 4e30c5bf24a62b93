"""The tags of sound and video files: texts by name, pictures, XMP packets.

Only the structure of a file is walked here; what a tag means is for ``visavox.media.sound_leaks`` and
``visavox.media.labels``. Files come from strangers: every length is checked against the bytes that are there, counts
are bounded, and a file whose structure breaks off keeps the tags found until then.

References:
    Microsoft/IBM RIFF 1.0; EBU Tech 3285 and 3306; AIFF 1.3; ID3v2.2 to 2.4; APEv2; RFC 9639 (FLAC); RFC 3533 (Ogg);
    Xiph Vorbis comments; RFC 7845 (Opus); ISO/IEC 14496-12; QuickTime File Format; RFC 9559 (Matroska).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from enum import StrEnum
from typing import Final

from ..containers import MAX_BLOCK_BYTES, MAX_TOTAL_BYTES, DamagedFileError
from .aiff import aiff_tags
from .id3 import mpeg_tags
from .matroska import matroska_tags
from .mp4 import mp4_tags
from .records import MAX_TAGS, Tag, TagKind, TagPlace
from .riff import riff_tags
from .vorbis import flac_tags, ogg_tags

__all__ = ["SoundContainer", "Tag", "TagKind", "TagPlace", "sound_container", "tags"]


class SoundContainer(StrEnum):
    """A container of sound or video."""

    WAV = "wav"
    AIFF = "aiff"
    FLAC = "flac"
    OGG = "ogg"
    MP4 = "mp4"
    MATROSKA = "matroska"
    MPEG = "mp3"


_READERS: Final[dict[SoundContainer, Callable[[bytes], Iterator[Tag]]]] = {
    SoundContainer.WAV: riff_tags,
    SoundContainer.AIFF: aiff_tags,
    SoundContainer.FLAC: flac_tags,
    SoundContainer.OGG: ogg_tags,
    SoundContainer.MP4: mp4_tags,
    SoundContainer.MATROSKA: matroska_tags,
    SoundContainer.MPEG: mpeg_tags,
}
_MP4_STARTS: Final = frozenset({b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip"})

_PICTURE_BRANDS: Final = frozenset({b"heic", b"heix", b"heim", b"heis", b"hevc", b"mif1", b"msf1", b"avif", b"avis"})


def sound_container(data: bytes) -> SoundContainer | None:
    """The container of a sound or video file by its content; None if it is none that is known here.

    >>> sound_container(b"fLaC....")
    <SoundContainer.FLAC: 'flac'>
    """
    if data[:4] in {b"RIFF", b"RF64", b"BW64"} and data[8:12] == b"WAVE":
        return SoundContainer.WAV
    if data[:4] == b"FORM" and data[8:11] == b"AIF":
        return SoundContainer.AIFF
    if data[:4] == b"OggS":
        return SoundContainer.OGG
    if data[:4] == b"\x1a\x45\xdf\xa3":
        return SoundContainer.MATROSKA
    if data[4:8] in _MP4_STARTS and data[8:12] not in _PICTURE_BRANDS:
        return SoundContainer.MP4
    if data[:4] == b"fLaC":
        return SoundContainer.FLAC
    if data[:3] == b"ID3":
        return _behind_id3(data)
    is_frame = len(data) > 1 and data[0] == 0xFF and data[1] & 0xE0 == 0xE0  # MPEG audio, or AAC in ADTS
    return SoundContainer.MPEG if is_frame else None


def _behind_id3(data: bytes) -> SoundContainer:
    size = 0
    for byte in data[6:10]:
        size = size << 7 | byte & 0x7F
    return SoundContainer.FLAC if data[10 + size : 14 + size] == b"fLaC" else SoundContainer.MPEG


def tags(data: bytes) -> Iterator[Tag]:
    """The tags of a WAV, AIFF, FLAC, Ogg, MP3, AAC, MP4/MOV or Matroska/WebM file, in order.

    Raises:
        DamagedFileError: where the structure breaks off, or it is no such file; what came before has been yielded.
    """
    container = sound_container(data)
    if container is None:
        raise DamagedFileError("no sound or video file")
    total = 0
    for number, tag in enumerate(_READERS[container](data)):
        total += len(tag.data)
        if number >= MAX_TAGS or len(tag.data) > MAX_BLOCK_BYTES or total > MAX_TOTAL_BYTES:
            raise DamagedFileError("more tags, or a larger one, than are looked at")
        yield tag
