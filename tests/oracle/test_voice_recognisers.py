"""The voice recognisers against each library's own use, on real recordings of the kit."""

from __future__ import annotations

import importlib
import sys
import types
from typing import Any

import numpy as np
import pytest
import scipy.ndimage
from kit_sounds import sound, speakers

from visavox.adapters.recognisers import resemblyzer as ours
from visavox.adapters.recognisers import speech, webrtc
from visavox.core.errors import ConfigError, WeightsError
from visavox.core.records import RecogniserSpec
from visavox.media.audio import Audio
from visavox.ports.recogniser import Recogniser, Speech, recognisers

IDS = ["6358d6a2e4e838d0", "e8d1f1fb873159d8", "1bea0914f5e15bc6", "b7d37498e446e5a7"]
RATE_HZ = 16_000


def _build(name: str, **params: Any) -> Recogniser:
    return recognisers.get(name)(RecogniserSpec(name=name, id=name, params=params), "cpu")


def _whole(audio: Audio) -> Speech:
    return Speech(((0.0, audio.duration_s),), audio.duration_s)


@pytest.fixture(scope="module")
def sounds() -> list[Audio]:
    return [sound(sample_id) for sample_id in IDS]


@pytest.fixture(scope="module")
def library() -> Any:
    """Resemblyzer itself, which imports a function from where SciPy has it no more."""
    with pytest.MonkeyPatch.context() as patch:
        gone = types.ModuleType("scipy.ndimage.morphology")
        gone.binary_dilation = scipy.ndimage.binary_dilation  # type: ignore[attr-defined]
        patch.setitem(sys.modules, "scipy.ndimage.morphology", gone)
        yield importlib.import_module("resemblyzer")
    for name in [name for name in sys.modules if name.split(".")[0] == "resemblyzer"]:
        del sys.modules[name]


def test_resemblyzer_equals_the_library_s_own_use(library: Any, sounds: list[Audio]) -> None:
    encoder = library.VoiceEncoder("cpu", verbose=False)
    waves = [
        sounds[0].samples,
        0.02 * sounds[1].samples,
        np.tile(sounds[2].samples, 5),
        sounds[3].samples[: 2 * RATE_HZ],
    ]
    waves += [sounds[0].samples[:n] for n in (16_000, 25_439, 25_600, 29_121, 31_682, 44_000)]
    given = [Audio(np.ascontiguousarray(wave, dtype=np.float32), RATE_HZ) for wave in waves]
    got = _build("resemblyzer").embed(given, [_whole(audio) for audio in given])
    for audio, template in zip(given, got, strict=True):
        level = library.normalize_volume(audio.samples, -30, increase_only=True).astype(np.float32)
        expected = encoder.embed_utterance(level)
        assert template.shape == (256,) and float(template @ expected) > 1 - 1e-5
        assert np.abs(template - expected).max() < 1e-4


def test_resemblyzer_trims_speech_as_the_library_does(library: Any) -> None:
    audios, _ = speakers("voices-small.csv")
    encoder = library.VoiceEncoder("cpu", verbose=False)
    judge = _build("resemblyzer")
    some = [*audios[::8], Audio(np.float32(0.02) * audios[3].samples, audios[3].sample_rate_hz)]
    got = judge.embed(some, judge.locate(some))
    for audio, template in zip(some, got, strict=True):
        expected = encoder.embed_utterance(library.preprocess_wav(audio.samples, audio.sample_rate_hz))
        assert float(template @ expected) > 1 - 1e-4


def test_speech_that_webrtc_takes_for_noise_is_located_all_the_same() -> None:
    time_s = np.arange(4 * RATE_HZ) / RATE_HZ
    audio = Audio((0.3 * np.sin(2 * np.pi * 6500 * time_s) * (time_s % 0.25 < 0.09)).astype(np.float32), RATE_HZ)
    (found,) = _build("resemblyzer").locate([audio])
    assert webrtc.voiced(audio.samples) == () and found == speech.locate_speech([audio])[0]


@pytest.mark.parametrize("n_samples", [1, 15_999, 25_600, 29_000, 37_919, 37_920, 100_000, 123_457])
def test_windows_are_the_library_s(library: Any, n_samples: int) -> None:
    _, slices = library.VoiceEncoder.compute_partial_slices(n_samples, 1.3, 0.75)
    assert ours.window_starts(n_samples).tolist() == [s.start for s in slices]


def test_many_sounds_go_through_in_batches_of_any_size(sounds: list[Audio], monkeypatch: pytest.MonkeyPatch) -> None:
    judge = _build("resemblyzer")
    regions = judge.locate(sounds)
    together = np.stack(judge.embed(sounds, regions))
    monkeypatch.setattr(judge, "_batch_samples", 1)
    assert np.abs(np.stack(judge.embed(sounds, regions)) - together).max() < 1e-6


def test_resemblyzer_meets_the_kit_s_figures() -> None:
    """The kit states AUC .9950 and EER 3.59 % of all 29 speakers; 16 of them here."""
    audios, who = speakers("voices-small.csv")
    judge = _build("resemblyzer")
    found = judge.locate(audios)
    templates = np.stack(judge.embed(audios, found))
    scores = judge.compare(templates, templates)[np.triu_indices(len(who), 1)]
    mated = (who[:, None] == who[None])[np.triu_indices(len(who), 1)]
    thresholds = np.sort(scores)
    fnmr = np.searchsorted(np.sort(scores[mated]), thresholds) / mated.sum()
    fmr = 1 - np.searchsorted(np.sort(scores[~mated]), thresholds) / (~mated).sum()
    assert (mated.sum(), (~mated).sum()) == (96, 1920)
    assert np.minimum(np.maximum(fnmr, fmr).min(), 1) <= 0.03


def test_resemblyzer_takes_no_parameters_and_no_other_weights(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigError, match="parameters rate"):
        _build("resemblyzer", rate=2)
    other = tmp_path / "pretrained.pt"
    other.write_bytes(b"not the weights")
    monkeypatch.setattr(ours, "file_of_package", lambda *parts, **named: other)
    with pytest.raises(WeightsError, match="pinned is"):
        _build("resemblyzer")


# ---------------------------------------------------------------- speech
def test_the_detector_s_name_changes_with_every_setting() -> None:
    name, digest = speech.DETECTOR.split("/")
    assert name == "speech" and len(digest) == 64
    assert {*map(str, (speech.MARGIN_S, speech.MIN_SPEECH_S))} <= {str(v) for v in speech._SETTINGS.values()}


def test_speech_is_kept_with_a_margin_and_margins_that_meet_are_one_stretch() -> None:
    rng = np.random.default_rng(0)
    loud, quiet = rng.normal(0, 0.1, RATE_HZ).astype(np.float32), 1e-4 * rng.normal(0, 1, RATE_HZ).astype(np.float32)
    gap = quiet[: round(0.25 * RATE_HZ)]
    audio = Audio(np.concatenate([quiet, loud, gap, loud, quiet]), RATE_HZ)
    (found,) = speech.locate_speech([audio])
    ((start, end),) = found.segments
    assert start == pytest.approx(1 - speech.MARGIN_S, abs=0.02) and end == pytest.approx(
        3.25 + speech.MARGIN_S, abs=0.02
    )
    assert found.duration_s == audio.duration_s
