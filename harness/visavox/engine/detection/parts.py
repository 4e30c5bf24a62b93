"""The rows of the stage: media to be scored, and the Parquet parts that scores lie in."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

import pyarrow as pa

from visavox.ports.detection import CLEAN
from visavox.ports.recogniser import FailureToAcquire

STAGE: Final = "detection"
ROTATIONS: Final = 3
SAMPLE, CASE, FAKE = 0, 1, 2
"""Kinds of media: bona fide recordings, outputs of first attempts, known fakes of the data set."""
SCORES = pa.schema(
    [
        ("kind", pa.int8()),
        ("number", pa.int32()),
        ("detector", pa.string()),
        ("rotation", pa.int8()),
        ("unseen", pa.string()),
        ("score", pa.float32()),
        ("reason", pa.string()),
    ]
)
OUTPUTS = pa.schema([("case", pa.int32()), ("quality", pa.float32()), ("mark", pa.int8())])
CUES = pa.schema([("kind", pa.int8()), ("number", pa.int32()), ("cues", pa.list_(pa.float32()))])
PEOPLE = pa.schema([("detector", pa.string()), ("rotation", pa.int8()), ("part", pa.string()), ("person", pa.int32())])


class Item(NamedTuple):
    """A medium to be scored.

    Attributes:
        kind: SAMPLE, CASE or FAKE.
        number: of the sample, case or fake.
        rotation: the one that judges it; its people's fold.
        people: whose medium it is; of a swap or morph both.
        species: what made an output.
    """

    kind: int
    number: int
    rotation: int
    people: tuple[int, ...]
    species: str = ""


class Scored(NamedTuple):
    """One score of one medium, by the model of a rotation that saw no output of the species ``unseen``."""

    item: Item
    detector: str
    rotation: int
    unseen: str
    score: float | FailureToAcquire


def people_of(items: Iterable[Item]) -> frozenset[int]:
    """Everyone in these media."""
    return frozenset(person for item in items for person in item.people)


def score_columns(scored: Sequence[Scored]) -> dict[str, list[Any]]:
    """Rows of ``SCORES``; a medium without a score has none, and a reason."""
    failed = [one.score if isinstance(one.score, FailureToAcquire) else None for one in scored]
    return {
        "kind": [one.item.kind for one in scored],
        "number": [one.item.number for one in scored],
        "detector": [one.detector for one in scored],
        "rotation": [one.rotation for one in scored],
        "unseen": [one.unseen for one in scored],
        "score": [None if isinstance(one.score, FailureToAcquire) else one.score for one in scored],
        "reason": ["" if why is None else why.reason for why in failed],
    }


def part_path(root: Path, name: str, number: int) -> Path:
    """Where the rows of one perturbation lie below a run folder."""
    return root / STAGE / name / f"part-{number:04d}.parquet"


def stage_files(root: Path, n_perturbations: int) -> set[str]:
    """Every file that the stage writes, as paths below the run folder."""
    paths = [part_path(root, name, n) for name in ("scores", "outputs") for n in range(1 + n_perturbations)]
    paths += [part_path(root, "people", CLEAN), part_path(root, "cues", CLEAN)]
    return {path.relative_to(root).as_posix() for path in paths}
