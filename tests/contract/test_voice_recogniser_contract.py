"""What every shipped voice recogniser keeps to, whatever stands behind it."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from kit_sounds import sound
from onnx_files import pooling_network
from recogniser_contract import assert_it_says_what_it_is, assert_made_again_it_is_the_same
from shipped import shipped
from wavlm_weights import made_wavlm

from visavox.adapters.recognisers.speech import DETECTOR
from visavox.core.errors import MediaError
from visavox.core.records import RecogniserSpec
from visavox.core.terms import Modality
from visavox.media.audio import Audio, resampled
from visavox.ports.recogniser import FailureToAcquire, Recogniser, Speech, recognisers

# How to build each shipped voice recogniser here: its parameters, or what makes its weights.
VOICE: dict[str, dict[str, Any] | Callable[[Path], dict[str, Any]]] = {
    "resemblyzer": {},
    "ubm": {},
    "onnx_voice": lambda folder: {
        **pooling_network(folder / "mean.onnx", ("n", "t", 40), axis=1),
        "features": "fbank",
        "layout": "frames_features",
        "n_mels": 40,
        "subtract_mean": False,
    },
    "wavlm": lambda folder: made_wavlm(folder / "wavlm"),
}
# What a test makes for these was never trained: it tells nobody apart.
UNTRAINED = {"onnx_voice", "wavlm"}
RATE_HZ = 16_000


def test_every_shipped_voice_recogniser_is_under_contract() -> None:
    assert shipped("recognisers of voices") == set(VOICE), "say above how to build a new recogniser"


@lru_cache(maxsize=1)
def _folder() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="visavox-weights-"))
    atexit.register(shutil.rmtree, folder)
    return folder


def _build(name: str) -> Recogniser:
    how = VOICE[name]
    params = how(_folder()) if callable(how) else how
    return recognisers.get(name)(RecogniserSpec(name=name, id=f"my-{name}", params=params), "cpu")


@pytest.fixture(scope="module", params=sorted(VOICE))
def judge(request: pytest.FixtureRequest) -> Recogniser:
    return _build(request.param)


@pytest.fixture(scope="module")
def sounds() -> list[Audio]:
    """Six recordings; the first two are of one speaker."""
    ids = "6358d6a2e4e838d0 e8d1f1fb873159d8 4f5fcf9466c9a258 5d6e6408423242bb 798c729f902d4585 f82a793beaf6e86a"
    return [sound(sample_id) for sample_id in ids.split()]


@pytest.fixture(scope="module")
def spoken(judge: Recogniser, sounds: list[Audio]) -> list[Speech]:
    found = judge.locate(sounds)
    assert all(isinstance(speech, Speech) for speech in found), found
    return list(found)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def templates(judge: Recogniser, sounds: list[Audio], spoken: list[Speech]) -> np.ndarray:
    return np.stack(judge.embed(sounds, spoken))


def test_it_says_what_it_is(judge: Recogniser) -> None:
    assert_it_says_what_it_is(judge, Modality.VOICE)


def test_digests_do_not_depend_on_the_process_or_the_name(judge: Recogniser) -> None:
    assert_made_again_it_is_the_same(judge, _build(judge.id.removeprefix("my-")))


def test_voice_recognisers_share_one_detector_of_speech_but_resemblyzer(judge: Recogniser) -> None:
    """Speech is found once for all of them; Resemblyzer's library brings a detector of its own."""
    is_own = judge.id.removeprefix("my-") == "resemblyzer"
    assert (judge.detector == DETECTOR) is not is_own and judge.detector.startswith("webrtc/") is is_own


def test_templates_are_finite_float32_rows_of_one_length(templates: np.ndarray, sounds: list[Audio]) -> None:
    assert templates.dtype == np.float32 and templates.ndim == 2 and len(templates) == len(sounds)
    assert np.isfinite(templates).all()


def test_speech_lies_within_the_sound_in_order(spoken: list[Speech], sounds: list[Audio]) -> None:
    for speech, audio in zip(spoken, sounds, strict=True):
        edges = np.array(speech.segments).ravel()
        assert speech.duration_s == audio.duration_s and (np.diff(edges) > 0).all()
        assert edges[0] >= 0 and edges[-1] <= audio.duration_s and 1.0 <= speech.speech_s <= audio.duration_s


def test_templates_do_not_depend_on_what_else_is_in_the_batch(
    judge: Recogniser, sounds: list[Audio], spoken: list[Speech], templates: np.ndarray
) -> None:
    order = [4, 0, 5, 2, 2, 1, 3]
    some = [sounds[k] for k in order]
    found = judge.locate(some)
    assert found == [spoken[k] for k in order]
    assert np.abs(np.stack(judge.embed(some, found)) - templates[order]).max() <= 1e-5
    alone = np.stack([judge.embed([audio], [speech])[0] for audio, speech in zip(sounds, spoken, strict=True)])
    assert np.abs(alone - templates).max() <= 1e-5


