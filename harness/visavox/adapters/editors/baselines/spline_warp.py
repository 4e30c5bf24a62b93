"""Thin plate splines that move the five landmarks of a face and leave what lies around the head where it is.

Reference: F. L. Bookstein, "Principal Warps: Thin-Plate Splines and the Decomposition of Deformations", IEEE TPAMI
11(6), 1989.
"""

from __future__ import annotations

import math

import numpy as np

from visavox.adapters.recognisers.alignment import Points
from visavox.adapters.recognisers.sources import import_package

from .face_blend import TEMPLATE, NoAlignmentError, moved, pixel_grid, similar, stride

# An ellipse around the head, in pixels of the ArcFace crop: nothing moves on it and beyond.
CENTRE, HALF = np.array([56.0, 67.0]), np.array([75.0, 78.0])
_STILL_FROM = 0.75  # share of the ellipse's radius up to which points move in full
_PINS = 12
_CELL = 2.0  # the spline is smooth: a coarse lattice says it all


def displacement(points: Points, to: Points, shape: tuple[int, ...]) -> Points:
    """For every pixel of a face with landmarks at ``points``, how far it lies from its like in the face with ``to``.

    Args:
        points: shape (5, 2), where the landmarks are to stand.
        to: shape (5, 2), where they stand.
        shape: of the picture, height first.

    Returns:
        shape (h, w, 2); at the landmarks ``to - points``, 0 outside the head.

    Raises:
        NoAlignmentError: if two landmarks are one point.
    """
    cv2 = import_package("cv2")
    from scipy.interpolate import RBFInterpolator

    pin = np.linspace(0.0, 2.0 * np.pi, _PINS, endpoint=False)
    pins = moved(CENTRE + HALF * np.stack([np.cos(pin), np.sin(pin)], axis=1), similar(TEMPLATE, points))
    shifts = np.concatenate([to - points, np.zeros_like(pins)])
    try:
        spline = RBFInterpolator(np.concatenate([points, pins]), shifts, kernel="thin_plate_spline")
    except np.linalg.LinAlgError as error:
        raise NoAlignmentError from error
    height, width = shape[:2]
    cell = max(int(_CELL * stride(similar(TEMPLATE, points))), 1)
    rows, columns = math.ceil(height / cell), math.ceil(width / cell)
    nodes = (pixel_grid((rows, columns)) + 0.5) * cell - 0.5
    field = spline(nodes.reshape(-1, 2)).reshape(rows, columns, 2)
    field *= _share(moved(nodes, similar(points, TEMPLATE)))[..., None]
    fine: Points = cv2.resize(field, (columns * cell, rows * cell), interpolation=cv2.INTER_LINEAR)
    return fine[:height, :width]


def _share(points: Points) -> Points:
    """How much of the spline is applied at points of the ArcFace crop: 1 within the face, 0 outside the head."""
    radius = np.linalg.norm((points - CENTRE) / HALF, axis=-1)
    t = np.clip((1.0 - radius) / (1.0 - _STILL_FROM), 0.0, 1.0)
    share: Points = t * t * (3.0 - 2.0 * t)
    return share
