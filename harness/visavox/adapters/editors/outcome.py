"""A failure whose outcome is known more closely than ``failed``."""

from __future__ import annotations

from dataclasses import dataclass

from visavox.core.terms import Outcome
from visavox.ports.editor import Failed


@dataclass(frozen=True)
class FailedAs(Failed):
    """A case that ended without media, by the outcome the ledger counts it under.

    Attributes:
        outcome: ``failed``, ``timed_out`` or ``invalid``; the worker passes it on.
    """

    outcome: Outcome = Outcome.FAILED
