"""Where the weights of facenet-pytorch's two networks come from; nothing is loaded whose SHA-256 was not stated.

facenet-pytorch names its files without a digest and publishes none. The pins here were gathered from public sources
in November 2026; this project has never held the files:

- VGGFace2: 111,898,327 bytes; a Git LFS pointer on Hugging Face (py-feat/facenet) and several independent builds that
  check the release's download against it state the same digest.
- CASIA-WebFace: 115,887,415 bytes; one public project alone states the digest. Its size is what follows from the
  other file's: 1,944 more classes of 513 float32.

A wrong pin refuses the file; the suite may then state its own ``sha256``.
"""

from __future__ import annotations

import os
import urllib.request
from http.client import HTTPException
from pathlib import Path
from typing import Final, NamedTuple

from visavox.core.digest import sha256_bytes
from visavox.core.errors import WeightsError

from .sources import read_pinned, require_packages

RELEASE_URL: Final = "https://github.com/timesler/facenet-pytorch/releases/download/v2.2.9/"
_TIMEOUT_S = 60.0
_MAX_BYTES = 200_000_000


class Release(NamedTuple):
    """One of the two published files, and its pin."""

    file: str
    sha256: str


RELEASES: Final = {
    "facenet-vggface2": Release(
        "20180402-114759-vggface2.pt", "281cebca8662831adb987a874bdcb36e73f5b1c6dc5ee5878f305e985625d99b"
    ),
    "facenet-casia-webface": Release(
        "20180408-102900-casia-webface.pt", "7a67afdbbc995fce5e10128675e318799a70698c2f433ba75dd7eb9a2f096e7d"
    ),
}


def read_weights(release: Release, path: Path | None, sha256: str, *, download: bool) -> bytes:
    """The content of a weight file with that digest.

    Args:
        release: the published file.
        path: a file, or a folder that holds it under its published name; None looks where facenet-pytorch keeps it.
        sha256: what the content has to have.
        download: whether the published file may be fetched where it is not there yet.

    Raises:
        MissingDependencyError: if facenet-pytorch is absent.
        WeightsError: if the file is absent, has another digest, or could not be downloaded.
    """
    if path is not None:
        return read_pinned(path / release.file if path.is_dir() else path, sha256)
    kept = library_folder() / release.file
    if kept.is_file():
        return read_pinned(kept, sha256)
    if download:
        return _download(release, kept, sha256)
    raise WeightsError(
        f"read the weights {release.file}",
        found=f"no file {kept}",
        todo=f"fetch {RELEASE_URL}{release.file} and name it in the suite (path: ...), or allow it (download: true)",
    )


def library_folder() -> Path:
    """Where facenet-pytorch keeps downloaded weights: ``checkpoints`` in torch's own folder; neither is imported.

    Raises:
        MissingDependencyError: if facenet-pytorch is absent.
    """
    require_packages("facenet_pytorch")
    cache = os.environ.get("XDG_CACHE_HOME", "~/.cache")
    return Path(os.environ.get("TORCH_HOME", f"{cache}/torch")).expanduser() / "checkpoints"


def _download(release: Release, target: Path, sha256: str) -> bytes:
    """Fetches the published file, checks it, and keeps it where facenet-pytorch would."""
    url = RELEASE_URL + release.file
    asked = f"download {url}"
    try:
        with urllib.request.urlopen(url, timeout=_TIMEOUT_S) as answer:  # noqa: S310 - the address is ours, above
            data: bytes = answer.read(_MAX_BYTES)
    except (OSError, HTTPException) as error:  # no network, no such file, a time-out: all are among them
        raise WeightsError(asked, found=str(error), todo="fetch it elsewhere and name it: path: ...") from error
    found = sha256_bytes(data)
    if found != sha256:
        raise WeightsError(
            asked,
            found=f"SHA-256 {found}, pinned is {sha256}; nothing of it was kept",
            todo="fetch it elsewhere and name it: path: ...",
        )
    temporary = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_bytes(data)
        temporary.replace(target)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise WeightsError(
            asked, found=f"it could not be kept: {error}", todo=f"make {target.parent} writable"
        ) from error
    return data
