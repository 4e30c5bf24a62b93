"""What the labels of files say: ``visavox label``. Nothing here loads a learning framework or changes a file."""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from visavox.core.errors import MediaError
from visavox.core.records import Pairs, Record
from visavox.core.terms import ToolClass
from visavox.media.labels import AigcFindings, CredentialFindings, IptcFindings, read_labels

MAX_BYTES: Final = 256 << 20
_NOT_EXAMINED: Final = (("verdict", "not_examined"),)


class LabelledFile(Record):
    """What one file carries.

    Attributes:
        path: as it was given.
        aigc: the ``AIGC`` label of GB 45438-2025.
        c2pa: the C2PA manifest.
        iptc: the digital source type of its XMP.
        visible, audible: what can be seen and heard.
        leaks: what its metadata give away, codes of ``visavox.media.leaks``.
    """

    path: str
    aigc: AigcFindings
    c2pa: CredentialFindings
    iptc: IptcFindings
    visible: Pairs = _NOT_EXAMINED
    audible: Pairs = _NOT_EXAMINED
    leaks: tuple[str, ...] = ()


class LabelReport(Record):
    """What files carry, in the order they were given."""

    files: tuple[LabelledFile, ...]


def label_files(
    paths: Sequence[Path], *, tool_class: ToolClass | None = None, trust: Path | None = None
) -> LabelReport:
    """Reads and checks the labels of image, sound and video files.

    Args:
        paths: the files; what is no such file is ``inconclusive``.
        tool_class: what digital source types are held against.
        trust: a file of certificates in PEM of those whose C2PA signatures are trusted.

    Raises:
        MediaError: a file that is absent, cannot be read, is no file, or has more than ``MAX_BYTES``.
    """
    anchors = "" if trust is None else _bytes_of(trust).decode("ascii", "replace")
    return LabelReport(files=tuple(_labelled(path, tool_class, anchors) for path in paths))


def _labelled(path: Path, tool_class: ToolClass | None, anchors: str) -> LabelledFile:
    found = read_labels(_bytes_of(path), tool_class=tool_class, trust_anchors=anchors)
    return LabelledFile(path=_named(path), aigc=found.aigc, c2pa=found.c2pa, iptc=found.iptc, leaks=found.leaks)


def _bytes_of(path: Path) -> bytes:
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):  # before it is opened: a pipe would be waited for
            raise MediaError(f"read {_named(path)}", found="no regular file", todo="name the file itself")
        if status.st_size > MAX_BYTES:
            found = f"{status.st_size} bytes, more than the limit of {MAX_BYTES}"
            raise MediaError(f"read {_named(path)}", found=found)
        with path.open("rb") as stream:
            return stream.read(MAX_BYTES)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise MediaError(
            f"read {_named(path)}", found=reason, todo="give a file that exists and can be read"
        ) from error


def _named(path: Path) -> str:
    return os.fsencode(path).decode("utf-8", "replace")
