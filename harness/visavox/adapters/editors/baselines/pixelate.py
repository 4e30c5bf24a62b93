"""Baseline ``pixelate``: a mosaic over the face. Small blocks leak: recognisers match through them."""

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


class PixelateParameters(Record):
    """``block_px``: side of the blocks in pixels of the input, 2 to 4096."""

    block_px: Annotated[int, Field(ge=2, le=4096)] = 16


def load(*, device: str, artifact: Path | None, params: Mapping[str, Any]) -> WindowEditor:
    """Loads the baseline; the face box is enlarged by 15 % on each side.

    Raises:
        ConfigError: if a parameter is unknown or out of range.
    """
    block_px = checked("pixelate", PixelateParameters, params).block_px
    return WindowEditor(lambda pixels: mosaic(pixels, block_px), margin=MARGIN, device=device)


def mosaic(pixels: Image, block_px: int) -> Image:
    """Each block becomes its mean; blocks start at the upper left, those at the far borders may be smaller.

    >>> mosaic(np.array([[[0] * 3, [10] * 3, [7] * 3]], np.uint8), 2)[0, :, 0].tolist()
    [5, 5, 7]
    """
    rows = np.arange(0, pixels.shape[0], block_px)
    columns = np.arange(0, pixels.shape[1], block_px)
    sums = np.add.reduceat(np.add.reduceat(pixels.astype(np.int64), rows, axis=0), columns, axis=1)
    heights = np.diff(np.append(rows, pixels.shape[0]))
    widths = np.diff(np.append(columns, pixels.shape[1]))
    means: Image = np.rint(sums / (heights[:, None] * widths)[..., None]).astype(np.uint8)
    return means.repeat(heights, axis=0).repeat(widths, axis=1)
