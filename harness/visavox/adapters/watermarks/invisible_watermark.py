"""The watermark kind ``invisible_watermark``: the package of that name, method dwtDct or dwtDctSvd.

Its wheel asks for opencv-python beside opencv-python-headless, which overwrite one another; it works with either.

References:
    github.com/ShieldMnt/invisible-watermark, 0.2.0; the mark that Stable Diffusion's own scripts write.
"""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final, Literal

import numpy as np
from pydantic import Field, ValidationError

from visavox.core.digest import sha256_json
from visavox.core.errors import ConfigError, MediaError, MissingDependencyError
from visavox.core.records import Record
from visavox.core.terms import Modality
from visavox.media.image import check_image
from visavox.ports.editor import Media
from visavox.ports.recogniser import FailureToAcquire
from visavox.ports.watermark import Decoded

LEAST_PIXELS: Final = 256 * 256
"""The package reads no smaller picture."""
_INSTALL: Final = "pip install PyWavelets && pip install --no-deps invisible-watermark"


class InvisibleParameters(Record):
    """``method``, and ``n_bits`` of the message."""

    method: Literal["dwtDct", "dwtDctSvd"] = "dwtDct"
    n_bits: Annotated[int, Field(ge=1, le=4096)]


class InvisibleWatermark:
    """See the module's text."""

    def __init__(self, package: Any, parameters: InvisibleParameters) -> None:
        self.id, self.modality = "invisible_watermark", Modality.FACE
        self._decoder = package.WatermarkDecoder("bits", parameters.n_bits)
        self._method = parameters.method
        self.digest = sha256_json(["invisible_watermark", parameters.model_dump(mode="json")])

    def decode(self, media: Sequence[Media]) -> list[Decoded | FailureToAcquire]:
        """The bits of each picture; of one below 256 x 256 pixels none."""
        return [self._decode(medium) for medium in media]

    def _decode(self, medium: Media) -> Decoded | FailureToAcquire:
        try:
            picture = check_image(medium)
        except MediaError as error:
            return FailureToAcquire(error.found or error.asked)
        if picture.shape[0] * picture.shape[1] < LEAST_PIXELS:
            return FailureToAcquire("the picture has fewer than 256 x 256 pixels")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            bits = self._decoder.decode(np.ascontiguousarray(picture[:, :, ::-1]), self._method)
        return Decoded(tuple(int(bit) for bit in bits))


def build(params: Mapping[str, Any], modality: Modality, device: str) -> InvisibleWatermark:
    """The decoder.

    Raises:
        ConfigError: voices, an unknown parameter, or no message.
        MissingDependencyError: the package is not installed.
    """
    asked = "load the watermark `invisible_watermark`"
    if modality is not Modality.FACE:
        raise ConfigError(asked, found="a run over voices", todo="it reads pictures alone")
    try:
        parameters = InvisibleParameters.model_validate(dict(params))
    except ValidationError as error:
        faults = "; ".join(f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors())
        raise ConfigError(
            asked, found=faults, todo="its params: method (dwtDct, dwtDctSvd); and state message"
        ) from error
    try:
        package = importlib.import_module("imwatermark")
    except ImportError as error:
        raise MissingDependencyError(asked, found=str(error), todo=_INSTALL) from error
    return InvisibleWatermark(package, parameters)
