"""``visavox demo``: four runs over the shipped people who do not exist, and what they show.

A de-identifier that leaks, the same with a stronger setting, a face swap, and a voice anonymiser
(``configs/suites/demo-*.yaml``). All of it is measured here and now; everything is written below one folder, the caches
of people and templates and the register of runs included.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NamedTuple

from visavox.core.errors import EvidenceError
from visavox.core.report import CellDecision, ControlDecision, Report
from visavox.core.resources import configs_dir
from visavox.core.terms import Severity, Verdict
from visavox.engine.progress import Progress, silent

from .preparation import load_suite
from .running import run

LEAK, STRONGER, SWAP, VOICE = "demo-leak", "demo-stronger", "demo-swap", "demo-voice"
SUITES: Final = (LEAK, STRONGER, SWAP, VOICE)
STORE: Final = "mlflow.db"
"""MLflow's local store, in the demo's folder."""


class DemoRun(NamedTuple):
    """One of the four: its suite's name, its run folder and its report."""

    name: str
    folder: Path
    report: Report


class Deciding(NamedTuple):
    """The cell that speaks for a run: the worst of the policy's first control with the run's verdict."""

    control: ControlDecision
    cell: CellDecision


def demo(
    out: Path,
    *,
    overrides: Sequence[str] = (),
    progress: Callable[[str], Progress] = lambda name: silent,
    announce: Callable[[str], None] = lambda line: None,
) -> tuple[DemoRun, ...]:
    """Runs the four suites below a folder; runs that are finished there are read, half-done ones continued.

    Args:
        out: the folder.
        overrides: of every suite, as ``load_suite`` takes them; of one, led by its name: ``demo-voice:seed=8``.
        progress: gives each run, by its name, what receives its steps.
        announce: receives a line for what happened after a report was written.

    Raises:
        VisavoxError: see ``run``.
    """
    place = out.resolve()
    place.mkdir(parents=True, exist_ok=True)
    tracked = f"tracking.uri=sqlite:///{place / STORE}"
    found = []
    with _own_folder("XDG_CACHE_HOME", place / "cache"), _own_folder("XDG_DATA_HOME", place / "data"):
        for name in SUITES:
            own = [_of(name, word) for word in overrides]
            chosen = (tracked, *(word for word in own if word))
            suite = load_suite(configs_dir() / "suites" / f"{name}.yaml", overrides=chosen)
            report = run(suite, place / name, progress=progress(name), announce=announce)
            found.append(DemoRun(name, out / name, report))
    return tuple(found)


def _of(name: str, override: str) -> str:
    """The override where it is one of that suite, else nothing."""
    suite, _, word = override.partition(":")
    if suite not in SUITES:
        return override
    return word if suite == name else ""


def deciding(report: Report) -> Deciding:
    """The cell that speaks for the run's verdict.

    Raises:
        EvidenceError: the report has no gated control.
    """
    gated = [control for control in report.decision.controls if control.severity is Severity.FAIL]
    cells = [Deciding(control, cell) for control in gated for cell in control.cells]
    for wanted in (Verdict.FAIL, Verdict.INCONCLUSIVE, Verdict.PASS):
        those = [found for found in cells if found.cell.verdict is wanted]
        if those:
            return max((found for found in those if found.control.id == those[0].control.id), key=_excess)
    raise EvidenceError("find what decided the run", found="the report has no gated control", todo="run it again")


def same_cell(report: Report, wanted: Deciding) -> Deciding | None:
    """The cell of another run that asks the same; None where there is none."""
    for control in report.decision.controls:
        for cell in control.cells:
            if cell.cell == wanted.cell.cell:
                return Deciding(control, cell)
    return None


def _excess(found: Deciding) -> float:
    """By how much the bound that decides lies on the unsafe side of the limit."""
    cell = found.cell
    bound = cell.opposite_bound if cell.verdict is Verdict.FAIL else cell.bound
    limit = found.control.limit
    if bound is None or limit is None:
        return float("-inf")
    difference = bound - limit.value
    return difference if limit.op == "<=" else -difference


@contextmanager
def _own_folder(variable: str, folder: Path) -> Iterator[None]:
    """The user's cache or data folder lies in ``folder`` meanwhile: the demo leaves nothing elsewhere."""
    before = os.environ.get(variable)
    folder.mkdir(exist_ok=True)
    os.environ[variable] = str(folder)
    try:
        yield
    finally:
        if before is None:
            del os.environ[variable]
        else:
            os.environ[variable] = before
