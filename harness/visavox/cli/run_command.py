"""``visavox run SUITE``: the run, what it tells while it goes, and the replay of one case."""

from __future__ import annotations

import shlex
from pathlib import Path

import click

from visavox import api
from visavox.api.run_folder import WRONG, begins_anew, first_wrong
from visavox.core.errors import VisavoxError
from visavox.core.report import Report
from visavox.engine.edit import Replay

from .console import own_command, show_report, show_smoke
from .progress import json_line, progress


@click.command("run")
@click.argument("suite", type=click.Path(path_type=Path))
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    help="Run folder; the same command continues a half-done one.",
)
@click.option("--set", "overrides", multiple=True, metavar="A.B=C", help="Override a key of the suite; repeatable.")
@click.option("--limit", type=click.IntRange(min=1), help="A smoke run that edits so many cases; never a PASS.")
@click.option("--case", "case_id", metavar="ID", help="Replay one case twice, with its stderr; writes nothing.")
@click.option(
    "--progress",
    "mode",
    type=click.Choice(["auto", "plain", "jsonl", "none"]),
    default="auto",
    show_default=True,
    help="On standard error: bars on a terminal, else lines; jsonl: one JSON object a line.",
)
def run_command(
    suite: Path, out: Path | None, overrides: tuple[str, ...], limit: int | None, case_id: str | None, mode: str
) -> None:
    """Run SUITE and build its report; exits 0 when the report was built, whatever the verdict.

    With --case: exits 0 where the case was edited or refused both times, else 3.
    """
    if out is None and case_id is None:
        raise click.UsageError("run needs --out DIR, the folder to write to")
    try:
        loaded = api.load_suite(suite, overrides=overrides)
        if mode in {"auto", "plain"}:
            click.echo("loading data, judges and editor ...", err=True)
        if case_id is not None or out is None:
            found = api.replay(loaded, case_id or "")
            _print_replay(found, loaded.execution.timeout_s)
            if any(result.outcome in WRONG for result in found.results):
                raise click.exceptions.Exit(VisavoxError.exit_code)
            return
        if begins_anew(loaded, out):
            _remark(f"{out} holds a run of another suite that ended before any edit: this run takes its place", mode)
        remarks: list[str] = []
        with progress(mode) as sink:
            report = api.run(loaded, out, limit=limit, progress=sink, announce=remarks.append)
    except VisavoxError as error:
        if mode != "jsonl":
            raise
        json_line("error", text=str(error), exit_code=error.exit_code)
        raise click.exceptions.Exit(error.exit_code) from error
    if report.smoke:
        show_smoke(report)
        _tell_wrong(suite, out)
    else:
        show_report(report)
    _tell(out, report, remarks, mode)


def _remark(text: str, mode: str) -> None:
    if mode == "jsonl":
        json_line("remark", text=text)
    else:
        click.echo(text, err=True)


def _tell_wrong(suite: Path, out: Path) -> None:
    """Of a smoke run the first case that went wrong and how to look at it, and where all tables are."""
    row = first_wrong(out)
    if row is not None:
        click.echo(f"  wrong first: case {row.case_id} {row.outcome.value}: {row.reason}")
        click.echo(f"  look at it: {own_command()} run {shlex.quote(str(suite))} --case {row.case_id}")
    click.echo(f"  all tables: {own_command()} show {shlex.quote(str(out))}")


def _tell(out: Path, report: Report, remarks: list[str], mode: str) -> None:
    """What became of the run, on standard error; where the report is stands last."""
    for remark in remarks:
        _remark(remark, mode)
    if mode == "jsonl":
        verdict = report.decision.verdict.value
        json_line("report", verdict=verdict, report=str(out / "report.json"), html=str(out / "report.html"))
    else:
        click.echo(f"report: {out / 'report.json'}, and report.html to read", err=True)


def _print_replay(found: Replay, timeout_s: float) -> None:
    for number, (result, seconds, defect) in enumerate(
        zip(found.results, found.seconds, found.defects, strict=True), start=1
    ):
        click.echo(f"{number}: {result.outcome.value} in {seconds:.2f} s {result.reason or defect}".rstrip())
        if seconds > timeout_s:
            click.echo(f"   over execution.timeout_s = {timeout_s:g} s; only a worker's first batch is granted more")
        if result.stderr_tail:
            click.echo("   stderr: " + result.stderr_tail.replace("\n", "\n           "))
    edited = all(result.media is not None for result in found.results)
    equal = "bit-equal" if found.is_bit_equal else "NOT bit-equal: the editor is not deterministic for its seed"
    click.echo(equal if edited else "no output to compare")
