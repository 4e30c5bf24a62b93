"""Points in time, as reports write them: UTC, milliseconds."""

from __future__ import annotations

from datetime import UTC, datetime


def now() -> str:
    """This moment, ISO 8601."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def when(text: str) -> datetime:
    """The inverse of ``now``.

    Raises:
        ValueError: if the text is no ISO 8601 time.
    """
    return datetime.fromisoformat(text)
