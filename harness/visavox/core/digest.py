"""SHA-256 digests of bytes, files, trees and records, and canonical JSON."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
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
        OSError: a file or folder cannot be read; or a link leads to a folder, or to nothing now, so that no digest
            would cover what will be found there.
    """
    found = []
    for path in sorted(_below(root)):
        if path.is_symlink() and not path.is_file():
            to = "a folder, whose files no digest covers" if path.is_dir() else "nothing, and may lead somewhere later"
            raise OSError(f"{path} is a link to {to}: put a copy in its place")
        if path.is_file():
            found.append((path.relative_to(root).as_posix(), sha256_file(path)))
    return found


def _below(root: Path) -> Iterator[Path]:
    """Everything below a folder; one that cannot be listed is an error, not empty."""

    def fail(error: OSError) -> None:
        raise error

    for folder, folders, files in os.walk(root, onerror=fail):
        yield from (Path(folder, name) for name in (*folders, *files))


def is_canonical_json(path: Path) -> bool:
    """Whether a file is the canonical JSON of an object or list, as a description that stands for a model is.

    Its digest is that of what it describes, so it must never be taken for the model itself.
    """
    with path.open("rb") as stream:
        if stream.read(1) not in {b"{", b"["}:
            return False
    data = path.read_bytes()
    try:
        return canonical_json(json.loads(data)) == data
    except (ValueError, RecursionError):
        return False
