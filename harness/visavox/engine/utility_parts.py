"""The Parquet parts that figures of utility lie in: read by the run, and to make its report again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from visavox.core.errors import RunFolderError
from visavox.core.records import EditRow
from visavox.core.utility_figures import UtilityFigure
from visavox.ports.assessment import EDITED, CaseFigures

from . import tables
from .embed import cases_of_sets
from .folder import RunFolder
from .plan import Plan

PARTS = pa.schema(
    [
        ("case", pa.string()),
        ("figure", pa.string()),
        ("value", pa.float32()),
        ("reason", pa.string()),
        ("of_input", pa.bool_()),
        ("unedited", pa.float32()),
    ]
)
METHODS = pa.schema([("figure", pa.string()), ("method", pa.string())])


def cases_compared(plan: Plan, rows: dict[str, EditRow]) -> list[int]:
    """First attempts with an output whose input is known: media made elsewhere name people alone."""
    return [i for i in cases_of_sets(plan, rows)[EDITED] if plan.case_sample[i] >= 0]


def part_path(folder: RunFolder, number: int) -> Path:
    """Where one part of the figures lies."""
    return folder.utility / f"{number:05d}.parquet"


def methods_path(folder: RunFolder) -> Path:
    """Where it is kept how each figure was made."""
    return folder.utility / "methods.parquet"


def utility_files(folder: RunFolder, plan: Plan, rows: dict[str, EditRow]) -> set[str]:
    """Every file of the figures, as paths below the folder."""
    units = plan.units(len(cases_compared(plan, rows)))
    paths = [methods_path(folder), *(part_path(folder, n) for n in range(len(units)))]
    return {path.relative_to(folder.root).as_posix() for path in paths}


def read_parts(
    folder: RunFolder, plan: Plan, rows: dict[str, EditRow], figures: Sequence[UtilityFigure]
) -> list[dict[str, Any]]:
    """One row a case and figure, of a stage that has run.

    Raises:
        RunFolderError: a part is absent or unreadable, or its rows are not those of the cases in their order.
    """
    cases = cases_compared(plan, rows)
    parts = [tables.read_part(part_path(folder, n), PARTS) for n in range(len(plan.units(len(cases))))]
    found: list[dict[str, Any]] = [row for part in parts for row in part.to_pylist()]
    wanted = [(plan.cases[i].id, figure.value) for i in cases for figure in figures]
    if [(row["case"], row["figure"]) for row in found] != wanted:
        raise RunFolderError(
            "read the run's figures of utility",
            found=f"{len(found)} rows that are not the {len(wanted)} of its cases and figures",
            todo="start the run in a new folder",
        )
    return found


def figures_by_case(
    plan: Plan, found: Sequence[Mapping[str, Any]], methods: Mapping[UtilityFigure, str]
) -> dict[UtilityFigure, CaseFigures]:
    """What an assessment reads, from the rows of the parts."""
    n, place = len(plan.cases), {case.id: i for i, case in enumerate(plan.cases)}
    made = {}
    for figure, method in methods.items():
        values, of_input, reasons = np.full(n, np.nan, np.float32), np.zeros(n, bool), [""] * n
        for row in found:
            if row["figure"] == figure.value:
                number = place[row["case"]]
                values[number], of_input[number], reasons[number] = row["value"], row["of_input"], row["reason"]
        made[figure] = CaseFigures(values, tuple(reasons), of_input, method)
    return made


def kept_figures(folder: RunFolder, plan: Plan, rows: dict[str, EditRow]) -> dict[UtilityFigure, CaseFigures]:
    """Every figure by case of a finished run, from its folder alone.

    Raises:
        RunFolderError: a part is absent, unreadable or of other cases.
    """
    kept = tables.read_part(methods_path(folder), METHODS).to_pylist()
    methods = {UtilityFigure(row["figure"]): str(row["method"]) for row in kept}
    return figures_by_case(plan, read_parts(folder, plan, rows, list(methods)), methods)