def test_failures_keep_their_places(judge: Recogniser, sounds: list[Audio]) -> None:
    silent = Audio(np.zeros(3 * RATE_HZ, np.float32), RATE_HZ)
    seconds = np.arange(3 * RATE_HZ) / RATE_HZ
    hum = Audio((0.3 * np.sin(2 * np.pi * 100 * seconds)).astype(np.float32), RATE_HZ)
    start = round(judge.locate(sounds[:1])[0].segments[0][0] * RATE_HZ)
    word = Audio(sounds[0].samples[start : start + RATE_HZ // 2], RATE_HZ)
    found = judge.locate([silent, sounds[0], hum, word, sounds[1]])
    assert [isinstance(f, FailureToAcquire) for f in found] == [True, False, True, True, False]
    assert all(f.reason for f in found if isinstance(f, FailureToAcquire)) and "silent" in found[0].reason
    # Speech that was located in the input of an edit, applied to its output.
    beyond = Speech(((100.0, 102.0),), 103.0)
    answers = judge.embed([sounds[0], silent, sounds[0], sounds[1]], [found[1], found[1], beyond, found[4]])
    assert [isinstance(a, FailureToAcquire) for a in answers] == [False, True, True, False]


def test_a_sound_of_another_rate_gives_nearly_the_same_template(
    judge: Recogniser, sounds: list[Audio], spoken: list[Speech], templates: np.ndarray
) -> None:
    faster = [resampled(audio, 44_100) for audio in sounds]
    again = np.stack(judge.embed(faster, spoken))
    same = np.diag(judge.compare(templates, again))
    assert (same > judge.compare(templates, templates)[~np.eye(len(templates), dtype=bool)].max()).all()


def test_media_are_not_changed(judge: Recogniser, sounds: list[Audio], spoken: list[Speech]) -> None:
    frozen = [Audio(audio.samples.copy(), audio.sample_rate_hz) for audio in sounds]
    for audio in frozen:
        audio.samples.flags.writeable = False
    assert judge.locate(frozen) == spoken
    judge.embed(frozen, spoken)


def test_views_of_arrays_are_taken(judge: Recogniser, sounds: list[Audio]) -> None:
    backwards = sounds[0].samples[::-1]
    view, copy = Audio(backwards, RATE_HZ), Audio(backwards.copy(), RATE_HZ)
    (speech,), (same,) = judge.locate([view]), judge.locate([copy])
    assert speech == same
    assert np.array_equal(judge.embed([view], [speech])[0], judge.embed([copy], [same])[0])


def test_empty_batches(judge: Recogniser) -> None:
    assert list(judge.locate([])) == [] and judge.embed([], []) == []


def test_what_is_no_sound_is_refused(judge: Recogniser, spoken: list[Speech]) -> None:
    not_finite = np.full(RATE_HZ, np.nan, np.float32)
    for value in (np.zeros((50, 50, 3), np.uint8), np.zeros(RATE_HZ, np.float32), Audio(not_finite, RATE_HZ), "a.wav"):
        with pytest.raises(MediaError):
            judge.locate([value])
        with pytest.raises(MediaError):
            judge.embed([value], spoken[:1])


def test_media_and_speech_must_be_of_one_length(judge: Recogniser, sounds: list[Audio], spoken: list[Speech]) -> None:
    with pytest.raises(ValueError, match="zip"):
        judge.embed(sounds, spoken[:-1])


def test_compare_is_what_the_score_s_name_says(judge: Recogniser, templates: np.ndarray) -> None:
    scores = judge.compare(templates[:4], templates)
    assert scores.shape == (4, len(templates)) and scores.dtype == np.float32 and judge.score == "cosine"
    lengths = np.linalg.norm(templates.astype(float), axis=1)
    assert np.abs(scores - (templates / lengths[:, None])[:4] @ (templates / lengths[:, None]).T).max() < 2e-6
    assert judge.compare(templates[:0], templates).shape == (0, len(templates))


@pytest.mark.parametrize("judge", sorted(set(VOICE) - UNTRAINED), indirect=True)
def test_mated_scores_are_higher(judge: Recogniser, templates: np.ndarray) -> None:
    scores = judge.compare(templates, templates)
    non_mated = [scores[i, j] for i in range(6) for j in range(6) if i < j and (i, j) != (0, 1)]
    assert scores[0, 0] >= scores[0, 1] > max(non_mated)
