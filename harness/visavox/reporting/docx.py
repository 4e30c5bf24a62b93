"""A document as DOCX: real headings, tables whose heads repeat, an East Asian font, the same bytes for the same report.

References: ISO/IEC 29500-1 (WordprocessingML).
"""

from __future__ import annotations

import io
import zipfile
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from visavox.core.errors import MissingDependencyError

from .document import Band, Document, Facts, Grid, Heading, Items, Paragraph, Picture, text_of
from .vega import without_variables
from .wording import Number, visible

if TYPE_CHECKING:
    from docx.document import Document as Word
    from docx.table import Table, _Cell
    from docx.text.paragraph import Paragraph as WordParagraph

LATIN: Final = "Times New Roman"
EAST_ASIAN: Final = "SimSun"
_COLOURS: Final = {"pass": "1B6E3A", "fail": "B3261E", "inconclusive": "8A5A00"}
_FAINT: Final = "565D68"
_WIDTH_CM: Final = 17.2
_PICTURE_CM: Final = 11.0
_EPOCH: Final = (1980, 1, 1, 0, 0, 0)
"""The earliest date that a ZIP archive holds: no form says when it was rendered."""


def render_docx(found: Document) -> bytes:
    """A document as DOCX.

    Raises:
        MissingDependencyError: python-docx or vl-convert is not installed.
    """
    try:
        import docx
    except ImportError as error:
        raise MissingDependencyError(
            "render the report as DOCX", found=str(error), todo="pip install 'visavox[report]'"
        ) from error
    from docx.shared import Cm

    word = docx.Document()
    for section in word.sections:
        section.page_width, section.page_height = Cm(21.0), Cm(29.7)
        section.left_margin = section.right_margin = Cm(1.9)
        section.top_margin = section.bottom_margin = Cm(2.0)
    _styles(word, found.language)
    _properties(word, found)
    for block in found.blocks:
        match block:
            case Heading(level, text):
                word.add_heading(visible(text), level=level)
            case Paragraph(text, style):
                _paragraph(word, visible(text), style)
            case Items(texts):
                for text in texts:
                    word.add_paragraph(visible(text), style="List Bullet")
            case Facts():
                _facts(word, block)
            case Grid():
                _grid(word, block)
            case Picture():
                _picture(word, block)
    return _with_fixed_dates(word)


def _styles(word: Word, language: str) -> None:
    from docx.oxml.ns import qn
    from docx.shared import Pt, RGBColor

    sizes = {"Normal": 10, "Heading 1": 19, "Heading 2": 14, "Heading 3": 11.5, "Heading 4": 10.5, "List Bullet": 10}
    for name, size in sizes.items():
        style: Any = word.styles[name]
        style.font.name, style.font.size = LATIN, Pt(size)
        fonts = style.element.get_or_add_rPr().get_or_add_rFonts()
        for theme in ("asciiTheme", "hAnsiTheme", "eastAsiaTheme", "cstheme"):
            fonts.attrib.pop(qn(f"w:{theme}"), None)
        fonts.set(qn("w:eastAsia"), EAST_ASIAN)
        if name.startswith("Heading"):
            style.font.color.rgb = RGBColor(0, 0, 0)
    normal: Any = word.styles["Normal"]
    normal.paragraph_format.space_after = Pt(4)
    properties = normal.element.get_or_add_rPr()
    spoken = properties.makeelement(
        qn("w:lang"), {qn("w:val"): "en-GB", qn("w:eastAsia"): "zh-CN" if language == "zh-CN" else "en-GB"}
    )
    properties.append(spoken)


def _properties(word: Word, found: Document) -> None:
    """Of the file: no name of a person, and no date but that of the run."""
    core = word.core_properties
    at = _time(found.finished)
    core.title, core.author, core.last_modified_by, core.comments = visible(found.title), "Visavox", "Visavox", ""
    core.created = core.modified = at
    core.language, core.identifier, core.revision = found.language, found.source, 1


def _time(stamp: str) -> datetime:
    try:
        return datetime.fromisoformat(stamp).astimezone(UTC).replace(tzinfo=None, microsecond=0)
    except ValueError:
        return datetime(*_EPOCH)


