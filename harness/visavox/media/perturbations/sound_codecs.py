"""Sounds through lossy codecs and back, by FFmpeg through PyAV; mu-law by arithmetic.

A sound is brought to a rate that the codec has, encoded in memory, decoded, aligned and brought back: the result has
its input's rate and length. Where a codec cannot be had it is an error; nothing is passed unchanged in silence.

References: ISO/IEC 11172-3 and 13818-3 (MP3), RFC 6716 (Opus), ISO/IEC 14496-3 (AAC), ITU-T G.711 and G.722.
"""

from __future__ import annotations

import io
from fractions import Fraction
from typing import Any, Final

import numpy as np

from visavox.core.errors import MissingDependencyError
from visavox.media.audio import Audio, decode_audio, resampled

from .waveforms import of_length

Random = np.random.Generator

_MP3_RATES: Final = (8_000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000)
_AAC_RATES: Final = (*_MP3_RATES, 64_000, 88_200, 96_000)
_OPUS_RATES: Final = (8_000, 12_000, 16_000, 24_000, 48_000)
_G722_RATE: Final = 16_000
_G722_DELAY: Final = 22
"""Samples by which both quadrature filters of G.722 delay: 24 taps each way."""
_MU: Final = 255.0


def mp3(audio: Audio, kbps: float, random: Random) -> Audio:
    """MP3 by LAME at a constant rate in kbit/s.

    Raises:
        MissingDependencyError: PyAV is not installed, or lacks the encoder; so it is of all codecs but mu-law.
    """
    return _coded(audio, "mp3", "libmp3lame", _MP3_RATES, kbps)


def opus(audio: Audio, kbps: float, random: Random) -> Audio:
    """Opus by libopus at a target rate in kbit/s; from 6 up (RFC 6716, section 2.1.1)."""
    return _coded(audio, "ogg", "libopus", _OPUS_RATES, kbps)


def aac(audio: Audio, kbps: float, random: Random) -> Audio:
    """AAC-LC by FFmpeg's encoder at a target rate in kbit/s."""
    return _coded(audio, "mp4", "aac", _AAC_RATES, kbps)


def g722(audio: Audio, kbps: float, random: Random) -> Audio:
    """G.722 at 64 kbit/s, the one rate of FFmpeg's encoder: wideband telephony, 16 kHz."""
    wide = resampled(audio, _G722_RATE)
    late = Audio(np.pad(wide.samples, (0, _G722_DELAY)), _G722_RATE)
    decoded = _decoded(late, "wav", "g722", None)
    return _back(Audio(decoded.samples[_G722_DELAY:], _G722_RATE), audio)


def mu_law(audio: Audio, rate_hz: float, random: Random) -> Audio:
    """Another sample rate, 8 bits of mu-law (mu 255) and back: 8 kHz is G.711, the telephone.

    The continuous law, quantised to 256 steps; G.711 itself draws it with straight lines, within its own step.
    """
    narrow = resampled(audio, int(rate_hz))
    samples = np.clip(narrow.samples.astype(np.float64), -1.0, 1.0)
    pressed = np.sign(samples) * np.log1p(_MU * np.abs(samples)) / np.log1p(_MU)
    steps = np.clip(np.floor(pressed * 128.0), -128, 127) + 0.5
    values = steps / 128.0
    spread = np.sign(values) * np.expm1(np.abs(values) * np.log1p(_MU)) / _MU
    return _back(Audio(spread.astype(np.float32), int(rate_hz)), audio)


def _coded(audio: Audio, container: str, codec: str, rates: tuple[int, ...], kbps: float) -> Audio:
    rate = next((rate for rate in rates if rate >= audio.sample_rate_hz), rates[-1])
    return _back(_decoded(resampled(audio, rate), container, codec, round(1000 * kbps)), audio)


def _back(decoded: Audio, audio: Audio) -> Audio:
    samples = of_length(resampled(decoded, audio.sample_rate_hz).samples, len(audio.samples))
    return Audio(np.clip(samples, -1.0, 1.0).astype(np.float32), audio.sample_rate_hz)


def _decoded(audio: Audio, container: str, codec: str, bit_rate: int | None) -> Audio:
    try:
        import av

        av.codec.Codec(codec, "w")
    except (ImportError, ValueError) as error:  # PyAV: UnknownCodecError is a ValueError
        raise MissingDependencyError(
            f"encode a sound by {codec}",
            found=f"{type(error).__name__}: {error}",
            todo="pip install 'visavox[voices]' (PyAV with this encoder), or leave these perturbations out",
        ) from error
    buffer, rate = io.BytesIO(), audio.sample_rate_hz
    with av.open(buffer, "w", format=container) as file:
        stream: Any = file.add_stream(codec, rate=rate, layout="mono")
        if bit_rate is not None:
            stream.bit_rate = bit_rate
        stream.codec_context.thread_count = 1  # the same bytes on every machine
        frame: Any = av.AudioFrame.from_ndarray(np.ascontiguousarray(audio.samples)[None], format="fltp", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = rate, 0, Fraction(1, rate)
        convert: Any = av.AudioResampler(format=stream.codec_context.format or "fltp", layout="mono", rate=rate)
        for part in [*convert.resample(frame), *convert.resample(None)]:
            file.mux(stream.encode(part))
        file.mux(stream.encode(None))
    data = buffer.getvalue()
    return resampled(_mp3_read(data) if container == "mp3" else decode_audio(data), rate)


def _mp3_read(data: bytes) -> Audio:
    """An MP3 of our own, by FFmpeg: libsndfile decodes the same, but complains of some whole files on stderr."""
    import av

    with av.open(io.BytesIO(data), "r", format="mp3") as file:
        stream = file.streams.audio[0]
        convert: Any = av.AudioResampler(format="fltp", layout="mono")
        parts = [part for frame in file.decode(stream) for part in convert.resample(frame)]
        parts += convert.resample(None)
    samples = np.concatenate([part.to_ndarray()[0] for part in parts])
    return Audio(samples.astype(np.float32, copy=False), parts[0].sample_rate)
