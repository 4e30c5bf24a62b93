"""Speaker networks in ONNX form: what the graph is given, what graphs and words are refused."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from kit_sounds import sound
from onnx_files import pooling_network

from visavox.adapters.recognisers.mel import kaldi_fbank, mfcc
from visavox.core.errors import ConfigError, WeightsError
from visavox.core.records import RecogniserSpec
from visavox.media.audio import Audio, resampled
from visavox.ports.recogniser import FailureToAcquire, Recogniser, Speech, recognisers

RATE_HZ = 16_000


def _build(**params: Any) -> Recogniser:
    kept = {key: value for key, value in params.items() if value is not None}
    return recognisers.get("onnx_voice")(RecogniserSpec(name="onnx_voice", id="mine", params=kept), "cpu")


def _fbank(folder: Path, /, **changes: Any) -> Recogniser:
    given = pooling_network(folder / "mean.onnx", ("n", "t", 80), axis=1)
    return _build(**{**given, "features": "fbank", "layout": "frames_features", **changes})


@pytest.fixture(scope="module")
def audio() -> Audio:
    whole = sound("6358d6a2e4e838d0")
    return Audio(whole.samples[: 3 * RATE_HZ], RATE_HZ)


def _unit(values: np.ndarray) -> np.ndarray:
    return values / np.linalg.norm(values)


def _embed(judge: Recogniser, audio: Audio) -> Any:
    return judge.embed([audio], [Speech(((0.0, audio.duration_s),), audio.duration_s)])[0]


@pytest.mark.parametrize("layout", ["frames_features", "features_frames"])
def test_the_network_sees_the_frames_in_the_layout_of_the_suite(tmp_path: Path, audio: Audio, layout: str) -> None:
    shape, axis = (("n", "t", 80), 1) if layout == "frames_features" else ((1, 80, "t"), 2)
    given = pooling_network(tmp_path / "mean.onnx", shape, axis=axis)
    got = _embed(_build(**given, features="fbank", layout=layout, subtract_mean=False), audio)
    frames = kaldi_fbank(audio.samples, sample_rate_hz=RATE_HZ, n_mels=80, window="hamming")
    assert np.allclose(got, _unit(frames.mean(axis=0)), atol=1e-6)


def test_cepstra_and_samples_are_given_too(tmp_path: Path, audio: Audio) -> None:
    given = pooling_network(tmp_path / "mfcc.onnx", ("n", "t", 24), axis=1)
    words = {"n_mels": 40, "n_mfcc": 24, "subtract_mean": False, "low_hz": 0.0}
    got = _embed(_build(**given, features="mfcc", layout="frames_features", **words), audio)
    expected = mfcc(audio.samples, sample_rate_hz=RATE_HZ, n_mfcc=24, n_mels=40).mean(axis=0)
    assert np.allclose(got, _unit(expected), atol=1e-6)
    wave = pooling_network(tmp_path / "wave.onnx", ("n", "t"), axis=1)
    slower = _build(**wave, features="wave", layout="samples", sample_rate_hz=8000)
    assert _embed(slower, audio) == pytest.approx(np.sign(resampled(audio, 8000).samples.mean()))


def test_the_mean_of_each_feature_is_subtracted(tmp_path: Path, audio: Audio) -> None:
    """What is left of the mean is rounding; no template is made of that where it is nothing at all."""
    answer = _embed(_fbank(tmp_path), audio)
    frames = kaldi_fbank(audio.samples, sample_rate_hz=RATE_HZ, n_mels=80, window="hamming")
    bare = _embed(_fbank(tmp_path, subtract_mean=False), audio)
    assert isinstance(answer, FailureToAcquire) or abs(float(answer @ _unit(frames.mean(axis=0)))) < 0.9
    assert float(bare @ _unit(frames.mean(axis=0))) > 0.999


@pytest.mark.parametrize(
    "change",
    [{"window": "povey"}, {"low_hz": 30.0}, {"high_hz": 7600.0}, {"hop_ms": 12.5}, {"subtract_mean": False},
     {"sample_rate_hz": 8000}],
)  # fmt: skip
def test_every_setting_of_the_front_end_is_in_the_digest(tmp_path: Path, change: dict[str, Any]) -> None:
    assert _fbank(tmp_path, **change).digest != _fbank(tmp_path).digest


def test_families_and_overlap_come_from_the_suite_and_change_no_template(tmp_path: Path) -> None:
    plain, stated = _fbank(tmp_path), _fbank(tmp_path, families=["ecapa"], training_overlap="none")
    assert (plain.families, plain.training_overlap) == ({"undeclared"}, "unknown")
    network = {name for name in stated.families if name.startswith("weights-")}
    assert len(network) == 1
    assert (stated.families, stated.training_overlap) == ({"ecapa", *network}, "none")
    assert stated.digest == plain.digest


@pytest.mark.parametrize(
    ("shape", "axis"),
    [(("n", "t", 40), 1), (("n", 300, 80), 1), ((2, "t", 80), 1), (("n", 1, "t", 80), 2), (("n", "t"), 1)],
)
def test_graphs_of_another_form_are_refused(tmp_path: Path, shape: tuple, axis: int) -> None:
    given = pooling_network(tmp_path / "odd.onnx", shape, axis=axis)
    with pytest.raises(ConfigError, match=r"one float input \(n, frames, 80\)"):
        _build(**given, features="fbank", layout="frames_features")


def test_a_network_without_pooling_is_refused(tmp_path: Path) -> None:
    given = pooling_network(tmp_path / "long.onnx", ("n", "t", 80), axis=2)
    with pytest.raises(ConfigError, match="grows with the sound's"):
        _build(**given, features="fbank", layout="frames_features")


def test_other_weights_than_the_pinned_are_refused_before_loading(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="pinned is"):
        _fbank(tmp_path, sha256="0" * 64)
    text = tmp_path / "text.onnx"
    text.write_bytes(b"no network")
    with pytest.raises(WeightsError, match="load the network"):
        _fbank(tmp_path, path=str(text), sha256=hashlib.sha256(b"no network").hexdigest())


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"sha256": None}, "sha256"),
        ({"features": None}, "features"),
        ({"layout": None}, "layout"),
        ({"layout": "samples"}, "go together"),
        ({"features": "plp"}, "features"),
        ({"low_hz": 9000.0}, "low_hz lies below"),
        ({"high_hz": 9000.0}, "high_hz not above"),
        ({"features": "mfcc", "n_mfcc": 90}, "n_mfcc exceeds"),
        ({"rate": 16000}, "rate"),
    ],
)
def test_wrong_parameters_are_named(tmp_path: Path, change: dict[str, Any], word: str) -> None:
    with pytest.raises(ConfigError, match=word):
        _fbank(tmp_path, **change)
