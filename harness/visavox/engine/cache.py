"""Templates and regions by digest, kept across runs where ``execution.cache`` asks for it (off by default).

They are biometric data: the folder is 0700, bounded in size, and opt-in.
"""

from __future__ import annotations

import json
import os
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from visavox.core.digest import sha256_json
from visavox.core.resources import user_cache_dir
from visavox.ports.recogniser import FailureToAcquire, Located, Vectors

from .store import write_atomically
from .tables import located_of, located_values

LIMIT_BYTES = 4 << 30
_VERSION = 2  # of what the files hold: those of another one are not found, and go when room is needed


class TemplateCache:
    """A bounded folder of small JSON values by the digest of their key."""

    def __init__(self, root: Path | None = None, *, limit_bytes: int = LIMIT_BYTES) -> None:
        self._root = root or user_cache_dir() / "templates"
        self._root.mkdir(parents=True, exist_ok=True, mode=0o700)
        trim(self._root, limit_bytes)

    def region(self, media: str, detector: str) -> Located | FailureToAcquire | None:
        """What one detector located in a media digest, or None where unknown."""
        value = self._get([media, detector])
        if value is None:
            return None
        return FailureToAcquire(value["reason"]) if "reason" in value else located_of(*value["located"])

    def put_region(self, media: str, detector: str, found: Located | FailureToAcquire) -> None:
        """Keeps what was located."""
        value = {"reason": found.reason} if isinstance(found, FailureToAcquire) else {"located": located_values(found)}
        self._put([media, detector], value)

    def template(self, media: str, recogniser: str, region: Located) -> Vectors | FailureToAcquire | None:
        """The template of a media digest's region by one recogniser, or None where unknown."""
        value = self._get([media, recogniser, located_values(region)])
        if value is None:
            return None
        return FailureToAcquire(value["reason"]) if "reason" in value else np.asarray(value["template"], np.float32)

    def put_template(self, media: str, recogniser: str, region: Located, found: Vectors | FailureToAcquire) -> None:
        """Keeps a template."""
        value = {"reason": found.reason} if isinstance(found, FailureToAcquire) else {"template": found.tolist()}
        self._put([media, recogniser, located_values(region)], value)

    def _path(self, key: list[Any]) -> Path:
        name = sha256_json([_VERSION, *key])
        return self._root / name[:2] / name[2:]

    def _get(self, key: list[Any]) -> dict[str, Any] | None:
        try:
            value = json.loads(self._path(key).read_bytes())
        except (OSError, ValueError):
            return None
        return value if isinstance(value, dict) else None

    def _put(self, key: list[Any], value: dict[str, Any]) -> None:
        write_atomically(self._path(key), json.dumps(value).encode())


def trim(root: Path, limit_bytes: int) -> None:
    """Removes the oldest files of a cache until the rest fits."""
    found = []
    for folder in os.scandir(root):
        if folder.is_dir(follow_symlinks=False):
            for entry in os.scandir(folder):
                with suppress(FileNotFoundError):  # taken away by a run beside this one
                    found.append((entry.stat(), entry.path))
    total = sum(stat.st_size for stat, _ in found)
    if total <= limit_bytes:
        return
    for stat, path in sorted(found, key=lambda entry: entry[0].st_mtime):
        if total <= limit_bytes:
            break
        Path(path).unlink(missing_ok=True)
        total -= stat.st_size
