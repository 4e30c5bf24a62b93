"""The files of a report beside ``report.json``: which there are, in which languages, and how they are written."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from visavox.core.errors import RunFolderError
from visavox.core.report import Report

from .charts import ResultCharts, result_charts
from .document import Document, Language
from .documents import document
from .docx import render_docx
from .html import render_html
from .i18n import SUFFIXES
from .junit import render_junit
from .markdown import render_markdown
from .pdf import render_pdf
from .plain_forms import document_html, document_markdown


class Form(NamedTuple):
    """A form of the report: its file in the run folder, and what renders it."""

    file: str
    render: Callable[[Report], bytes]


FORMS: Final = {
    "html": Form("report.html", lambda report: render_html(report).encode()),
    "md": Form("report.md", lambda report: render_markdown(report).encode()),
    "junit": Form("report.xml", render_junit),
}
"""What a run writes: in English, from packages that it has."""

DOCUMENTS: Final[dict[str, Callable[[Document], bytes]]] = {
    "html": lambda found: document_html(found).encode(),
    "md": lambda found: document_markdown(found).encode(),
    "pdf": render_pdf,
    "docx": render_docx,
}
"""Forms rendered from the report as a document, by the ending of their file."""

NAMES: Final = tuple(dict.fromkeys([*FORMS, *DOCUMENTS]))


def write_forms(
    report: Report, folder: Path, formats: Sequence[str] = tuple(FORMS), languages: Sequence[Language] = ("en",)
) -> tuple[Path, ...]:
    """Writes forms of a report into a folder, each whole or not at all; gives their paths.

    With ``html`` its charts are written apart as well, ``charts/<name>.svg``: for slides and for trackers. JUnit is for
    machines, and in English alone. All are rendered before the first is written: where one cannot be, none is.

    Raises:
        MissingDependencyError: a package or a font that a form needs is not installed.
        RunFolderError: the folder cannot be written.
    """
    drawn = result_charts(report) if set(formats) & set(DOCUMENTS) - {"md"} or set(languages) - {"en"} else ()
    files: dict[str, bytes] = {}
    for language in languages:
        found: Document | None = None
        for name in formats:
            if language == "en" and name in FORMS:
                files[FORMS[name].file] = _english(report, name, drawn)
            elif name in DOCUMENTS:
                found = found or document(report, language, drawn=drawn)
                files[f"report{SUFFIXES[language]}.{name}"] = DOCUMENTS[name](found)
    written = tuple(_write(folder / name, data) for name, data in files.items())
    if "html" in formats:
        for chart in (chart for of_result in drawn for kind in of_result for chart in kind):
            _write(folder / "charts" / f"{chart.name}.svg", chart.svg.encode())
    return written


def _english(report: Report, name: str, drawn: Sequence[ResultCharts]) -> bytes:
    if name == "html":  # charts are drawn once for all forms: drawing is most of the work
        return render_html(report, drawn=drawn).encode()
    return FORMS[name].render(report)


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
