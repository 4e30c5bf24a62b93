"""What an editor of files answers: a picture with its file's leaks, a sound, or a failure known closely."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from visavox.core.terms import Modality, Operation, Outcome
from visavox.media.audio import decode_audio
from visavox.media.image import decode_image
from visavox.media.metadata import leaks_of
from visavox.ports.editor import Audio, EditedFile, EditRequest, Failed


@dataclass(frozen=True)
class FailedAs(Failed):
    """A case that ended without media, by the outcome the ledger counts it under.

    Attributes:
        outcome: ``failed``, ``timed_out`` or ``invalid``; the worker passes it on.
    """

    outcome: Outcome = Outcome.FAILED


def noun(request: EditRequest) -> str:
    """What an output of the case is called."""
    return "sound" if Operation(request.operation).modality is Modality.VOICE else "image"


def read_file(data: bytes, request: EditRequest) -> EditedFile | Audio:
    """The picture of an output's file and what the file gives away, or the sound, as the case's operation asks.

    What a sound's file gives away is not looked for yet.

    Raises:
        MediaError: if the file is no readable image, or of voices no readable sound.
    """
    if Operation(request.operation).modality is Modality.VOICE:
        return decode_audio(data)
    image = decode_image(data)
    sources = [source for source in request.media.values() if isinstance(source, np.ndarray)]
    return EditedFile(image, leaks_of(data, image, sources))
