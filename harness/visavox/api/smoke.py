"""What a smoke run is told by: the first case that went wrong."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from visavox.core.records import EditRow
from visavox.core.terms import Outcome
from visavox.engine.folder import RunFolder
from visavox.engine.journal import Journal

WRONG: Final = frozenset({Outcome.FAILED, Outcome.TIMED_OUT, Outcome.INVALID})
"""Outcomes of a case in which no output was made, though the editor did not refuse."""


def first_wrong(out: Path) -> EditRow | None:
    """The first case of a run that failed, timed out or gave something that is no output; None where none did."""
    folder = RunFolder(out)
    if not folder.journal.exists():
        return None
    with Journal(folder.journal) as journal:
        return next((edit.row for edit in journal.edits().values() if edit.row.outcome in WRONG), None)
