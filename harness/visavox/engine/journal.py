"""The run's journal: SQLite in WAL mode, one process writes (the runner). A row stands only for what is finished.

A thread opens a journal of its own: SQLite lets one of them write at a time.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from visavox.core.errors import RunFolderError
from visavox.core.records import EditRow

_SCHEMA = """
CREATE TABLE IF NOT EXISTS facts (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS units (stage TEXT NOT NULL, number INTEGER NOT NULL, duration_s REAL NOT NULL,
                                  PRIMARY KEY (stage, number));
CREATE TABLE IF NOT EXISTS edits (case_id TEXT PRIMARY KEY, unit INTEGER NOT NULL, row TEXT NOT NULL,
                                  stderr TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS sessions (started TEXT NOT NULL);
"""


class JournalledEdit(NamedTuple):
    row: EditRow
    stderr_tail: str


class Journal:
    """Which units are finished, and what became of each case."""

    def __init__(self, path: Path) -> None:
        try:
            self._db = sqlite3.connect(path, isolation_level=None, timeout=60.0)
            self._db.execute("PRAGMA journal_mode=WAL")
            self._db.execute("PRAGMA synchronous=NORMAL")
            self._db.executescript(_SCHEMA)
        except sqlite3.DatabaseError as error:
            raise RunFolderError(
                f"open the journal {path.name}", found=str(error), todo="start the run in a new folder"
            ) from error

    def __enter__(self) -> Journal:
        return self

    def __exit__(self, *_: object) -> None:
        self._db.close()

    def begin_session(self, started: str) -> None:
        """Notes one more start of the command on this folder."""
        self._db.execute("INSERT INTO sessions VALUES (?)", (started,))

    def sessions(self) -> list[str]:
        """When the command was started on this folder, oldest first."""
        return [str(row[0]) for row in self._db.execute("SELECT started FROM sessions ORDER BY rowid")]

    def fact(self, name: str) -> str | None:
        """A named fact, or None."""
        row = self._db.execute("SELECT value FROM facts WHERE name = ?", (name,)).fetchone()
        return None if row is None else str(row[0])

    def facts(self) -> dict[str, str]:
        """Every named fact."""
        return {str(name): str(value) for name, value in self._db.execute("SELECT name, value FROM facts")}

    def set_fact(self, name: str, value: str) -> None:
        """Writes a named fact once; a second value is ignored."""
        self._db.execute("INSERT OR IGNORE INTO facts VALUES (?, ?)", (name, value))

    def has_units(self) -> bool:
        """Whether any unit of any stage is finished."""
        return self._db.execute("SELECT 1 FROM units LIMIT 1").fetchone() is not None

    def forget_units(self) -> None:
        """Marks every unit unfinished; edits must be none."""
        self._db.execute("DELETE FROM units")

    def is_finished(self, stage: str, number: int) -> bool:
        """Whether a unit is finished."""
        query = "SELECT 1 FROM units WHERE stage = ? AND number = ?"
        return self._db.execute(query, (stage, number)).fetchone() is not None

    def finish(self, stage: str, number: int, *, duration_s: float, edits: Iterable[JournalledEdit] = ()) -> None:
        """Marks a unit finished, with its edits, in one transaction."""
        try:
            self._db.execute("BEGIN IMMEDIATE")
            self._db.executemany(
                "INSERT INTO edits VALUES (?, ?, ?, ?)",
                [(e.row.case_id, number, e.row.model_dump_json(), e.stderr_tail) for e in edits],
            )
            self._db.execute("INSERT INTO units VALUES (?, ?, ?)", (stage, number, duration_s))
            self._db.execute("COMMIT")
        except BaseException:
            if self._db.in_transaction:  # left open, it would keep another thread's journal waiting for a minute
                self._db.execute("ROLLBACK")
            raise

    def edits(self) -> dict[str, JournalledEdit]:
        """Every journalled edit by case id."""
        rows = self._db.execute("SELECT case_id, row, stderr FROM edits")
        return {str(c): JournalledEdit(EditRow.model_validate_json(row), str(err)) for c, row, err in rows}
