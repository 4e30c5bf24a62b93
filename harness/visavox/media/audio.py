"""Sound in and out: bytes to one array form, and back.

Inside Visavox a sound is mono float32, nominally in [-1, 1], at its own sample rate. Files come from strangers (a model
under test, a data set), so decoding is bounded: only the containers named here, told by content and never by a file's
name; length and rate read from the header before the body is decoded, and enforced while it is.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Any, Final, TypeAlias

import numpy as np
import numpy.typing as npt

from visavox.core.errors import MediaError, MissingDependencyError

MAX_BYTES: Final = 256 << 20
MAX_DURATION_S: Final = 600.0
MAX_CHANNELS: Final = 32
MIN_RATE_HZ: Final = 4_000
MAX_RATE_HZ: Final = 192_000
MAX_PEAK: Final = 16.0
"""Samples beyond this (24 dB above full scale) were never scaled to [-1, 1]: integers, most often."""
SILENT_PEAK: Final = 1e-3
"""Peak (60 dB below full scale) below which a sound is silent."""
CLIPPED_LEVEL: Final = 0.999
"""Level from which a sample stands at full scale: that of 16 and 24 bits lies above it."""
CLIPPED_SHARE: Final = 0.01
"""Share of samples at full scale from which a sound is clipped. Speech scaled to full scale has one there; twice as
loud, and cut, .4 to 2.4 % of them, three times 1 to 7 % (11 recordings of the kit)."""
_FLAC_STEPS: Final = 1 << 23
_WAV_STEPS: Final = 1 << 15
_BLOCK_FRAMES: Final = 1 << 16
_ANY_LENGTH: Final = frozenset({0, 0xFFFFFFFF})  # what a writer that could not seek back leaves as a WAV length
_AV_SLACK_S: Final = 0.25  # durations of containers are rounded, and count the encoder's padding
_EXTRA: Final = "pip install 'visavox[voices]'"
_READABLE: Final = "give a whole WAV, FLAC, MP3, Ogg (Vorbis, Opus), AIFF, M4A, AAC or WebM file"

Samples: TypeAlias = npt.NDArray[np.float32]
"""float32, shape (n,), nominally in [-1, 1]."""


@dataclass(frozen=True)
class Audio:
    """Mono sound.

    Attributes:
        samples: float32, shape (n,), nominally in [-1, 1].
        sample_rate_hz: samples per second.
    """

    samples: npt.NDArray[np.float32]
    sample_rate_hz: int

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return len(self.samples) / self.sample_rate_hz


def decode_audio(data: bytes, *, max_duration_s: float = MAX_DURATION_S) -> Audio:
    """Decodes the bytes of a sound file to mono samples at the file's own rate.

    WAV, AIFF, FLAC, MP3 and Ogg are read by libsndfile; M4A/MP4, AAC and WebM/Matroska, and whatever libsndfile cannot
    open of the former, by FFmpeg through PyAV. Channels become their mean; integers are divided by their full scale;
    floating-point samples are kept as they are. Of several streams the first is taken.

    Args:
        data: the whole file.
        max_duration_s: length in seconds above which a file is refused.

    Raises:
        MediaError: if the bytes are no sound of these containers, are truncated or damaged, exceed ``MAX_BYTES``,
            ``MAX_CHANNELS`` or ``max_duration_s``, or hold what `check_audio` refuses.
        MissingDependencyError: if the package that reads this container is not installed.

    >>> decode_audio(encode_wav(Audio(np.zeros(8000, np.float32), 16000))).duration_s
    0.5
    """
    if len(data) > MAX_BYTES:
        raise _refused(f"{len(data)} bytes, more than the limit of {MAX_BYTES}")
    container = _container(data)
    _check_is_whole(data, container)
    try:
        return check_audio(_by_either(data, container, max_duration_s))
    except (MediaError, MissingDependencyError, MemoryError):
        raise
    except Exception as error:  # decoders of hostile bytes raise many kinds; each means the same here
        message = " ".join(str(error).split())
        raise _refused(f"a truncated or damaged file: {type(error).__name__}: {message}") from error


def encode_wav(audio: Audio) -> bytes:
    """The WAV file of a sound, lossless: 16 bits where every sample is a whole multiple of 2**-15, else 32-bit float.

    So what came from 16 bits stays a file that any program reads, and nothing is lost of anything else. The same sound
    gives the same bytes. libsndfile is not used: it writes the time of day into floating-point files.

    Raises:
        MediaError: if it is no sound (`check_audio`).

    References:
        Microsoft, IBM, Multimedia Programming Interface and Data Specifications 1.0 (1991); RFC 2361, format 0x0003.

    >>> encode_wav(Audio(np.full(4, 0.5, np.float32), 8000))[-8:].hex()
    '0040004000400040'
    """
    samples, rate = check_audio(audio).samples, audio.sample_rate_hz
    steps = samples * np.float32(_WAV_STEPS)
    if (steps == np.rint(steps)).all() and steps.min() >= -_WAV_STEPS and steps.max() < _WAV_STEPS:
        form = struct.pack("<HHIIHH", 1, 1, rate, 2 * rate, 2, 16)
        chunks = [(b"fmt ", form), (b"data", steps.astype("<i2").tobytes())]
    else:
        form = struct.pack("<HHIIHHH", 3, 1, rate, 4 * rate, 4, 32, 0)
        body = np.ascontiguousarray(samples, dtype="<f4").tobytes()
        chunks = [(b"fmt ", form), (b"fact", struct.pack("<I", len(samples))), (b"data", body)]
    joined = b"".join(name + struct.pack("<I", len(content)) + content for name, content in chunks)
    return b"RIFF" + struct.pack("<I", 4 + len(joined)) + b"WAVE" + joined


def encode_flac(audio: Audio) -> bytes:
    """The FLAC file of a sound, 24 bits: lossless for what came from 24 bits or fewer.

    A sample becomes the nearest multiple of 2**-23 (ties to even); beyond [-1, 1 - 2**-23] it is clipped. Decoded and
    encoded once more, the samples are the same. The same sound gives the same bytes with the same libsndfile.

    Raises:
        MediaError: if it is no sound (`check_audio`), or FLAC does not know its rate.
        MissingDependencyError: if soundfile is not installed.
    """
    soundfile = _soundfile()
    steps = np.rint(check_audio(audio).samples.astype(np.float64) * _FLAC_STEPS)
    whole = np.clip(steps, -_FLAC_STEPS, _FLAC_STEPS - 1).astype(np.int32) << 8  # libsndfile takes the upper 24 bits
    buffer = io.BytesIO()
    try:
        soundfile.write(buffer, whole, audio.sample_rate_hz, format="FLAC", subtype="PCM_24")
    except soundfile.SoundFileError as error:
        raise MediaError("encode a sound as FLAC", found=f"{audio.sample_rate_hz} Hz: {error}") from error
    return buffer.getvalue()


def check_audio(value: object) -> Audio:
    """Gives back the very sound if it is mono float32 of at least one sample, finite, at a usable rate.

    Raises:
        MediaError: if it is not; the message names what was found.
    """
    found = _fault(value)
    if found:
        raise MediaError(
            "a sound is an Audio of float32 samples of shape (n,), in [-1, 1], and a sample rate",
            found=f"found {found}",
            todo=f"finite samples, {MIN_RATE_HZ} to {MAX_RATE_HZ} Hz",
        )
    checked: Audio = value  # type: ignore[assignment]
    return checked


def is_silent(audio: Audio) -> bool:
    """Whether no sample departs from the mean by ``SILENT_PEAK`` or more; a constant offset is silence.

    >>> is_silent(Audio(np.full(100, 0.5, np.float32), 16000))
    True
    """
    samples = audio.samples.astype(np.float64)
    return bool(np.abs(samples - samples.mean()).max() < SILENT_PEAK)


def clipped_share(audio: Audio) -> float:
    """Share of samples, in [0, 1], whose magnitude is ``CLIPPED_LEVEL`` or more.

    What was made quieter after it was clipped does not show.
    """
    return float((np.abs(audio.samples) >= CLIPPED_LEVEL).mean())


def resampled(audio: Audio, sample_rate_hz: int) -> Audio:
    """The sound at another rate, by soxr at its high quality; the very sound where the rate is the same already.

    Raises:
        MediaError: if the rate is out of range, or too few samples are there to leave one.
        MissingDependencyError: if soxr is not installed.

    References:
        The SoX Resampler library, quality recipe HQ.
    """
    if audio.sample_rate_hz == sample_rate_hz:
        return audio
    check_audio(Audio(audio.samples[:1], sample_rate_hz))
    try:
        import soxr  # type: ignore[import-untyped]
    except ImportError as error:
        raise MissingDependencyError("resample a sound", found=str(error), todo=_EXTRA) from error
    samples = soxr.resample(audio.samples, audio.sample_rate_hz, sample_rate_hz, quality="HQ")
    return check_audio(Audio(np.asarray(samples, dtype=np.float32), sample_rate_hz))


# ---------------------------------------------------------------- checks
def _fault(value: object) -> str:
    if not isinstance(value, Audio):
        return f"a {type(value).__name__}, not an Audio"
    samples: object = value.samples
    if not isinstance(samples, np.ndarray):
        return f"samples that are a {type(samples).__name__}, not a numpy array"
    if samples.dtype != np.float32:
        return f"samples of dtype {samples.dtype}"
    if samples.ndim != 1:
        return f"samples of shape {samples.shape}"
    if samples.size == 0:
        return "no samples"
    rate: object = value.sample_rate_hz
    if isinstance(rate, bool) or not isinstance(rate, int | np.integer):
        return f"a sample rate that is a {type(rate).__name__}, not a whole number"
    if not MIN_RATE_HZ <= rate <= MAX_RATE_HZ:
        return f"a sample rate of {rate} Hz"
    peak = float(np.abs(samples).max())  # NaN wins over any number
    if not np.isfinite(peak):
        return "samples that are NaN or infinite"
    if peak > MAX_PEAK:
        return f"samples up to {peak:.6g}, not scaled to [-1, 1]"
    return ""


def _check_header(rate_hz: int, channels: int, duration_s: float | None, max_duration_s: float) -> None:
    if not MIN_RATE_HZ <= rate_hz <= MAX_RATE_HZ:
        raise _refused(f"a sample rate of {rate_hz} Hz; from {MIN_RATE_HZ} to {MAX_RATE_HZ} Hz is read")
    if not 1 <= channels <= MAX_CHANNELS:
        raise _refused(f"{channels} channels; at most {MAX_CHANNELS} are read")
    if duration_s is not None and duration_s > max_duration_s:
        raise _refused(f"{duration_s:.1f} s, more than the limit of {max_duration_s:g} s")


def _check_is_whole(data: bytes, container: str) -> None:
    """Refuses a file cut off within its samples where libsndfile would read what is left without a word."""
    if container in _SAMPLE_CHUNKS:
        _check_chunks(data, *_SAMPLE_CHUNKS[container])
    elif container == "ogg":
        page = data[data.rfind(b"OggS") :]
        header_bytes = 27 + (page[26] if len(page) > 26 else 0)
        is_last = len(page) >= header_bytes + sum(page[27:header_bytes]) and page[5] & _LAST_PAGE
        if not is_last:
            raise _refused("a truncated file: an Ogg stream without its last page")


def _check_chunks(data: bytes, samples: bytes, length: str) -> None:
    at = 12
    while at + 8 <= len(data):
        (size,) = struct.unpack_from(length, data, at + 4)
        if data[at : at + 4] == samples:
            if size not in _ANY_LENGTH and at + 8 + size > len(data):
                raise _refused(f"a truncated file: {len(data) - at - 8} of {size} bytes of samples")
            return
        at += 8 + size + size % 2
    raise _refused("a truncated file: the samples are missing")


def _refused(found: str) -> MediaError:
    return MediaError("decode a sound", found=f"found {found}", todo=_READABLE)


# ---------------------------------------------------------------- containers
_SIGNATURES: Final = (
    # (offset, bytes, FFmpeg's name of the container). FFmpeg is told which one: left to guess, it would also open
    # playlists, which lead to other files and to the network.
    (8, b"WAVE", "wav"),
    (0, b"fLaC", "flac"),
    (0, b"OggS", "ogg"),
    (0, b"ID3", "mp3"),
    (8, b"AIF", "aiff"),
    (4, b"ftyp", "mov"),
    (0, b"\x1a\x45\xdf\xa3", "matroska"),
)
_ONLY_AV: Final = frozenset({"mov", "matroska", "aac"})
_SAMPLE_CHUNKS: Final = {"wav": (b"data", "<I"), "aiff": (b"SSND", ">I")}
_LAST_PAGE: Final = 0x04  # in the header of an Ogg page (RFC 3533)


def _container(data: bytes) -> str:
    for offset, signature, name in _SIGNATURES:
        if data[offset : offset + len(signature)] == signature:
            return name
    if len(data) > 1 and data[0] == 0xFF and data[1] & 0xE0 == 0xE0:  # frame sync; layer 0 is AAC in ADTS
        return "mp3" if data[1] & 0x06 else "aac"
    raise _refused("no data" if not data else f"{len(data)} bytes that are no sound file")


def _by_either(data: bytes, container: str, max_duration_s: float) -> Audio:
    if container in _ONLY_AV:
        return _by_av(data, container, max_duration_s, "")
    soundfile = _soundfile()
    try:
        opened = soundfile.SoundFile(_Bytes(data))
    except soundfile.LibsndfileError as error:
        return _by_av(data, container, max_duration_s, f"libsndfile: {error.error_string} ")
    with opened as file:
        return _by_libsndfile(file, max_duration_s)


def _by_libsndfile(file: Any, max_duration_s: float) -> Audio:
    rate, frames = file.samplerate, file.frames
    _check_header(rate, file.channels, frames / rate if rate else None, max_duration_s)
    samples = _joined(_libsndfile_blocks(file), rate, max_duration_s)
    if len(samples) < frames:
        raise _refused(f"a truncated or damaged file: {len(samples)} of {frames} samples")
    return Audio(samples, rate)


def _libsndfile_blocks(file: Any) -> Iterator[Any]:
    if file.seekable():
        file.seek(0)  # else libsndfile 1.2.2 gives Opus files of other encoders shifted by their pre-skip
    while len(block := file.read(_BLOCK_FRAMES, dtype="float32", always_2d=True)):
        yield block.T


def _by_av(data: bytes, container: str, max_duration_s: float, why: str) -> Audio:
    try:
        import av
    except ImportError as error:
        raise MissingDependencyError(f"decode a {container} file", found=f"{why}{error}", todo=_EXTRA) from error
    with av.open(io.BytesIO(data), "r", format=container, metadata_errors="ignore") as file:
        if not file.streams.audio:
            raise _refused(f"a {container} file without sound")
        stream = file.streams.audio[0]
        duration_s = None
        if stream.duration is not None and stream.time_base is not None:
            duration_s = float(stream.duration * stream.time_base)
        elif file.duration is not None and len(file.streams) == 1:
            duration_s = file.duration / av.time_base
        _check_header(stream.rate, stream.channels, duration_s, max_duration_s)
        frames = file.decode(stream)
        first = next(frames, None)
        rate = stream.rate if first is None else first.sample_rate  # of AAC the header may state the half
        samples = _joined(_av_blocks(first, frames, av.AudioResampler(format="fltp")), rate, max_duration_s)
    if duration_s is not None and len(samples) / rate < duration_s - _AV_SLACK_S:
        raise _refused(f"a truncated or damaged file: {len(samples) / rate:.2f} of {duration_s:.2f} s")
    return Audio(samples, rate)


def _av_blocks(first: Any, others: Iterator[Any], to_float: Any) -> Iterator[Any]:
    for frame in () if first is None else chain([first], others):
        if frame.sample_rate != first.sample_rate or len(frame.layout.channels) > MAX_CHANNELS:
            raise _refused("a sample rate or channels that change within the file")
        for block in to_float.resample(frame):
            yield block.to_ndarray()


def _joined(blocks: Iterator[Any], rate_hz: int, max_duration_s: float) -> Samples:
    """One channel of all blocks, each of shape (channels, n); refused as soon as they are too long."""
    parts: list[Samples] = []
    length = 0
    for block in blocks:
        length += block.shape[1]
        _check_header(rate_hz, block.shape[0], length / rate_hz, max_duration_s)
        with np.errstate(over="ignore", invalid="ignore"):  # beyond any range: `check_audio` refuses it
            parts.append(block[0].astype(np.float32) if len(block) == 1 else block.mean(axis=0, dtype=np.float32))
    return np.concatenate(parts) if parts else np.zeros(0, np.float32)


class _Bytes(io.BytesIO):
    """Bytes whose ``seek`` never raises: an error inside libsndfile's callback would be printed, not raised."""

    def seek(self, offset: int, whence: int = 0, /) -> int:
        try:
            return super().seek(offset, whence)
        except (ValueError, OverflowError):
            return -1


def _soundfile() -> Any:
    try:
        import soundfile
    except (ImportError, OSError) as error:  # OSError: the package is there, its library is not
        raise MissingDependencyError("read or write a sound file", found=str(error), todo=_EXTRA) from error
    return soundfile
