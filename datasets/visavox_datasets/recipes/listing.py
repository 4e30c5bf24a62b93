"""The manifest of a recipe's unpacked files, and the data set over it."""

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
from visavox.core.terms import Modality

from ..manifest import ManifestDataset, load_manifest

COLUMNS = ("path", "subject_id", "modality", "licence")
_NOUNS = {Modality.FACE: "pictures", Modality.VOICE: "utterances"}


class Size(NamedTuple):
    """How much a published set holds; an unpacked folder with less is a half-done one."""

    people: int
    files: int


class Recording(NamedTuple):
    """A file below the listing's folder, whose it is, and further columns of the manifest with their values."""

    path: str
    subject: str
    more: tuple[tuple[str, str], ...] = ()


def listed(
    kind: str,
    folder: Path,
    recordings: Iterable[Recording],
    size: Size,
    licence: str,
    seed: int,
    *,
    modality: Modality = Modality.FACE,
) -> ManifestDataset:
    """Writes ``visavox-KIND.csv`` beside the files and loads it as a manifest.

    Byte-identical files under two names are left out, all of them: whose they are is not known.

    Raises:
        DatasetError: the folder does not hold what the set was published with, or cannot be written.
        ManifestError: a file is unreadable.
    """
    found, noun = sorted(recordings), _NOUNS[modality]
    asked = f"list the {noun} of {kind} in {folder}"
    n_people = len({recording.subject for recording in found})
    if Size(n_people, len(found)) != size:
        raise DatasetError(
            asked,
            found=f"{len(found)} {noun} of {n_people} people; published are {size.files} of {size.people}",
            todo="the unpacking was interrupted or files were added: remove the unpacked folder and run again",
        )
    manifest = folder / f"visavox-{kind}.csv"
    temporary = manifest.with_name(f".{manifest.name}.{os.getpid()}")
    try:
        temporary.write_text(_table(_of_one_person(folder, found), modality, licence), "utf-8")
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


def _table(recordings: list[Recording], modality: Modality, licence: str) -> str:
    more = sorted({name for recording in recordings for name, _ in recording.more})
    text = io.StringIO()
    table = csv.DictWriter(text, (*COLUMNS, *more), restval="", lineterminator="\n")
    table.writeheader()
    for path, subject, values in recordings:
        row = {"path": path, "subject_id": subject, "modality": modality.value, "licence": licence}
        table.writerow(row | dict(values))
    return text.getvalue()


def _of_one_person(folder: Path, recordings: list[Recording]) -> list[Recording]:
    digests = {recording: sha256_file(folder / recording.path) for recording in recordings}
    people: dict[str, set[str]] = defaultdict(set)
    for recording, digest in digests.items():
        people[digest].add(recording.subject)
    return [recording for recording, digest in digests.items() if len(people[digest]) == 1]
