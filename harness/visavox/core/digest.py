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
    """Digest of a file, or of a folder as that of its list of files (``tree_files``)."""
    return sha256_file(root) if root.is_file() else sha256_json(tree_files(root))


def tree_files(root: Path) -> list[tuple[str, str]]:
    """Every file below a folder as (relative path, SHA-256), sorted by path.

    Links that lead out of the folder are followed like files; their names count, not their targets' names.

    Raises:
        OSError: a file cannot be read; or a link leads to a folder, whose files no digest would cover.
    """
    found = []
    for path in sorted(root.rglob("*")):
        if path.is_symlink() and path.is_dir():
            raise OSError(f"{path} is a link to a folder, whose files no digest covers: put a copy in its place")
        if path.is_file():
            found.append((path.relative_to(root).as_posix(), sha256_file(path)))
    return found
