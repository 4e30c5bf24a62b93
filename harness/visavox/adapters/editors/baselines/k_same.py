"""Baseline ``k_same``: the face becomes the average of k aligned faces, after k-Same (Newton, Sweeney, Malin 2005).

It departs from k-Same, and does not give its guarantee: the original groups the people of a gallery so that each
averaged face stands for k of them. An editor sees one subject at a time, so here the subject's face is averaged with
the k - 1 nearest of 32 synthetic people, nearest by pixels once all are aligned by five landmarks. The subject keeps a
share of 1/k in the output.

Reference: E. Newton, L. Sweeney, B. Malin, "Preserving Privacy by De-identifying Face Images", IEEE TKDE 17(2), 2005.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import numpy.typing as npt
from pydantic import Field

from visavox.adapters.recognisers.alignment import arcface5, similarity
from visavox.adapters.recognisers.sources import import_package
from visavox.core.config import BASELINE_VERSION
from visavox.core.digest import sha256_json
from visavox.core.records import Record
from visavox.core.resources import user_cache_dir
from visavox.ports.dataset import renderers
from visavox.ports.editor import EditRequest, EditResult, Failed, Image
from visavox.ports.recogniser import Region

from .face_region import face_regions
from .parameters import MAX_BATCH, checked, subject_image

POOL_SIZE = 32
_POOL_SEED = 0
_POOL_PX = 112
_FACE_PX = 192
_TEMPLATE_PX = 112  # the ArcFace crop stands in the middle of the larger aligned face, so that brow and chin are in

Floats = npt.NDArray[np.float32]


class KSameParameters(Record):
    """``k``: people averaged, the subject included, 1 to 33; 1 changes the face by resampling alone."""

    k: Annotated[int, Field(ge=1, le=POOL_SIZE + 1)] = 10


class KSame:
    """Averages the subject's aligned face with the nearest of the pool and blends it back.

    Args:
        k: people averaged, the subject included.
        pool: aligned faces, float32 (n, side, side, 3); n >= k - 1.
        device: where the detector runs.
    """

    max_batch = MAX_BATCH
    concurrency = 1

    def __init__(self, k: int, pool: Floats, device: str) -> None:
        self._k, self._pool, self._device = k, pool, device
        self._weight = face_weight()

    def edit(self, requests: Sequence[EditRequest]) -> list[EditResult]:
        """Each subject with the averaged face; ``Failed`` where no face is found, for then there is none to average."""
        answers: list[EditResult] = [subject_image(request) for request in requests]
        places = [i for i, answer in enumerate(answers) if not isinstance(answer, Failed)]
        images = [np.asarray(answers[i]) for i in places]
        for place, image, region in zip(places, images, face_regions(images, self._device), strict=True):
            matrix = None if region is None else alignment(region)
            answers[place] = Failed("no face found to average") if matrix is None else self._averaged(image, matrix)
        return answers

    def _averaged(self, image: Image, matrix: npt.NDArray[np.float64]) -> Image:
        cv2 = import_package("cv2")
        face = aligned(image, matrix)
        distances = (((self._pool - face) * self._weight[..., None]) ** 2).mean(axis=(1, 2, 3))
        nearest = np.argsort(distances, kind="stable")[: self._k - 1]
        average = (face + self._pool[nearest].sum(axis=0)) / np.float32(self._k)
        size = (image.shape[1], image.shape[0])
        back = {"flags": cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP, "borderMode": cv2.BORDER_REPLICATE}
        values = cv2.warpAffine(average, matrix, size, **back)
        weight = cv2.warpAffine(self._weight, matrix, size, flags=back["flags"])[..., None]
        blended: Image = np.rint(image * (1.0 - weight) + values * weight).clip(0, 255).astype(np.uint8)
        return blended


def load(*, device: str, artifact: Path | None, params: Mapping[str, Any]) -> KSame:
    """Loads the baseline with its pool of 32 people, always the same ones.

    The pool is rendered once (tens of seconds) and kept in the user's cache folder: it shows nobody who exists.

    Raises:
        ConfigError: if a parameter is unknown or out of range.
        UnknownNameError: if no renderer ``synthetic-faces`` is registered.
    """
    k = checked("k_same", KSameParameters, params).k
    return KSame(k, cached_pool(device) if k > 1 else np.zeros((0, _FACE_PX, _FACE_PX, 3), np.float32), device)


def cached_pool(device: str) -> Floats:
    """``synthetic_pool`` from the user's cache folder, rendered where it is not there or cannot be read."""
    settings = {"size": POOL_SIZE, "seed": _POOL_SEED, "px": _POOL_PX, "face_px": _FACE_PX, "version": BASELINE_VERSION}
    path = user_cache_dir() / f"k_same-{sha256_json(settings)[:16]}.npy"
    shape = (POOL_SIZE, _FACE_PX, _FACE_PX, 3)
    try:
        pool: Floats = np.load(path, allow_pickle=False)
    except (OSError, ValueError):
        pool = np.zeros(0, np.float32)
    if pool.shape != shape or pool.dtype != np.float32:
        pool = synthetic_pool(device)
        temporary = path.with_name(f".{path.stem}.{os.getpid()}.npy")
        np.save(temporary, pool, allow_pickle=False)
        temporary.replace(path)
    return pool


def synthetic_pool(device: str) -> Floats:
    """Aligned faces of ``POOL_SIZE`` synthetic people, float32 (POOL_SIZE, side, side, 3), 0 to 255."""
    render = renderers.get("synthetic-faces")
    faces: list[Floats] = []
    identity = 0
    while len(faces) < POOL_SIZE:
        (picture,) = render(_POOL_SEED, [(identity, 0)], size_px=_POOL_PX)
        identity += 1
        (region,) = face_regions([picture], device)
        matrix = None if region is None else alignment(region)
        if matrix is not None:
            faces.append(aligned(picture, matrix))
    return np.stack(faces)


def alignment(region: Region) -> npt.NDArray[np.float64] | None:
    """Similarity (2, 3) from the image to the aligned face; None where the landmarks are degenerate."""
    template = arcface5(_TEMPLATE_PX) + (_FACE_PX - _TEMPLATE_PX) / 2
    return similarity(np.array(region.landmarks, dtype=np.float64), template)


def aligned(image: Image, matrix: npt.NDArray[np.float64]) -> Floats:
    """The face of an image, float32 (side, side, 3), 0 to 255; beyond the border the border's pixels go on."""
    cv2 = import_package("cv2")
    face: Floats = cv2.warpAffine(
        image.astype(np.float32), matrix, (_FACE_PX, _FACE_PX), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    return face


def face_weight() -> Floats:
    """Soft mask (side, side) of the face: 1 within an ellipse from brow to chin, falling to 0 around it."""
    y, x = np.mgrid[0:_FACE_PX, 0:_FACE_PX].astype(np.float32)
    centre = (_FACE_PX - 1) / 2
    radius = np.hypot((x - centre) / 48.0, (y - centre - 20.0) / 58.0)
    t = np.clip((1.25 - radius) / 0.35, 0.0, 1.0)
    weight: Floats = (t * t * (3.0 - 2.0 * t)).astype(np.float32)
    return weight
