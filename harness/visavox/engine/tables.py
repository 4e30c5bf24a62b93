"""Row-level data as Parquet: templates, regions and scores, one part per unit, replaced whole."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from visavox.core.errors import RunFolderError
from visavox.ports.assessment import Comparisons
from visavox.ports.recogniser import FailureToAcquire, Located, Region, Speech, Vectors

from .medium import LocatedIn

TEMPLATES = pa.schema(
    [
        ("item", pa.string()),
        ("part", pa.string()),
        ("state", pa.int8()),
        ("reason", pa.string()),
        ("template", pa.list_(pa.float32())),
    ]
)
REGIONS = pa.schema(
    [
        ("item", pa.string()),
        ("reason", pa.string()),
        ("kind", pa.string()),
        ("located", pa.list_(pa.float64())),
        ("size", pa.list_(pa.float64())),
    ]
)
SCORES = pa.schema([("probe", pa.int32()), ("reference", pa.int32()), ("score", pa.float32())])
PEOPLE = pa.schema(
    [
        ("sample", pa.string()),
        ("person", pa.int32()),
        ("session", pa.int32()),
        ("fold", pa.string()),
        ("consent", pa.string()),
    ],
)


def write_part(path: Path, columns: Mapping[str, Any], schema: pa.Schema) -> None:
    """Writes one Parquet file whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    pq.write_table(pa.table(dict(columns), schema=schema), temporary, compression="zstd")
    temporary.replace(path)


def read_part(path: Path, schema: pa.Schema) -> pa.Table:
    """Reads one Parquet file and checks its schema.

    Raises:
        RunFolderError: if it is absent, unreadable or of another schema.
    """
    try:
        table = pq.read_table(path, partitioning=None)
    except (OSError, pa.ArrowInvalid) as error:
        raise RunFolderError(f"read {path.name}", found=str(error), todo="start the run in a new folder") from error
    if not table.schema.equals(schema):
        raise RunFolderError(f"read {path.name}", found="another schema", todo="start the run in a new folder")
    return table


def located_values(found: Located) -> tuple[str, list[float]]:
    """What was located as its kind and numbers.

    ``face``: box, five landmarks, confidence, faces found (16 numbers); ``speech``: the sound's length, then start and
    end of each segment.
    """
    if isinstance(found, Speech):
        return "speech", [found.duration_s, *(edge for segment in found.segments for edge in segment)]
    points = [value for point in found.landmarks for value in point]
    return "face", [*found.box, *points, found.confidence, float(found.n_found)]


def located_of(kind: str, values: Sequence[float]) -> Located:
    """The inverse of ``located_values``."""
    if kind == "speech":
        duration_s, *edges = values
        return Speech(tuple(zip(edges[::2], edges[1::2], strict=True)), duration_s)
    x0, y0, x1, y1, *rest = values
    points = tuple((rest[i], rest[i + 1]) for i in range(0, len(rest) - 2, 2))
    return Region((x0, y0, x1, y1), points, rest[-2], int(rest[-1]))


def write_regions(path: Path, items: Sequence[str], located: Sequence[LocatedIn]) -> None:
    """One part of what was located."""
    found = [entry.found for entry in located]
    values = [("", []) if isinstance(f, FailureToAcquire) else located_values(f) for f in found]
    rows = {
        "item": list(items),
        "reason": [f.reason if isinstance(f, FailureToAcquire) else "" for f in found],
        "kind": [kind for kind, _ in values],
        "located": [numbers for _, numbers in values],
        "size": [list(entry.size) for entry in located],
    }
    write_part(path, rows, REGIONS)


def read_regions(paths: Sequence[Path]) -> dict[str, LocatedIn]:
    """What was located, by item."""
    located: dict[str, LocatedIn] = {}
    for path in paths:
        for row in read_part(path, REGIONS).to_pylist():
            found = located_of(row["kind"], row["located"]) if row["kind"] else FailureToAcquire(row["reason"])
            located[row["item"]] = LocatedIn(found, tuple(row["size"]))
    return located


class TemplateSet:
    """Templates of one set of items in the plan's order.

    Attributes:
        vectors: (n, d) float32; rows without a template are zero.
        ok: (n,) bool.
        state: (n,) int8, see ``visavox.ports.assessment``.
        reasons: (n,) why there is no template, else empty.
    """

    def __init__(
        self,
        vectors: Vectors,
        ok: npt.NDArray[np.bool_],
        state: npt.NDArray[np.int8],
        reasons: tuple[str, ...],
    ) -> None:
        self.vectors, self.ok, self.state, self.reasons = vectors, ok, state, reasons


def write_templates(
    path: Path, items: Sequence[str], states: Sequence[int], templates: Sequence[Vectors | FailureToAcquire]
) -> None:
    """One part of templates; a still has the part ''."""
    rows = {
        "item": list(items),
        "part": [""] * len(items),
        "state": list(states),
        "reason": [t.reason if isinstance(t, FailureToAcquire) else "" for t in templates],
        "template": [[] if isinstance(t, FailureToAcquire) else t.tolist() for t in templates],
    }
    write_part(path, rows, TEMPLATES)


def read_templates(paths: Sequence[Path], items: Sequence[str]) -> TemplateSet:
    """Templates of ``items`` in their order.

    Raises:
        RunFolderError: if an item is missing.
    """
    row_of = {item: number for number, item in enumerate(items)}
    ok, state = np.zeros(len(items), bool), np.zeros(len(items), np.int8)
    reasons = [""] * len(items)
    vectors: Vectors | None = None
    seen = 0
    for path in paths:
        for row in read_part(path, TEMPLATES).to_pylist():
            number = row_of[row["item"]]
            seen += 1
            state[number], reasons[number] = row["state"], row["reason"]
            if row["template"]:
                if vectors is None:
                    vectors = np.zeros((len(items), len(row["template"])), np.float32)
                vectors[number], ok[number] = row["template"], True
    if seen != len(items):
        raise RunFolderError(
            "read the run's templates", found=f"{seen} of {len(items)}", todo="start the run in a new folder"
        )
    return TemplateSet(
        vectors if vectors is not None else np.zeros((len(items), 1), np.float32), ok, state, tuple(reasons)
    )


def write_scores(path: Path, comparisons: Comparisons) -> None:
    """One part of scores, float32 rounded to 6 decimals."""
    rows = {"probe": comparisons.probe, "reference": comparisons.reference, "score": comparisons.score}
    write_part(path, rows, SCORES)


def read_scores(paths: Sequence[Path]) -> Comparisons:
    """Scores of one table in the order of their parts."""
    tables = [read_part(path, SCORES) for path in paths]
    whole = pa.concat_tables(tables) if tables else SCORES.empty_table()
    return Comparisons(*(whole.column(name).to_numpy() for name in ("probe", "reference", "score")))
