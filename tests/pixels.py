"""A real but light recogniser for tests of the engine: the picture itself, coarsely sampled, is the template.

It enters by the same door as anyone's plug-in. ``python tests/pixels.py ARGS`` is the command ``visavox ARGS`` with
it registered.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

import numpy as np

from visavox.core.digest import sha256_json
from visavox.core.records import RecogniserSpec
from visavox.core.terms import Modality
from visavox.ports.editor import Media
from visavox.ports.recogniser import FailureToAcquire, Recogniser, Region, Vectors, recognisers

SIDE = 8


class Pixels:
    """Cosine of coarsely sampled pictures; a picture without contrast has no template."""

    modality = Modality.FACE
    families = frozenset({"pixels"})
    detector = "whole-picture/1"
    score = "cosine"
    training_overlap = "none"

    def __init__(self, spec: RecogniserSpec) -> None:
        self.id = spec.id
        self.digest = sha256_json(["pixels", SIDE])

    def locate(self, media: Sequence[Media]) -> list[Region | FailureToAcquire]:
        return [_whole(image) for image in media]

    def embed(self, media: Sequence[Media], regions: Sequence[Region]) -> list[Vectors | FailureToAcquire]:
        return [_template(np.asarray(image)) for image in media]

    def compare(self, references: Vectors, probes: Vectors) -> np.ndarray:
        return (references @ probes.T).astype(np.float32)


def _whole(image: Media) -> Region | FailureToAcquire:
    pixels = np.asarray(image)
    if pixels.std() == 0:
        return FailureToAcquire("no contrast")
    height, width = pixels.shape[:2]
    points = tuple((width * x, height * y) for x, y in ((0.3, 0.4), (0.7, 0.4), (0.5, 0.6), (0.35, 0.8), (0.65, 0.8)))
    return Region((width / 4, height / 4, 3 * width / 4, 3 * height / 4), points, 1.0)


def _template(image: np.ndarray) -> Vectors:
    """The inner half, coarsely sampled; a faint ramp gives a picture without contrast there a template too."""
    rows = np.linspace(0, image.shape[0] - 1, SIDE).round().astype(int)
    columns = np.linspace(0, image.shape[1] - 1, SIDE).round().astype(int)
    inner = image[np.ix_(rows, columns)][2:6, 2:6].astype(np.float64).ravel()
    inner += np.linspace(-1e-3, 1e-3, inner.size) - inner.mean()
    template: Vectors = (inner / np.linalg.norm(inner)).astype(np.float32)
    return template


def build(spec: RecogniserSpec, device: str) -> Recogniser:
    return Pixels(spec)


def register() -> None:
    """Registers ``pixels`` once."""
    recognisers.register("pixels", build)


if __name__ == "__main__":
    from visavox.cli import main

    register()
    main(sys.argv[1:])
