"""Simulation studies behind the intervals and the gate, through the product's own functions.

python docs/studies/run.py            minutes; writes *.csv and results.md beside this file
python docs/studies/run.py --short    about 20 s; fewer runs, smaller grids
python docs/studies/run.py --out DIR  write elsewhere
"""

from __future__ import annotations

import argparse
import csv
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
sys.path.insert(0, str(Path(__file__).parent))

import gate
import intervals
import results

Row = dict[str, object]


def studies(short: bool) -> dict[str, Callable[[], list[Row]]]:
    """File name -> the study that fills it."""
    if short:
        return {
            "case_a": lambda: intervals.case_a(400, (20, 40)),
            "zero_rule": lambda: intervals.zero_rule((20, 160)),
            "case_b": lambda: intervals.case_b(100, (20,)),
            "case_c": lambda: intervals.case_c(200, (20, 40)),
            "case_d": lambda: intervals.case_d(40, (20,), 300),
            "case_e": lambda: intervals.case_e(60, (40,), (0.07, 0.9)),
            "case_e_strata": lambda: intervals.case_e_strata(60, (40,)),
            "plan": lambda: gate.plan((0.07,)),
            "gate": lambda: gate.gate(400, (20, 40), (0.07,)),
            "family": lambda: gate.family(100),
        }
    return {
        "case_a": lambda: intervals.case_a(2000),
        "zero_rule": intervals.zero_rule,
        "case_b": lambda: intervals.case_b(600),
        "case_c": lambda: intervals.case_c(1000),
        "case_d": lambda: intervals.case_d(300),
        "case_e": lambda: intervals.case_e(600),
        "case_e_strata": lambda: intervals.case_e_strata(400),
        "plan": gate.plan,
        "gate": lambda: gate.gate(2000),
        "family": lambda: gate.family(1000),
    }


def write(path: Path, rows: list[Row]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        table.writeheader()
        table.writerows(
            {name: f"{value:.5g}" if isinstance(value, float) else value for name, value in row.items()} for row in rows
        )


def read(path: Path) -> list[Row]:
    """Rows as they were written; numbers and truth values are recognised by their form."""

    def value(text: str) -> object:
        if text in {"True", "False"}:
            return text == "True"
        for kind in (int, float):
            try:
                return kind(text)
            except ValueError:
                continue
        return text

    with path.open(newline="", encoding="utf-8") as file:
        return [{name: value(text) for name, text in row.items()} for row in csv.DictReader(file)]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--short", action="store_true", help="fewer runs, smaller grids")
    parser.add_argument(
        "--out", type=Path, default=None, help="folder to write to; default: this one, none with --short"
    )
    parser.add_argument("--page", action="store_true", help="no simulation: the page again from the tables")
    asked = parser.parse_args()
    folder: Path | None = asked.out or (None if asked.short else Path(__file__).parent)
    tables: dict[str, list[Row]] = {}
    for name, study in studies(asked.short).items():
        if asked.page and folder is not None:
            tables[name] = read(folder / f"{name}.csv")
            continue
        start = time.perf_counter()
        tables[name] = study()
        print(f"{name}: {len(tables[name])} rows, {time.perf_counter() - start:.1f} s", flush=True)
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)
            write(folder / f"{name}.csv", tables[name])
    criteria = results.criteria(tables)
    for criterion in criteria:
        print(results.line(criterion))
    if folder is not None:
        (folder / "results.md").write_text(results.page(tables, criteria, short=asked.short), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
