"""Editors that make one picture of two people's: swap and morph."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from visavox.adapters.recognisers.alignment import region_fault
from visavox.ports.editor import EditRequest, EditResult, Failed, Image
from visavox.ports.recogniser import Region

from .face_blend import Face, NoAlignmentError
from .face_region import face_regions
from .parameters import MAX_BATCH, role_image

_OUTSIDE = 2  # landmarks of the five that may lie beyond the image's border


class PairEditor:
    """Combines the faces of two roles; the same pixels always give the same pixels.

    Args:
        combine: the two faces, in the order of the roles, to a picture.
        roles: of the two pictures.
        device: where the detector runs.
    """

    max_batch = MAX_BATCH
    concurrency = 1

    def __init__(self, combine: Callable[[Face, Face], EditResult], *, roles: tuple[str, str], device: str) -> None:
        self._combine, self._roles, self._device = combine, roles, device

    def edit(self, requests: Sequence[EditRequest]) -> list[EditResult]:
        """One picture for each request; ``Failed`` where a role is absent or shows no face."""
        pairs = [[role_image(request, role) for role in self._roles] for request in requests]
        images = [image for pair in pairs for image in pair if not isinstance(image, Failed)]
        regions = iter(face_regions(images, self._device))
        answers: list[EditResult] = []
        for pair in pairs:
            first, second = (
                image if isinstance(image, Failed) else _face(role, image, next(regions))
                for role, image in zip(self._roles, pair, strict=True)
            )
            answers.append(self._answer(first, second))
        return answers

    def _answer(self, first: Face | Failed, second: Face | Failed) -> EditResult:
        if isinstance(first, Failed):
            return first
        if isinstance(second, Failed):
            return second
        try:
            return self._combine(first, second)
        except NoAlignmentError:
            return Failed(f"the faces of {' and '.join(self._roles)} cannot be aligned")


def _face(role: str, image: Image, region: Region | None) -> Face | Failed:
    if region is None:
        return Failed(f"no face found in the {role}")
    fault = region_fault(region, image)
    if fault is not None:
        return Failed(f"no usable face in the {role}: {fault.reason}")
    points = np.array(region.landmarks, dtype=np.float64)
    if ((points < 0) | (points >= image.shape[1::-1])).any(axis=1).sum() > _OUTSIDE:
        return Failed(f"no usable face in the {role}: its landmarks lie outside the image")
    return Face(image, points)
