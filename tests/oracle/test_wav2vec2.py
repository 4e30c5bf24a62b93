"""The transcriber wav2vec2 against transformers' own use, with a small network of its class."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from kit_sounds import sound
from transformers import AutoFeatureExtractor, Wav2Vec2CTCTokenizer, Wav2Vec2ForCTC
from wav2vec2_weights import made_wav2vec2

from visavox.adapters.transcribers import wav2vec2
from visavox.core.digest import sha256_file
from visavox.core.errors import ConfigError, WeightsError
from visavox.media.audio import Audio
from visavox.ports.transcriber import Transcriber, transcribers

RATE_HZ = 16_000


def _build(**params: Any) -> Transcriber:
    return transcribers.get("wav2vec2")(params, "cpu")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return made_wav2vec2(tmp_path_factory.mktemp("wav2vec2"))


@pytest.fixture(scope="module")
def sounds() -> list[Audio]:
    return [sound(sample_id) for sample_id in ("6358d6a2e4e838d0", "4f5fcf9466c9a258")]


@pytest.mark.parametrize("do_normalize", [True, False])
def test_transcripts_are_the_library_s_own(tmp_path: Path, sounds: list[Audio], do_normalize: bool) -> None:
    made = made_wav2vec2(tmp_path, do_normalize=do_normalize)
    network = Wav2Vec2ForCTC.from_pretrained(tmp_path).eval()
    front_end, letters = AutoFeatureExtractor.from_pretrained(tmp_path), Wav2Vec2CTCTokenizer(tmp_path / "vocab.json")
    got = _build(**made).transcribe(sounds)
    for audio, text in zip(sounds, got, strict=True):
        with torch.inference_mode():
            given = front_end(audio.samples, sampling_rate=RATE_HZ, return_tensors="pt")
            places = network(given.input_values).logits[0].argmax(-1)
        assert text == " ".join(letters.decode(places).split())
        assert len(text.split()) > 5
    assert got[0] != got[1]


def test_a_sound_is_heard_alike_alone_and_at_another_rate(made: dict[str, Any], sounds: list[Audio]) -> None:
    heard = _build(**made)
    assert heard.transcribe(sounds) == [heard.transcribe([one])[0] for one in sounds]
    assert heard.transcribe([]) == []
    assert heard.transcribe([Audio(np.zeros(100, np.float32), RATE_HZ)]) == [""]
    assert isinstance(heard.transcribe([Audio(sounds[0].samples[:40_000].copy(), 22_050)])[0], str)


def test_long_sounds_are_heard_in_equal_parts(
    made: dict[str, Any], sounds: list[Audio], monkeypatch: pytest.MonkeyPatch
) -> None:
    heard, audio = _build(**made), Audio(sounds[0].samples[: 4 * RATE_HZ], RATE_HZ)
    halves = [Audio(half, RATE_HZ) for half in np.split(audio.samples, 2)]
    expected = [text.replace(" ", "") for text in heard.transcribe(halves)]
    monkeypatch.setattr(wav2vec2, "MAX_PART_S", 3.0)
    assert heard.transcribe([audio])[0].replace(" ", "") == "".join(expected)


def test_the_layout_of_the_published_file_is_read(made: dict[str, Any], sounds: list[Audio], tmp_path: Path) -> None:
    """Older transformers named the halves of a normalised weight otherwise, and left the mask out."""
    from safetensors.torch import load_file, save_file

    for name in ("config.json", "preprocessor_config.json", "vocab.json"):
        (tmp_path / name).write_bytes((Path(made["path"]) / name).read_bytes())
    weights = load_file(Path(made["path"]) / "model.safetensors")
    older = {
        key.replace("parametrizations.weight.original0", "weight_g").replace(
            "parametrizations.weight.original1", "weight_v"
        ): value
        for key, value in weights.items()
        if not key.endswith("masked_spec_embed")
    }
    assert set(older) != set(weights)
    save_file(older, tmp_path / "model.safetensors", metadata={"format": "pt"})
    other = _build(path=str(tmp_path), sha256=sha256_file(tmp_path / "model.safetensors"))
    assert other.transcribe(sounds) == _build(**made).transcribe(sounds)


def test_weights_are_loaded_of_the_pinned_digest_alone(made: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=f"SHA-256 {made['sha256']}, pinned is 000"):
        _build(**{**made, "sha256": "0" * 64})
    again = made_wav2vec2(tmp_path)
    assert again["sha256"] == made["sha256"]
    heard = _build(**again)  # changed between the check and the first use
    with (tmp_path / "model.safetensors").open("r+b") as file:
        file.seek(-4, 2)
        file.write(b"\x01\x02\x03\x04")
    with pytest.raises(WeightsError, match="pinned is"):
        heard.transcribe([Audio(np.zeros(RATE_HZ, np.float32), RATE_HZ)])


def test_no_pickle_is_read(tmp_path: Path) -> None:
    made = made_wav2vec2(tmp_path)
    weights = Wav2Vec2ForCTC.from_pretrained(tmp_path).state_dict()
    (tmp_path / "model.safetensors").unlink()
    torch.save(weights, tmp_path / "pytorch_model.bin")
    with pytest.raises(WeightsError, match=r"model\.safetensors(.|\n)*not readable"):
        _build(**made)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda folder: (folder / "preprocessor_config.json").unlink(), r"FileNotFoundError"),
        (lambda folder: (folder / "vocab.json").unlink(), r"vocab.json(.|\n)*FileNotFoundError"),
        (lambda folder: (folder / "vocab.json").write_text('{"a": 0}'), r"no '\|' between words"),
        (lambda folder: (folder / "vocab.json").write_text('["a"]'), r"AttributeError"),
    ],
)
def test_folders_that_lack_something_are_refused(tmp_path: Path, spoil: Any, message: str) -> None:
    made = made_wav2vec2(tmp_path)
    spoil(tmp_path)
    with pytest.raises(WeightsError, match=message):
        _build(**made)


def test_weights_that_are_not_there_are_never_drawn_at_random(tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    made_wav2vec2(tmp_path)
    weights = load_file(tmp_path / "model.safetensors")
    kept = {key: value for key, value in weights.items() if not key.startswith("lm_head.")}
    save_file(kept, tmp_path / "model.safetensors", metadata={"format": "pt"})
    heard = _build(path=str(tmp_path), sha256=sha256_file(tmp_path / "model.safetensors"))
    with pytest.raises(WeightsError, match="2 weights are missing"):
        heard.transcribe([Audio(np.zeros(RATE_HZ, np.float32), RATE_HZ)])


def test_nothing_is_fetched_unless_the_suite_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import huggingface_hub

    asked: list[dict[str, Any]] = []
    real = huggingface_hub.snapshot_download

    def noted(*names: str, **options: Any) -> str:
        asked.append(options)
        return real(*names, cache_dir=tmp_path, **{**options, "local_files_only": True})

    monkeypatch.setattr(huggingface_hub, "snapshot_download", noted)
    with pytest.raises(WeightsError, match=r"find facebook/wav2vec2-base-960h at revision 22aad(.|\n)*download: true"):
        _build()
    with pytest.raises(WeightsError, match=r"download facebook/wav2vec2(.|\n)*name their folder \(path: ...\)$"):
        _build(download=True)
    assert [options["local_files_only"] for options in asked] == [True, False]
    assert not any(name.endswith(".bin") for name in asked[0]["allow_patterns"])


@pytest.mark.parametrize(
    ("params", "word"),
    [
        ({"path": "/x", "sha256": "0" * 64, "download": True}, "exclude"),
        ({"path": "/x"}, "belong together"),
        ({"sha256": "0" * 64}, "belong together"),
        ({"language": "de"}, "language"),
    ],
)
def test_wrong_parameters_are_named(params: dict[str, Any], word: str) -> None:
    with pytest.raises(ConfigError, match=word):
        _build(**params)


def test_a_front_end_of_another_rate_is_refused(tmp_path: Path) -> None:
    made = made_wav2vec2(tmp_path)
    file = tmp_path / "preprocessor_config.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), "sampling_rate": 8000}))
    with pytest.raises(WeightsError, match="8000 Hz"):
        _build(**made)
