"""What an editor of files answers: a picture with its file's leaks, or a failure known more closely than ``failed``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from visavox.core.terms import Outcome
from visavox.media.image import decode_image
from visavox.media.metadata import leaks_of
from visavox.ports.editor import EditedFile, Failed, Media


@dataclass(frozen=True)
class FailedAs(Failed):
    """A case that ended without media, by the outcome the ledger counts it under.

    Attributes:
        outcome: ``failed``, ``timed_out`` or ``invalid``; the worker passes it on.
    """

    outcome: Outcome = Outcome.FAILED


def read_file(data: bytes, sources: Mapping[str, Media]) -> EditedFile:
    """The picture of an output's file and what the file gives away; ``sources`` are the request's media.

    Raises:
        MediaError: if the file is no readable image.
    """
    image = decode_image(data)
    return EditedFile(image, leaks_of(data, image, [s for s in sources.values() if isinstance(s, np.ndarray)]))
