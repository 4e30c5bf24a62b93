"""The run folder: 0700, one process at a time, every file written once and whole."""

from __future__ import annotations

import fcntl
import json
import logging
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from visavox.core.errors import EvidenceError, RunFolderError
from visavox.core.terms import Modality

from .store import write_atomically

EDITOR_STDERR: Final = "editor-stderr.log"
"""What the model under test wrote to its standard output and standard error."""


class RunFolder:
    """Paths of one run, all absolute: the model under test may run in a folder of its own."""

    def __init__(self, root: Path) -> None:
        self.root = root = root.absolute()
        self.suite, self.plan, self.seal = root / "suite.yaml", root / "plan.json", root / "seal.json"
        self.policy, self.people = root / "policy.yaml", root / "people.parquet"
        self.model = root / "model.json"
        self.journal, self.report, self.log = root / "journal.sqlite", root / "report.json", root / "run.log"
        self.media, self.templates, self.scores = root / "media", root / "templates", root / "scores"
        self.utility = root / "utility"
        self.editor_stderr, self.scratch = root / EDITOR_STDERR, root / "scratch"

    def part(self, modality: str) -> RunFolder:
        """Where a run over faces and voices keeps what belongs to one of them."""
        return RunFolder(self.root / modality)

    def parts(self) -> tuple[RunFolder, ...]:
        """This folder, and those of its parts that there are."""
        return (self, *(part for part in map(self.part, Modality) if part.root.is_dir()))

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Creates the folder and holds it for this process alone.

        Raises:
            RunFolderError: if another process holds it, or the folder holds something that is no run.
        """
        try:
            if self.root.is_dir() and any(self.root.iterdir()) and not (self.root / ".lock").exists():
                raise RunFolderError(
                    f"use {self.root} as a run folder",
                    found="it holds files that are no run of ours",
                    todo="name an empty or new folder with --out",
                )
            self.root.mkdir(parents=True, exist_ok=True, mode=0o700)
            self.root.chmod(0o700)
            handle = os.open(self.root / ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise RunFolderError(
                f"use {self.root} as a run folder", found=str(error), todo="name a folder that can be written"
            ) from error
        try:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise RunFolderError(
                    f"run in {self.root}",
                    found="another process is running there",
                    todo="wait for it, or name another folder with --out",
                ) from error
            yield
        finally:
            os.close(handle)

    def sweep(self) -> None:
        """Removes what a killed run left half-done: the editor's scratch folder, files under a temporary name."""
        for part in self.parts():
            shutil.rmtree(part.scratch, ignore_errors=True)
        for path in self.root.rglob(".*.tmp"):
            path.unlink(missing_ok=True)

    def write(self, path: Path, data: bytes) -> None:
        """Writes one of the folder's files whole or not at all."""
        write_atomically(path, data)

    def read_json(self, path: Path) -> dict[str, Any]:
        """One of the folder's JSON files.

        Raises:
            EvidenceError: if it is absent or no JSON object.
        """
        try:
            value = json.loads(path.read_bytes())
        except (OSError, ValueError) as error:
            raise EvidenceError(
                f"read {path.name} in {self.root}", found=str(error), todo="is this the folder of a finished run?"
            ) from error
        if not isinstance(value, dict):
            raise EvidenceError(f"read {path.name} in {self.root}", found="no JSON object", todo="run again")
        return value

    @contextmanager
    def logging(self) -> Iterator[logging.Logger]:
        """A logger that appends plain lines to ``run.log``; it never gets names, paths of media, or templates."""
        logger = logging.getLogger(f"visavox.run.{id(self)}")
        logger.propagate = False
        logger.setLevel(logging.INFO)
        handler = logging.FileHandler(self.log, encoding="utf-8")
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s", "%Y-%m-%dT%H:%M:%S%z"))
        logger.addHandler(handler)
        try:
            yield logger
        finally:
            logger.removeHandler(handler)
            handler.close()
