"""The commands; each calls ``visavox.api`` and prints."""

from __future__ import annotations

import csv
import json
import os
import re
from collections import Counter
from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path
from typing import TypeVar

import click
from rich.console import Console

from visavox import api
from visavox.core.config import Suite
from visavox.core.records import Report
from visavox.core.registry import Registry
from visavox.core.terms import Verdict
from visavox.engine.edit import Replay
from visavox.engine.environment import examine
from visavox.policy.load import Policy, names
from visavox.ports.assessment import assessments
from visavox.ports.dataset import datasets
from visavox.ports.editor import baselines, editors
from visavox.ports.recogniser import recognisers
from visavox.ports.sink import sinks
from visavox.reporting.schema import report_schema
from visavox.reporting.text import verdict_page

from .progress import progress
from .report_command import report_command
from .track_command import track_command

T = TypeVar("T")
WIDE = 140
"""Columns from which the tables fit."""
RUN_FOLDER = click.Path(file_okay=False, path_type=Path)


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(package_name="visavox")
def cli() -> None:
    """Safety assessment of face- and voice-editing models: run a suite, gate a release."""


@cli.command("run")
@click.argument("suite", type=click.Path(path_type=Path))
@click.option("--out", type=RUN_FOLDER, help="Run folder; the same command continues a half-done one.")
@click.option("--set", "overrides", multiple=True, metavar="A.B=C", help="Override a key of the suite; repeatable.")
@click.option("--limit", type=click.IntRange(min=1), help="A smoke run that edits so many cases; never a PASS.")
@click.option("--case", "case_id", metavar="ID", help="Replay one case twice, with its stderr; writes nothing.")
@click.option(
    "--progress", "mode", type=click.Choice(["auto", "plain", "jsonl", "none"]), default="auto", show_default=True
)
def run_command(
    suite: Path, out: Path | None, overrides: tuple[str, ...], limit: int | None, case_id: str | None, mode: str
) -> None:
    """Run SUITE and build its report; exits 0 when the report was built, whatever the verdict."""
    loaded = api.load_suite(suite, overrides=overrides)
    if mode in {"auto", "plain"}:
        click.echo("loading data, judges and editor ...", err=True)
    if case_id is not None:
        _print_replay(api.replay(loaded, case_id), loaded.execution.timeout_s)
        return
    if out is None:
        raise click.UsageError("run needs --out DIR, the folder to write to")
    remarks: list[str] = []
    with progress(mode) as sink:
        report = api.run(loaded, out, limit=limit, progress=sink, announce=remarks.append)
    _page(report, err=mode == "jsonl")
    for remark in remarks:
        click.echo(remark, err=True)
    click.echo(f"report: {out / 'report.json'}, and report.html to read", err=True)


@cli.command("gate")
@click.argument("folder", metavar="DIR", type=RUN_FOLDER)
@click.option("--policy", help="Name or path; refused where the run was sealed under another.")
@click.option("--max-age", metavar="365d", help="Refuse a report older than so many days.")
def gate_command(folder: Path, policy: str | None, max_age: str | None) -> Verdict:
    """Check the evidence in DIR and exit by its verdict: 0 PASS, 1 FAIL, 2 INCONCLUSIVE, 3 refused."""
    result = api.gate(folder, policy=policy, max_age=_days(max_age))
    click.echo(result.verdict.value)
    for reason in result.reasons:
        click.echo(f"  because {reason}")
    return result.verdict


@cli.command("plan")
@click.argument("suite", type=click.Path(path_type=Path))
@click.option("--set", "overrides", multiple=True, metavar="A.B=C", help="Override a key of the suite; repeatable.")
@click.option(
    "--cases",
    "cases_csv",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write the cases as CSV, for `folder`.",
)
def plan_command(suite: Path, overrides: tuple[str, ...], cases_csv: Path | None) -> None:
    """Say what SUITE would run: people, cases, cells; runs no model."""
    known = api.outline(api.load_suite(suite, overrides=overrides))
    plan = known.plan
    click.echo(f"people: {plan.n_people}, of whom {plan.n_test_people} are tested with {len(plan.samples)} recordings")
    click.echo(f"cases: {len(plan.cases)} in {len(plan.units(len(plan.cases)))} units, seed {plan.seed}")
    probes = sum(plan.case_probe)
    told = Counter(
        consent.value for consent, probe in zip(plan.case_consent, plan.case_probe, strict=True) if not probe
    )
    click.echo("consent of the people in the cases: " + ", ".join(f"{word} {n}" for word, n in sorted(told.items())))
    if probes:
        click.echo(f"consent probes: {probes} of the cases tell the editor that the donor refused")
    click.echo(f"judges: {', '.join(spec.id for spec in known.suite.recognisers)}")
    click.echo(f"policy: {known.policy.policy.id}, {len(known.cells)} cells")
    for cell in known.cells:
        click.echo(f"  {cell.control} {cell.metric} {cell.recogniser} {cell.attacker or ''}".rstrip())
    if cases_csv is not None:
        with cases_csv.open("w", newline="", encoding="utf-8") as stream:
            csv.writer(stream).writerows([api.CASE_COLUMNS, *api.case_rows(known)])
        click.echo(f"{len(plan.cases)} cases written to {cases_csv}", err=True)


