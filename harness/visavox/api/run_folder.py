"""What a run folder tells beside its report: what went wrong first, and whether a run begins anew in it."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from visavox.core.config import Suite
from visavox.core.errors import EvidenceError
from visavox.core.records import EditRow
from visavox.core.terms import Outcome
from visavox.engine.folder import RunFolder
from visavox.engine.journal import Journal
from visavox.evidence.seal import parse_seal

WRONG: Final = frozenset({Outcome.FAILED, Outcome.TIMED_OUT, Outcome.INVALID})
"""Outcomes of a case in which no output was made, though the editor did not refuse."""


def first_wrong(out: Path) -> EditRow | None:
    """The first case of a run that failed, timed out or gave something that is no output; None where none did."""
    folder = RunFolder(out)
    if not folder.journal.exists():
        return None
    with Journal(folder.journal) as journal:
        return next((edit.row for edit in journal.edits().values() if edit.row.outcome in WRONG), None)


def begins_anew(suite: Suite, out: Path) -> bool:
    """Whether a run of another suite that ended before any edit lies in a folder: ``run`` takes its place."""
    folder = RunFolder(out)
    if folder.report.exists() or not (folder.seal.exists() and folder.journal.exists()):
        return False
    with Journal(folder.journal) as journal:
        if journal.edits():
            return False
    try:
        return parse_seal(folder.read_json(folder.seal)).suite != suite.digest()
    except EvidenceError:
        return True
