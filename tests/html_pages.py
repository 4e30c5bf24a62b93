"""Reads an HTML page back: its elements, its tables by caption, and the numbers that they state."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser

VOID = {"meta", "img", "br", "link", "input", "hr"}


@dataclass
class Cell:
    """``numbers``: the exact value and the text of every number in the cell."""

    text: str = ""
    numbers: list[tuple[float, str]] = field(default_factory=list)


@dataclass
class Table:
    caption: str = ""
    header: list[str] = field(default_factory=list)
    rows: list[list[Cell]] = field(default_factory=list)

    def column(self, name: str) -> int:
        return self.header.index(name)


class Page(HTMLParser):
    """A parsed page; every element is closed by its own end tag, or reading it fails."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.tables: list[Table] = []
        self.headings: list[tuple[str, str | None]] = []
        self.words = ""
        self._open: list[str] = []
        self._in_head = False
        self._value: float | None = None
        self.feed(text)
        self.close()
        assert not self._open, self._open

    def table(self, caption: str) -> Table:
        (found,) = [table for table in self.tables if table.caption.startswith(caption)]
        return found

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = dict(attrs)
        self.elements.append((tag, attributes))
        if tag not in VOID:
            self._open.append(tag)
        if tag == "table":
            self.tables.append(Table())
        elif tag == "thead":
            self._in_head = True
        elif tag == "tr" and not self._in_head:
            self.tables[-1].rows.append([])
        elif tag in {"th", "td"}:
            self._begin_cell()
        elif tag in {"h1", "h2", "h3", "h4"}:
            self.headings.append((tag, attributes.get("id")))
        elif tag == "data":
            self._value = float(attributes["value"] or "nan")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self._open, f"</{tag}> closes nothing"
        assert self._open.pop() == tag
        if tag == "thead":
            self._in_head = False
        if tag == "data":
            self._value = None

    def handle_data(self, data: str) -> None:
        if "style" in self._open or "svg" in self._open:
            return
        self.words += data
        if "caption" in self._open:
            self.tables[-1].caption += data
        elif "th" in self._open or "td" in self._open:
            if self._in_head:
                self.tables[-1].header[-1] += data
                return
            cell = self.tables[-1].rows[-1][-1]
            cell.text += data
            if self._value is not None:
                cell.numbers.append((self._value, data))

    def _begin_cell(self) -> None:
        if self._in_head:
            self.tables[-1].header.append("")
        else:
            self.tables[-1].rows[-1].append(Cell())


def markdown_tables(text: str) -> dict[str, list[dict[str, str]]]:
    """The tables of a Markdown text by the heading above, each row by its header; escapes undone."""
    found: dict[str, list[dict[str, str]]] = {}
    title, header = "", []
    for line in text.splitlines():
        if line.startswith("#"):
            title, header = line.lstrip("# "), []
        elif line.startswith("|"):
            cells = [cell.strip() for cell in _split(line)]
            if not header:
                header = cells
            elif not set(line) <= set("|-:"):
                assert len(cells) == len(header), line
                found.setdefault(title, []).append(dict(zip(header, cells, strict=True)))
        elif not line:
            header = []
    return found


def _split(line: str) -> list[str]:
    """The cells of a row; an escaped character stands for itself."""
    cells, current, characters = [], "", iter(line.strip()[1:-1])
    for character in characters:
        if character == "\\":
            current += next(characters)
        elif character == "|":
            cells.append(current)
            current = ""
        else:
            current += character
    return [*cells, current]
