"""What the labels of files say: ``visavox label``. Nothing here loads a learning framework or changes a file."""

from __future__ import annotations

import os
import stat
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from visavox.core.errors import MediaError, MissingDependencyError
from visavox.core.records import Record
from visavox.core.terms import PerceptibleVerdict, ToolClass
from visavox.media.audio import decode_audio
from visavox.media.image import decode_image
from visavox.media.labels import AigcFindings, CredentialFindings, IptcFindings, read_labels
from visavox.media.labels.audible import audible_findings
from visavox.media.labels.records import AudibleFindings, VisibleFindings
from visavox.media.labels.visible import visible_findings
from visavox.media.tags import sound_container

MAX_BYTES: Final = 256 << 20
_NOT_EXAMINED: Final = PerceptibleVerdict.NOT_EXAMINED


class LabelledFile(Record):
    """What one file carries.

    Attributes:
        path: as it was given.
        aigc: the ``AIGC`` label of GB 45438-2025.
        c2pa: the C2PA manifest.
        iptc: the digital source type of its XMP.
        visible: the label that is seen in a picture; of sounds and videos nobody looks.
        audible: the label that is heard in a sound.
        leaks: what its metadata give away, codes of ``visavox.media.leaks``.
    """

    path: str
    aigc: AigcFindings
    c2pa: CredentialFindings
    iptc: IptcFindings
    visible: VisibleFindings = VisibleFindings(verdict=_NOT_EXAMINED)
    audible: AudibleFindings = AudibleFindings(verdict=_NOT_EXAMINED)
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
    data = _bytes_of(path)
    found = read_labels(data, tool_class=tool_class, trust_anchors=anchors)
    visible, audible = _perceived(data)
    return LabelledFile(
        path=_named(path),
        aigc=found.aigc,
        c2pa=found.c2pa,
        iptc=found.iptc,
        visible=visible,
        audible=audible,
        leaks=found.leaks,
    )


def _perceived(data: bytes) -> tuple[VisibleFindings, AudibleFindings]:
    """What is seen in a picture, or heard in a sound."""
    unseen, unheard = VisibleFindings(verdict=_NOT_EXAMINED), AudibleFindings(verdict=_NOT_EXAMINED)
    try:
        if sound_container(data) is not None:
            return unseen, audible_findings(decode_audio(data))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow's, of damage that the other layers name
            return visible_findings(decode_image(data)), unheard
    except (MediaError, MissingDependencyError, MemoryError) as error:
        reason = getattr(error, "found", "") or str(error)
        seen = unseen.model_copy(update={"reason": reason}) if sound_container(data) is None else unseen
        heard = unheard.model_copy(update={"reason": reason}) if sound_container(data) is not None else unheard
        return seen, heard


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
