"""``visavox report DIR``: the forms of a finished run's report, written again from ``report.json``."""

from __future__ import annotations

from pathlib import Path

import click

from visavox import api
from visavox.reporting.forms import FORMS, write_forms


def _formats(_: click.Context, param: click.Parameter, value: str) -> tuple[str, ...]:
    """The forms named in a comma-separated list, each once."""
    wanted = tuple(dict.fromkeys(part.strip() for part in value.split(",") if part.strip()))
    unknown = [name for name in wanted if name not in FORMS]
    if unknown or not wanted:
        raise click.BadParameter(f"{unknown[0] if unknown else value!r} is none of {', '.join(FORMS)}", param=param)
    return wanted


@click.command("report")
@click.argument("folder", metavar="DIR", type=click.Path(file_okay=False, path_type=Path))
@click.option(
    "--format",
    "formats",
    callback=_formats,
    default=",".join(FORMS),
    show_default=True,
    metavar="FORM,...",
    help="Forms to write, separated by commas.",
)
def report_command(folder: Path, formats: tuple[str, ...]) -> None:
    """Write the report of DIR again as report.html, report.md and report.xml (JUnit)."""
    for path in write_forms(api.read_report(folder), folder, formats):
        click.echo(str(path))
