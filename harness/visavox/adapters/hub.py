"""Networks of transformers: published files in Hugging Face's cache at one revision, and what a folder of them says."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final, NamedTuple, Self

from pydantic import BaseModel, ConfigDict, StrictBool, model_validator

from visavox.core.errors import WeightsError
from visavox.core.records import Sha256

from .recognisers.sources import import_package

FRONT_END: Final = "preprocessor_config.json"


class Published(NamedTuple):
    """A repository on the hub at one commit, and the files of it that may be needed."""

    repository: str
    revision: str
    files: tuple[str, ...]


class SourceParams(BaseModel):
    """The suite's words about where a network's files are.

    Attributes:
        path: its folder, absolute; without it the published one in the user's cache.
        sha256: of its weight file.
        download: whether the published files may be fetched where they are not there.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    path: Path | None = None
    sha256: Sha256 | None = None
    download: StrictBool = False

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if self.path is not None and self.download:
            raise ValueError("path and download exclude each other")
        return self


def published_files(source: Published, *, download: bool) -> Path:
    """The folder of the published files in the user's cache, fetched where that is allowed.

    Raises:
        MissingDependencyError: huggingface_hub is not installed.
        WeightsError: the files are not there, or could not be fetched.
    """
    hub = import_package("huggingface_hub", extra="voices")
    try:
        return Path(
            hub.snapshot_download(
                source.repository,
                revision=source.revision,
                allow_patterns=list(source.files),
                local_files_only=not download,
            )
        )
    except Exception as error:  # no network, no such file, a full disk: the hub has an exception class for each
        raise WeightsError(
            f"{'download' if download else 'find'} {source.repository} at revision {source.revision}",
            found=in_one_line(error),
            todo="fetch its files elsewhere and name their folder (path: ...)"
            + ("" if download else ", or allow it (download: true)"),
        ) from error


def is_normalised(folder: Path, *, sample_rate_hz: int, repository: str) -> bool:
    """Whether a network takes sounds of mean 0 and variance 1, as the file of its front end says.

    Args:
        sample_rate_hz: what it has to take.
        repository: where its files come from, for the error.

    Raises:
        WeightsError: the file is absent or unreadable, or says another rate.
    """
    asked = f"read {FRONT_END} of {folder}"
    try:
        front_end = json.loads((folder / FRONT_END).read_text("utf-8"))
        rate, normalises = front_end["sampling_rate"], front_end["do_normalize"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise WeightsError(
            asked, found=f"{type(error).__name__}: {error}", todo=f"fetch the files of {repository}"
        ) from error
    if rate != sample_rate_hz or not isinstance(normalises, bool):
        raise WeightsError(
            asked, found=f"{rate} Hz, do_normalize {normalises}", todo=f"give one of {sample_rate_hz} Hz"
        )
    return normalises


def in_one_line(error: Exception) -> str:
    """An error's kind and the first line of its text: those of the hub and of transformers are pages long."""
    first = str(error).strip().splitlines()[0] if str(error).strip() else ""
    return f"{type(error).__name__}: {first}"
