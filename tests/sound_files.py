"""Sound files written by other programs than ours: libsndfile and FFmpeg."""

from __future__ import annotations

import io
from fractions import Fraction

import numpy as np

RATE_HZ = 16_000


def words(seconds: float = 1.0, rate_hz: int = RATE_HZ, *, every_s: float = 0.5) -> np.ndarray:
    """Bursts of a tone at 220 Hz, as long as the pauses between them; float32, shape (n,)."""
    t = np.arange(int(seconds * rate_hz)) / rate_hz
    is_on = (t / every_s) % 1.0 < 0.5
    return (0.3 * np.sin(2 * np.pi * 220 * t) * is_on).astype(np.float32)


def by_libsndfile(samples: np.ndarray, kind: str, subtype: str | None = None, *, rate_hz: int = RATE_HZ) -> bytes:
    """A file of samples, shape (n,) or (n, channels)."""
    import soundfile

    buffer = io.BytesIO()
    soundfile.write(buffer, samples, rate_hz, format=kind, subtype=subtype)
    return buffer.getvalue()


def by_ffmpeg(samples: np.ndarray, container: str, codec: str, *, rate_hz: int = RATE_HZ) -> bytes:
    """A file of mono samples, shape (n,), at ``RATE_HZ``, resampled to ``rate_hz`` by FFmpeg."""
    import av

    buffer = io.BytesIO()
    with av.open(buffer, "w", format=container) as file:
        stream = file.add_stream(codec, rate=rate_hz, layout="mono")
        frame = av.AudioFrame.from_ndarray(samples[None], format="fltp", layout="mono")
        frame.sample_rate = RATE_HZ
        frame.pts, frame.time_base = 0, Fraction(1, RATE_HZ)  # else no edit list says how much padding to skip
        convert = av.AudioResampler(format=stream.codec_context.format or "fltp", layout="mono", rate=rate_hz)
        for part in [*convert.resample(frame), *convert.resample(None)]:
            file.mux(stream.encode(part))
        file.mux(stream.encode(None))
    return buffer.getvalue()
