"""What an editor of files answers where a case ended without media: a failure known closely."""

from __future__ import annotations

from dataclasses import dataclass

from visavox.core.terms import Modality, Operation, Outcome
from visavox.ports.editor import EditRequest, Failed


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
