"""``visavox init DIR``: a suite to begin with."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

import click

from visavox.api.initialise import BASELINES, EditorKind, initialise, suite_name
from visavox.core.terms import ToolClass

from .console import own_command

SMOKE = "runs/smoke"
"""Where the run to have a look goes."""


@click.command("init")
@click.argument("folder", metavar="DIR", type=click.Path(file_okay=False, path_type=Path))
@click.option(
    "--kind",
    type=click.Choice([kind.value for kind in EditorKind]),
    default=EditorKind.PYTHON.value,
    show_default=True,
    help="How your model is reached.",
)
@click.option(
    "--tool-class",
    "tool_class",
    type=click.Choice([tool_class.value for tool_class in BASELINES]),
    default=ToolClass.ANONYMISE.value,
    show_default=True,
    help="What your model is for.",
)
def init_command(folder: Path, kind: str, tool_class: str) -> None:
    """Write a commented suite into DIR that runs as it is, and the place for your model; never over a file."""
    for path in initialise(folder, kind=EditorKind(kind), tool_class=ToolClass(tool_class)):
        click.echo(f"wrote {path}")
    click.echo("\n".join(["", "next:", *(f"  {line}" for line in _next_steps(folder, EditorKind(kind)))]))


def _next_steps(folder: Path, kind: EditorKind) -> list[str]:
    me, suite, out = own_command(), _quoted(folder / "suite.yaml"), f"runs/{suite_name(folder)}"
    if kind is EditorKind.FOLDER:
        script = shlex.join([sys.executable, str(folder / "edit_cases.py")])
        lines = [
            f"{me} plan {suite} --cases {_quoted(folder / 'cases.csv')}",
            f"{script}   # put your model there; it writes outputs.csv",
        ]
    else:
        serve = shlex.join([sys.executable, str(folder / "service.py")])
        place = {
            EditorKind.PYTHON: f"put your model into {folder / 'adapter.py'}",
            EditorKind.COMMAND: f"put your program into argv of {suite}",
            EditorKind.HTTP: f"put your model into {folder / 'service.py'}, or your service's url into {suite}",
            EditorKind.BASELINE: f"choose another reference in {suite} ({me} list baselines)",
        }
        lines = [
            *([f"{serve} &   # it serves until it is ended"] if kind is EditorKind.HTTP else []),
            f"{me} run {suite} --out {SMOKE} --limit 4   # a look; never a PASS",
            f"{place[kind]}; it runs without, too",
            f"{me} plan {suite}   # people, cases, time; what this data set can decide",
        ]
    return [*lines, f"{me} run {suite} --out {out}", f"{me} gate {out}   # and read {out}/report.html"]


def _quoted(path: Path) -> str:
    return shlex.quote(str(path))
