"""Baseline ``poisson_swap``: the donor's inner face in the host's picture, with a Poisson seam.

The donor's face comes by a similarity, not by a warp that would bring every feature onto the host's: so it keeps its
own proportions, in which recognisers find the donor. Hair, ears, neck and background stay the host's.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from visavox.ports.editor import EditResult, Failed

from .face_blend import Face, fetched, inverse, laid_over, moved, pixel_grid, similar, stride, surroundings
from .pair_editor import PairEditor
from .parameters import NoParameters, checked


def load(*, device: str, artifact: Path | None, params: Mapping[str, Any]) -> PairEditor:
    """Loads the baseline; it has no params.

    Raises:
        ConfigError: if params are given.
    """
    checked("poisson_swap", NoParameters, params)
    return PairEditor(swapped, roles=("host", "donor"), device=device)


def swapped(host: Face, donor: Face) -> EditResult:
    """The host's picture, in its size, with the donor's face where the host's face is.

    Raises:
        NoAlignmentError: if the faces cannot be aligned.
    """
    window, here = surroundings(host)
    to_donor = similar(here.points, donor.points)
    pixels = fetched(donor.image, moved(pixel_grid(here.image.shape), to_donor), stride(to_donor))
    values = laid_over(Face(pixels, moved(donor.points, inverse(to_donor))), here)
    if isinstance(values, Failed):
        return values
    picture = host.image.copy()
    picture[window.slices] = np.rint(values).clip(0, 255).astype(np.uint8)
    return picture
