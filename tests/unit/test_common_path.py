"""The common path: what it makes equal, and that it is the same for every class."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kit_sounds import sound

from visavox.core.errors import MediaError
from visavox.core.terms import Modality
from visavox.media.audio import Audio, decode_audio, is_silent, resampled
from visavox.media.common_path import LEVEL_DB, NOISE_DB, common_path
from visavox.media.image import decode_image
from visavox.media.speech import speech_only, speech_segments

SETS = Path(__file__).parents[2] / "datasets" / "visavox_datasets" / "sets"
FACE, VOICE = Modality.FACE, Modality.VOICE


@settings(max_examples=30, deadline=None, derandomize=True)
@given(st.integers(1, 700), st.integers(1, 700))
def test_the_shorter_side_is_256_px_at_most_and_nothing_is_enlarged(height: int, width: int) -> None:
    found = common_path(np.full((height, width, 3), 90, np.uint8), FACE).shape[:2]
    shorter = min(height, width)
    assert min(found) == min(shorter, 256)
    if shorter <= 256:
        assert found == (height, width)
    else:
        assert abs(max(found) - max(height, width) * 256 / shorter) <= 0.5


def test_a_picture_stays_what_it_was_but_for_one_fine_codec() -> None:
    picture = decode_image((SETS / "people-100" / "0003-0.jpg").read_bytes())
    given = picture.copy()
    found = common_path(picture, FACE)
    assert np.array_equal(picture, given) and found is not picture
    error = np.abs(found.astype(float) - picture).mean()
    assert 0 < error < 2, error
    assert np.array_equal(found, common_path(picture, FACE))


def test_colour_is_not_thinned_out() -> None:
    stripes = np.full((64, 64, 3), (200, 60, 60), np.uint8)
    stripes[:, ::2] = (60, 60, 200)
    found = common_path(stripes, FACE).astype(int)
    assert np.abs(found - stripes).max() < 40


@pytest.mark.parametrize("gain", [0.02, 0.3, 3.0])
def test_speech_comes_out_at_one_level_whatever_its_own(gain: float) -> None:
    whole = sound("6358d6a2e4e838d0")
    samples = whole.samples / np.abs(whole.samples).max() * 0.3
    found = common_path(Audio((samples * gain).astype(np.float32), whole.sample_rate_hz), VOICE)
    speech = speech_only(found, speech_segments(found)).samples
    assert found.sample_rate_hz == 16_000
    assert 20 * np.log10(speech.std()) == pytest.approx(LEVEL_DB, abs=0.2)
    assert (found.samples * 32768 == np.rint(found.samples * 32768)).all()


def test_rate_offset_and_steps_of_a_file_are_gone() -> None:
    voice = decode_audio((SETS / "speakers-60" / "0000-0.opus").read_bytes())
    plain = common_path(voice, VOICE)
    moved = common_path(Audio(voice.samples + np.float32(0.05), voice.sample_rate_hz), VOICE)
    assert abs(moved.samples.mean()) < 1e-5
    faster = common_path(resampled(voice, 44_100), VOICE)
    assert abs(len(faster.samples) - len(plain.samples)) <= 2
    soft = Audio((np.rint(voice.samples * 300) / 32768).astype(np.float32), voice.sample_rate_hz)
    steps = np.unique(np.abs(common_path(soft, VOICE).samples))
    assert (np.diff(steps) * 32768).min() == 1.0  # the 16-bit steps of the soft file are some hundred wide by now


def test_the_noise_is_where_the_path_says_and_the_samples_own() -> None:
    seconds = np.arange(32_000) / 16_000
    burst = np.where(seconds < 1, 0.3 * np.sin(2 * np.pi * 440 * seconds) * np.sin(2 * np.pi * 3 * seconds), 0.0)
    audio = Audio(burst.astype(np.float32), 16_000)
    first, again = common_path(audio, VOICE), common_path(audio, VOICE)
    assert np.array_equal(first.samples, again.samples)
    silence = first.samples[20_000:] - first.samples[20_000:].mean()
    assert 20 * np.log10(silence.std()) == pytest.approx(LEVEL_DB + NOISE_DB, abs=0.5)
    other = common_path(Audio(audio.samples[::-1].copy(), 16_000), VOICE)
    assert not np.array_equal(other.samples[:12_000], first.samples[:-12_001:-1])


def test_silence_stays_silence_and_peaks_are_not_cut() -> None:
    assert is_silent(common_path(Audio(np.zeros(8_000, np.float32), 16_000), VOICE))
    spikes = np.zeros(16_000, np.float32)
    spikes[::2_000] = 0.9
    found = common_path(Audio(spikes, 16_000), VOICE).samples
    assert np.abs(found).max() < 1.0 and found.max() > 0.99


def test_what_is_no_medium_is_refused() -> None:
    with pytest.raises(MediaError):
        common_path(np.zeros((5, 5), np.uint8), FACE)
    with pytest.raises(MediaError):
        common_path(np.zeros((5, 5, 3), np.uint8), VOICE)  # type: ignore[type-var]
