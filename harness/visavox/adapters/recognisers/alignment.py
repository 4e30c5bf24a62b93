"""Faces brought to a template: a similarity transform by five points, and bilinear crops."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from visavox.media.image import Image
from visavox.ports.recogniser import FailureToAcquire, Region

from .sources import import_package

Points = npt.NDArray[np.float64]

# Deng et al., ArcFace (CVPR 2019): where the five points stand in a crop of 112 x 112.
_ARCFACE5_112 = ((38.2946, 51.6963), (73.5318, 51.5014), (56.0252, 71.7366), (41.5493, 92.3655), (70.7299, 92.2041))
_MIN_SPREAD_PX = 1.0  # five points within one pixel have no direction
_MIN_AGREEMENT = 0.1  # correlation of the points with the template; a profile view is above 0.8
_MAX_SIDE_PX = 32_766  # what OpenCV can address in a warp
_MAX_BOX = 8.0  # box side over image side


def arcface5(input_px: int) -> Points:
    """The ArcFace template, shape (5, 2), for a square crop of that many pixels (112 is the published size).

    >>> arcface5(112)[2].round(1).tolist()
    [56.0, 71.7]
    """
    return np.array(_ARCFACE5_112) * (input_px / 112.0)


def similarity(points: Points, template: Points) -> Points | None:
    """The similarity transform (rotation, scale, shift, no mirror) nearest to taking points to the template.

    Least squares over the points, as Umeyama (PAMI 1991) gives it; in the plane it is one division of complex
    numbers.

    Args:
        points: shape (k, 2).
        template: shape (k, 2).

    Returns:
        shape (2, 3), to be multiplied with (x, y, 1); None if the points are degenerate: not finite, all within one
        pixel, or without likeness to the template under any rotation.

    >>> similarity(np.array([[0.0, 0.0], [2.0, 0.0]]), np.array([[1.0, 1.0], [1.0, 5.0]])).tolist()
    [[0.0, -2.0, 1.0], [2.0, 0.0, 1.0]]
    """
    source, target = points[:, 0] + 1j * points[:, 1], template[:, 0] + 1j * template[:, 1]
    if not np.isfinite(source).all():
        return None
    p, q = source - source.mean(), target - target.mean()
    inner, power = np.vdot(p, q), float(np.vdot(p, p).real)
    if math.sqrt(power / len(p)) < _MIN_SPREAD_PX:
        return None
    if abs(inner) < _MIN_AGREEMENT * math.sqrt(power * float(np.vdot(q, q).real)):
        return None
    turn = inner / power
    shift = target.mean() - turn * source.mean()
    return np.array([[turn.real, -turn.imag, shift.real], [turn.imag, turn.real, shift.imag]])


def crop_faces(
    images: Sequence[Image], regions: Sequence[Region], template: Points, input_px: int
) -> tuple[Image, list[FailureToAcquire | None]]:
    """Crops every region to the template, bilinear, black beyond the border of the image.

    Returns:
        uint8 crops (n, input_px, input_px, 3), black where no crop can be made, and for each image None or why not.
    """
    cv2 = import_package("cv2")
    crops = np.zeros((len(images), input_px, input_px, 3), np.uint8)
    faults: list[FailureToAcquire | None] = []
    for crop, image, region in zip(crops, images, regions, strict=True):
        fault = region_fault(region, image)
        matrix = None if fault else similarity(np.array(region.landmarks, dtype=np.float64), template)
        if matrix is None:
            faults.append(fault or FailureToAcquire("degenerate landmarks"))
            continue
        cv2.warpAffine(image, matrix, (input_px, input_px), dst=crop, flags=cv2.INTER_LINEAR)
        faults.append(None)
    return crops, faults


def region_fault(region: Region, image: Image) -> FailureToAcquire | None:
    """Why no face can be cropped at the region, or None.

    A region may stand partly outside (it may have been found in another image of the same scene); one that shares no
    pixel with the image, or is absurdly large, holds no face.
    """
    height, width = image.shape[:2]
    x0, y0, x1, y1 = region.box
    if max(height, width) > _MAX_SIDE_PX:
        return FailureToAcquire(f"an image side over {_MAX_SIDE_PX} px")
    if not all(math.isfinite(value) for value in region.box):
        return FailureToAcquire("a face box that is not finite")
    if x1 - x0 < 1 or y1 - y0 < 1:
        return FailureToAcquire("a face box without area")
    if min(x1, width) - max(x0, 0) < 1 or min(y1, height) - max(y0, 0) < 1:
        return FailureToAcquire("a face box outside the image")
    if max(x1 - x0, y1 - y0) > _MAX_BOX * max(width, height):
        return FailureToAcquire("a face box far larger than the image")
    return None
