"""Putting one face over another: where a face reaches to, bringing it there, its colours, the seam.

Everything is told from the five landmarks of the shared detector. Lengths are in pixels of the ArcFace crop of 112, in
which the eyes stand 35 apart.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from visavox.adapters.recognisers.alignment import Points, arcface5, similarity
from visavox.adapters.recognisers.sources import import_package
from visavox.ports.editor import Failed, Image

from .face_region import Window

TEMPLATE_PX = 112
TEMPLATE = arcface5(TEMPLATE_PX)
_EYE_TO_NOSE = 17.6  # sideways, of a face seen from the front
_TURNED = (0.3, 1.05)  # how far a cheek may shrink or grow as the head turns
_CORNERS = 96
_HEAD = (-32.0, -24.0), (144.0, 158.0)  # corners of what can change, with a few pixels around it
_SEAM = 6.0  # depth at which nothing of the picture under the face is left
_OWN_COLOURS_AT = 20.0  # depth at which the face has its own colours again,
_OWN_COLOURS = 0.8  # to this share
_PAD_PX = 8  # the clone needs pixels around its mask, also where the face touches the border
_MIN_MASK_PX = 12  # no seam fits in less

Floats = npt.NDArray[np.float32]
Mask = npt.NDArray[np.uint8]


class NoAlignmentError(ValueError):
    """Landmarks that are degenerate, or so unlike another face's that no similarity fits."""


class Face(NamedTuple):
    """A picture and its main face.

    Attributes:
        image: uint8 (h, w, 3).
        points: eyes, nose, mouth corners as x, y in pixels, shape (5, 2).
    """

    image: Image
    points: Points


class Oval(NamedTuple):
    """How much of a face is taken: rows of the ArcFace crop, and how far it reaches beyond the eyes' centres."""

    top: float
    bottom: float
    beyond_eye: float
    squareness: float = 2.2  # exponent of the superellipse


WHOLE = Oval(5.0, 126.0, 34.0)
"""From the forehead to the chin. Less of it looks better at times, but moves recognisers less."""

FEATURES = Oval(38.0, 104.0, 6.0, 2.5)
"""Brows, eyes, nose and mouth: skin and features, hardly any hair or background."""


def surroundings(face: Face) -> tuple[Window, Face]:
    """The part of a picture that holds the head, and the face within it.

    Raises:
        NoAlignmentError: if the landmarks are degenerate.
    """
    low, high = _HEAD
    corners = moved(np.array([low, (high[0], low[1]), high, (low[0], high[1])]), similar(TEMPLATE, face.points))
    (left, top), (right, bottom) = np.floor(corners.min(axis=0)), np.ceil(corners.max(axis=0))
    height, width = face.image.shape[:2]
    window = Window(max(int(top), 0), min(int(bottom), height), max(int(left), 0), min(int(right), width))
    return window, Face(face.image[window.slices], face.points - [window.left, window.top])


def similar(source: Points, target: Points) -> Points:
    """The similarity (2, 3) from one face's points, or the template's, to another's.

    Raises:
        NoAlignmentError: if the points are degenerate or unlike.
    """
    matrix = similarity(source, target)
    if matrix is None:
        raise NoAlignmentError
    return matrix


def inverse(matrix: Points) -> Points:
    """The affine map (2, 3) back."""
    turn = np.linalg.inv(matrix[:, :2])
    return np.concatenate([turn, -turn @ matrix[:, 2:]], axis=1)


def stride(matrix: Points) -> float:
    """How many pixels a similarity makes of one."""
    return float(np.hypot(matrix[0, 0], matrix[1, 0]))


def outline(points: Points, oval: Oval) -> Points:
    """The outline of a face in its image, shape (n, 2); of a turned head the far cheek is narrower."""
    to_image = similar(TEMPLATE, points)
    left, right, nose = moved(points[:3], similar(points, TEMPLATE))[:, 0]
    near, far = np.clip([(nose - left) / _EYE_TO_NOSE, (right - nose) / _EYE_TO_NOSE], *_TURNED)
    x0, x1 = left - oval.beyond_eye * near, right + oval.beyond_eye * far
    angle = np.linspace(0.0, 2.0 * np.pi, _CORNERS, endpoint=False)
    unit = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    unit = np.sign(unit) * np.abs(unit) ** (2.0 / oval.squareness)
    half = np.array([x1 - x0, oval.bottom - oval.top]) / 2
    return moved(unit * half + np.array([x0, oval.top]) + half, to_image)


def moved(points: Points, matrix: Points) -> Points:
    """Points (..., 2) under an affine map (2, 3)."""
    result: Points = points @ matrix[:, :2].T + matrix[:, 2]
    return result


def filled(polygon: Points, shape: tuple[int, ...]) -> Mask:
    """255 within the polygon, 0 elsewhere; uint8 (h, w)."""
    cv2 = import_package("cv2")
    mask = np.zeros(shape[:2], np.uint8)
    cv2.fillPoly(mask, [np.rint(polygon * 16).astype(np.int32)], 255, cv2.LINE_8, 4)
    return mask


