"""WavLM with its head for speaker verification (``microsoft/wavlm-base-plus-sv``), cosine of 512 numbers.

The weights come with no package. The suite may say ``path`` (a folder that holds ``config.json``,
``preprocessor_config.json`` and the weights), ``sha256`` (of the weight file) and ``download``; without ``path`` they
are taken from Hugging Face's cache at the pinned revision, and nothing is fetched unless ``download`` is true.

Its accuracy was never measured by this project, for want of the weights: that the templates are the library's own is
shown with a small network of the same class that a test makes. It was pre-trained on Libri-Light, GigaSpeech and
VoxPopuli and, for speakers, on VoxCeleb1; the readers of LibriSpeech are among Libri-Light's, hence
``training_overlap`` = some.

References:
    S. Chen et al., WavLM: Large-scale self-supervised pre-training for full stack speech processing, IEEE JSTSP 16
    (2022); D. Snyder et al., X-vectors, ICASSP 2018.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from visavox.core.digest import sha256_bytes, sha256_file, sha256_json
from visavox.core.errors import WeightsError
from visavox.core.records import RecogniserSpec
from visavox.core.terms import Modality
from visavox.ports.editor import Media
from visavox.ports.recogniser import FailureToAcquire, Speech, Vectors

from ..hub import FRONT_END, Published, SourceParams, in_one_line, is_normalised, published_files
from ..parameters import checked
from .cosine import cosines, unit
from .sources import import_package
from .speech import DETECTOR, Samples, locate_speech, speech_signals

RATE_HZ: Final = 16_000
MAX_PART_S: Final = 30.0
"""Longer speech is embedded in equal parts, for the network's memory grows with the square of the length."""
CONFIG: Final = "config.json"
WEIGHTS: Final = ("model.safetensors", "pytorch_model.bin")
PUBLISHED: Final = Published(
    "microsoft/wavlm-base-plus-sv", "feb593a6c23c1cc3d9510425c29b0a14d2b07b1e", (CONFIG, FRONT_END, *WEIGHTS)
)
_UNUSED: Final = ("classifier.", "objective.")  # layers behind the template


def build(spec: RecogniserSpec, device: str) -> Wavlm:
    """The recogniser ``wavlm``.

    Raises:
        ConfigError: if a parameter is unknown or wrong.
        MissingDependencyError: if transformers or torch is absent.
        WeightsError: if the files are absent, not the pinned ones, or of another network.
    """
    todo = f"it takes {', '.join(SourceParams.model_fields)}"
    params = checked(SourceParams, dict(spec.params), what=f"recogniser {spec.id!r} (wavlm)", todo=todo)
    return Wavlm(spec.id, params, device)


