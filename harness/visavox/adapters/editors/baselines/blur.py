"""Baseline ``blur``: Gaussian blur of the face. Weak blurs leak: recognisers match through them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from pydantic import Field

from visavox.core.records import Record
from visavox.ports.editor import Image

from .parameters import checked
from .window_editor import WindowEditor

MARGIN = 0.15


class BlurParameters(Record):
    """``sigma_px``: standard deviation of the blur in pixels of the input, above 0, at most 1000."""

    sigma_px: Annotated[float, Field(gt=0, le=1000)] = 8.0


def load(*, device: str, artifact: Path | None, params: Mapping[str, Any]) -> WindowEditor:
    """Loads the baseline; the face box is enlarged by 15 % on each side.

    The blur sees only the pixels of the window, mirrored at its border, so that nothing outside changes or bleeds in.

    Raises:
        ConfigError: if a parameter is unknown or out of range.
    """
    sigma_px = checked("blur", BlurParameters, params).sigma_px
    return WindowEditor(lambda pixels: blurred(pixels, sigma_px), margin=MARGIN, device=device)


def blurred(pixels: Image, sigma_px: float) -> Image:
    """Gaussian blur, cut off at 4 sigma, mirrored at the border; uint8 (h, w, 3), on display values."""
    from scipy.ndimage import gaussian_filter

    values = gaussian_filter(pixels.astype(np.float64), (sigma_px, sigma_px, 0.0), mode="reflect")
    smooth: Image = np.rint(values).astype(np.uint8)
    return smooth
