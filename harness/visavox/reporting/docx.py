"""A document as DOCX: real headings, tables whose heads repeat, an East Asian font, the same bytes for the same report.

References: ISO/IEC 29500-1 (WordprocessingML).
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final
from xml.sax.saxutils import escape

from visavox.core.errors import MissingDependencyError

from .document import Band, Document, Facts, Grid, Heading, Items, Paragraph, Picture, text_of
from .vega import without_variables
from .wording import visible

if TYPE_CHECKING:
    from docx.document import Document as Word

LATIN: Final = "Times New Roman"
EAST_ASIAN: Final = "SimSun"
_COLOURS: Final = {"pass": "1B6E3A", "fail": "B3261E", "inconclusive": "8A5A00"}
_FAINT: Final = "565D68"
_WIDTH_CM: Final = 17.2
_PICTURE_CM: Final = 9.0
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
        style.font.name, style.font.size, style.font.italic = LATIN, Pt(size), False
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
    paragraph.paragraph_format.keep_with_next = style in {"small", "lead"}


def _facts(word: Word, facts: Facts) -> None:
    widths = [0.3 * _WIDTH_CM, 0.7 * _WIDTH_CM]
    rows = [
        _row([_cell(visible(label), widths[0], 9, colour=_FAINT), _cell(text_of(entry), widths[1], 9)])
        for label, entry in facts.rows
    ]
    _table(word, widths, rows)


def _grid(word: Word, grid: Grid) -> None:
    size = 6.5 if grid.is_dense else 8
    if grid.caption:
        _paragraph(word, visible(grid.caption), "small")
    weights = [1.2 if column.is_number else column.weight for column in grid.columns]
    widths = [_WIDTH_CM * weight / sum(weights) for weight in weights]
    head = [_cell(visible(c.head), w, size, is_bold=True) for c, w in zip(grid.columns, widths, strict=True)]
    rows = [_row(head, is_head=True)]
    for row in grid.rows:
        if isinstance(row, Band):
            colour = _FAINT if row.is_note else ""
            words = _cell(visible(row.text), _WIDTH_CM, size, colour=colour, is_bold=not row.is_note, span=len(widths))
            rows.append(_row([words]))
            continue
        cells = [
            _cell(text_of(entry), width, size, is_right=column.is_number)
            for column, width, entry in zip(grid.columns, widths, row, strict=True)
        ]
        rows.append(_row(cells))
    _table(word, widths, rows)


def _table(word: Word, widths: Sequence[float], rows: Sequence[str]) -> None:
    """Adds a table as XML: python-docx writes one cell of thousands in milliseconds."""
    from docx.oxml import parse_xml
    from docx.oxml.ns import nsdecls
    from docx.shared import Pt

    columns = "".join(f'<w:gridCol w:w="{_twips(width)}"/>' for width in widths)
    table = parse_xml(
        f"<w:tbl {nsdecls('w')}><w:tblPr>"
        f'<w:tblStyle w:val="TableGrid"/><w:tblW w:w="{_twips(_WIDTH_CM)}" w:type="dxa"/><w:tblLayout w:type="fixed"/>'
        '<w:tblCellMar><w:left w:w="70" w:type="dxa"/><w:right w:w="70" w:type="dxa"/></w:tblCellMar>'
        f"</w:tblPr><w:tblGrid>{columns}</w:tblGrid>{''.join(rows)}</w:tbl>"
    )
    after = word.add_paragraph()
    after.paragraph_format.space_after = Pt(2)
    after._p.addprevious(table)


def _row(cells: Sequence[str], *, is_head: bool = False) -> str:
    repeated = '<w:tblHeader w:val="true"/>' if is_head else ""
    return f"<w:tr><w:trPr><w:cantSplit/>{repeated}</w:trPr>{''.join(cells)}</w:tr>"


def _cell(
    text: str,
    width: float,
    size: float,
    *,
    colour: str = "",
    is_bold: bool = False,
    is_right: bool = False,
    span: int = 1,
) -> str:
    """A cell of one paragraph; ``width`` in cm, ``size`` in points."""
    spanned = f'<w:gridSpan w:val="{span}"/>' if span > 1 else ""
    side = '<w:jc w:val="right"/>' if is_right else ""
    look = ("<w:b/>" if is_bold else "") + (f'<w:color w:val="{colour}"/>' if colour else "")
    return (
        f'<w:tc><w:tcPr><w:tcW w:w="{_twips(width)}" w:type="dxa"/>{spanned}</w:tcPr>'
        f'<w:p><w:pPr><w:spacing w:after="0"/>{side}</w:pPr><w:r><w:rPr>{look}<w:sz w:val="{round(2 * size)}"/></w:rPr>'
        f'<w:t xml:space="preserve">{escape(text)}</w:t></w:r></w:p></w:tc>'
    )


def _twips(cm: float) -> int:
    return round(cm * 1440 / 2.54)


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
