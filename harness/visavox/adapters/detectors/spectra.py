"""What generators leave in spectra: the azimuthal power spectrum of an image, LFCC statistics of a voice.

References:
    Durall et al., Unmasking DeepFakes with simple features, arXiv:1911.00686 (2019);
    Sahidullah, Kinnunen, Hanilçi, A comparison of features for synthetic speech detection, Interspeech 2015 (LFCC with
    their differences; 20 filters, frames of 20 ms);
    Müller et al., Speech is silver, silence is golden, ASVspoof 2021 (why pauses are left out: their length alone gave
    data sets away).
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

import numpy as np
import numpy.typing as npt

from visavox.media.audio import Audio, is_silent, resampled
from visavox.media.image import Image, is_blank
from visavox.ports.recogniser import FailureToAcquire

Floats = npt.NDArray[np.float64]

BANDS: Final = 64
"""Rings of equal width from 0 to half a cycle per pixel; the corners beyond are left out."""
LEAST_SIDE_PX: Final = 32
RATE_HZ: Final = 16_000
FRAME: Final = 320
HOP: Final = 160
N_FFT: Final = 512
FILTERS: Final = 20
LOUD_DB: Final = 40.0
"""Frames softer than the loudest by more than this are pauses."""
LEAST_FRAMES: Final = 50
_REACH: Final = 2  # frames on both sides that a difference is taken over, as a regression
_LUMA: Final = np.array([0.299, 0.587, 0.114])
_FLOOR: Final = 1e-12


def image_spectrum(image: Image) -> Floats | FailureToAcquire:
    """The azimuthally averaged power spectrum of an image's luma, in dB of its whole power, float64 of shape (64,).

    Under a Hann window, so that borders do not ring. Frequencies are per pixel: a picture's size does not show, but a
    resized one's spectrum does. Rings of a small picture that no frequency falls into are interpolated.
    """
    height, width = image.shape[:2]
    if min(height, width) < LEAST_SIDE_PX:
        return FailureToAcquire(f"{width} x {height} px, under {LEAST_SIDE_PX}")
    if is_blank(image):
        return FailureToAcquire("all pixels are equal")
    luma = image.astype(np.float64) @ _LUMA
    window = np.outer(np.hanning(height + 2)[1:-1], np.hanning(width + 2)[1:-1])
    power = np.abs(np.fft.rfft2((luma - (luma * window).sum() / window.sum()) * window)) ** 2
    ring, is_inside, twice = _rings(height, width)
    weights = power * twice
    mass = np.bincount(ring[is_inside], weights[is_inside], minlength=BANDS)
    count = np.bincount(ring[is_inside], np.broadcast_to(twice, power.shape)[is_inside], minlength=BANDS)
    filled = count > 0
    mean = np.interp(np.arange(BANDS), np.flatnonzero(filled), mass[filled] / count[filled])
    total = float(weights.sum() / np.broadcast_to(twice, power.shape).sum())
    return np.asarray(10.0 * np.log10(mean / total + _FLOOR), np.float64)


def voice_statistics(audio: Audio) -> Floats | FailureToAcquire:
    """Mean and standard deviation over loud frames of what `voice_frames` gives, shape (120,)."""
    frames = voice_frames(audio)
    return frames if isinstance(frames, FailureToAcquire) else np.concatenate([frames.mean(axis=0), frames.std(axis=0)])


def voice_frames(audio: Audio) -> Floats | FailureToAcquire:
    """20 LFCC, their differences and those' own of each loud frame, 10 ms apart, shape (n, 60).

    A frame counts where all frames that its differences reach are loud too: what lies in pauses does not show.
    """
    if is_silent(audio):
        return FailureToAcquire("the sound is silent")
    cepstra, level_db = lfcc(resampled(audio, RATE_HZ).samples)
    is_soft = level_db <= level_db.max(initial=-np.inf) - LOUD_DB
    is_loud = ~np.lib.stride_tricks.sliding_window_view(np.pad(is_soft, 2 * _REACH), 4 * _REACH + 1).any(axis=1)
    if np.count_nonzero(is_loud) < LEAST_FRAMES:
        return FailureToAcquire(f"{np.count_nonzero(is_loud)} loud frames of 10 ms, under {LEAST_FRAMES}")
    first = _differences(cepstra)
    return np.concatenate([cepstra, first, _differences(first)], axis=1)[is_loud]


def lfcc(samples: npt.NDArray[np.float32]) -> tuple[Floats, Floats]:
    """Linear-frequency cepstra of samples at 16 kHz, shape (n, 20), and the level of each frame in dB, shape (n,).

    Frames of 20 ms, 10 ms apart, within the sound; Hann window; triangles of equal width from 0 to 8 kHz; orthonormal
    cosine transform (DCT-II) of the log energies, which are floored 120 dB below the sound's strongest.
    """
    if len(samples) < FRAME:
        return np.zeros((0, FILTERS)), np.zeros(0)
    frames = np.lib.stride_tricks.sliding_window_view(samples.astype(np.float64), FRAME)[::HOP]
    power = np.abs(np.fft.rfft(frames * np.hanning(FRAME), N_FFT, axis=1)) ** 2
    energies = power @ _linear_filters().T
    floor = max(_FLOOR * float(energies.max(initial=0.0)), np.finfo(np.float64).tiny)
    level_db = 10.0 * np.log10(np.maximum(power.sum(axis=1), floor))
    return np.log(np.maximum(energies, floor)) @ _cosines().T, level_db


@lru_cache(maxsize=16)
def _rings(height: int, width: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_], Floats]:
    """Of each frequency of a real transform: its ring, whether it lies within the rings, and how often it counts."""
    radius = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width)[None, :])
    ring = np.minimum((radius * 2 * BANDS).astype(np.int64), BANDS)
    is_inside = (ring < BANDS) & (radius > 0)
    twice = np.full(radius.shape[1], 2.0)  # the transform leaves out what mirrors these columns
    twice[0] = 1.0
    if width % 2 == 0:
        twice[-1] = 1.0
    return ring, is_inside, twice[None, :]


@lru_cache(maxsize=1)
def _linear_filters() -> Floats:
    """Triangles of height 1, each over two of 21 equal parts of the band, shape (20, 257)."""
    edges = np.linspace(0.0, RATE_HZ / 2, FILTERS + 2)
    bins = np.arange(N_FFT // 2 + 1) * RATE_HZ / N_FFT
    heights: Floats = np.maximum(0.0, 1.0 - np.abs(bins[None, :] - edges[1:-1, None]) / (edges[1] - edges[0]))
    return heights


@lru_cache(maxsize=1)
def _cosines() -> Floats:
    order, band = np.arange(FILTERS)[:, None], np.arange(FILTERS)[None, :]
    cosines: Floats = np.sqrt(2.0 / FILTERS) * np.cos(np.pi * order * (band + 0.5) / FILTERS)
    cosines[0] /= np.sqrt(2.0)
    return cosines


def _differences(values: Floats) -> Floats:
    """Slopes over two frames on either side, the ends repeated; shape as given."""
    padded = np.pad(values, ((_REACH, _REACH), (0, 0)), mode="edge")
    n = len(values)
    reach = range(1, _REACH + 1)
    rise = sum(k * (padded[_REACH + k : _REACH + k + n] - padded[_REACH - k : _REACH - k + n]) for k in reach)
    return np.asarray(rise / (2 * sum(k * k for k in reach)), np.float64)
