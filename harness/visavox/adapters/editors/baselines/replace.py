"""Baseline ``replace``: a picture of another synthetic person for every case, so nothing of the subject is left.

The null editor of the leak checks: what they find in its outputs is chance.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image as PillowImage

from visavox.ports.dataset import FaceRenderer, renderers
from visavox.ports.editor import EditRequest, EditResult, Failed, Image

from .parameters import MAX_BATCH, NoParameters, checked, subject_image

RENDER_PX = 96


class Replace:
    """Renders one person a case and brings the picture to the input's size.

    The person's number is the case id read as a 64-bit number, the world of people is the case's seed: two cases
    never show one person, and the same case always gives the same picture.
    """

    max_batch = MAX_BATCH
    concurrency = 1

    def __init__(self, renderer: FaceRenderer, device: str) -> None:
        self._renderer, self._device = renderer, device

    def edit(self, requests: Sequence[EditRequest]) -> list[EditResult]:
        """Another person for each subject, in the subject's height and width."""
        return [self._edit_one(request) for request in requests]

    def _edit_one(self, request: EditRequest) -> EditResult:
        image = subject_image(request)
        if isinstance(image, Failed):
            return image
        person = (person_of(request.case_id), 0)
        (picture,) = self._renderer(request.seed, [person], size_px=RENDER_PX, device=self._device)
        return _filling(picture, image.shape[0], image.shape[1])


def load(*, device: str, artifact: Path | None, params: Mapping[str, Any]) -> Replace:
    """Loads the baseline; it has no params.

    Raises:
        ConfigError: if params are given.
        UnknownNameError: if no renderer ``synthetic-faces`` is registered.
    """
    checked("replace", NoParameters, params)
    # The device is left aside on purpose: only CPU pictures are the same to the bit from run to run.
    return Replace(renderers.get("synthetic-faces"), "cpu")


def person_of(case_id: str) -> int:
    """The number of the person who stands in for a case.

    >>> person_of("00000000000000ff")
    255
    """
    return int(case_id, 16)


def _filling(picture: Image, height: int, width: int) -> Image:
    """The picture scaled to cover height x width, its proportions kept, the overhang cut off evenly."""
    side = max(height, width)
    scaled = PillowImage.fromarray(picture).resize((side, side), PillowImage.Resampling.BICUBIC)
    top, left = (side - height) // 2, (side - width) // 2
    return np.asarray(scaled)[top : top + height, left : left + width].copy()
