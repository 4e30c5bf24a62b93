"""Mel filters and cepstra of speech: the front ends that voice recognisers are trained behind.

Our own arithmetic, so that no recogniser has to load a library of signal processing (seconds, and most of a compiler);
it equals librosa's (spectra, filters, MFCC) and Kaldi's (log filter banks), which the tests show.

References:
    S. Davis, P. Mermelstein, IEEE Trans. ASSP 28 (1980); M. Slaney, Auditory Toolbox (1998);
    Kaldi, feat/mel-computations.
"""

from __future__ import annotations

from typing import Final, Literal

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Samples = npt.NDArray[np.float32]

_LINEAR_HZ: Final = 200.0 / 3.0  # Slaney's scale: linear below 1 kHz, logarithmic above
_BREAK_HZ: Final = 1000.0
_LOG_STEP: Final = np.log(6.4) / 27.0
_MIN_POWER: Final = 1e-10
_KALDI_MIN: Final = float(np.finfo(np.float32).eps)


def slaney_filters(n_mels: int, n_fft: int, sample_rate_hz: int, low_hz: float, high_hz: float) -> Samples:
    """Triangles of equal area over the bins of a spectrum, float32, shape (n_mels, 1 + n_fft // 2)."""
    low, high = _slaney_mel(np.array([low_hz, high_hz])).tolist()
    mels = np.linspace(low, high, n_mels + 2)
    edges = np.where(
        mels < _BREAK_HZ / _LINEAR_HZ,
        mels * _LINEAR_HZ,
        _BREAK_HZ * np.exp(_LOG_STEP * (mels - _BREAK_HZ / _LINEAR_HZ)),
    )
    bins = np.arange(1 + n_fft // 2) * sample_rate_hz / n_fft
    heights = 2.0 / (edges[2:] - edges[:-2])
    filters: Samples = (_triangles(bins, edges) * heights[:, None]).astype(np.float32)
    return filters


def kaldi_filters(n_mels: int, n_fft: int, sample_rate_hz: int, low_hz: float, high_hz: float) -> Samples:
    """Triangles of height 1 in the mel domain (O'Shaughnessy's scale), float32, shape (n_mels, 1 + n_fft // 2)."""
    low, high = _mel(np.array([low_hz, high_hz])).tolist()
    edges = np.linspace(low, high, n_mels + 2)
    filters = _triangles(_mel(np.arange(1 + n_fft // 2) * sample_rate_hz / n_fft), edges)
    filters[:, -1] = 0.0  # Kaldi leaves the bin at half the rate out
    return filters.astype(np.float32)


def kaldi_fbank(
    signal: Samples,
    *,
    sample_rate_hz: int,
    n_mels: int,
    frame_ms: float = 25.0,
    hop_ms: float = 10.0,
    low_hz: float = 20.0,
    high_hz: float | None = None,
    window: Literal["povey", "hamming"] = "povey",
) -> Samples:
    """Kaldi's log filter banks without dither, of samples at 16-bit scale, float32, shape (n_frames, n_mels).

    Frames lie within the signal (``snip_edges``); each loses its mean, is pre-emphasised by 0.97, windowed, and padded
    to a power of two. There are none where the signal is shorter than one frame.
    """
    size, hop = round(sample_rate_hz * frame_ms / 1000.0), round(sample_rate_hz * hop_ms / 1000.0)
    if len(signal) < size:
        return np.zeros((0, n_mels), np.float32)
    n_fft = 1 << (size - 1).bit_length()
    frames = np.lib.stride_tricks.sliding_window_view(signal.astype(np.float64) * 32768.0, size)[::hop]
    frames = frames - frames.mean(axis=1, keepdims=True)
    frames = frames - 0.97 * np.concatenate([frames[:, :1], frames[:, :-1]], axis=1)
    turn = np.cos(2.0 * np.pi * np.arange(size) / (size - 1))
    shape = 0.54 - 0.46 * turn if window == "hamming" else (0.5 - 0.5 * turn) ** 0.85
    power = np.abs(np.fft.rfft(frames * shape, n_fft, axis=1)) ** 2
    filters = kaldi_filters(n_mels, n_fft, sample_rate_hz, low_hz, high_hz or sample_rate_hz / 2.0)
    banks: Samples = np.log(np.maximum(power @ filters.T.astype(np.float64), _KALDI_MIN)).astype(np.float32)
    return banks


def mfcc(
    signal: Samples,
    *,
    sample_rate_hz: int,
    n_mfcc: int,
    n_mels: int,
    frame_ms: float = 25.0,
    hop_ms: float = 10.0,
    low_hz: float = 0.0,
    high_hz: float | None = None,
) -> Samples:
    """Mel-frequency cepstra, float32, shape (n_frames, n_mfcc), from the 0th on: those of ``librosa.feature.mfcc``.

    Frames are centred on multiples of the hop, the signal is zero beyond its ends; Hann window; powers in decibels, 80
    dB deep; orthonormal cosine transform (DCT-II).
    """
    size, hop = round(sample_rate_hz * frame_ms / 1000.0), round(sample_rate_hz * hop_ms / 1000.0)
    padded = np.pad(signal.astype(np.float64), size // 2)
    frames = np.lib.stride_tricks.sliding_window_view(padded, size)[::hop]
    hann = 0.5 - 0.5 * np.cos(2.0 * np.pi * np.arange(size) / size)
    power = np.abs(np.fft.rfft(frames * hann, axis=1)) ** 2
    filters = slaney_filters(n_mels, size, sample_rate_hz, low_hz, high_hz or sample_rate_hz / 2.0)
    levels = 10.0 * np.log10(np.maximum(power @ filters.T.astype(np.float64), _MIN_POWER))
    levels = np.maximum(levels, levels.max(initial=-np.inf) - 80.0)
    order, band = np.arange(n_mfcc)[:, None], np.arange(n_mels)[None, :]
    cosines = np.sqrt(2.0 / n_mels) * np.cos(np.pi * order * (band + 0.5) / n_mels)
    cosines[0] /= np.sqrt(2.0)
    cepstra: Samples = (levels @ cosines.T).astype(np.float32)
    return cepstra


def _triangles(bins: Floats, edges: Floats) -> Floats:
    """Triangles from each edge over the next to the one after, height 1, at the bins; shape (n_edges - 2, n_bins)."""
    left, middle, right = edges[:-2, None], edges[1:-1, None], edges[2:, None]
    rising, falling = (bins - left) / (middle - left), (right - bins) / (right - middle)
    heights: Floats = np.maximum(0.0, np.minimum(rising, falling))
    return heights


def _slaney_mel(hz: Floats) -> Floats:
    above = _BREAK_HZ / _LINEAR_HZ + np.log(np.maximum(hz, _BREAK_HZ) / _BREAK_HZ) / _LOG_STEP
    mels: Floats = np.where(hz < _BREAK_HZ, hz / _LINEAR_HZ, above)
    return mels


def _mel(hz: Floats) -> Floats:
    mels: Floats = 1127.0 * np.log(1.0 + hz / 700.0)
    return mels
