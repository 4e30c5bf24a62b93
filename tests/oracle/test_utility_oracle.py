"""Utility against loops from the definitions, NumPy's and SciPy's own; STOI by how it behaves."""

from __future__ import annotations

import functools
import math
import sys

import numpy as np
import pytest
from scipy import stats

from visavox.core.errors import MissingDependencyError, UndefinedMetricError
from visavox.media.audio import Audio
from visavox.media.intelligibility import pesq_wideband, stoi
from visavox.metrics import utility


def images(seed: int, *, colour: bool, noise: float = 20.0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    shape = (17, 14, 3) if colour else (15, 19)
    first = np.clip(rng.normal(120, 50, shape), 0, 255).astype(np.uint8)
    return first, np.clip(first + rng.normal(0, noise, shape), 0, 255).astype(np.uint8)


@pytest.mark.parametrize("colour", [False, True])
@pytest.mark.parametrize("seed", range(3))
def test_ssim_against_a_loop_over_windows(seed: int, colour: bool) -> None:
    """Every 11 x 11 window on its own, with NumPy's weighted averages and covariances."""
    first, second = images(seed, colour=colour)
    x, y = (0.299 * i[..., 0] + 0.587 * i[..., 1] + 0.114 * i[..., 2] if colour else i * 1.0 for i in (first, second))
    weights = np.array([[math.exp(-((r - 5) ** 2 + (c - 5) ** 2) / 4.5) for c in range(11)] for r in range(11)])
    values = []
    for top in range(x.shape[0] - 10):
        for left in range(x.shape[1] - 10):
            a, b = (i[top : top + 11, left : left + 11].ravel() for i in (x, y))
            mean = [np.average(p, weights=weights.ravel()) for p in (a, b)]
            (va, cov), (_, vb) = np.cov(a, b, aweights=weights.ravel(), ddof=0)
            c1, c2 = 6.5025, 58.5225
            values.append(
                (2 * mean[0] * mean[1] + c1) * (2 * cov + c2) / ((mean[0] ** 2 + mean[1] ** 2 + c1) * (va + vb + c2))
            )
    assert utility.ssim(first, second) == pytest.approx(np.mean(values))
    assert utility.ssim(first, first) == pytest.approx(1.0)
    assert utility.ssim(first, second) == pytest.approx(utility.ssim(second, first))
    assert utility.ssim(*images(seed, colour=colour, noise=60)) < utility.ssim(first, second)


def test_psnr_and_landmarks_from_their_definitions() -> None:
    first, second = images(4, colour=True)
    error = sum((int(a) - int(b)) ** 2 for a, b in zip(first.ravel(), second.ravel(), strict=True)) / first.size
    assert utility.psnr_db(first, second) == pytest.approx(10 * math.log10(255 * 255 / error))
    assert utility.psnr_db(first / 255, second / 255, peak=1.0) == pytest.approx(utility.psnr_db(first, second))
    points = np.array([[30.0, 40], [70, 40], [50, 60], [35, 80], [65, 80]])
    moved = points + np.array([[3, 4], [0, 0], [0, 5], [0, 0], [6, 8]])
    assert utility.landmark_error(points, moved) == pytest.approx((5 + 5 + 10) / 5 / 40)
    assert utility.landmark_error(2 * points, 2 * moved) == pytest.approx(utility.landmark_error(points, moved))


@pytest.mark.parametrize("snr_db", [-5.0, 0.0, 10.0, 30.0])
def test_si_sdr_of_noise_that_is_orthogonal(snr_db: float) -> None:
    """Noise with no part of the signal in it: SI-SDR is the SNR, whatever the gain and the offset."""
    rng = np.random.default_rng(1)
    signal, noise = rng.normal(size=4000), rng.normal(size=4000)
    signal, noise = signal - signal.mean(), noise - noise.mean()
    noise -= (noise @ signal) / (signal @ signal) * signal
    noise *= math.sqrt((signal @ signal) / (noise @ noise) / 10 ** (snr_db / 10))
    assert utility.si_sdr_db(signal, signal + noise) == pytest.approx(snr_db)
    assert utility.si_sdr_db(signal, -0.3 * (signal + noise) + 0.2) == pytest.approx(snr_db)
    fitted = np.linalg.lstsq(signal[:, None], signal + noise, rcond=None)
    assert utility.si_sdr_db(signal, signal + noise) == pytest.approx(
        10 * math.log10(fitted[0][0] ** 2 * (signal @ signal) / fitted[1][0])
    )


def test_f0_correlation_against_scipy_over_common_voiced_frames() -> None:
    rng = np.random.default_rng(2)
    track = 120 + 30 * np.sin(np.arange(200) / 9)
    other = 1.5 * track + rng.normal(0, 8, 200)
    track[rng.random(200) < 0.3] = 0
    other[rng.random(200) < 0.2] = 0
    found = utility.f0_correlation(track, other)
    both = [i for i in range(200) if track[i] > 0 and other[i] > 0]
    assert found.correlation == pytest.approx(stats.pearsonr(track[both], other[both]).statistic)
    assert found.n_frames == len(both)
    assert found.voiced_agreement == np.mean([(a > 0) == (b > 0) for a, b in zip(track, other, strict=True)])


@pytest.mark.parametrize("seed", range(20))
def test_word_error_rate_against_recursion(seed: int) -> None:
    rng = np.random.default_rng(seed)
    one, other = (tuple(rng.choice(list("abc"), rng.integers(1, 8))) for _ in range(2))

    @functools.cache
    def distance(i: int, j: int) -> int:
        if min(i, j) == 0:
            return max(i, j)
        return min(
            distance(i - 1, j) + 1, distance(i, j - 1) + 1, distance(i - 1, j - 1) + (one[i - 1] != other[j - 1])
        )

    assert utility.word_error_rate(one, other) == pytest.approx(distance(len(one), len(other)) / len(one))


def test_stoi_falls_with_noise_and_is_1_for_a_copy() -> None:
    rng = np.random.default_rng(3)
    rate = 16_000
    t = np.arange(2 * rate) / rate
    voice = sum(np.sin(2 * np.pi * 130 * k * t) / k for k in range(1, 12)) * (1 + np.sin(2 * np.pi * 4 * t)) * 0.05
    original = Audio(voice.astype(np.float32), rate)
    noise = rng.normal(0, 1, voice.size)
    values = [stoi(original, Audio((voice + level * noise).astype(np.float32), rate)) for level in (0.0, 0.02, 0.2)]
    assert values[0] == pytest.approx(1.0, abs=1e-6) and values == sorted(values, reverse=True)
    assert values[2] < 0.6


def test_undefined_utility_is_named() -> None:
    first, second = images(5, colour=False)
    short = Audio(np.full(800, 0.1, np.float32), 16_000)
    cases = [
        lambda: utility.psnr_db(first, first),
        lambda: utility.psnr_db(first, second[:-1]),
        lambda: utility.psnr_db(first * np.nan, second),
        lambda: utility.ssim(first[:10], second[:10]),
        lambda: utility.landmark_error([[1, 1], [1, 1]], [[1, 1], [1, 2]]),
        lambda: utility.landmark_error([[1, 1]], [[1, 1]]),
        lambda: utility.si_sdr_db([1.0, -1.0, 0.5], [2.0, -2.0, 1.0]),
        lambda: utility.si_sdr_db([1.0, 1.0], [2.0, -2.0]),
        lambda: utility.si_sdr_db([1.0, -1.0], [2.0, -2.0, 1.0]),
        lambda: utility.si_sdr_db([1.0, -1.0, 1.0, -1.0], [1.0, 1.0, -1.0, -1.0]),
        lambda: utility.f0_correlation([100.0] * 9, [100.0] * 9),
        lambda: utility.f0_correlation([100.0] * 20, list(range(1, 21))),
        lambda: utility.f0_correlation([-1.0] * 20, list(range(1, 21))),
        lambda: utility.word_error_rate([], ["a"]),
        lambda: stoi(short, short),
        lambda: stoi(short, Audio(short.samples, 8_000)),
        lambda: pesq_wideband(short, Audio(short.samples[:-1], 16_000)),
    ]
    for number, case in enumerate(cases):
        with pytest.raises(UndefinedMetricError):
            pytest.fail(f"case {number} gave {case()}")


def test_a_package_that_is_absent_is_named_with_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    sound = Audio(np.full(16_000, 0.1, np.float32), 16_000)
    for module, figure, extra in (("pystoi", stoi, "voices"), ("pesq", pesq_wideband, "pesq")):
        monkeypatch.setitem(sys.modules, module, None)
        with pytest.raises(MissingDependencyError, match=rf"visavox\[{extra}\]"):
            figure(sound, sound)
