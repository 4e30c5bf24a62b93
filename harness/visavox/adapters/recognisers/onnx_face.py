"""Any face network in ONNX form that takes ArcFace crops: MTCNN, five-point alignment, cosine of unit vectors.

The suite says all that the file does not: ``path``, ``sha256``, ``input_px``, ``template``, ``mean``, ``std``,
``channel``, and may say ``families`` (networks trained alike) and ``training_overlap``.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Final, Literal, TypeAlias

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field

from visavox.adapters.parameters import checked
from visavox.core.digest import sha256_json
from visavox.core.errors import ConfigError
from visavox.core.records import RecogniserSpec, Sha256
from visavox.core.terms import Modality
from visavox.media.image import check_image
from visavox.ports.editor import Media
from visavox.ports.recogniser import FailureToAcquire, Region, Vectors

from .alignment import arcface5, crop_faces
from .cosine import cosines, unit
from .mtcnn import load_mtcnn
from .onnx_session import BatchNetwork, inputs_of, open_session, takes
from .sources import declared_families, read_pinned

PerChannel: TypeAlias = float | tuple[float, float, float]
Positive: TypeAlias = Annotated[float, Field(gt=0)]


class OnnxFaceParams(BaseModel):
    """The suite's words about an ONNX face network.

    Attributes:
        path: the file, absolute.
        sha256: its pinned digest.
        input_px: side of the square crop.
        template: how faces stand in the crop.
        mean, std: (pixel - mean) / std, one number or one a channel, in the order of ``channel``.
        channel: the network's order of channels.
        families: training families; ``undeclared`` if none is given, which counts as one family whoever bears it.
        training_overlap: with the usual public test people; unknown counts as some.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    path: Path
    sha256: Sha256
    input_px: Annotated[int, Field(ge=16, le=1024)]
    template: Literal["arcface5"]
    mean: PerChannel
    std: Positive | tuple[Positive, Positive, Positive]
    channel: Literal["rgb", "bgr"]
    families: tuple[str, ...] = ()
    training_overlap: Literal["none", "some", "unknown"] = "unknown"


def build(spec: RecogniserSpec, device: str) -> OnnxFace:
    """The recogniser ``onnx_face`` with the suite's parameters.

    Raises:
        ConfigError: if a parameter is absent, unknown or wrong, or the network does not take such crops.
        MissingDependencyError: if onnxruntime, OpenCV or the detector's packages are absent.
        WeightsError: if the file is absent, not the pinned one, or no ONNX network.
    """
    params = checked(
        OnnxFaceParams,
        dict(spec.params),
        what=f"recogniser {spec.id!r} (onnx_face)",
        todo="it needs path, sha256, input_px, template, mean, std and channel",
    )
    return OnnxFace(spec.id, params, device)


class OnnxFace:
    """A face network run by onnxruntime; scores are cosines of its L2-normalised output.

    Attributes:
        batching: ``dynamic`` where the graph takes any number of crops at once and gives each what it gives it alone;
            ``fixed`` where not, and crops go through it one by one on several threads.
    """

    modality: Final = Modality.FACE
    score: Final = "cosine"

    def __init__(self, name: str, params: OnnxFaceParams, device: str) -> None:
        data = read_pinned(params.path, params.sha256)
        self.id = name
        self.families = declared_families(params.families, params.sha256)
        self.training_overlap: str = params.training_overlap
        self._params = params
        self._template = arcface5(params.input_px)
        self._mean, self._std = np.asarray(params.mean, np.float32), np.asarray(params.std, np.float32)
        session = open_session(data, params.path, device, threads=None)
        px = params.input_px
        if not takes(session, ("n", 3, px, px)):
            raise ConfigError(
                f"recogniser {name!r}: a network with one float input (1 or n, 3, {px}, {px})",
                found=inputs_of(session),
                todo="set input_px to the network's own side",
            )
        trial = np.random.default_rng(0).integers(0, 256, (2, px, px, 3), np.uint8)
        self._network = BatchNetwork(
            lambda threads: open_session(data, params.path, device, threads=threads), session, self._planes, trial
        )
        self.batching = self._network.batching
        self._detector = load_mtcnn(device)
        self.detector = self._detector.identity
        settings = params.model_dump(mode="json", include={"sha256", "input_px", "template", "mean", "std", "channel"})
        self.digest = sha256_json({**settings, "detector": self.detector})

    def locate(self, media: Sequence[Media]) -> list[Region | FailureToAcquire]:
        """The main face of each image, by MTCNN."""
        return self._detector.locate(media)

    def embed(self, media: Sequence[Media], regions: Sequence[Region]) -> list[Vectors | FailureToAcquire]:
        """Unit vectors of each region's crop."""
        images = [check_image(value) for value in media]
        crops, faults = crop_faces(images, regions, self._template, self._params.input_px)
        usable = [k for k, fault in enumerate(faults) if fault is None]
        vectors = dict(zip(usable, self._network.run(crops[usable]), strict=True))
        return [fault or unit(vectors[k]) for k, fault in enumerate(faults)]

    def compare(self, references: Vectors, probes: Vectors) -> npt.NDArray[np.float32]:
        """Cosines, shape (n_references, n_probes)."""
        return cosines(references, probes)

    def _planes(self, crops: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        pixels = crops[..., ::-1] if self._params.channel == "bgr" else crops
        scaled = (pixels.astype(np.float32) - self._mean) / self._std
        return np.ascontiguousarray(scaled.transpose(0, 3, 1, 2), dtype=np.float32)
