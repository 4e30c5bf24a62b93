"""Baseline ``mask``: a solid grey box over the face: what is left leaks by hair, clothes and place only."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from pydantic import Field

from visavox.core.records import Record

from .parameters import checked
from .window_editor import WindowEditor

GREY = 128


class MaskParameters(Record):
    """``margin``: share of the face box's side that the box reaches beyond it on each side, 0 to 10."""

    margin: Annotated[float, Field(ge=0, le=10)] = 0.25


def load(*, device: str, artifact: Path | None, params: Mapping[str, Any]) -> WindowEditor:
    """Loads the baseline.

    Raises:
        ConfigError: if a parameter is unknown or out of range.
    """
    margin = checked("mask", MaskParameters, params).margin
    return WindowEditor(lambda pixels: np.full_like(pixels, GREY), margin=margin, device=device)
