"""The files of a report beside ``report.json``: which there are, and how they are written."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from visavox.core.errors import RunFolderError
from visavox.core.report import Report

from .charts import result_charts
from .html import render_html
from .junit import render_junit
from .markdown import render_markdown


class Form(NamedTuple):
    """A form of the report: its file in the run folder, and what renders it."""

    file: str
    render: Callable[[Report], bytes]


FORMS: Final = {
    "html": Form("report.html", lambda report: render_html(report).encode()),
    "md": Form("report.md", lambda report: render_markdown(report).encode()),
    "junit": Form("report.xml", render_junit),
}


def write_forms(report: Report, folder: Path, formats: Sequence[str] = tuple(FORMS)) -> tuple[Path, ...]:
    """Writes forms of a report into a folder, each whole or not at all; gives their paths.

    With ``html`` its charts are written apart as well, ``charts/<name>.svg``: for slides and for trackers.

    Raises:
        MissingDependencyError: a package that a form needs is not installed.
        RunFolderError: the folder cannot be written.
    """
    written = []
    for name in formats:
        if name != "html":
            written.append(_write(folder / FORMS[name].file, FORMS[name].render(report)))
            continue
        drawn = result_charts(report)  # once for the page and the files: drawing is most of the work
        written.append(_write(folder / FORMS[name].file, render_html(report, drawn=drawn).encode()))
        for chart in (chart for of_result in drawn for kind in of_result for chart in kind):
            _write(folder / "charts" / f"{chart.name}.svg", chart.svg.encode())
    return tuple(written)


def _write(path: Path, data: bytes) -> Path:
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        path.parent.mkdir(exist_ok=True, mode=0o700)
        temporary.write_bytes(data)
        temporary.replace(path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise RunFolderError(f"write {path}", found=str(error), todo="make the folder writable, or copy it") from error
    return path
