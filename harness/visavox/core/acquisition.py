"""Why nothing can be made of a medium: an outcome, not an error."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class FailureToAcquire:
    """No template, score or measurement can be made of this sample (FTA), and why."""

    reason: str
