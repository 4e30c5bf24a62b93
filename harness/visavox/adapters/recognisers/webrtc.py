"""WebRTC's detector of speech as Resemblyzer uses it: frames of 30 ms, smoothed, pauses shortened.

References:
    WebRTC's voice activity detector (Gaussian mixtures over six bands), through webrtcvad-wheels; Resemblyzer 0.1.4,
    ``trim_long_silences``.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt

from .sources import import_package

_RATE_HZ: Final = 16_000
_FRAME: Final = 480
_MODE: Final = 3  # the strictest of four
_SMOOTHED: Final = 8  # frames
_PAUSE: Final = 6  # frames of a pause that stay
SETTINGS: Final = {
    "version": 1,
    "rate_hz": _RATE_HZ,
    "frame": _FRAME,
    "mode": _MODE,
    "smoothed": _SMOOTHED,
    "pause": _PAUSE,
}


def voiced(samples: npt.NDArray[np.float32]) -> tuple[tuple[float, float], ...]:
    """Start and end, in seconds, of each stretch of speech.

    Args:
        samples: mono, 16 kHz, of a level that speech has; beyond full scale they are clipped.

    Raises:
        MissingDependencyError: webrtcvad is absent.
    """
    detector: Any = import_package("webrtcvad", extra="voices").Vad(_MODE)
    n_frames = len(samples) // _FRAME
    if not n_frames:
        return ()
    pcm = np.clip(np.round(samples[: n_frames * _FRAME] * 32767.0), -32768, 32767).astype("<i2")
    flags = np.array([detector.is_speech(frame.tobytes(), _RATE_HZ) for frame in pcm.reshape(-1, _FRAME)], float)
    before = (_SMOOTHED - 1) // 2
    sums = np.convolve(np.pad(flags, (before, _SMOOTHED - 1 - before)), np.ones(_SMOOTHED), "valid")
    speech = 2 * sums > _SMOOTHED  # half is no speech: the library rounds half to even
    kept = np.convolve(speech, np.ones(_PAUSE + 1), "same") > 0
    edges = np.flatnonzero(np.diff(np.concatenate([[False], kept, [False]]).astype(np.int8)))
    return tuple(
        (float(first * _FRAME / _RATE_HZ), float(behind * _FRAME / _RATE_HZ)) for first, behind in edges.reshape(-1, 2)
    )
