"""WavLM's speaker head against transformers' own use, with a small network of its class."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from kit_sounds import sound
from transformers import AutoFeatureExtractor, WavLMForXVector
from wavlm_weights import made_wavlm

from visavox.adapters.recognisers import wavlm
from visavox.core.digest import sha256_file
from visavox.core.errors import ConfigError, WeightsError
from visavox.core.records import RecogniserSpec
from visavox.media.audio import Audio
from visavox.ports.recogniser import Recogniser, Speech, recognisers

RATE_HZ = 16_000


def _build(**params: Any) -> Recogniser:
    return recognisers.get("wavlm")(RecogniserSpec(name="wavlm", id="mine", params=params), "cpu")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return Path(made_wavlm(tmp_path_factory.mktemp("wavlm"))["path"])


@pytest.fixture(scope="module")
def sounds() -> list[Audio]:
    return [sound(sample_id) for sample_id in ("6358d6a2e4e838d0", "4f5fcf9466c9a258")]


def _whole(audio: Audio) -> Speech:
    return Speech(((0.0, audio.duration_s),), audio.duration_s)


@pytest.mark.parametrize("do_normalize", [True, False])
def test_wavlm_equals_transformers_own_use(tmp_path: Path, sounds: list[Audio], do_normalize: bool) -> None:
    made_wavlm(tmp_path, do_normalize=do_normalize)
    network, front_end = (
        WavLMForXVector.from_pretrained(tmp_path).eval(),
        AutoFeatureExtractor.from_pretrained(tmp_path),
    )
    got = _build(path=str(tmp_path)).embed(sounds, [_whole(audio) for audio in sounds])
    for audio, template in zip(sounds, got, strict=True):
        with torch.inference_mode():
            given = front_end(audio.samples, sampling_rate=RATE_HZ, return_tensors="pt")
            expected = network(given.input_values).embeddings[0].numpy()
        assert np.allclose(template, expected / np.linalg.norm(expected), atol=1e-5)


def test_long_speech_is_embedded_in_equal_parts(
    folder: Path, sounds: list[Audio], monkeypatch: pytest.MonkeyPatch
) -> None:
    judge, audio = _build(path=str(folder)), Audio(sounds[0].samples[: 4 * RATE_HZ], RATE_HZ)
    halves = [Audio(half, RATE_HZ) for half in np.split(audio.samples, 2)]
    monkeypatch.setattr(wavlm, "MAX_PART_S", 3.0)
    (got,) = judge.embed([audio], [_whole(audio)])
    expected = np.sum(judge.embed(halves, [_whole(half) for half in halves]), axis=0)
    assert np.allclose(got, expected / np.linalg.norm(expected), atol=1e-6)


def test_a_folder_of_the_user_s_is_of_no_known_training(folder: Path) -> None:
    judge = _build(path=str(folder))
    assert not judge.is_pinned and "undeclared" in judge.families and judge.training_overlap == "unknown"


def test_the_digest_is_of_weights_and_front_end(tmp_path: Path, folder: Path) -> None:
    made_wavlm(tmp_path, do_normalize=False)
    assert sha256_file(tmp_path / "model.safetensors") == sha256_file(folder / "model.safetensors")
    assert _build(path=str(tmp_path)).digest != _build(path=str(folder)).digest


def test_the_weight_file_may_be_pinned(folder: Path) -> None:
    digest = sha256_file(folder / "model.safetensors")
    assert _build(path=str(folder), sha256=digest).digest == _build(path=str(folder)).digest
    with pytest.raises(WeightsError, match=f"SHA-256 {digest}, pinned is"):
        _build(path=str(folder), sha256="0" * 64)


def test_nothing_is_fetched_unless_the_suite_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import huggingface_hub

    asked: list[dict[str, Any]] = []
    real = huggingface_hub.snapshot_download

    def noted(*names: str, **options: Any) -> str:
        asked.append(options)
        return real(*names, cache_dir=tmp_path, **{**options, "local_files_only": True})

    monkeypatch.setattr(huggingface_hub, "snapshot_download", noted)
    with pytest.raises(
        WeightsError, match=r"find microsoft/wavlm-base-plus-sv at revision feb593a(.|\n)*download: true"
    ):
        _build()
    with pytest.raises(
        WeightsError, match=r"download microsoft/wavlm-base-plus-sv(.|\n)*name their folder \(path: ...\)$"
    ):
        _build(download=True)
    assert [options["local_files_only"] for options in asked] == [True, False]
    assert all(options["revision"] == wavlm.PUBLISHED.revision for options in asked)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda folder: (folder / "model.safetensors").unlink(), r"no model.safetensors or pytorch_model.bin"),
        (lambda folder: (folder / "preprocessor_config.json").unlink(), r"no preprocessor_config.json"),
        (lambda folder: (folder / "preprocessor_config.json").write_text("{}"), r"KeyError"),
        (lambda folder: (folder / "model.safetensors").write_bytes(b"weights"), r"load the WavLM"),
    ],
)
def test_folders_that_hold_no_such_network_are_refused(tmp_path: Path, spoil: Any, message: str) -> None:
    made_wavlm(tmp_path)
    spoil(tmp_path)
    with pytest.raises(WeightsError, match=message):
        _build(path=str(tmp_path))


def test_weights_that_are_not_there_are_never_drawn_at_random(tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    made_wavlm(tmp_path)
    weights = load_file(tmp_path / "model.safetensors")
    kept = {key: value for key, value in weights.items() if not key.startswith("tdnn.0.")}
    assert len(kept) < len(weights)
    save_file(kept, tmp_path / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(WeightsError, match="weights are missing"):
        _build(path=str(tmp_path))


@pytest.mark.parametrize(
    ("params", "word"), [({"path": "/x", "download": True}, "exclude"), ({"revision": "main"}, "revision")]
)
def test_wrong_parameters_are_named(params: dict[str, Any], word: str) -> None:
    with pytest.raises(ConfigError, match=word):
        _build(**params)


def test_a_front_end_of_another_rate_is_refused(tmp_path: Path) -> None:
    made_wavlm(tmp_path)
    file = tmp_path / "preprocessor_config.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), "sampling_rate": 8000}))
    with pytest.raises(WeightsError, match="8000 Hz"):
        _build(path=str(tmp_path))
