"""What an editor of files answers: a picture or sound with its file's leaks, or a failure known closely."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from visavox.core.terms import Modality, Operation, Outcome
from visavox.media.audio import decode_audio
from visavox.media.image import decode_image
from visavox.media.metadata import leaks_of
from visavox.media.sound_leaks import sound_leaks
from visavox.ports.editor import EditedFile, EditRequest, Failed


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


def read_file(data: bytes, request: EditRequest) -> EditedFile:
    """The picture or sound of an output's file, as the case's operation asks, and what the file gives away.

    Raises:
        MediaError: if the file is no readable image, or of voices no readable sound.
    """
    if Operation(request.operation).modality is Modality.VOICE:
        return EditedFile(decode_audio(data), sound_leaks(data))
    image = decode_image(data)
    sources = [source for source in request.media.values() if isinstance(source, np.ndarray)]
    return EditedFile(image, leaks_of(data, image, sources))
