"""The journal of a finished run, read from a copy: evidence lies where it may not be written, and stays as it is."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from shutil import copyfile

from visavox.core.digest import sha256_json
from visavox.core.errors import EvidenceError
from visavox.engine.folder import RunFolder
from visavox.engine.journal import Journal


@contextmanager
def journal_of(folder: RunFolder) -> Iterator[Journal]:
    """A copy of a finished run's journal, with what a killed run left beside it.

    Raises:
        EvidenceError: it is absent, a link, or cannot be read.
    """
    asked, todo = f"read the journal of {folder.root}", "it tells what became of each case: keep the run folder whole"
    with tempfile.TemporaryDirectory(prefix="visavox-") as scratch:
        copy = Path(scratch) / folder.journal.name
        try:
            for tail in ("", "-wal"):
                source = folder.journal.with_name(folder.journal.name + tail)
                if source.is_symlink():
                    raise EvidenceError(asked, found=f"{source.name} is a link", todo=todo)
                if not tail or source.exists():
                    copyfile(source, copy.with_name(copy.name + tail))
        except OSError as error:
            raise EvidenceError(asked, found=error.strerror or str(error), todo=todo) from error
        with Journal(copy) as journal:
            yield journal


def journal_digest(folder: RunFolder) -> str:
    """SHA-256 of what the journals of a run say of its cases: every row of an edit and every fact, not of when.

    Raises:
        EvidenceError: a journal is absent or cannot be read.
    """
    found = {}
    for part in folder.parts():
        with journal_of(part) as journal:
            edits = {name: edit.row.model_dump(mode="json") for name, edit in journal.edits().items()}
            found[part.root.relative_to(folder.root).as_posix()] = {"edits": edits, "facts": journal.facts()}
    return sha256_json(found)
