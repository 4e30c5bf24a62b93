"""Editors that change a window around the face and leave every other pixel as it is."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from visavox.ports.editor import EditRequest, EditResult, Failed, Image

from .face_region import face_windows
from .parameters import MAX_BATCH, subject_image


class WindowEditor:
    """Applies one function to the window around the face; the same pixels always give the same pixels.

    Args:
        change: the pixels of the window, uint8 (h, w, 3), to pixels of the same shape.
        margin: share of the face box's side added on each side.
        device: where the detector runs.
    """

    max_batch = MAX_BATCH
    concurrency = 1

    def __init__(self, change: Callable[[Image], Image], *, margin: float, device: str) -> None:
        self._change, self._margin, self._device = change, margin, device

    def edit(self, requests: Sequence[EditRequest]) -> list[EditResult]:
        """Each subject with the window changed; the whole image where no face is found."""
        answers: list[EditResult] = [subject_image(request) for request in requests]
        places = [i for i, answer in enumerate(answers) if not isinstance(answer, Failed)]
        images = [np.asarray(answers[i]) for i in places]
        for place, image, window in zip(places, images, face_windows(images, self._device, self._margin), strict=True):
            edited = image.copy()
            edited[window.slices] = self._change(image[window.slices])
            answers[place] = edited
        return answers
