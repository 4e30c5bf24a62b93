"""Content-addressed store: ``put(bytes) -> digest``, ``read(digest)``; no path leaves it."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from visavox.core.digest import sha256_bytes
from visavox.core.errors import RunFolderError


def write_atomically(path: Path, data: bytes) -> None:
    """Writes a file whole or not at all: temporary name in the same folder, then ``os.replace``."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    temporary.write_bytes(data)
    temporary.replace(path)


class Store:
    """Bytes by their SHA-256 below one private folder."""

    def __init__(self, root: Path) -> None:
        self._root = root
        root.mkdir(parents=True, exist_ok=True, mode=0o700)

    def put(self, data: bytes) -> str:
        """Stores bytes; the same bytes twice are stored once."""
        digest = sha256_bytes(data)
        path = self._path(digest)
        if not path.exists():
            write_atomically(path, data)
        return digest

    def read(self, digest: str) -> bytes:
        """The bytes of a digest, checked against it.

        Raises:
            RunFolderError: if they are absent or altered.
        """
        try:
            data = self._path(digest).read_bytes()
        except OSError as error:
            raise RunFolderError(
                f"read {digest[:16]} from the run's store", found=str(error), todo="start the run in a new folder"
            ) from error
        if sha256_bytes(data) != digest:
            raise RunFolderError(
                f"read {digest[:16]} from the run's store",
                found="its content was altered",
                todo="start the run in a new folder",
            )
        return data

    def clear(self) -> None:
        """Removes everything."""
        shutil.rmtree(self._root, ignore_errors=True)

    def _path(self, digest: str) -> Path:
        return self._root / digest[:2] / digest[2:]
