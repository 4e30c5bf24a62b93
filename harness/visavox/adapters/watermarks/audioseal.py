"""The watermark kind ``audioseal``: AudioSeal's detector of 16 bits, from a file of weights that the suite pins.

The score is the share of the sound that the detector takes for marked. Only tensors are loaded from the file, never
code: ``torch.load(weights_only=True)``.

References:
    R. San Roman et al., Proactive Detection of Voice Cloning with Localized Watermarking, ICML 2024.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Final

from pydantic import Field, ValidationError

from visavox.core.digest import sha256_file, sha256_json
from visavox.core.errors import ConfigError, MediaError, MissingDependencyError, WeightsError
from visavox.core.records import Record
from visavox.core.terms import Modality
from visavox.media.audio import check_audio, resampled
from visavox.ports.editor import Media
from visavox.ports.recogniser import FailureToAcquire
from visavox.ports.watermark import Decoded

RATE_HZ: Final = 16_000
N_BITS: Final = 16
LEAST_S: Final = 0.1
_CARD: Final = "audioseal_detector_16bits"
_SOURCE: Final = "https://huggingface.co/facebook/audioseal/resolve/main/detector_base.pth"
_INSTALL: Final = "pip install audioseal"


class AudioSealParameters(Record):
    """``path`` and ``sha256`` of the weights; ``n_bits`` of the message, 16, or 0 where the score decides."""

    path: str
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    n_bits: Annotated[int, Field(ge=0, le=N_BITS)] = 0


class AudioSealWatermark:
    """See the module's text."""

    def __init__(self, model: Any, digest: str, device: str) -> None:
        self.id, self.modality, self._model, self._device = "audioseal", Modality.VOICE, model, device
        self.digest = sha256_json(["audioseal", digest])

    def decode(self, media: Sequence[Media]) -> list[Decoded | FailureToAcquire]:
        """Bits and score of each sound, brought to 16 kHz; of one below a tenth of a second none."""
        return [self._decode(medium) for medium in media]

    def _decode(self, medium: Media) -> Decoded | FailureToAcquire:
        import torch

        try:
            audio = resampled(check_audio(medium), RATE_HZ)
        except MediaError as error:
            return FailureToAcquire(error.found or error.asked)
        if audio.duration_s < LEAST_S:
            return FailureToAcquire(f"less than {LEAST_S:g} s of sound")
        samples = torch.from_numpy(audio.samples.copy())[None, None].to(self._device)
        with torch.inference_mode():
            score, message = self._model.detect_watermark(samples)
        return Decoded(tuple(int(bit) for bit in message[0].tolist()), float(score[0]))


def build(params: Mapping[str, Any], modality: Modality, device: str) -> AudioSealWatermark:
    """The decoder, its weights checked against their digest.

    Raises:
        ConfigError: faces, an unknown parameter, or a message of other than 16 bits.
        MissingDependencyError: the package is not installed.
        WeightsError: the file is absent, is another one, or does not hold the detector.
    """
    asked = "load the watermark `audioseal`"
    if modality is not Modality.VOICE:
        raise ConfigError(asked, found="a run over faces", todo="it reads sounds alone")
    try:
        parameters = AudioSealParameters.model_validate(dict(params))
    except ValidationError as error:
        faults = "; ".join(f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors())
        raise ConfigError(
            asked, found=faults, todo=f"its params: path, sha256; the weights lie at {_SOURCE}"
        ) from error
    if parameters.n_bits not in {0, N_BITS}:
        raise ConfigError(asked, found=f"a message of {parameters.n_bits} bits", todo=f"its marks have {N_BITS}")
    path = Path(parameters.path)
    if not path.is_file():
        raise WeightsError(asked, found=f"no file {path}", todo=f"fetch {_SOURCE} and state its sha256")
    digest = sha256_file(path)
    if digest != parameters.sha256:
        raise WeightsError(asked, found=f"{path.name} has the digest {digest}", todo="fetch the file that you pinned")
    return AudioSealWatermark(_model(path, device, asked), digest, device)


def _model(path: Path, device: str, asked: str) -> Any:
    try:
        omegaconf = importlib.import_module("omegaconf")
        loader, builder = importlib.import_module("audioseal.loader"), importlib.import_module("audioseal.builder")
        torch = importlib.import_module("torch")
    except ImportError as error:
        raise MissingDependencyError(asked, found=str(error), todo=_INSTALL) from error
    card = omegaconf.OmegaConf.to_container(loader.load_local_model_config(_CARD))
    card.pop("checkpoint")
    model = builder.create_detector(loader.AudioSeal.parse_config(card, config_type=builder.AudioSealDetectorConfig))
    try:
        held = torch.load(path, map_location="cpu", weights_only=True)
        held = held.get("model", held)
        if not any(".inner_conv." in name for name in held):  # published before the library's layers took that name
            held = loader.convert_state_dict_for_scriptable_model(held)
        loader.load_state_dict(model, held)
    except Exception as error:
        message = re.sub(r"\s+", " ", str(error))[:200]
        raise WeightsError(asked, found=f"{path.name} holds no such detector: {message}", todo=_SOURCE) from error
    return model.eval().to(device)
