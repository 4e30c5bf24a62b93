"""Spectra, filters and cepstra against librosa's and Kaldi's as transformers computes it."""

from __future__ import annotations

import librosa
import numpy as np
import pytest
from kit_sounds import sound
from transformers import audio_utils

from visavox.adapters.recognisers.mel import kaldi_fbank, kaldi_filters, mfcc, slaney_filters

RATE_HZ = 16_000


@pytest.fixture(scope="module")
def speech() -> np.ndarray:
    return sound("6358d6a2e4e838d0").samples[: 3 * RATE_HZ + 77]


@pytest.mark.parametrize(
    ("n_mels", "n_fft", "rate", "low", "high"), [(40, 400, 16000, 0, 8000), (26, 512, 8000, 80, 3800)]
)
def test_slaney_filters_are_librosa_s(n_mels: int, n_fft: int, rate: int, low: float, high: float) -> None:
    expected = librosa.filters.mel(sr=rate, n_fft=n_fft, n_mels=n_mels, fmin=low, fmax=high)
    assert np.allclose(slaney_filters(n_mels, n_fft, rate, low, high), expected, atol=1e-7)


@pytest.mark.parametrize("n_mels", [20, 32])
def test_mfcc_are_librosa_s(speech: np.ndarray, n_mels: int) -> None:
    expected = librosa.feature.mfcc(
        y=speech, sr=RATE_HZ, n_mfcc=19, n_fft=400, hop_length=160, n_mels=n_mels, fmin=60, fmax=7000
    ).T
    got = mfcc(speech, sample_rate_hz=RATE_HZ, n_mfcc=19, n_mels=n_mels, low_hz=60, high_hz=7000)
    assert got.shape == expected.shape and np.abs(got - expected).max() < 1e-2


@pytest.mark.parametrize("window", ["povey", "hamming"])
def test_fbank_is_kaldi_s(speech: np.ndarray, window: str) -> None:
    filters = audio_utils.mel_filter_bank(
        num_frequency_bins=257, num_mel_filters=80, min_frequency=20, max_frequency=8000, sampling_rate=RATE_HZ,
        norm=None, mel_scale="kaldi", triangularize_in_mel_space=True,
    )  # fmt: skip
    expected = audio_utils.spectrogram(
        speech * np.float32(32768),
        audio_utils.window_function(400, window, periodic=False),
        frame_length=400, hop_length=160, fft_length=512, power=2.0, center=False, preemphasis=0.97,
        mel_filters=filters, log_mel="log", mel_floor=1.192092955078125e-07, remove_dc_offset=True,
    ).T  # fmt: skip
    got = kaldi_fbank(speech, sample_rate_hz=RATE_HZ, n_mels=80, window=window)  # type: ignore[arg-type]
    assert got.shape == expected.shape and np.abs(got - expected).max() < 1e-3
    assert np.abs(kaldi_filters(80, 512, RATE_HZ, 20, 8000).T - filters).max() < 1e-6


def test_a_signal_shorter_than_a_frame_has_no_fbank() -> None:
    assert kaldi_fbank(np.ones(399, np.float32), sample_rate_hz=RATE_HZ, n_mels=80).shape == (0, 80)
