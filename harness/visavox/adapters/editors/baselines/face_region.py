"""Which pixels a face editor changes: the detector's box, enlarged."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from visavox.adapters.recognisers.mtcnn import load_mtcnn
from visavox.ports.editor import Image
from visavox.ports.recogniser import FailureToAcquire, Region


class Window(NamedTuple):
    """A half-open rectangle of pixels: rows top to bottom, columns left to right."""

    top: int
    bottom: int
    left: int
    right: int

    @property
    def slices(self) -> tuple[slice, slice]:
        """Rows and columns, to index an image."""
        return slice(self.top, self.bottom), slice(self.left, self.right)


def face_regions(images: Sequence[Image], device: str) -> list[Region | None]:
    """The largest face of each image by the shared detector; None where it finds none."""
    found = load_mtcnn(device).locate(images)
    return [None if isinstance(region, FailureToAcquire) else region for region in found]


def face_windows(images: Sequence[Image], device: str, margin: float) -> list[Window]:
    """The face of each image, enlarged; the whole image where no face is found.

    A face that the detector misses may still be recognised by others, so an edit that hides must not be left out.

    Args:
        margin: share of the box's side added on each side.
    """
    regions = face_regions(images, device)
    return [enlarged(region, image, margin) for region, image in zip(regions, images, strict=True)]


def enlarged(region: Region | None, image: Image, margin: float) -> Window:
    """The region's box with a margin, cut to the image; the whole image without a region or where none of it is left.

    >>> import numpy as np
    >>> enlarged(Region((10, 10, 30, 40), (), 1.0), np.zeros((50, 50, 3), np.uint8), 0.5)
    Window(top=0, bottom=50, left=0, right=41)
    """
    height, width = image.shape[:2]
    if region is None:
        return Window(0, height, 0, width)
    x0, y0, x1, y1 = region.box
    dx, dy = margin * (x1 - x0), margin * (y1 - y0)
    # Pixel centres lie at whole numbers: pixel i reaches from i - 0.5 to i + 0.5.
    top, bottom = max(int(y0 - dy + 0.5), 0), min(int(y1 + dy + 0.5) + 1, height)
    left, right = max(int(x0 - dx + 0.5), 0), min(int(x1 + dx + 0.5) + 1, width)
    if top >= bottom or left >= right:
        return Window(0, height, 0, width)
    return Window(top, bottom, left, right)
