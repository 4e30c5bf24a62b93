"""A document as Markdown and as one HTML page: the forms of a language in which `report.html` is not written."""

from __future__ import annotations

from collections.abc import Iterator

from .document import Band, Document, Facts, Grid, Heading, Items, Paragraph, Picture, text_of
from .html import page
from .markdown import escaped, escaped_item
from .wording import Number

_VERDICTS = ("pass", "fail", "inconclusive")


def document_markdown(found: Document) -> str:
    """The document as GitHub Flavored Markdown, without its charts."""
    return "\n".join(_lines(found)) + "\n"


def document_html(found: Document) -> str:
    """The document as one HTML page with nothing to load.

    Raises:
        MissingDependencyError: Jinja2 is not installed.
    """
    blocks = [(type(block).__name__.lower(), block) for block in found.blocks]
    return page(
        "document.html.j2", document=found, lang=found.language, blocks=blocks, is_band=_is_band, is_number=_is_number
    )


def _is_band(row: object) -> bool:
    return isinstance(row, Band)


def _is_number(entry: object) -> bool:
    return isinstance(entry, Number)


def _lines(found: Document) -> Iterator[str]:
    for block in found.blocks:
        match block:
            case Heading(level, text):
                yield f"\n{'#' * level} {escaped(text)}"
            case Paragraph(text, style):
                words = escaped_item(text)
                yield f"\n**{words}**" if style in _VERDICTS or style == "notice" else f"\n{words}"
            case Items(texts):
                yield ""
                yield from (f"- {escaped_item(text)}" for text in texts)
            case Facts(rows):
                yield "\n|  |  |\n|---|---|"
                yield from (f"| {escaped(label)} | {escaped(text_of(entry))} |" for label, entry in rows)
            case Grid():
                yield from _grid(block)
            case Picture():
                continue


def _grid(grid: Grid) -> Iterator[str]:
    if grid.caption:
        yield f"\n{escaped_item(grid.caption)}"
    yield ""
    yield "| " + " | ".join(escaped(column.head) for column in grid.columns) + " |"
    yield "|" + "|".join("---:" if column.is_number else "---" for column in grid.columns) + "|"
    empty = " |" * (len(grid.columns) - 1)
    for row in grid.rows:
        if isinstance(row, Band):
            words = escaped(row.text)
            yield f"| {words if row.is_note else f'**{words}**'} |{empty}"
        else:
            yield "| " + " | ".join(escaped(text_of(entry)) for entry in row) + " |"
