"""Files of a data set, read so that no path leaves the data set's folder."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PureWindowsPath
from typing import BinaryIO

MAX_FILE_BYTES = 512 << 20
_CHUNK = 1 << 20


class FileFault(Exception):
    """Why a file cannot be used, in words that fit behind its path."""


@dataclass(frozen=True)
class ContainedFile:
    """A regular file below the data set's folder: its relative path and the SHA-256 of its content."""

    path: str
    digest: str


def digest_inside(root: Path, path: str) -> ContainedFile:
    """Hashes a file below ``root`` (an absolute path without links).

    Raises:
        FileFault: if the path is absolute or leaves ``root`` after links are followed, or the file is missing,
            unreadable, no regular file, empty or larger than ``MAX_FILE_BYTES``.
    """
    state = hashlib.sha256()
    with _opened(root, path) as stream:
        while chunk := stream.read(_CHUNK):
            state.update(chunk)
    return ContainedFile(path, state.hexdigest())


def read_inside(root: Path, path: str) -> bytes:
    """The bytes of a file below ``root``.

    Raises:
        FileFault: as ``digest_inside``.
    """
    with _opened(root, path) as stream:
        return stream.read(MAX_FILE_BYTES + 1)


@contextmanager
def _opened(root: Path, path: str) -> Iterator[BinaryIO]:
    if Path(path).is_absolute() or PureWindowsPath(path).drive or path.startswith("\\"):
        raise FileFault("absolute; paths are relative to the manifest's folder")
    try:
        real = (root / path).resolve(strict=True)
        if not real.is_relative_to(root):
            raise FileFault("leaves the manifest's folder")
        # Non-blocking: opening a named pipe must not wait for a writer.
        descriptor = os.open(real, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOFOLLOW)
        try:
            _check(os.fstat(descriptor))
            stream = os.fdopen(descriptor, "rb")
        except BaseException:
            os.close(descriptor)
            raise
        with stream:
            yield stream
    except FileNotFoundError:
        raise FileFault("no such file") from None
    except (OSError, RuntimeError) as error:  # RuntimeError: a loop of links, before Python 3.13
        raise FileFault(f"cannot be read ({getattr(error, 'strerror', None) or 'a loop of links'})") from None


def _check(status: os.stat_result) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise FileFault("not a regular file")
    if status.st_size == 0:
        raise FileFault("empty")
    if status.st_size > MAX_FILE_BYTES:
        raise FileFault(f"{status.st_size} bytes; at most {MAX_FILE_BYTES} are read")
