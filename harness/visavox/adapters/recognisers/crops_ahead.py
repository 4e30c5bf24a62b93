"""Batches of crops, made in a second thread while a network works on the batch before."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import numpy as np

from visavox.media.image import Image

T = TypeVar("T")


def crops_ahead(crop: Callable[[T], Image], faces: Sequence[T], batch: int) -> Iterator[Image]:
    """The crops of ``faces`` in their order, stacked (n, height, width, 3) with n <= ``batch``.

    Args:
        crop: one face's crop, always of the same size; called in one thread at a time.

    Raises:
        whatever ``crop`` raises, when its batch is asked for.
    """

    def stack(start: int) -> Image:
        return np.stack([crop(face) for face in faces[start : start + batch]])

    starts = range(0, len(faces), batch)
    with ThreadPoolExecutor(1, thread_name_prefix="visavox-crop") as pool:
        ahead = pool.submit(stack, starts[0]) if starts else None
        for following in [*starts[1:], None]:
            if ahead is None:
                return
            ready = ahead.result()
            ahead = pool.submit(stack, following) if following is not None else None
            yield ready