@cli.command("show")
@click.argument("folder", metavar="DIR", type=RUN_FOLDER)
def show_command(folder: Path) -> None:
    """Print the verdict table of DIR."""
    _page(api.read_report(folder))


@cli.command("list")
@click.argument(
    "what",
    required=False,
    type=click.Choice(["editors", "baselines", "recognisers", "datasets", "assessments", "sinks", "policies"]),
)
def list_command(what: str | None) -> None:
    """List what is registered, all kinds or one."""
    kinds: dict[str, Iterable[str]] = {
        "editors": _rows(editors),
        "baselines": _rows(baselines),
        "recognisers": _rows(recognisers),
        "datasets": _rows(datasets),
        "assessments": _rows(assessments),
        "sinks": _rows(sinks),
        "policies": names(),
    }
    for kind, rows in kinds.items():
        if what in {None, kind}:
            click.echo(kind)
            for row in rows:
                click.echo(f"  {row}")


@cli.command("doctor")
def doctor_command() -> None:
    """Look at versions, devices, weights and disk; say what is missing and how to get it."""
    findings = examine(Path.cwd())
    for finding in findings:
        click.echo(f"{'ok     ' if finding.is_well else 'MISSING'} {finding.topic}: {finding.text}")
    missing = [finding for finding in findings if not finding.is_well]
    click.echo(f"{len(missing)} missing" if missing else "everything is there")


@cli.command("schema")
@click.argument("what", type=click.Choice(["suite", "report", "policy"]))
def schema_command(what: str) -> None:
    """Print the JSON Schema of a suite, a report or a policy."""
    schema = {"suite": Suite.model_json_schema, "report": report_schema, "policy": Policy.model_json_schema}[what]()
    click.echo(json.dumps(schema, indent=2, ensure_ascii=False))


cli.add_command(report_command)
cli.add_command(track_command)


def _rows(registry: Registry[T]) -> list[str]:
    return [f"{name:<22} {registry.summary(name)}".rstrip() for name in registry]


def _page(report: Report, *, err: bool = False) -> None:
    console = Console(stderr=err)
    if console.is_terminal:
        console.print(verdict_page(report, narrow=console.width < WIDE))
        return
    console.width = max(console.width, WIDE) if "COLUMNS" not in os.environ else console.width
    with console.capture() as page:
        console.print(verdict_page(report, narrow=console.width < WIDE))
    click.echo("\n".join(line.rstrip() for line in page.get().splitlines()), err=err)


def _days(text: str | None) -> timedelta | None:
    if text is None:
        return None
    match = re.fullmatch(r"(\d{1,6})d", text)
    if match is None:
        raise click.UsageError(f"--max-age {text}: write days, for example 365d")
    return timedelta(days=int(match[1]))


def _print_replay(found: Replay, timeout_s: float) -> None:
    for number, (result, seconds) in enumerate(zip(found.results, found.seconds, strict=True), start=1):
        click.echo(f"{number}: {result.outcome.value} in {seconds:.2f} s {result.reason}".rstrip())
        if seconds > timeout_s:
            click.echo(f"   over execution.timeout_s = {timeout_s:g} s; only a worker's first batch is granted more")
        if result.stderr_tail:
            click.echo("   stderr: " + result.stderr_tail.replace("\n", "\n           "))
    edited = all(result.media is not None for result in found.results)
    equal = "bit-equal" if found.is_bit_equal else "NOT bit-equal: the editor is not deterministic for its seed"
    click.echo(equal if edited else "no output to compare")