def _paragraph(word: Word, text: str, style: str) -> None:
    from docx.shared import Pt, RGBColor

    paragraph = word.add_paragraph()
    run = paragraph.add_run(text)
    if style in _COLOURS:
        run.bold, run.font.size, run.font.color.rgb = True, Pt(16), RGBColor.from_string(_COLOURS[style])
    elif style == "notice":
        run.bold = True
    elif style in {"small", "subtitle"}:
        run.font.size, run.font.color.rgb = Pt(8.5 if style == "small" else 12.5), RGBColor.from_string(_FAINT)
    paragraph.paragraph_format.keep_with_next = style == "small"


def _facts(word: Word, facts: Facts) -> None:
    table = word.add_table(rows=0, cols=2, style="Table Grid")
    for label, entry in facts.rows:
        cells = table.add_row().cells
        _write(cells[0], visible(label), 9, _FAINT)
        _write(cells[1], text_of(entry), 9)
    _widths(table, [0.3, 0.7])
    _apart(word)


def _grid(word: Word, grid: Grid) -> None:
    from docx.enum.text import WD_ALIGN_PARAGRAPH
    from docx.oxml import OxmlElement
    from docx.oxml.ns import qn

    size = 6.5 if grid.is_dense else 8
    if grid.caption:
        _paragraph(word, visible(grid.caption), "small")
    table = word.add_table(rows=1, cols=len(grid.columns), style="Table Grid")
    head = table.rows[0]
    repeated = OxmlElement("w:tblHeader")
    repeated.set(qn("w:val"), "true")
    head._tr.get_or_add_trPr().append(repeated)
    for cell, column in zip(head.cells, grid.columns, strict=True):
        _write(cell, visible(column.head), size, is_bold=True)
    for row in grid.rows:
        line = table.add_row()
        whole = OxmlElement("w:cantSplit")
        line._tr.get_or_add_trPr().append(whole)
        if isinstance(row, Band):
            first, *others = line._tr.tc_lst
            for cell in others:
                line._tr.remove(cell)
            first.grid_span = len(grid.columns)
            _write(line.cells[0], visible(row.text), size, _FAINT if row.is_note else "", is_bold=not row.is_note)
            continue
        for cell, column, entry in zip(line.cells, grid.columns, row, strict=True):
            paragraph = _write(cell, text_of(entry), size)
            if column.is_number or isinstance(entry, Number):
                paragraph.alignment = WD_ALIGN_PARAGRAPH.RIGHT
    weights = [0.75 if column.is_number else column.weight for column in grid.columns]
    _widths(table, [weight / sum(weights) for weight in weights])
    _apart(word)


def _widths(table: Table, shares: list[float]) -> None:
    from docx.shared import Cm

    table.autofit = False
    for share, column in zip(shares, table.columns, strict=True):
        column.width = Cm(_WIDTH_CM * share)
    for row in table.rows:
        cells = row._tr.tc_lst
        for share, cell in zip(shares if len(cells) == len(shares) else [1.0], cells, strict=True):
            cell.width = Cm(_WIDTH_CM * share)


def _apart(word: Word) -> None:
    from docx.shared import Pt

    paragraph = word.add_paragraph()
    paragraph.paragraph_format.space_after = Pt(2)


def _write(cell: _Cell, text: str, size: float, colour: str = "", *, is_bold: bool = False) -> WordParagraph:
    from docx.shared import Pt, RGBColor

    paragraph: WordParagraph = cell.paragraphs[0]
    paragraph.paragraph_format.space_after = Pt(0)
    run = paragraph.add_run(text)
    run.font.size, run.bold = Pt(size), is_bold
    if colour:
        run.font.color.rgb = RGBColor.from_string(colour)
    return paragraph


def _picture(word: Word, picture: Picture) -> None:
    from docx.shared import Cm

    _paragraph(word, visible(picture.title), "small")
    word.add_picture(io.BytesIO(_png(picture.svg)), width=Cm(_PICTURE_CM))
    drawing = word.inline_shapes[-1]._inline.docPr
    drawing.set("descr", visible(picture.text))


def _png(svg: str) -> bytes:
    import vl_convert

    data: bytes = vl_convert.svg_to_png(without_variables(svg), scale=2)
    return data


def _with_fixed_dates(word: Word) -> bytes:
    """The file with the same dates in its archive whenever it is written."""
    written, fixed = io.BytesIO(), io.BytesIO()
    word.save(written)
    with zipfile.ZipFile(written) as given, zipfile.ZipFile(fixed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in given.namelist():
            entry = zipfile.ZipInfo(name, _EPOCH)
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, given.read(name))
    return fixed.getvalue()
