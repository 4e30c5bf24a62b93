"""A document as PDF/A-2a by Typst: tagged, its fonts within, the same bytes for the same report and fonts.

Text reaches Typst as data alone (`sys.inputs`), from an empty folder: what a name holds is never read as code, and no
file but the fonts can be opened.

References: ISO 19005-2:2011 (PDF/A-2), level a.
"""

from __future__ import annotations

import json
import os
import re
import tempfile
from collections.abc import Iterable, Mapping
from datetime import datetime
from functools import cache
from itertools import groupby
from pathlib import Path
from typing import Any, Final

from visavox.core.errors import MissingDependencyError, VisavoxError

from .document import Band, Block, Document, Facts, Grid, Heading, Items, Paragraph, Picture, text_of
from .vega import without_variables
from .wording import visible

LATIN: Final = "Libertinus Serif"
"""Within the typst package: no font has to be installed for English."""
CJK: Final = (
    "Noto Serif CJK SC", "Source Han Serif SC", "Noto Sans CJK SC", "Source Han Sans SC", "Noto Serif SC",
    "Noto Sans SC", "Songti SC", "PingFang SC", "SimSun", "Microsoft YaHei", "FandolSong", "AR PL UMing CN",
    "WenQuanYi Zen Hei", "WenQuanYi Micro Hei",
)  # fmt: skip
FONT_VARIABLE: Final = "VISAVOX_CJK_FONT"
_UNSHOWN: Final = re.compile(r"the text `(\".*?\")` could not be displayed", re.DOTALL)
_MOST_UNSHOWN: Final = 200
_WIDTH: Final = re.compile(r"<svg[^>]*\bwidth=\"([\d.]+)")


def render_pdf(found: Document) -> bytes:
    """A document as PDF/A-2a.

    Characters that no font at hand shows are written out as code points: there are no boxes in their place.

    Raises:
        MissingDependencyError: typst is not installed; or the document is Chinese and no font with Chinese is found.
    """
    try:
        import typst
    except ImportError as error:
        raise MissingDependencyError(
            "render the report as PDF", found=str(error), todo="pip install 'visavox[report]'"
        ) from error
    fonts, chinese = _fonts(os.environ.get(FONT_VARIABLE, ""))
    if found.language == "zh-CN" and not chinese:
        raise _no_font()
    data = json.dumps(_as_json(found), ensure_ascii=False)
    faces: list[Any] = [{"name": LATIN, "covers": "latin-in-cjk"}] if found.language == "zh-CN" else [LATIN]
    names = json.dumps([*faces, *([chinese] if chinese else [])])
    template = Path(__file__).with_name("templates").joinpath("report.typ").read_bytes()
    with tempfile.TemporaryDirectory(prefix="visavox-pdf-") as root:
        for _ in range(_MOST_UNSHOWN):
            try:
                pdf, warnings = typst.compile_with_warnings(
                    template,
                    root=root,
                    font_paths=fonts,
                    sys_inputs={"document": data, "fonts": names},
                    pdf_standards=["a-2a"],
                    timestamp=_seconds(found.finished),
                    package_path=root,
                    package_cache_path=root,
                )
            except typst.TypstError as error:
                unshown = _UNSHOWN.search(error.message)
                if unshown is None:
                    raise VisavoxError("render the report as PDF", found=error.message[:500]) from error
                data = _written_out(data, unshown[1])
                continue
            if warnings:
                said = "; ".join(warning.message for warning in warnings)
                raise VisavoxError("render the report as PDF", found=said[:500], todo=f"name a font in {FONT_VARIABLE}")
            return bytes(pdf)
    raise VisavoxError(
        "render the report as PDF", found="too many characters that no font shows", todo="install fonts-noto-core"
    )


def _no_font() -> MissingDependencyError:
    return MissingDependencyError(
        "render the report in Chinese as PDF",
        found=f"no font with Chinese characters (looked for {', '.join(CJK[:3])} and others)",
        todo=f"apt-get install fonts-noto-cjk (or fonts-wqy-zenhei), or name a font file in {FONT_VARIABLE}",
    )


