"""``visavox doctor``: what this machine has and what is missing."""

from __future__ import annotations

from pathlib import Path

import click

from visavox.engine.environment import examine


@click.command("doctor")
def doctor_command() -> None:
    """Look at versions, devices, weights and disk; say what is missing and how to get it."""
    missing = 0
    for finding in examine(Path.cwd()):
        click.echo(f"{'ok     ' if finding.is_well else 'MISSING'} {finding.topic}: {finding.text}")
        missing += not finding.is_well
    click.echo(f"{missing} missing" if missing else "everything is there")
