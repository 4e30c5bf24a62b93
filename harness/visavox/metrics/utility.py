"""What an edit leaves of the media: utility beside safety, so that a destroyed output cannot pass for a safe one.

Faces: PSNR, SSIM, landmark error. Voices: SI-SDR where output and input are aligned, correlation of F0, word error
rate. Each compares an output with its own input; higher is better but for the two errors. STOI and PESQ, which other
packages compute, are in ``visavox.media.intelligibility``.

References: Wang et al., IEEE TIP 13 (2004) 600-612 (SSIM); Le Roux et al., ICASSP 2019, 626-630 (SI-SDR).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from visavox.core.errors import UndefinedMetricError

from .arrays import Floats

SSIM_WINDOW_PX = 11
SSIM_SIGMA_PX = 1.5
SSIM_K1, SSIM_K2 = 0.01, 0.03
LUMA = np.array([0.299, 0.587, 0.114])
"""ITU-R BT.601."""
LEAST_VOICED_FRAMES = 10
COPY = 1e-24
"""Share of a signal's energy below which what is left over is rounding."""


class F0Correlation(NamedTuple):
    """How the melody of an output follows its input's.

    Attributes:
        correlation: Pearson's, over frames voiced in both, in [-1, 1].
        n_frames: those frames.
        voiced_agreement: share of all frames that are voiced in both or in neither.
    """

    correlation: float
    n_frames: int
    voiced_agreement: float


def _images(original: npt.ArrayLike, edited: npt.ArrayLike, asked: str) -> tuple[Floats, Floats]:
    first, second = np.asarray(original, np.float64), np.asarray(edited, np.float64)
    if first.shape != second.shape or first.ndim not in {2, 3} or (first.ndim == 3 and first.shape[2] != 3):
        raise UndefinedMetricError(
            f"{asked} was asked for",
            found=f"images of shapes {first.shape} and {second.shape}",
            todo="both H x W or H x W x 3, of one size: an output of another size is resized first, and said to be",
        )
    if not (np.isfinite(first).all() and np.isfinite(second).all()):
        raise UndefinedMetricError(f"{asked} was asked for", found="pixels that are NaN or infinite")
    return first, second


def psnr_db(original: npt.ArrayLike, edited: npt.ArrayLike, *, peak: float = 255.0) -> float:
    """Peak signal-to-noise ratio over all pixels and channels, in decibels.

    Args:
        original, edited: images H x W or H x W x 3.
        peak: the largest value that a pixel can have.

    >>> round(psnr_db([[0, 0], [0, 0]], [[0, 0], [0, 255]]), 2)
    6.02

    Raises:
        UndefinedMetricError: images of different or wrong shapes, values that are not finite, or equal images, whose
            ratio is infinite.
    """
    first, second = _images(original, edited, "a PSNR")
    error = float(((first - second) ** 2).mean())
    if error == 0:
        raise UndefinedMetricError("a PSNR was asked for", found="two equal images", todo="the ratio is infinite")
    return float(10 * np.log10(peak**2 / error))


def ssim(original: npt.ArrayLike, edited: npt.ArrayLike, *, peak: float = 255.0) -> float:
    """Mean structural similarity of the luma, in [-1, 1]; 1 = equal.

    A Gaussian window of 11 x 11 pixels, sigma 1.5, at every place where it fits whole; K1 = .01, K2 = .03; variances
    weighted by the window, uncorrected, as in the paper. Colour images are judged by their luma (BT.601).

    Args:
        original, edited: images H x W or H x W x 3, at least 11 pixels each way.
        peak: the largest value that a pixel can have.

    Raises:
        UndefinedMetricError: images of different or wrong shapes, too small, or with values that are not finite.
    """
    first, second = (image @ LUMA if image.ndim == 3 else image for image in _images(original, edited, "an SSIM"))
    if min(first.shape) < SSIM_WINDOW_PX:
        raise UndefinedMetricError(
            "an SSIM was asked for", found=f"images of {first.shape}, at least {SSIM_WINDOW_PX} px each way needed"
        )
    mean_1, mean_2 = _windowed(first), _windowed(second)
    variance_1, variance_2 = _windowed(first**2) - mean_1**2, _windowed(second**2) - mean_2**2
    covariance = _windowed(first * second) - mean_1 * mean_2
    c1, c2 = (SSIM_K1 * peak) ** 2, (SSIM_K2 * peak) ** 2
    likeness = (2 * mean_1 * mean_2 + c1) * (2 * covariance + c2)
    return float((likeness / ((mean_1**2 + mean_2**2 + c1) * (variance_1 + variance_2 + c2))).mean())


def _windowed(image: Floats) -> Floats:
    """Gaussian means at every place where the window fits: rows, then columns."""
    offsets = np.arange(SSIM_WINDOW_PX) - SSIM_WINDOW_PX // 2
    weights = np.exp(-(offsets**2) / (2 * SSIM_SIGMA_PX**2))
    weights /= weights.sum()
    for axis in (0, 1):
        image = np.lib.stride_tricks.sliding_window_view(image, SSIM_WINDOW_PX, axis=axis) @ weights
    return image


