"""The terminal: escape codes on a terminal alone, and none of them for colour where ``NO_COLOR`` is set.

References: no-color.org: the variable counts where it is set and not empty.
"""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import click
from rich.console import Console, RenderableType

from visavox.core.report import Report
from visavox.reporting.text import smoke_page, verdict_page

PIPE_COLUMNS = 100
"""Width of what goes to a file or another program, unless ``COLUMNS`` says another one."""


def console(*, err: bool = False) -> Console:
    """A console on standard output or standard error."""
    stream = sys.stderr if err else sys.stdout
    plain = bool(os.environ.get("NO_COLOR"))
    return Console(stderr=err, color_system=None if plain or not stream.isatty() else "auto", highlight=False)


def own_command() -> str:
    """How this very command is called: ``visavox`` where the shell finds it by name, else its path from here."""
    found = shutil.which("visavox")
    called = Path(sys.argv[0])
    if called.name != "visavox" or (found and Path(found).resolve() == called.resolve()):
        return "visavox"
    return str(called.relative_to(Path.cwd()) if called.is_relative_to(Path.cwd()) else called)


def show_report(report: Report) -> None:
    """Prints the verdict table."""
    show(verdict_page(report, width=columns()))


def show_smoke(report: Report) -> None:
    """Prints a smoke run's few lines."""
    show(smoke_page(report, width=columns()))


def show(page: RenderableType) -> None:
    """Prints a page; where it goes to no terminal, without trailing spaces."""
    target = _target()
    if target.is_terminal:
        target.print(page)
        return
    with target.capture() as text:
        target.print(page)
    click.echo("\n".join(line.rstrip() for line in text.get().splitlines()))


def columns() -> int:
    """How wide a page on standard output may be: as the terminal, else ``COLUMNS``, else ``PIPE_COLUMNS``."""
    return _target().width


def _target() -> Console:
    target = console()
    if not target.is_terminal and "COLUMNS" not in os.environ:
        target.width = PIPE_COLUMNS
    return target