def pixel_grid(shape: tuple[int, ...]) -> Points:
    """The x, y of every pixel, shape (h, w, 2)."""
    return np.stack(np.meshgrid(np.arange(shape[1]), np.arange(shape[0])), axis=-1).astype(np.float64)


def fetched(image: Image, where: Points, step: float) -> Image:
    """The image's colours at the points (h, w, 2), bilinear; beyond its border mirrored.

    Args:
        step: pixels of the image from one point to the next; above 1 the image is first averaged down by as much.
    """
    cv2 = import_package("cv2")
    height, width = image.shape[:2]
    if step > 1.0:
        size = (max(round(width / step), 1), max(round(height / step), 1))
        image = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
        where = (where + 0.5) * [size[0] / width, size[1] / height] - 0.5
    x, y = np.ascontiguousarray(where.astype(np.float32).transpose(2, 0, 1))
    values: Image = cv2.remap(image, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101)
    return values


def recoloured(image: Image, within: Mask, like: Image, like_within: Mask) -> Image:
    """The image with the mean and spread of another's colours, in CIELAB, as Reinhard et al. transfer them.

    Args:
        within, like_within: where colours are measured; neither may be empty.

    Reference: E. Reinhard et al., "Color Transfer between Images", IEEE CG&A 21(5), 2001.
    """
    values, wanted = _lab(image), _lab(like)
    found, aim = values[within > 0], wanted[like_within > 0]
    gain = np.clip((aim.std(axis=0) + 1.0) / (found.std(axis=0) + 1.0), 2 / 3, 3 / 2)
    return _rgb((values - found.mean(axis=0)) * gain + aim.mean(axis=0))


def laid_over(face: Face, picture: Face) -> Floats | Failed:
    """The face over the picture of equal size, float32 (h, w, 3), where both faces are.

    Colours become the picture's. The seam is Poisson's: the gradients of the one, on the border the colours of the
    other. Hair or background under the border would tint the whole face, so towards its middle the face's own colours
    come back.

    Returns:
        the picture's own values outside; ``Failed`` where too little of a face is in the picture.

    Reference: P. Pérez, M. Gangnet, A. Blake, "Poisson Image Editing", ACM Transactions on Graphics 22(3), 2003.
    """
    shape = picture.image.shape
    mask = filled(outline(face.points, WHOLE), shape) & filled(outline(picture.points, WHOLE), shape)
    features = [filled(outline(one.points, FEATURES), shape) for one in (face, picture)]
    if not all(one.any() for one in features) or _too_small(mask):
        return Failed("too little of the face is in the picture")
    own = recoloured(face.image, features[0], picture.image, features[1])
    cloned = _cloned(own, picture.image, mask)
    depth = _depth(mask) / np.float32(stride(similar(TEMPLATE, picture.points)))
    blend = cloned + _smooth(depth / _OWN_COLOURS_AT) * np.float32(_OWN_COLOURS) * (own - cloned)
    under = picture.image.astype(np.float32)
    return under + _smooth(depth / _SEAM) * (blend - under)


def _cloned(face: Image, picture: Image, mask: Mask) -> Floats:
    cv2 = import_package("cv2")
    left, top, width, height = cv2.boundingRect(mask)
    pad = [_PAD_PX] * 4
    whole = cv2.seamlessClone(
        cv2.copyMakeBorder(face, *pad, cv2.BORDER_REPLICATE),
        cv2.copyMakeBorder(picture, *pad, cv2.BORDER_REPLICATE),
        cv2.copyMakeBorder(mask, *pad, cv2.BORDER_CONSTANT),
        (left + _PAD_PX + width // 2, top + _PAD_PX + height // 2),
        cv2.NORMAL_CLONE,
    )
    values: Floats = whole[_PAD_PX:-_PAD_PX, _PAD_PX:-_PAD_PX].astype(np.float32)
    return values


def _too_small(mask: Mask) -> bool:
    *_, width, height = import_package("cv2").boundingRect(mask)
    return bool(min(width, height) < _MIN_MASK_PX)


def _depth(mask: Mask) -> Floats:
    """Pixels to the mask's border, (h, w, 1); the border of the picture is none."""
    cv2 = import_package("cv2")
    depth: Floats = cv2.distanceTransform(mask, cv2.DIST_L2, 5)[..., None]
    return np.minimum(depth, np.float32(sum(mask.shape)))  # a mask without a border has depths without end


def _smooth(t: Floats) -> Floats:
    """From 0 at 0 to 1 at 1, without a bend."""
    t = np.clip(t, 0.0, 1.0)
    smooth: Floats = t * t * (np.float32(3.0) - np.float32(2.0) * t)
    return smooth


def _lab(image: Image) -> Floats:
    cv2 = import_package("cv2")
    values: Floats = cv2.cvtColor(image.astype(np.float32) / np.float32(255.0), cv2.COLOR_RGB2LAB)
    return values


def _rgb(values: Floats) -> Image:
    cv2 = import_package("cv2")
    rgb = cv2.cvtColor(values.astype(np.float32), cv2.COLOR_LAB2RGB)
    image: Image = np.rint(rgb * 255.0).clip(0, 255).astype(np.uint8)
    return image
