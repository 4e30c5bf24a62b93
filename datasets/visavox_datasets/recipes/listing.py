"""The manifest of a recipe's unpacked pictures, and the data set over it."""

from __future__ import annotations

import csv
import io
import os
from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

from visavox.core.digest import sha256_file
from visavox.core.errors import ConfigError, DatasetError
from visavox.core.records import DatasetSpec

from ..manifest import ManifestDataset, load_manifest

COLUMNS = ("path", "subject_id", "modality", "licence")


class Size(NamedTuple):
    """How much a published set holds; an unpacked folder with less is a half-done one."""

    people: int
    pictures: int


class Picture(NamedTuple):
    """A picture below the listing's folder, and whose it is."""

    path: str
    subject: str


def listed(
    kind: str, folder: Path, pictures: Iterable[Picture], size: Size, licence: str, seed: int
) -> ManifestDataset:
    """Writes ``visavox-KIND.csv`` beside the pictures and loads it as a manifest.

    Byte-identical pictures under two names are left out, all of them: whose they are is not known.

    Raises:
        DatasetError: the folder does not hold what the set was published with, or cannot be written.
        ManifestError: a picture is unreadable.
    """
    found = sorted(pictures)
    asked = f"list the pictures of {kind} in {folder}"
    n_people = len({picture.subject for picture in found})
    if Size(n_people, len(found)) != size:
        raise DatasetError(
            asked,
            found=f"{len(found)} pictures of {n_people} people; published are {size.pictures} of {size.people}",
            todo="the unpacking was interrupted or files were added: remove the unpacked folder and run again",
        )
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(COLUMNS)
    table.writerows([p.path, p.subject, "face", licence] for p in _of_one_person(folder, found))
    manifest = folder / f"visavox-{kind}.csv"
    temporary = manifest.with_name(f".{manifest.name}.{os.getpid()}")
    try:
        temporary.write_text(text.getvalue(), "utf-8")
        temporary.replace(manifest)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise DatasetError(asked, found=str(error), todo=f"make {folder} writable, or copy it") from error
    dataset = load_manifest(DatasetSpec(kind="manifest", path=str(manifest.resolve())), seed)
    dataset.kind = kind
    return dataset


def parameters(spec: DatasetSpec, defaults: Mapping[str, bool]) -> dict[str, bool]:
    """The recipe's switches, defaults where the suite has none.

    Raises:
        ConfigError: a parameter is unknown, or is neither true nor false.
    """
    wrong = [name for name, value in spec.params if name not in defaults or not isinstance(value, bool)]
    if wrong:
        raise ConfigError(
            f"load the data set {spec.kind} with {dict(spec.params)}",
            found=f"{wrong[0]} is no parameter of it, or not true or false",
            todo=f"its parameters: path{''.join(f', {name} (true or false)' for name in defaults)}",
        )
    return {**defaults, **{name: bool(value) for name, value in spec.params}}


def _of_one_person(folder: Path, pictures: list[Picture]) -> list[Picture]:
    digests = {picture: sha256_file(folder / picture.path) for picture in pictures}
    people: dict[str, set[str]] = defaultdict(set)
    for picture, digest in digests.items():
        people[digest].add(picture.subject)
    return [picture for picture, digest in digests.items() if len(people[digest]) == 1]
