"""Any face network in ONNX form that takes ArcFace crops: MTCNN, five-point alignment, cosine of unit vectors.

The suite says all that the file does not: ``path``, ``sha256``, ``input_px``, ``template``, ``mean``, ``std``,
``channel``, and may say ``families`` (networks trained alike) and ``training_overlap``.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Annotated, Any, Final, Literal, TypeAlias

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field, ValidationError

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
from .onnx_session import open_session
from .sources import read_pinned

_BATCH = 32
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
    try:
        params = OnnxFaceParams.model_validate(dict(spec.params))
    except ValidationError as error:
        faults = "; ".join(f"{'.'.join(str(p) for p in e['loc'])}: {e['msg']}" for e in error.errors())
        raise ConfigError(
            f"recogniser {spec.id!r} (onnx_face)",
            found=faults,
            todo="it needs path, sha256, input_px, template, mean, std and channel",
        ) from error
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
        self.families = frozenset(params.families or ("undeclared",))
        self.training_overlap: str = params.training_overlap
        self._params = params
        self._template = arcface5(params.input_px)
        self._threads = min(8, os.cpu_count() or 1)
        self._mean, self._std = np.asarray(params.mean, np.float32), np.asarray(params.std, np.float32)
        self._session = open_session(data, params.path, device, threads=None)
        self.batching = _check_graph(self._session, name, params.input_px)
        self._input, self._output = self._session.get_inputs()[0].name, self._session.get_outputs()[0].name
        if self.batching == "dynamic" and not self._takes_batches():
            self.batching = "fixed"
        if self.batching == "fixed":
            self._session = open_session(data, params.path, device, threads=1)
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
        vectors = dict(zip(usable, self._run(crops[usable]), strict=True))
        return [fault or unit(vectors[k]) for k, fault in enumerate(faults)]

    def compare(self, references: Vectors, probes: Vectors) -> npt.NDArray[np.float32]:
        """Cosines, shape (n_references, n_probes)."""
        return cosines(references, probes)

    def _takes_batches(self) -> bool:
        """Tried on two crops, for a graph may say n and still have been drawn for one."""
        crops = np.random.default_rng(0).integers(0, 256, (2, *2 * [self._params.input_px], 3), np.uint8)
        try:
            together = self._forward(crops)
        except Exception:  # noqa: BLE001 - onnxruntime has an exception class for every status
            return False
        alone = np.concatenate([self._forward(crops[:1]), self._forward(crops[1:])])
        lengths = np.linalg.norm(alone, axis=1, keepdims=True)
        return together.shape == alone.shape and bool((np.abs(together - alone) <= 1e-5 * lengths).all())

    def _run(self, crops: npt.NDArray[np.uint8]) -> list[npt.NDArray[np.float32]]:
        step = 1 if self.batching == "fixed" else _BATCH
        parts = [crops[start : start + step] for start in range(0, len(crops), step)]
        if self.batching == "dynamic" or len(parts) < 2:
            outputs = [self._forward(part) for part in parts]
        else:
            with ThreadPoolExecutor(self._threads) as pool:
                outputs = list(pool.map(self._forward, parts))
        return [vector for output in outputs for vector in output]

    def _forward(self, crops: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        output: npt.NDArray[np.float32] = self._session.run([self._output], {self._input: self._planes(crops)})[0]
        return output.reshape(len(crops), -1)

    def _planes(self, crops: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        pixels = crops[..., ::-1] if self._params.channel == "bgr" else crops
        scaled = (pixels.astype(np.float32) - self._mean) / self._std
        return np.ascontiguousarray(scaled.transpose(0, 3, 1, 2), dtype=np.float32)


def _check_graph(session: Any, name: str, input_px: int) -> str:
    """``fixed`` or ``dynamic``, if the graph takes float crops (n, 3, input_px, input_px)."""
    inputs = session.get_inputs()
    shape = inputs[0].shape
    wanted = (3, input_px, input_px)
    fits = (
        len(inputs) == 1
        and inputs[0].type == "tensor(float)"
        and len(shape) == 4
        and (shape[0] == 1 or not isinstance(shape[0], int))
        and all(not isinstance(found, int) or found == want for found, want in zip(shape[1:], wanted, strict=True))
    )
    if not fits:
        found = ", ".join(f"{i.name} {i.type} {i.shape}" for i in inputs)
        raise ConfigError(
            f"recogniser {name!r}: a network with one float input (1 or n, 3, {input_px}, {input_px})",
            found=f"its graph takes {found}",
            todo="set input_px to the network's own side",
        )
    return "fixed" if shape[0] == 1 else "dynamic"