def landmark_error(original: npt.ArrayLike, edited: npt.ArrayLike, *, eyes: tuple[int, int] = (0, 1)) -> float:
    """Mean distance of landmarks over the distance of the original's eyes (NME, inter-ocular).

    Args:
        original, edited: (n, 2) landmarks in pixels, in one order.
        eyes: which two rows are the eyes.

    >>> landmark_error([[0, 0], [10, 0]], [[0, 1], [10, 3]])
    0.2

    Raises:
        UndefinedMetricError: landmarks of different or wrong shapes, not finite, or eyes in one place.
    """
    first, second = np.asarray(original, np.float64), np.asarray(edited, np.float64)
    if first.shape != second.shape or first.ndim != 2 or first.shape[1:] != (2,) or len(first) <= max(eyes):
        raise UndefinedMetricError(
            "a landmark error was asked for", found=f"landmarks of shapes {first.shape} and {second.shape}"
        )
    apart = float(np.linalg.norm(first[eyes[0]] - first[eyes[1]]))
    error = float(np.linalg.norm(first - second, axis=1).mean())
    if not (np.isfinite(error) and apart > 0):
        raise UndefinedMetricError(
            "a landmark error was asked for", found="eyes in one place, or landmarks that are not finite"
        )
    return error / apart


def _signals(original: npt.ArrayLike, edited: npt.ArrayLike, asked: str) -> tuple[Floats, Floats]:
    first, second = np.asarray(original, np.float64), np.asarray(edited, np.float64)
    if first.ndim != 1 or first.shape != second.shape or first.size < 2:
        raise UndefinedMetricError(
            f"{asked} was asked for",
            found=f"signals of shapes {first.shape} and {second.shape}",
            todo="both of one length and sample rate: an edit that changes time has no such figure",
        )
    if not (np.isfinite(first).all() and np.isfinite(second).all()):
        raise UndefinedMetricError(f"{asked} was asked for", found="samples that are NaN or infinite")
    return first, second


def si_sdr_db(original: npt.ArrayLike, edited: npt.ArrayLike) -> float:
    """Scale-invariant signal-to-distortion ratio in decibels, means removed first.

    10 log10(|a s|^2 / |a s - e|^2), a = <e, s> / |s|^2. It speaks of sample-aligned media alone: a delay of one sample
    is distortion.

    Args:
        original, edited: (n,) samples of one rate.

    >>> round(si_sdr_db([1.0, -1.0, 1.0, -1.0], [1.0, -1.0, 0.0, 0.0]), 2)
    0.0

    Raises:
        UndefinedMetricError: signals of different lengths or not finite, a constant one, an exact copy but for scale,
            or one without any part of the original.
    """
    kept, lost = _energies(*_signals(original, edited, "an SI-SDR"))
    if lost <= COPY * kept or kept == 0:
        raise UndefinedMetricError(
            "an SI-SDR was asked for", found="a copy, or nothing of the original", todo="the ratio is infinite"
        )
    return float(10 * np.log10(kept / lost))


def is_scaled_copy(original: npt.ArrayLike, edited: npt.ArrayLike) -> bool:
    """Whether a signal is the other but for scale and offset, so that its SI-SDR is infinite.

    Args:
        original, edited: (n,) samples of one rate.

    >>> is_scaled_copy([1.0, -1.0, 2.0], [0.5, -0.5, 1.0])
    True

    Raises:
        UndefinedMetricError: signals of different lengths or not finite, or a constant one.
    """
    kept, lost = _energies(*_signals(original, edited, "a copy of a signal"))
    return lost <= COPY * kept and kept > 0


def _energies(first: Floats, second: Floats) -> tuple[float, float]:
    """Of the second signal: the energy that is the first one's, and the rest, means removed."""
    first, second = first - first.mean(), second - second.mean()
    energy = float(first @ first)
    if energy == 0 or float(second @ second) == 0:
        raise UndefinedMetricError("an SI-SDR was asked for", found="a constant signal")
    target = (float(second @ first) / energy) * first
    return float(target @ target), float((target - second) @ (target - second))


def f0_correlation(original_hz: npt.ArrayLike, edited_hz: npt.ArrayLike) -> F0Correlation:
    """Pearson's correlation of two tracks of fundamental frequency over the frames voiced in both.

    Args:
        original_hz, edited_hz: (n,) F0 of the same frames in Hz; 0 where unvoiced.

    Raises:
        UndefinedMetricError: tracks of different lengths, not finite or negative, fewer than ten frames voiced in
            both, or a monotone.
    """
    first, second = _signals(original_hz, edited_hz, "a correlation of F0")
    if min(first.min(), second.min()) < 0:
        raise UndefinedMetricError(
            "a correlation of F0 was asked for", found="negative frequencies", todo="0 = unvoiced"
        )
    both = (first > 0) & (second > 0)
    n = int(both.sum())
    one, other = first[both], second[both]
    if n < LEAST_VOICED_FRAMES or float(np.ptp(one)) == 0 or float(np.ptp(other)) == 0:
        raise UndefinedMetricError(
            "a correlation of F0 was asked for",
            found=f"{n} frames voiced in both, at least {LEAST_VOICED_FRAMES} that vary needed",
        )
    one, other = one - one.mean(), other - other.mean()
    value = float(one @ other) / float(np.sqrt((one @ one) * (other @ other)))
    return F0Correlation(min(max(value, -1.0), 1.0), n, float(((first > 0) == (second > 0)).mean()))


def word_error_rate(reference: Sequence[str], hypothesis: Sequence[str]) -> float:
    """Substitutions, deletions and insertions over the words of the reference; above 1 where much was put in.

    Args:
        reference, hypothesis: words; spelling and case are the caller's to make alike.

    >>> word_error_rate("the cat sat down".split(), "the cat sat town today".split())
    0.5

    Raises:
        UndefinedMetricError: a reference without words.
    """
    if not reference:
        raise UndefinedMetricError("a word error rate was asked for", found="a reference without words")
    previous = list(range(len(hypothesis) + 1))
    for row, word in enumerate(reference, start=1):
        current = [row]
        for column, other in enumerate(hypothesis, start=1):
            swapped = previous[column - 1] + (word != other)
            current.append(min(swapped, previous[column] + 1, current[-1] + 1))
        previous = current
    return previous[-1] / len(reference)
