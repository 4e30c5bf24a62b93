"""What a run looked for edits with, and what it read in outputs, beside detectors' scores: kept as Parquet.

Of labels that are seen or heard no text is kept: what stands in an output is its maker's, and nothing is judged by it.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, TypeAlias

import numpy as np
import pyarrow as pa
from pydantic import ValidationError

from visavox.core.errors import RunFolderError
from visavox.core.options import WatermarkSpec
from visavox.core.terms import Modality, PerceptibleVerdict
from visavox.engine import tables
from visavox.engine.folder import RunFolder
from visavox.engine.plan import Plan
from visavox.media.labels.records import AudibleFindings, VisibleFindings
from visavox.ports.detection import MarksAfter
from visavox.ports.perturbation import Pack
from visavox.ports.recogniser import FailureToAcquire
from visavox.ports.watermark import Decoded, MarkTest, WatermarkReadings, message_bits

from .parts import CASE, SAMPLE, STAGE

Perceptible: TypeAlias = tuple[VisibleFindings | AudibleFindings | None, ...]
PACKS: Final = pa.schema([("name", pa.string()), ("pack", pa.string())])
LABELS: Final = pa.schema(
    [
        ("case", pa.int32()),
        ("verdict", pa.string()),
        ("broken_rules", pa.list_(pa.string())),
        ("method", pa.string()),
        ("reason", pa.string()),
    ]
)
MARKS: Final = pa.schema(
    [
        ("decoder", pa.string()),
        ("kind", pa.int8()),
        ("number", pa.int32()),
        ("bits", pa.list_(pa.int8())),
        ("score", pa.float64()),
        ("reason", pa.string()),
    ]
)
AFTER: Final = pa.schema(
    [("what", pa.string()), ("kind", pa.int8()), ("number", pa.int32()), ("row", pa.int16()), ("found", pa.int8())]
)
_DRAWN: Final = "drawn"
_AFTER: Final = (("label", "label", CASE), ("label", "label_unmarked", SAMPLE), ("mark", "watermark_unmarked", SAMPLE))
"""Rows of ``AFTER`` by what was looked for, the field of ``MarksAfter`` that they are, and the kind of media."""


def _path(folder: RunFolder, name: str) -> Path:
    return folder.root / STAGE / f"{name}.parquet"


def looked_for_files(folder: RunFolder) -> set[str]:
    """Every file that ``write_looked_for`` writes, as paths below the folder."""
    return {
        _path(folder, name).relative_to(folder.root).as_posix() for name in ("packs", "labels", "watermark", "after")
    }


def write_looked_for(
    folder: RunFolder,
    packs: Sequence[Pack],
    perceptible: Perceptible,
    watermark: WatermarkReadings | None,
    after: MarksAfter | None = None,
) -> None:
    """Keeps packs, findings of labels and readings of the watermark; an empty table where there are none."""
    columns: dict[str, Any] = {"name": [p.name for p in packs], "pack": [p.model_dump_json() for p in packs]}
    tables.write_part(_path(folder, "packs"), columns, PACKS)
    seen = [(i, one) for i, one in enumerate(perceptible) if one is not None]
    columns = {
        "case": [i for i, _ in seen],
        "verdict": [one.verdict.value for _, one in seen],
        "broken_rules": [list(one.broken_rules) for _, one in seen],
        "method": [one.method for _, one in seen],
        "reason": [one.reason for _, one in seen],
    }
    tables.write_part(_path(folder, "labels"), columns, LABELS)
    rows: list[tuple[Any, ...]] = []
    if watermark is not None:
        for kind, found in ((CASE, watermark.of_outputs), (SAMPLE, watermark.of_unmarked)):
            rows += [(watermark.id, kind, n, *_read(one)) for n, one in enumerate(found) if one is not None]
    columns = {name: [row[i] for row in rows] for i, name in enumerate(MARKS.names)}
    tables.write_part(_path(folder, "watermark"), columns, MARKS)
    states = [] if after is None else _rows_after(after)
    columns = {name: [row[i] for row in states] for i, name in enumerate(AFTER.names)}
    tables.write_part(_path(folder, "after"), columns, AFTER)


def _rows_after(after: MarksAfter) -> list[tuple[str, int, int, int, int]]:
    rows = [(_DRAWN, CASE, int(case), 0, 1) for case in np.flatnonzero(after.label_cases)]
    for what, field, kind in _AFTER:
        states = getattr(after, field)
        for row, number in zip(*np.nonzero(states >= 0), strict=True):
            rows.append((what, kind, int(number), int(row), int(states[row, number])))
    return rows


def _read(one: Decoded | FailureToAcquire) -> tuple[list[int] | None, float | None, str | None]:
    if isinstance(one, FailureToAcquire):
        return None, None, one.reason
    return None if one.bits is None else [int(bit) for bit in one.bits], one.score, None


def read_packs(folder: RunFolder) -> tuple[Pack, ...]:
    """The packs as the run applied them.

    Raises:
        RunFolderError: absent or unreadable.
    """
    try:
        return tuple(
            Pack.model_validate_json(row["pack"]) for row in tables.read_part(_path(folder, "packs"), PACKS).to_pylist()
        )
    except ValidationError as error:
        raise RunFolderError(
            "read the run's packs of perturbations", found=str(error)[:300], todo="run again"
        ) from error


def read_perceptible(folder: RunFolder, plan: Plan) -> Perceptible:
    """The labels that were seen or heard, by case.

    Raises:
        RunFolderError: absent or unreadable.
    """
    found: list[VisibleFindings | AudibleFindings | None] = [None] * len(plan.cases)
    record = VisibleFindings if plan.modality is Modality.FACE else AudibleFindings
    for row in tables.read_part(_path(folder, "labels"), LABELS).to_pylist():
        found[row["case"]] = record(
            verdict=PerceptibleVerdict(row["verdict"]),
            broken_rules=tuple(row["broken_rules"]),
            method=row["method"],
            reason=row["reason"],
        )
    return tuple(found)


def read_after(folder: RunFolder, plan: Plan, packs: Sequence[Pack]) -> MarksAfter | None:
    """Marks that were looked for again after perturbations; None where nobody did.

    Raises:
        RunFolderError: absent or unreadable.
    """
    found = tables.read_part(_path(folder, "after"), AFTER).to_pylist()
    if not found:
        return None
    n_rows = 1 + sum(len(pack.of(plan.modality)) for pack in packs)
    states = {}
    for what, field, kind in _AFTER:
        states[field] = np.full((n_rows, len(plan.cases if kind == CASE else plan.samples)), -1, np.int8)
        for one in found:
            if (one["what"], one["kind"]) == (what, kind):
                states[field][one["row"], one["number"]] = one["found"]
    drawn = np.zeros(len(plan.cases), bool)
    drawn[[one["number"] for one in found if one["what"] == _DRAWN]] = True
    return MarksAfter(drawn, **states)


def read_watermark(folder: RunFolder, plan: Plan, spec: WatermarkSpec) -> WatermarkReadings:
    """What the tool's decoder read.

    Raises:
        RunFolderError: absent or unreadable, or not of all samples.
    """
    rows = tables.read_part(_path(folder, "watermark"), MARKS).to_pylist()
    outputs: list[Decoded | FailureToAcquire | None] = [None] * len(plan.cases)
    unmarked: list[Decoded | FailureToAcquire] = []
    for row in rows:
        bits = None if row["bits"] is None else tuple(row["bits"])
        one = Decoded(bits, row["score"]) if row["reason"] is None else FailureToAcquire(row["reason"])
        if row["kind"] == CASE:
            outputs[row["number"]] = one
        else:
            unmarked.append(one)
    if len(unmarked) != len(plan.samples):
        raise RunFolderError(
            "read what the watermark's decoder read",
            found=f"{len(unmarked)} of {len(plan.samples)} unedited recordings",
            todo="run again in a new folder",
        )
    test = MarkTest(message=message_bits(spec.message), fpr=spec.fpr, threshold=spec.threshold)
    return WatermarkReadings(rows[0]["decoder"], test, tuple(outputs), tuple(unmarked))