@cache
def _fonts(named: str) -> tuple[Any, str]:
    """The fonts that Typst may use, and the family with Chinese characters; empty where there is none.

    Raises:
        MissingDependencyError: the named file is no font.
    """
    import typst

    if not named:
        fonts = typst.Fonts()
        families = set(fonts.families())
        return fonts, next((name for name in CJK if name in families), "")
    path = Path(named)
    with tempfile.TemporaryDirectory(prefix="visavox-font-") as alone:
        if path.is_file():
            Path(alone, path.name).symlink_to(path.resolve())
        own = set(typst.Fonts(include_system_fonts=False, include_embedded_fonts=False, font_paths=[alone]).families())
    if not own:
        raise MissingDependencyError(
            f"use the font of {FONT_VARIABLE}", found=f"{named} is no font file", todo="name a .ttf, .otf or .ttc file"
        )
    family = next((name for name in CJK if name in own), sorted(own)[0])
    return typst.Fonts(font_paths=[str(path.parent)]), family


def _written_out(data: str, quoted: str) -> str:
    """The data with the characters of a text that cannot be shown written out."""
    text = json.loads(quoted) if quoted.startswith('"') and "\\u{" not in quoted else quoted.strip('"')
    text = re.sub(r"\\u\{([0-9a-f]+)\}", lambda m: chr(int(m[1], 16)), text)
    for character in dict.fromkeys(text):
        code = ord(character)
        if code > 0x7E:
            data = data.replace(character, f"\\\\u{code:04x}" if code < 0x10000 else f"\\\\U{code:08x}")
    return data


def _seconds(stamp: str) -> int:
    """Seconds since 1970 of a time stamp; 0 where it is none."""
    try:
        return int(datetime.fromisoformat(stamp).timestamp())
    except ValueError:
        return 0


def _as_json(found: Document) -> Mapping[str, Any]:
    return {
        "title": visible(found.title),
        "lang": found.language[:2],
        "region": "CN" if found.language == "zh-CN" else "GB",
        "source": f"report.json SHA-256 {found.source}",
        "blocks": [
            shown for is_drawn, group in groupby(found.blocks, _is_picture) for shown in _blocks(group, is_drawn)
        ],
    }


def _is_picture(block: Block) -> bool:
    return isinstance(block, Picture)


def _blocks(group: Iterable[Block], is_drawn: bool) -> list[Mapping[str, Any]]:
    """Blocks as they are; pictures that follow each other together, to stand side by side."""
    shown = [_block(block) for block in group]
    return [{"kind": "pictures", "pictures": shown}] if is_drawn else shown


def _block(block: Block) -> Mapping[str, Any]:
    match block:
        case Heading(level, text):
            return {"kind": "heading", "level": level, "text": visible(text)}
        case Paragraph(text, style):
            return {"kind": "paragraph", "text": visible(text), "style": style}
        case Items(texts):
            return {"kind": "items", "texts": [visible(text) for text in texts]}
        case Facts(rows):
            return {"kind": "facts", "rows": [[visible(label), text_of(entry)] for label, entry in rows]}
        case Grid():
            return _grid(block)
        case Picture(title, text, svg):
            width = _WIDTH.search(svg)
            shown = {"title": visible(title), "text": visible(text), "svg": without_variables(svg)}
            return {"kind": "picture", **shown, "width": float(width[1]) if width else 400.0}


def _grid(grid: Grid) -> Mapping[str, Any]:
    """``open``: no rule under a row, for a note on it follows."""
    notes = [isinstance(row, Band) and row.is_note for row in grid.rows]
    rows: list[Mapping[str, Any]] = [
        {"band": visible(row.text), "note": row.is_note, "open": is_open}
        if isinstance(row, Band)
        else {"cells": [text_of(entry) for entry in row], "open": is_open}
        for row, is_open in zip(grid.rows, [*notes[1:], False], strict=False)
    ]
    columns = [{"head": visible(c.head), "weight": c.weight, "number": c.is_number} for c in grid.columns]
    return {"kind": "grid", "caption": visible(grid.caption), "columns": columns, "rows": rows, "dense": grid.is_dense}
