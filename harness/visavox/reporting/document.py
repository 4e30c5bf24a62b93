"""A report as a neutral document: headings, paragraphs and tables of typed cells, in one language.

Built from the report alone, and the only thing that PDF, DOCX and the Chinese forms are rendered from: a number is
formatted once, here, and no renderer writes one of its own.
"""

from __future__ import annotations

from typing import Literal, NamedTuple, TypeAlias

from .wording import Number, visible

Language: TypeAlias = Literal["en", "zh-CN"]
Entry: TypeAlias = str | Number
"""A cell of a table: text, or a number as all forms write it."""


class Heading(NamedTuple):
    """``level`` 1 is the document's own."""

    level: int
    text: str


class Paragraph(NamedTuple):
    """``style``: body, lead (stays with what follows), small, notice, or the verdict (pass, fail, inconclusive)."""

    text: str
    style: str = "body"


class Items(NamedTuple):
    """A list without an order."""

    texts: tuple[str, ...]


class Facts(NamedTuple):
    """Labels and what belongs to each."""

    rows: tuple[tuple[str, Entry], ...]


class Column(NamedTuple):
    """``weight``: its share of the width; of a column of numbers only what they need."""

    head: str
    weight: float = 1.0
    is_number: bool = False


class Band(NamedTuple):
    """A row of one cell over the whole width: what the rows below it are of, or a note on the row above it."""

    text: str
    is_note: bool = False


class Grid(NamedTuple):
    """A table; ``is_dense`` of many columns."""

    caption: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Entry, ...] | Band, ...]
    is_dense: bool = False


class Picture(NamedTuple):
    """A chart; ``text`` says what it shows."""

    title: str
    text: str
    svg: str


Block: TypeAlias = Heading | Paragraph | Items | Facts | Grid | Picture


class Document(NamedTuple):
    """``finished``: when the run ended, ISO 8601; ``source``: SHA-256 of the report that it was built from."""

    title: str
    language: Language
    finished: str
    source: str
    blocks: tuple[Block, ...]


def text_of(entry: Entry) -> str:
    """What a cell reads, with invisible characters written out."""
    return entry.text if isinstance(entry, Number) else visible(entry)


def column(head: str, weight: float = 1.0) -> Column:
    """A column of text."""
    return Column(head, weight)


def number(head: str) -> Column:
    """A column of numbers."""
    return Column(head, is_number=True)
