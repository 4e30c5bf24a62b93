"""A wav2vec 2.0 network that writes letters (CTC); without a path ``facebook/wav2vec2-base-960h``, for English.

The weights come with no package. The suite may say ``path`` (a folder that holds ``config.json``,
``preprocessor_config.json``, ``vocab.json`` and ``model.safetensors``) and with it ``sha256`` (of the weight file), or
``download``; without ``path`` the files are taken from Hugging Face's cache at the pinned revision, and nothing is
fetched unless ``download`` is true. Weights are safetensors, and none are loaded whose SHA-256 is not the pinned one.

The pinned digest was gathered in November 2026 from ten public sources that agree; this project has never held the
file, and its accuracy was never measured here: that transcripts are the library's own is shown with a small network of
the same class that a test makes. It was fitted to read English (LibriSpeech).

References:
    A. Baevski et al., wav2vec 2.0: A framework for self-supervised learning of speech representations, NeurIPS 2020;
    A. Graves et al., Connectionist temporal classification, ICML 2006 (best path decoding).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import cached_property
from itertools import groupby
from pathlib import Path
from typing import Any, Final

import numpy as np
from pydantic import model_validator

from visavox.core.errors import WeightsError
from visavox.media.audio import Audio, Samples, check_audio, resampled
from visavox.ports.transcriber import Transcriber

from ..hub import FRONT_END, Published, SourceParams, in_one_line, is_normalised, published_files
from ..parameters import checked
from ..recognisers.sources import import_package, read_pinned, require_packages

NAME: Final = "wav2vec2"
CONFIG, LETTERS, WEIGHTS = "config.json", "vocab.json", "model.safetensors"
PUBLISHED: Final = Published(
    "facebook/wav2vec2-base-960h", "22aad52d435eb6dbaf354bdad9b0da84ce7d6156", (CONFIG, FRONT_END, LETTERS, WEIGHTS)
)
SHA256: Final = "8aa76ab2243c81747a1f832954586bc566090c83a0ac167df6f31f0fa917d74a"
RATE_HZ: Final = 16_000
LEAST_SAMPLES: Final = 400
"""What the network's first frame takes."""
MAX_PART_S: Final = 30.0
"""Longer sounds are heard in equal parts, for the network's memory grows with the square of the length."""
SPACE: Final = "|"
_TRAINING_ALONE: Final = frozenset({"wav2vec2.masked_spec_embed"})  # hides frames while a network learns


class Wav2vec2Params(SourceParams):
    """The suite's words about a network of this class; ``sha256`` is stated where ``path`` is."""

    @model_validator(mode="after")
    def _with_digest(self) -> Wav2vec2Params:
        if (self.path is None) != (self.sha256 is None):
            raise ValueError("path and sha256 belong together")
        return self


def build(params: Mapping[str, Any], device: str) -> Transcriber:
    """The transcriber ``wav2vec2``.

    Raises:
        ConfigError: if a parameter is unknown or wrong.
        MissingDependencyError: if transformers or torch is absent.
        WeightsError: if the files are absent or not the pinned ones.
    """
    todo = f"it takes {', '.join(Wav2vec2Params.model_fields)}"
    return Wav2vec2(checked(Wav2vec2Params, params, what=f"transcriber {NAME}", todo=todo), device)


class Wav2vec2:
    """Best path decoding: the likeliest letter of each frame, repeats as one, blanks left out.

    Each sound goes through the network alone, at its own length, so that no transcript hangs on the batch.

    Attributes:
        id: the published network's name, or the digest of a folder's.
    """

    def __init__(self, params: Wav2vec2Params, device: str) -> None:
        require_packages("torch", "transformers", "safetensors", extra="voices")
        self._folder = params.path or published_files(PUBLISHED, download=params.download)
        self._sha256, self._device = params.sha256 or SHA256, device
        read_pinned(self._folder / WEIGHTS, self._sha256)  # before hours of editing; it is loaded when it is first used
        repository = PUBLISHED.repository
        self._is_normalised = is_normalised(self._folder, sample_rate_hz=RATE_HZ, repository=repository)
        self._letters = _letters(self._folder)
        self.id = f"{NAME} ({repository if params.path is None else f'SHA-256 {self._sha256[:12]}'})"

    def transcribe(self, sounds: Sequence[Audio]) -> list[str]:
        """What is said in each sound, in the network's letters; empty where it hears nothing."""
        return [" ".join("".join(map(self._heard, _parts(sound))).split()) for sound in sounds]

    @cached_property
    def _network(self) -> Any:
        return _loaded(self._folder, self._sha256).to(self._device)

    def _heard(self, part: Samples) -> str:
        torch = import_package("torch", extra="voices")
        exact = torch.backends.cudnn.flags(enabled=True, benchmark=False, deterministic=True, allow_tf32=False)
        with torch.inference_mode(), exact:
            values = torch.from_numpy(np.ascontiguousarray(part)).to(self._device)
            if self._is_normalised:
                values = (values - values.mean()) / torch.sqrt(values.var(correction=0) + 1e-7)
            places = self._network(values[None]).logits[0].argmax(dim=-1).tolist()
        blank = self._network.config.pad_token_id
        return "".join(self._letters.get(place, "") for place, _ in groupby(places) if place != blank)


def _parts(sound: Audio) -> list[Samples]:
    """The sound at the network's rate, in parts it can take; none where it is shorter than a frame."""
    samples = resampled(check_audio(sound), RATE_HZ).samples
    if len(samples) < LEAST_SAMPLES:
        return []
    return np.array_split(samples, -(-len(samples) // round(MAX_PART_S * RATE_HZ)))


def _letters(folder: Path) -> dict[int, str]:
    """What the network's outputs stand for; words such as ``<unk>`` are no letters."""
    asked = f"read {LETTERS} of {folder}"
    try:
        places = json.loads((folder / LETTERS).read_text("utf-8"))
        letters = {int(place): str(letter) for letter, place in places.items() if len(letter) == 1}
    except (OSError, ValueError, AttributeError, TypeError) as error:
        raise WeightsError(
            asked, found=in_one_line(error), todo=f"fetch the files of {PUBLISHED.repository}"
        ) from error
    if SPACE not in letters.values():
        raise WeightsError(asked, found=f"no {SPACE!r} between words", todo="give a network that writes letters")
    return {place: " " if letter == SPACE else letter for place, letter in letters.items()}


def _loaded(folder: Path, sha256: str) -> Any:
    """The network with the folder's weights, every one of which a transcript rests on is there."""
    asked = f"load the speech recogniser of {folder}"
    todo = "give a network of the class Wav2Vec2ForCTC"
    torch, library = (import_package(name, extra="voices") for name in ("torch", "transformers"))
    read_pinned(folder / WEIGHTS, sha256)
    try:
        network, loaded = library.Wav2Vec2ForCTC.from_pretrained(
            folder, local_files_only=True, use_safetensors=True, output_loading_info=True, dtype=torch.float32
        )
    except Exception as error:  # transformers raises a dozen kinds over files that are no such network
        raise WeightsError(asked, found=in_one_line(error), todo=todo) from error
    missing = sorted(set(loaded["missing_keys"]) - _TRAINING_ALONE)
    if missing or loaded["mismatched_keys"]:
        found = f"{len(missing)} weights are missing ({', '.join(missing[:3])} ...)"
        raise WeightsError(asked, found=found, todo=todo)
    return network.eval().requires_grad_(False)
