"""Archives of public data sets: nothing is read from one whose SHA-256 is not the pinned one.

They come from strangers, so nothing is extracted by name: a recipe says which members it wants and under which name
of its own each is kept.
"""

from __future__ import annotations

import os
import shutil
import tarfile
import urllib.request
import zipfile
from collections.abc import Callable, Iterator
from http.client import HTTPException
from pathlib import Path
from typing import NamedTuple, TypeAlias

from visavox.core.digest import sha256_file
from visavox.core.errors import DatasetError

MAX_MEMBER_BYTES = 16 << 20
_TIMEOUT_S = 60.0
_CHUNK = 1 << 20


class Archive(NamedTuple):
    """A published file and its pin.

    Attributes:
        file: its published name.
        url: where it is.
        sha256: of its content, 64 hex digits.
        max_bytes: more are not read from the network.
    """

    file: str
    url: str
    sha256: str
    max_bytes: int


class Kept(NamedTuple):
    """What is kept of one member: a relative name of the recipe's own, and the content."""

    name: str
    data: bytes


Keep: TypeAlias = Callable[[str, bytes], Kept | None]
"""(member's name, content) -> what is kept of it; None for what is no picture of the set."""


def by_hand(archive: Archive, folder: Path) -> str:
    """What to do where a download is not possible, one step a line."""
    return "\n".join(
        (
            f"fetch elsewhere {archive.url}",
            f"put it at {folder / archive.file} and run again;",
            f"its SHA-256 is checked: {archive.sha256};",
            "or name the folder that holds it in the suite: dataset: {kind: ..., path: FOLDER}",
        )
    )


def download(archive: Archive, folder: Path) -> Path:
    """Fetches the archive into a folder; it gets its name there only with the pinned digest.

    Raises:
        DatasetError: it cannot be had, or is another file than the pinned one.
    """
    asked = f"download {archive.url}"
    temporary = folder / f".{archive.file}.{os.getpid()}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with urllib.request.urlopen(archive.url, timeout=_TIMEOUT_S) as answer, temporary.open("wb") as file:  # noqa: S310 - the address is ours
            n_bytes = 0
            while chunk := answer.read(_CHUNK):
                n_bytes += len(chunk)
                if n_bytes > archive.max_bytes:
                    raise DatasetError(
                        asked, found=f"more than {archive.max_bytes} bytes", todo=by_hand(archive, folder)
                    )
                file.write(chunk)
        _check(temporary, archive, asked, folder)
        return temporary.replace(folder / archive.file)
    except (OSError, HTTPException) as error:  # no network, no such file, a time-out: all are among them
        raise DatasetError(asked, found=str(error), todo=by_hand(archive, folder)) from error
    finally:
        temporary.unlink(missing_ok=True)


def unpack(archive: Archive, folder: Path, target: Path, keep: Keep) -> None:
    """Unpacks the archive that lies in a folder: ``target`` exists afterwards, whole, or is not touched.

    Raises:
        DatasetError: the file is not the pinned one, or cannot be read or written.
    """
    path = folder / archive.file
    asked = f"unpack {path}"
    _check(path, archive, asked, folder)
    temporary = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        for name, data in _members(path):
            kept = keep(name, data)
            if kept is not None:
                place = temporary / kept.name
                place.parent.mkdir(parents=True, exist_ok=True)
                place.write_bytes(kept.data)
        temporary.replace(target)
    except (OSError, EOFError, tarfile.TarError, zipfile.BadZipFile) as error:
        raise DatasetError(asked, found=str(error), todo=f"make {target.parent} writable, or fetch it anew") from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _check(path: Path, archive: Archive, asked: str, folder: Path) -> None:
    found = sha256_file(path)
    if found != archive.sha256:
        raise DatasetError(
            asked,
            found=f"SHA-256 {found}, pinned is {archive.sha256}; nothing of it was read",
            todo=by_hand(archive, folder),
        )


def _members(path: Path) -> Iterator[tuple[str, bytes]]:
    """Regular files of a tar or zip archive: name and content, larger ones left out."""
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as file:
            for item in file.infolist():
                if not item.is_dir() and item.file_size <= MAX_MEMBER_BYTES:
                    yield item.filename, file.read(item)
        return
    with tarfile.open(path, "r:*") as archive:
        for member in archive:
            stream = archive.extractfile(member) if member.isreg() and member.size <= MAX_MEMBER_BYTES else None
            if stream is not None:
                yield member.name, stream.read()
