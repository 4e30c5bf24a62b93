"""Classifiers in ONNX form: what the graph is given, what its output becomes, what graphs and words are refused."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx_files import channel_means, pooling_network, reduced, several_outputs
from PIL import Image as PillowImage

from visavox.core.errors import ConfigError, MediaError, WeightsError
from visavox.core.seeding import generator
from visavox.core.terms import Modality
from visavox.media.audio import Audio, resampled
from visavox.ports.detector import Detector, detectors
from visavox.ports.recogniser import FailureToAcquire

FACE, VOICE = Modality.FACE, Modality.VOICE
PICTURE = {"higher_is": "synthetic", "value": "score", "input_px": 16, "mean": 0.0, "std": 1.0, "channel": "rgb"}
SOUND = {"higher_is": "synthetic", "value": "score", "sample_rate_hz": 16_000, "window_s": 0.5, "padding": "zeros"}


def build(modality: Modality, **params: Any) -> Detector:
    found = detectors.get("onnx")({k: v for k, v in params.items() if v is not None}, modality, "cpu")
    assert isinstance(found, Detector)
    return found


def picture(seed: int, height: int = 40, width: int = 50) -> np.ndarray:
    return generator(seed, "onnx").integers(0, 256, (height, width, 3)).astype(np.uint8)


def noise(seed: int, seconds: float, rate_hz: int = 16_000) -> Audio:
    samples = 0.1 + 0.1 * generator(seed, "onnx").standard_normal(round(seconds * rate_hz))
    return Audio(samples.astype(np.float32), rate_hz)


# ---------------------------------------------------------------- what goes in
@pytest.mark.parametrize("layout", ["nchw", "nhwc"])
@pytest.mark.parametrize("channel", ["rgb", "bgr"])
def test_the_network_sees_the_whole_picture_resized_and_scaled(tmp_path: Path, layout: str, channel: str) -> None:
    mean, std = [10.0, 20.0, 30.0], [2.0, 4.0, 8.0]
    words = {**PICTURE, **channel_means(tmp_path, layout), "mean": mean, "std": std, "channel": channel}
    image = picture(1)
    small = np.asarray(PillowImage.fromarray(image).resize((16, 16), PillowImage.Resampling.BILINEAR), float)
    expected = (small.mean(axis=(0, 1))[:: -1 if channel == "bgr" else 1] - mean) / std
    got = [build(FACE, **words, index=k).score([image])[0] for k in range(3)]
    assert got == pytest.approx(expected, abs=1e-4)


def test_height_and_width_may_differ(tmp_path: Path) -> None:
    given = reduced(tmp_path / "wide.onnx", ("n", 3, 16, 32), (1, 3))  # the mean of each row
    words = {**PICTURE, **given, "layout": "nchw", "input_px": [16, 32], "index": 0}
    image = np.zeros((160, 320, 3), np.uint8)
    image[:20] = 90
    assert build(FACE, **words).score([image])[0] == pytest.approx(90, abs=10)
    with pytest.raises(ConfigError, match=r"one float input \(n, 3, 32, 16\)"):
        build(FACE, **{**words, "input_px": [32, 16]})


@pytest.mark.parametrize(
    ("padding", "pooling", "expected"),
    [
        ("zeros", "mean", lambda x: np.mean([x[:8000].mean(), x[8000:].sum() / 8000])),
        ("zeros", "max", lambda x: max(x[:8000].mean(), x[8000:].sum() / 8000)),
        ("zeros", "first", lambda x: x[:8000].mean()),
        ("repeat", "mean", lambda x: np.mean([x[:8000].mean(), np.resize(x[8000:], 8000).mean()])),
        ("repeat", "first", lambda x: x[:8000].mean()),
    ],
)
def test_windows_are_filled_and_pooled_as_the_suite_says(
    tmp_path: Path, padding: str, pooling: str, expected: Any
) -> None:
    given = pooling_network(tmp_path / "mean.onnx", ("n", 8000), axis=1)
    audio = noise(2, 0.8)
    (got,) = build(VOICE, **{**SOUND, **given, "padding": padding, "pooling": pooling}).score([audio])
    assert got == pytest.approx(expected(audio.samples.astype(float)), abs=1e-6)


def test_short_and_other_rates_are_brought_to_the_network_s(tmp_path: Path) -> None:
    given = pooling_network(tmp_path / "mean.onnx", ("n", 4000), axis=1)
    words = {**SOUND, **given, "sample_rate_hz": 8_000, "padding": "repeat"}
    audio = noise(3, 0.3)
    slow = resampled(audio, 8_000).samples.astype(float)
    assert build(VOICE, **words).score([audio])[0] == pytest.approx(np.resize(slow, 4000).mean(), abs=1e-6)


# ---------------------------------------------------------------- what comes out
def test_scores_rise_with_synthetic_media_whatever_the_network_s_sign(tmp_path: Path) -> None:
    words = {**PICTURE, **channel_means(tmp_path), "index": 1}
    dark, light = np.full((20, 20, 3), 10, np.uint8), np.full((20, 20, 3), 200, np.uint8)
    assert build(FACE, **words).score([dark, light]) == pytest.approx([10, 200])
    assert build(FACE, **{**words, "higher_is": "bona_fide"}).score([dark, light]) == pytest.approx([-10, -200])


def test_probabilities_and_logits_become_log_odds(tmp_path: Path) -> None:
    words = {**PICTURE, **channel_means(tmp_path), "index": 2}
    image = np.full((20, 20, 3), (51, 102, 204), np.uint8)
    share = build(FACE, **{**words, "value": "probability", "std": 255.0}).score([image])[0]
    assert share == pytest.approx(np.log(0.8 / 0.2), abs=1e-4)
    z = np.array([51, 102, 204]) / 51.0
    logits = build(FACE, **{**words, "value": "logits", "std": 51.0}).score([image])[0]
    p = np.exp(z) / np.exp(z).sum()
    assert logits == pytest.approx(np.log(p[2] / (1 - p[2])), abs=1e-4)
    sure = build(FACE, **{**words, "value": "probability", "mean": -255.0}).score([image])[0]
    assert np.isfinite(sure) and sure > 15


@pytest.mark.parametrize(("output", "expected"), [(0, 60.0), (1, 90.0), (2, 30.0)])
def test_the_output_that_the_suite_names_is_read(tmp_path: Path, output: int, expected: float) -> None:
    operators = ["ReduceMean", "ReduceMax", "ReduceMin"]
    given = several_outputs(tmp_path / "three.onnx", ("n", 3, 16, 16), (1, 2, 3), operators)
    image = np.full((20, 20, 3), (30, 60, 90), np.uint8)
    assert build(FACE, **PICTURE, **given, layout="nchw", output=output).score([image]) == pytest.approx([expected])


def test_what_is_not_finite_is_a_failure(tmp_path: Path) -> None:
    given = reduced(tmp_path / "log.onnx", ("n", 3, 16, 16), (1, 2, 3), "ReduceLogSum")  # minus infinity of black
    scores = build(FACE, **PICTURE, **given, layout="nchw").score([np.zeros((20, 20, 3), np.uint8), picture(1)])
    assert scores[0] == FailureToAcquire("the network's output is not finite") and isinstance(scores[1], float)


@pytest.mark.parametrize(("n", "batching"), [("n", "dynamic"), (1, "fixed")])
def test_many_media_are_scored_as_each_alone(tmp_path: Path, n: int | str, batching: str) -> None:
    detector = build(FACE, **PICTURE, **channel_means(tmp_path, n=n), index=0)
    assert detector.batching == batching  # type: ignore[attr-defined]
    images = [picture(k, 20 + k, 30) for k in range(40)]
    assert detector.score(images) == [detector.score([image])[0] for image in images]


def test_media_without_a_score_keep_their_places(tmp_path: Path) -> None:
    tiny = np.zeros((15, 40, 3), np.uint8)
    scores = build(FACE, **PICTURE, **channel_means(tmp_path), index=0).score([tiny, picture(1), tiny])
    assert scores[0] == scores[2] == FailureToAcquire("40 x 15 px, under 16") and isinstance(scores[1], float)
    given = pooling_network(tmp_path / "mean.onnx", ("n", 8000), axis=1)
    silent, short = Audio(np.zeros(9_000, np.float32), 16_000), noise(5, 0.2)
    found = build(VOICE, **SOUND, **given).score([silent, noise(4, 1.7), short])
    assert found[0] == FailureToAcquire("the sound is silent") and found[2] == FailureToAcquire("0.20 s, under 0.25 s")
    assert isinstance(found[1], float)
    assert build(VOICE, **SOUND, **given).score([]) == []
    with pytest.raises(MediaError):
        build(VOICE, **SOUND, **given).score([picture(1)])


# ---------------------------------------------------------------- what is refused
def test_other_weights_than_the_pinned_are_refused_before_loading(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="pinned is"):
        build(FACE, **{**PICTURE, **channel_means(tmp_path), "sha256": "0" * 64})
    text = tmp_path / "text.onnx"
    text.write_bytes(b"no network")
    given = {"path": str(text), "sha256": hashlib.sha256(b"no network").hexdigest(), "layout": "nchw"}
    with pytest.raises(WeightsError, match="load the network"):
        build(FACE, **PICTURE, **given)


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"sha256": None}, "sha256"),
        ({"higher_is": "fake"}, "higher_is"),
        ({"higher_is": None}, "higher_is"),
        ({"value": None}, "value"),
        ({"layout": None}, "layout"),
        ({"channel": "grey"}, "channel"),
        ({"std": 0.0}, "std"),
        ({"colour": "rgb"}, "colour"),
        ({"input_px": 20}, r"one float input \(n, 3, 20, 20\)"),
        ({"output": 1}, "output number 1"),
        ({"index": 3}, "index 3, and 3 numbers"),
        ({"index": None}, "index None, and 3 numbers"),
    ],
)
def test_wrong_words_about_a_picture_s_network_are_named(tmp_path: Path, change: dict[str, Any], word: str) -> None:
    with pytest.raises(ConfigError, match=word):
        build(FACE, **{**PICTURE, **channel_means(tmp_path), "index": 0, **change})


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"window_s": None}, "window_s"),
        ({"window_s": 0.4}, r"one float input \(n, 6400\)"),
        ({"padding": "mirror"}, "padding"),
        ({"pooling": "median"}, "pooling"),
        ({"value": "logits"}, "logits of all classes"),
        ({"layout": "nchw"}, "layout"),
    ],
)
def test_wrong_words_about_a_sound_s_network_are_named(tmp_path: Path, change: dict[str, Any], word: str) -> None:
    given = pooling_network(tmp_path / "mean.onnx", ("n", 8000), axis=1)
    with pytest.raises(ConfigError, match=word):
        build(VOICE, **{**SOUND, **given, **change})


def test_every_word_but_the_path_is_in_the_digest(tmp_path: Path) -> None:
    given = channel_means(tmp_path)
    base = {**PICTURE, **given, "index": 0}
    moved = tmp_path / "elsewhere.onnx"
    moved.write_bytes(Path(given["path"]).read_bytes())
    assert build(FACE, **{**base, "path": str(moved)}).digest == build(FACE, **base).digest
    changes = ({"mean": 1.0}, {"std": 2.0}, {"channel": "bgr"}, {"higher_is": "bona_fide"}, {"value": "probability"},
               {"index": 1})  # fmt: skip
    assert len({build(FACE, **{**base, **change}).digest for change in ({}, *changes)}) == 7
