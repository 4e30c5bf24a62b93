"""Evidence as it lies on disk: plain files of bounded size, and JSON that means one thing only."""

from __future__ import annotations

import json
import math
import os
import stat
from collections import Counter
from pathlib import Path
from typing import Any, Final

from .errors import EvidenceError

MOST_BYTES: Final = 64 << 20
"""Of one file of evidence; a report of a large run has less than a hundredth of it."""


def read_evidence(
    path: Path, *, most: int = MOST_BYTES, todo: str = "evidence is a plain file in the run's own folder"
) -> bytes:
    """The bytes of a plain file.

    Raises:
        EvidenceError: it is absent, a link, no plain file (a pipe would be waited for), or longer than ``most``.
    """
    try:
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as error:
        found = "it is a link to another file" if path.is_symlink() else error.strerror or str(error)
        raise EvidenceError(f"read {path}", found=found, todo=todo) from error
    with os.fdopen(handle, "rb") as stream:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise EvidenceError(f"read {path}", found="it is no plain file", todo=todo)
        try:
            data = stream.read(most + 1)
        except OSError as error:
            raise EvidenceError(f"read {path}", found=str(error), todo=todo) from error
    if len(data) > most:
        raise EvidenceError(f"read {path}", found=f"it is longer than {most >> 20} MiB", todo="this is no such file")
    return data


def strict_json(data: bytes, *, what: str) -> Any:
    """A JSON value that no two readers take for different things.

    Raises:
        EvidenceError: no UTF-8, no JSON, a key that stands twice, a number that is not finite, or a depth that cannot
            be read.
    """
    try:
        value = json.loads(data.decode("utf-8"), object_pairs_hook=_unique, parse_constant=_finite, parse_float=_finite)
        json.dumps(value, ensure_ascii=False).encode("utf-8")  # half of a surrogate pair is no text
    except RecursionError as error:
        raise EvidenceError(f"read {what}", found="it is nested too deeply", todo="this is no such file") from error
    except ValueError as error:
        raise EvidenceError(f"read {what}", found=str(error)[:500], todo="run the suite again") from error
    return value


def strict_json_object(path: Path, *, most: int = MOST_BYTES) -> dict[str, Any]:
    """The JSON object in a file.

    Raises:
        EvidenceError: see ``read_evidence`` and ``strict_json``; or it is another value.
    """
    value = strict_json(read_evidence(path, most=most), what=path.name)
    if not isinstance(value, dict):
        raise EvidenceError(f"read {path.name}", found="no JSON object", todo="run the suite again")
    return value


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        twice = Counter(name for name, _ in pairs).most_common(1)[0][0]
        raise ValueError(f"the key {twice!r} stands twice in one object")
    return value


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"{text} is no finite number")
    return value
