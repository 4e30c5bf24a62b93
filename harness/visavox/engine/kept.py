"""Bytes kept across runs by the digest of all that they follow from: a bounded private folder, nothing else."""

from __future__ import annotations

from pathlib import Path

from visavox.core.digest import sha256_bytes
from visavox.core.resources import user_cache_dir

from .cache import trim
from .store import write_atomically

LIMIT_BYTES = 1 << 30


class Kept:
    """Values by key; what was altered on the disk is not there.

    Args:
        name: of the folder, in the user's cache folder.
        limit_bytes: the oldest go where all take more.
    """

    def __init__(self, name: str, *, limit_bytes: int = LIMIT_BYTES) -> None:
        self._root: Path = user_cache_dir() / name
        self._root.mkdir(parents=True, exist_ok=True, mode=0o700)
        trim(self._root, limit_bytes)

    def get(self, key: str) -> bytes | None:
        """The value of a key, or None."""
        try:
            digest, _, value = self._path(key).read_bytes().partition(b"\n")
        except OSError:
            return None
        return value if sha256_bytes(key.encode() + value).encode() == digest else None

    def put(self, key: str, value: bytes) -> None:
        """Keeps a value, whole or not at all."""
        write_atomically(self._path(key), sha256_bytes(key.encode() + value).encode() + b"\n" + value)

    def _path(self, key: str) -> Path:
        return self._root / key[:2] / key[2:]
