"""SHA-256 digests of bytes, files, trees and records, and canonical JSON."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

_CHUNK = 1 << 20


def sha256_bytes(data: bytes) -> str:
    """SHA-256 of bytes, 64 lower-case hex digits."""
    return hashlib.sha256(data).hexdigest()


def sha256_file(path: Path) -> str:
    """SHA-256 of a file's content, read in pieces."""
    state = hashlib.sha256()
    with path.open("rb") as stream:
        while chunk := stream.read(_CHUNK):
            state.update(chunk)
    return state.hexdigest()


def canonical_json(value: Any) -> bytes:
    """The one JSON text of a value: sorted keys, no spaces, UTF-8, no NaN, one newline at the end.

    Raises:
        ValueError: if the value holds NaN or an infinity.
    """
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return text.encode() + b"\n"


def sha256_json(value: Any) -> str:
    """SHA-256 of the canonical JSON of a value."""
    return sha256_bytes(canonical_json(value))


def sha256_tree(root: Path) -> str:
    """Digest of a file, or of a folder as the sorted list of (relative path, SHA-256).

    Links that lead out of the folder are followed like files; their names count, not their targets' names.
    """
    if root.is_file():
        return sha256_file(root)
    entries = [
        (path.relative_to(root).as_posix(), sha256_file(path)) for path in sorted(root.rglob("*")) if path.is_file()
    ]
    return sha256_json(entries)