class Wavlm:
    """WavLM's x-vectors; scores are cosines.

    Each utterance goes through the network alone, at its own length: its first layer normalises over the whole of what
    it is given, so that padding would change templates. Templates stay on the device until all are there.

    Attributes:
        is_pinned: whether the files are the published ones. Of others nothing is known: their training overlap is
            ``unknown``, and they count as one family with every undeclared network.
    """

    modality: Final = Modality.VOICE
    score: Final = "cosine"
    detector: Final = DETECTOR

    def __init__(self, name: str, params: SourceParams, device: str) -> None:
        self.id = name
        self._torch = import_package("torch", extra="voices")
        folder = params.path or published_files(PUBLISHED, download=params.download)
        weights = _weights(folder, params.sha256)
        self.is_pinned = params.path is None
        self.families = frozenset({"wavlm", "x-vector"} | (set() if self.is_pinned else {"undeclared"}))
        self.training_overlap = "some" if self.is_pinned else "unknown"
        self._is_normalised = is_normalised(folder, sample_rate_hz=RATE_HZ, repository=PUBLISHED.repository)
        self._network = _network(folder).to(self._torch.device(device))
        self._device = self._torch.device(device)
        self.digest = sha256_json(
            {
                "weights": sha256_file(weights),
                "config": sha256_bytes((folder / CONFIG).read_bytes()),
                "is_normalised": self._is_normalised,
                "max_part_s": MAX_PART_S,
                "detector": DETECTOR,
            }
        )

    def locate(self, media: Sequence[Media]) -> list[Speech | FailureToAcquire]:
        """Where somebody speaks in each sound."""
        return locate_speech(media)

    def embed(self, media: Sequence[Media], regions: Sequence[Speech]) -> list[Vectors | FailureToAcquire]:
        """Unit vectors of each sound's speech."""
        answers = speech_signals(media, regions, RATE_HZ)
        usable = {k: signal for k, signal in enumerate(answers) if not isinstance(signal, FailureToAcquire)}
        for k, vector in zip(usable, self._templates(list(usable.values())), strict=True):
            answers[k] = unit(vector)
        return answers

    def compare(self, references: Vectors, probes: Vectors) -> npt.NDArray[np.float32]:
        """Cosines, shape (n_references, n_probes)."""
        return cosines(references, probes)

    def _templates(self, signals: Sequence[Samples]) -> npt.NDArray[np.float32]:
        """Sums of the unit x-vectors of each signal's parts, shape (n, 512)."""
        torch = self._torch
        exact = torch.backends.cudnn.flags(enabled=True, benchmark=False, deterministic=True, allow_tf32=False)
        with torch.inference_mode(), exact:
            sums = [sum(self._forward(part) for part in _parts(signal)) for signal in signals]
            vectors: npt.NDArray[np.float32] = torch.stack(sums).cpu().numpy() if sums else np.zeros((0, 1), np.float32)
        return vectors

    def _forward(self, part: Samples) -> Any:
        torch = self._torch
        values = torch.from_numpy(np.ascontiguousarray(part)).to(self._device, non_blocking=True)
        if self._is_normalised:
            values = (values - values.mean()) / torch.sqrt(values.var(correction=0) + 1e-7)
        return torch.nn.functional.normalize(self._network(values[None]).embeddings[0], dim=0)


def _parts(signal: Samples) -> list[Samples]:
    return np.array_split(signal, -(-len(signal) // round(MAX_PART_S * RATE_HZ)))


def _weights(folder: Path, sha256: str | None) -> Path:
    """The weight file of a folder that holds all that is needed."""
    asked = f"read a WavLM from {folder}"
    absent = [name for name in (CONFIG, FRONT_END) if not (folder / name).is_file()]
    found = [folder / name for name in WEIGHTS if (folder / name).is_file()]
    if absent or not found:
        lacking = ", ".join([*absent, *([] if found else [" or ".join(WEIGHTS)])])
        raise WeightsError(asked, found=f"no {lacking}", todo=f"fetch the files of {PUBLISHED.repository}")
    if sha256 is not None and sha256_file(found[0]) != sha256.lower():
        raise WeightsError(
            asked,
            found=f"{found[0].name} has SHA-256 {sha256_file(found[0])}, pinned is {sha256}",
            todo="fetch the pinned file again, or pin this one if it is the network you mean to use",
        )
    return found[0]


def _network(folder: Path) -> Any:
    """The network with the folder's weights, every one of which a template rests on is there."""
    asked = f"load the WavLM of {folder}"
    torch = import_package("torch", extra="voices")
    library = import_package("transformers", extra="voices")
    try:
        network, loaded = library.WavLMForXVector.from_pretrained(
            folder, local_files_only=True, weights_only=True, output_loading_info=True, dtype=torch.float32
        )
    except Exception as error:  # transformers raises a dozen kinds over files that are no such network
        raise WeightsError(
            asked, found=in_one_line(error), todo="give a network of the class WavLMForXVector"
        ) from error
    missing = [key for key in loaded["missing_keys"] if not key.startswith(_UNUSED)]
    if missing or loaded["mismatched_keys"]:
        found = f"{len(missing)} weights are missing ({', '.join(sorted(missing)[:3])} ...)"
        raise WeightsError(asked, found=found, todo="give a network of the class WavLMForXVector")
    return network.eval().requires_grad_(False)
