"""``visavox gate DIR``: the verdict as an exit code."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path

import click

from visavox import api
from visavox.core.errors import VisavoxError
from visavox.core.terms import Verdict
from visavox.reporting.text import wrapped

from .console import columns
from .gate_registry import carry, carry_fault, registry_options, target


@click.command("gate")
@click.argument("folder", metavar="DIR", type=click.Path(file_okay=False, path_type=Path))
@click.option("--policy", help="Name or path; refused where the run was sealed under another.")
@click.option("--max-age", metavar="365d", help="Refuse a report older than so many days.")
@registry_options
def gate_command(
    folder: Path, policy: str | None, max_age: str | None, register: str | None, alias: str, tracking_uri: str | None
) -> Verdict:
    """Check the evidence in DIR and exit by its verdict: 0 PASS, 1 FAIL, 2 INCONCLUSIVE, 3 refused."""
    to = target(register, alias, tracking_uri)
    try:
        result = api.gate(folder, policy=policy, max_age=_days(max_age))
    except VisavoxError as error:
        carry_fault(error, folder, to)
        raise
    click.echo(result.verdict.value)
    for reason in result.reasons:
        click.echo("\n".join(wrapped(f"because {reason}", columns(), indent="  ", is_cut=False)))
    for warning in result.warnings:
        click.echo("\n".join(wrapped(f"warning: {warning}", columns(), is_cut=False)), err=True)
    carry(result, folder, to)
    return result.verdict


def _days(text: str | None) -> timedelta | None:
    if text is None:
        return None
    match = re.fullmatch(r"(\d{1,6})d", text)
    if match is None:
        raise click.UsageError(f"--max-age {text}: write days, for example 365d")
    return timedelta(days=int(match[1]))
