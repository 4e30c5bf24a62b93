"""What data sets of people who do not exist share: their parameters, the shipped files, files made into the cache."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TypeVar

from pydantic import ValidationError

from visavox.core.digest import sha256_bytes
from visavox.core.errors import ConfigError, ManifestError
from visavox.core.records import DatasetSpec, Record

from .manifest import ManifestDataset, load_manifest

SUMS = "SHA256SUMS"
Asked = TypeVar("Asked", bound=Record)


def parameters_of(spec: DatasetSpec, model: type[Asked], *, media: str) -> Asked:
    """The parameters of a suite's data set, which has no path: its media are made.

    Args:
        model: their record; its defaults are those of the shipped set.
        media: what is made, as errors say it: ``pictures are``.

    Raises:
        ConfigError: if a parameter is unknown or out of range, or a path is given.
    """
    asked = _asked(spec)
    known = f"its parameters: {', '.join(model.model_fields)}"
    if spec.path is not None:
        raise ConfigError(asked, found="a path", todo=f"remove it: the {media} made, not read; {known}")
    try:
        return model.model_validate(dict(spec.params), strict=True)
    except ValidationError as error:
        faults = "; ".join(f"{'.'.join(map(str, f['loc']))}: {f['msg']}" for f in error.errors())
        raise ConfigError(asked, found=faults, todo=known) from error


def refuse_more(spec: DatasetSpec, n: int, limit: int, media: str) -> None:
    """Raises ConfigError where more media are asked for than a set may hold."""
    if n > limit:
        raise ConfigError(_asked(spec), found=f"{n} {media}", todo=f"ask for {limit} at most")


def dataset_of(kind: str, manifest: Path, seed: int) -> ManifestDataset:
    """The data set of a manifest, under the name of its kind."""
    dataset = load_manifest(DatasetSpec(kind="manifest", path=str(manifest)), seed)
    dataset.kind = kind
    return dataset


def shipped_manifest(folder: Path) -> Path:
    """The manifest of a shipped set whose files are those that were shipped.

    Raises:
        ManifestError: see ``check_sums``.
    """
    check_sums(folder)
    return folder / "manifest.csv"


def check_sums(folder: Path) -> None:
    """Compares the files of a set with its list of SHA-256 digests (the format of ``sha256sum``).

    Raises:
        ManifestError: naming the files that differ or are missing.
    """
    try:
        lines = (folder / SUMS).read_text("utf-8").splitlines()
        wanted = {name: digest for digest, name in (line.split("  ", 1) for line in lines)}
        wrong = [n for n, digest in wanted.items() if sha256_bytes((folder / n).read_bytes()) != digest]
    except (OSError, ValueError) as error:
        wrong = [str(error)]
    if wrong:
        raise ManifestError(
            "read the reference set of synthetic people",
            found=f"not as shipped: {', '.join(wrong[:10])}" + (" ..." if len(wrong) > 10 else ""),
            todo="install visavox again",
        )


def keep(path: Path, data: bytes) -> None:
    """Writes a file that is there whole or not at all."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    temporary.write_bytes(data)
    temporary.replace(path)


def _asked(spec: DatasetSpec) -> str:
    return f"load the data set {spec.kind} with {dict(spec.params)}"
