"""``visavox show DIR``: the verdict table of a finished run."""

from __future__ import annotations

from pathlib import Path

import click

from visavox import api

from .console import show_report


@click.command("show")
@click.argument("folder", metavar="DIR", type=click.Path(file_okay=False, path_type=Path))
def show_command(folder: Path) -> None:
    """Print the verdict table of DIR."""
    show_report(api.read_report(folder))
