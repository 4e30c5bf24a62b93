"""The dlib face network: MTCNN boxes, dlib's 5-point alignment, its ResNet-29 with 128 numbers, Euclidean distance.

Published by Davis King (dlib.net, 2017), public domain; weights from the wheel ``face-recognition-models``, run by
torch (``dlib_resnet``). Trained on about three million faces of VGG, FaceScrub and images scraped from the web, without
a list of people: overlap with any public test set is unknown, which counts as some. Look-alike scores among East Asian
men are known to be high.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from visavox.core.digest import sha256_json
from visavox.core.errors import ConfigError
from visavox.core.records import RecogniserSpec
from visavox.core.terms import Modality
from visavox.media.image import Image, check_image
from visavox.ports.editor import Media
from visavox.ports.recogniser import FailureToAcquire, Region, Vectors

from .alignment import region_fault
from .crops_ahead import crops_ahead
from .dlib_resnet import DlibResNet
from .mtcnn import load_mtcnn
from .sources import file_of_package, import_package, read_pinned, require_packages

RESNET: Final = "dlib_face_recognition_resnet_model_v1.dat"
POINTS: Final = "shape_predictor_5_face_landmarks.dat"
SHA256: Final = {
    RESNET: "55533b28a95800a551ba546ba62fe69625c7e95a7061c338adffead08719da30",
    POINTS: "c4b1e9804792707d3a405c2c16a80a20269e6675021f64a41d30fffafbc41888",
}
_CHIP_PX = 150
_PADDING = 0.25
# The 5-point predictor was trained on tighter, lower boxes than MTCNN's: half the mean side, 5 % of the height lower.
_BOX = {"lower": 0.05, "half_side": 0.25}


def build(spec: RecogniserSpec, device: str) -> DlibFace:
    """The recogniser ``dlib``; it takes no parameters.

    Raises:
        ConfigError: if the suite gives it parameters.
        MissingDependencyError: if dlib, its models, or the detector's packages are absent.
        WeightsError: if a model file is not the pinned one.
    """
    if spec.params:
        names = ", ".join(key for key, _ in spec.params)
        raise ConfigError(f"recogniser {spec.id!r} (dlib)", found=f"parameters {names}", todo="it takes none")
    return DlibFace(spec.id, device)


class DlibFace:
    """dlib's face recognition network; scores are negative Euclidean distances of its 128-d descriptors."""

    modality: Final = Modality.FACE
    families: Final = frozenset({"dlib-resnet"})
    score: Final = "negative_euclidean"
    training_overlap: Final = "unknown"

    def __init__(self, name: str, device: str) -> None:
        require_packages("dlib", "torch")
        self._paths = {file: file_of_package("face_recognition_models", "models", file) for file in SHA256}
        for file, path in self._paths.items():
            read_pinned(path, SHA256[file])
        self.id = name
        self._device = device
        self._detector = load_mtcnn(device)
        self.detector = self._detector.identity
        self.digest = sha256_json(
            {"weights": SHA256, "detector": self.detector, "chip_px": _CHIP_PX, "padding": _PADDING, "box": _BOX}
        )

    @cached_property
    def _library(self) -> Any:
        return import_package("dlib")

    @cached_property
    def _points(self) -> Any:
        return self._library.shape_predictor(str(self._paths[POINTS]))

    @cached_property
    def _network(self) -> DlibResNet:
        return DlibResNet(read_pinned(self._paths[RESNET], SHA256[RESNET]), self._device)

    def locate(self, media: Sequence[Media]) -> list[Region | FailureToAcquire]:
        """The main face of each image, by MTCNN."""
        return self._detector.locate(media)

    def embed(self, media: Sequence[Media], regions: Sequence[Region]) -> list[Vectors | FailureToAcquire]:
        """Descriptors of 128 numbers; the five points are found anew inside each region's box."""
        faces = [(check_image(value), region) for value, region in zip(media, regions, strict=True)]
        faults = [region_fault(region, image) for image, region in faces]
        usable = [face for face, fault in zip(faces, faults, strict=True) if fault is None]
        vectors = iter(self._network.describe(crops_ahead(self._chip, usable, self._network.batch)))
        return [fault or _template(next(vectors)) for fault in faults]

    def compare(self, references: Vectors, probes: Vectors) -> npt.NDArray[np.float32]:
        """Minus the Euclidean distances, shape (n_references, n_probes), computed in float64; negated here, once."""
        a, b = np.asarray(references, np.float64), np.asarray(probes, np.float64)
        squares = (a * a).sum(1)[:, None] + (b * b).sum(1) - 2.0 * (a @ b.T)
        similarities: npt.NDArray[np.float32] = -np.sqrt(np.maximum(squares, 0.0)).astype(np.float32)
        return similarities

    def _chip(self, face: tuple[Image, Region]) -> Image:
        image, region = face
        x0, y0, x1, y1 = region.box
        x, y = (x0 + x1) / 2, (y0 + y1) / 2 + _BOX["lower"] * (y1 - y0)
        half = _BOX["half_side"] * (x1 - x0 + y1 - y0)
        box = self._library.rectangle(int(x - half), int(y - half), int(x + half), int(y + half))
        pixels = np.ascontiguousarray(image)
        chip: Image = self._library.get_face_chip(pixels, self._points(pixels, box), _CHIP_PX, _PADDING)
        return chip


def _template(vector: Vectors) -> Vectors | FailureToAcquire:
    if not np.isfinite(vector).all():
        return FailureToAcquire("a descriptor that is not finite")
    return vector
