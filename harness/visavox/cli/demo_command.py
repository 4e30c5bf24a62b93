"""``visavox demo``: four runs on people who do not exist, their verdicts, and where to look."""

from __future__ import annotations

import shlex
import sys
import textwrap
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click
from rich import box
from rich.table import Table
from rich.text import Text

from visavox.api.demo import LEAK, STORE, STRONGER, SUITES, SWAP, VOICE, Deciding, DemoRun, deciding, demo, same_cell
from visavox.core.terms import Verdict
from visavox.engine.progress import Progress, Step
from visavox.reporting.rows import limit_of
from visavox.reporting.text import COLOURS
from visavox.reporting.wording import TITLES, figure

from .console import columns, own_command, show
from .progress import progress

WHAT = {
    LEAK: "de-identification, mosaic of 4 px",
    STRONGER: "the same, mosaic of 16 px",
    SWAP: "face swap with a Poisson seam",
    VOICE: "voice anonymisation, McAdams",
}
PORT = 5000


@click.command("demo")
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("runs/demo"),
    show_default=True,
    help="Where everything is written; the same command continues.",
)
@click.option("--set", "overrides", multiple=True, metavar="A.B=C", help="Override a key of the four suites.")
@click.option("--progress", "mode", type=click.Choice(["auto", "plain", "none"]), default="auto", show_default=True)
def demo_command(out: Path, overrides: tuple[str, ...], mode: str) -> None:
    """Assess four tools on people who do not exist: one that leaks, the same made stronger, a face swap, a voice.

    Exits 0 when it ran to its end, whatever the verdicts.
    """
    begun = time.monotonic()
    remarks: list[str] = []
    with _announced(mode) as sink:
        runs = demo(out, overrides=overrides, progress=sink, announce=remarks.append)
    for remark in remarks:
        click.echo(remark, err=True)
    click.echo("")
    show(_table(runs))
    for lines in (_reasons(runs), _what_would_change_it(runs)):
        for line in lines:
            click.echo(textwrap.fill(line, columns(), subsequent_indent="  "))
        click.echo("")
    for line in _where_to_look(out, runs, time.monotonic() - begun):
        click.echo(line)


@contextmanager
def _announced(mode: str) -> Iterator[_Sinks]:
    with progress(mode) as sink:
        yield _Sinks(sink, is_silent=mode == "none")


class _Sinks:
    """Gives each run its own stages: ``2/3 edit``."""

    def __init__(self, sink: Progress, *, is_silent: bool) -> None:
        self._sink, self._is_silent = sink, is_silent

    def __call__(self, name: str) -> Progress:
        number = f"{SUITES.index(name) + 1}/{len(SUITES)}"
        if not self._is_silent:
            click.echo(f"{number} {WHAT[name]}", err=True)
        return lambda step: self._sink(Step(f"{number} {step.stage}", step.done, step.total))


def _table(runs: tuple[DemoRun, ...]) -> Table:
    table = Table(box=box.SIMPLE, title="What the four tools were found to do", title_justify="left")
    for name in ("tool", "verdict", "what decided"):
        table.add_column(name, overflow="fold")
    for name in ("measured", "bound", "limit"):
        table.add_column(name, justify="right", no_wrap=True)
    for item in runs:
        verdict = item.report.decision.verdict
        found = deciding(item.report)
        table.add_row(
            WHAT[item.name],
            Text(verdict.value, style=COLOURS[verdict]),
            _title(found),
            figure(found.cell.cell.metric, found.cell.value).text,
            _bound(found),
            limit_of(found.control),
        )
    return table


def _reasons(runs: tuple[DemoRun, ...]) -> list[str]:
    """Why each verdict, in the words of its report."""
    return [
        f"{item.report.decision.verdict.value} {WHAT[item.name]}: {reason}"
        for item in runs
        for reason in item.report.decision.reasons[:1]
    ]


def _what_would_change_it(runs: tuple[DemoRun, ...]) -> list[str]:
    """The cell on which the first run failed, beside the same cell of the run with the stronger setting."""
    by_name = {item.name: item.report for item in runs}
    before = deciding(by_name[LEAK])
    after = same_cell(by_name[STRONGER], before)
    if after is None:
        return []
    who = ", ".join(word for word in (before.cell.cell.recogniser, before.cell.cell.attacker or "") if word)
    return [
        "What would change the first, measured: the same tool with blocks of 16 px instead of 4.",
        f"  {_title(before)} ({who}), limit {limit_of(before.control)}:"
        f" {_measured(before)} {before.cell.verdict.value} -> {_measured(after)} {after.cell.verdict.value}",
    ]


def _where_to_look(out: Path, runs: tuple[DemoRun, ...], seconds: float) -> list[str]:
    mlflow = Path(sys.executable).with_name("mlflow")
    server = f"{shlex.quote(str(mlflow))} server --backend-store-uri sqlite:///{STORE} --port {PORT}"
    return [
        *(f"report: {item.folder / 'report.html'}" for item in runs),
        f"mlflow: cd {shlex.quote(str(out))} && {server}   # then open http://127.0.0.1:{PORT}",
        f"your own model: {own_command()} init my-model",
        f"done in {seconds:.0f} s",
    ]


def _title(found: Deciding) -> str:
    return TITLES.get(found.cell.cell.metric, found.cell.cell.metric)


def _measured(found: Deciding) -> str:
    return f"{figure(found.cell.cell.metric, found.cell.value).text} (bound {_bound(found)})"


def _bound(found: Deciding) -> str:
    """The bound that was held against the limit; the sign says on which side of it the truth lies."""
    cell, is_fail = found.cell, found.cell.verdict is Verdict.FAIL
    bound = cell.opposite_bound if is_fail else cell.bound
    limit = found.control.limit
    if bound is None or limit is None:
        return figure(cell.cell.metric, None).text
    is_lower = (limit.op == "<=") is is_fail
    return f"{'>=' if is_lower else '<='} {figure(cell.cell.metric, bound).text}"
