"""The commands; each calls ``visavox.api`` and prints."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from pathlib import Path

import click

from visavox import api
from visavox.core.config import Suite
from visavox.core.terms import Verdict
from visavox.engine.environment import examine
from visavox.policy.load import Policy
from visavox.reporting.schema import report_schema

from .completion_command import completion_command
from .console import show_report
from .demo_command import demo_command
from .init_command import init_command
from .list_command import list_command
from .plan_command import plan_command
from .report_command import report_command
from .run_command import run_command
from .score_command import score_command
from .track_command import track_command

RUN_FOLDER = click.Path(file_okay=False, path_type=Path)


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(package_name="visavox")
def cli() -> None:
    """Safety assessment of face- and voice-editing models: run a suite, gate a release."""


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
    for warning in result.warnings:
        click.echo(f"warning: {warning}", err=True)
    return result.verdict


@cli.command("show")
@click.argument("folder", metavar="DIR", type=RUN_FOLDER)
def show_command(folder: Path) -> None:
    """Print the verdict table of DIR."""
    show_report(api.read_report(folder))


@cli.command("doctor")
def doctor_command() -> None:
    """Look at versions, devices, weights and disk; say what is missing and how to get it."""
    missing = 0
    for finding in examine(Path.cwd()):
        click.echo(f"{'ok     ' if finding.is_well else 'MISSING'} {finding.topic}: {finding.text}")
        missing += not finding.is_well
    click.echo(f"{missing} missing" if missing else "everything is there")


@cli.command("schema")
@click.argument("what", type=click.Choice(["suite", "report", "policy"]))
def schema_command(what: str) -> None:
    """Print the JSON Schema of a suite, a report or a policy."""
    schema = {"suite": Suite.model_json_schema, "report": report_schema, "policy": Policy.model_json_schema}[what]()
    click.echo(json.dumps(schema, indent=2, ensure_ascii=False))


cli.add_command(completion_command)
cli.add_command(demo_command)
cli.add_command(init_command)
cli.add_command(list_command)
cli.add_command(plan_command)
cli.add_command(report_command)
cli.add_command(run_command)
cli.add_command(score_command)
cli.add_command(track_command)


def _days(text: str | None) -> timedelta | None:
    if text is None:
        return None
    match = re.fullmatch(r"(\d{1,6})d", text)
    if match is None:
        raise click.UsageError(f"--max-age {text}: write days, for example 365d")
    return timedelta(days=int(match[1]))
