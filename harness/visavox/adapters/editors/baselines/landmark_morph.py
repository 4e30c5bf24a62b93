"""Baseline ``landmark_morph``: the average of two people's faces, so that both are recognised in it.

Both faces are warped to the average of their five landmarks by thin plate splines, blended from forehead to chin, and
stand in the first contributor's picture: hair, ears, neck and background are his or hers alone, as in the morphs with
which one passport serves two (Ferrara, Franco, Maltoni, "The magic passport", IJCB 2014).
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from pydantic import Field

from visavox.core.records import Record
from visavox.ports.editor import EditResult, Failed

from .face_blend import Face, fetched, inverse, laid_over, moved, pixel_grid, similar, stride, surroundings
from .pair_editor import PairEditor
from .parameters import checked
from .spline_warp import displacement


class LandmarkMorphParameters(Record):
    """``alpha``: share of the second contributor in shape and colours, 0 to 1."""

    alpha: Annotated[float, Field(ge=0, le=1)] = 0.5


def load(*, device: str, artifact: Path | None, params: Mapping[str, Any]) -> PairEditor:
    """Loads the baseline.

    Raises:
        ConfigError: if a parameter is unknown or out of range.
    """
    alpha = checked("landmark_morph", LandmarkMorphParameters, params).alpha
    return PairEditor(partial(morphed, alpha=alpha), roles=("contributor_1", "contributor_2"), device=device)


def morphed(first: Face, second: Face, *, alpha: float) -> EditResult:
    """The first picture, in its size, with the average of both faces; at 0 the first picture itself.

    Raises:
        NoAlignmentError: if the faces cannot be aligned.
    """
    window, here = surroundings(first)
    to_second = similar(here.points, second.points)
    guest = moved(second.points, inverse(to_second))
    mean = (1.0 - alpha) * here.points + alpha * guest
    grid = pixel_grid(here.image.shape)
    own = fetched(here.image, grid + displacement(mean, here.points, here.image.shape), 1.0)
    others = moved(grid + displacement(mean, guest, here.image.shape), to_second)
    other = fetched(second.image, others, stride(to_second))
    values = laid_over(Face(other, mean), Face(own, mean))
    if isinstance(values, Failed):
        return values
    picture = first.image.copy()
    picture[window.slices] = np.rint(own + alpha * (values - own)).clip(0, 255).astype(np.uint8)
    return picture
