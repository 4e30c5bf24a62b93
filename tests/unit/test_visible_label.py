"""Visible labels drawn on people who do not exist, read by tesseract and held against the clause."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from visavox.core.terms import PerceptibleVerdict
from visavox.media.labels import ocr
from visavox.media.labels.elements import elements_of
from visavox.media.labels.records import VisibleFindings
from visavox.media.labels.visible import visible_findings
from visavox.ports.dataset import renderers

FONT = Path("/usr/share/fonts/truetype/wqy/wqy-zenhei.ttc")
SIDE = 512


@pytest.fixture(scope="module")
def face() -> np.ndarray:
    if shutil.which("tesseract") is None or not FONT.is_file():
        pytest.fail("apt-get install tesseract-ocr tesseract-ocr-chi-sim fonts-wqy-zenhei")
    (found,) = renderers.get("synthetic-faces")(11, [(6, 0)], size_px=SIDE)
    return found


def labelled(face: np.ndarray, text: str, share: float, *, place: str = "corner", plate: bool = True) -> np.ndarray:
    """A text whose ink is that share of the picture's side high, white on a black plate or on the picture itself."""
    wanted = round(share * SIDE)
    for size in range(wanted // 2, 3 * wanted):
        font = ImageFont.truetype(str(FONT), size)
        left, top, right, bottom = font.getbbox(text)
        if bottom - top >= wanted:
            break
    width, height, margin = right - left, bottom - top, 10
    x, y = (SIDE - width - margin, SIDE - height - margin) if place == "corner" else ((SIDE - width) // 2, SIDE // 2)
    picture = Image.fromarray(face)
    draw = ImageDraw.Draw(picture)
    if plate:
        draw.rectangle((x - 6, y - 6, x + width + 6, y + height + 6), fill=(0, 0, 0))
    draw.text((x - left, y - top), text, font=font, fill=(255, 255, 255), stroke_width=0 if plate else 2,
              stroke_fill=(0, 0, 0))  # fmt: skip
    return np.asarray(picture)


def found(face: np.ndarray, *arguments: object, **more: object) -> tuple[PerceptibleVerdict, tuple[str, ...]]:
    result = visible_findings(labelled(face, *arguments, **more))  # type: ignore[arg-type]
    return result.verdict, result.broken_rules


def test_a_right_label_is_compliant_and_measured(face: np.ndarray) -> None:
    result = visible_findings(labelled(face, "AI生成", 0.07))
    assert (result.verdict, result.broken_rules, result.reason) == (PerceptibleVerdict.COMPLIANT, (), "")
    assert elements_of(result.text).n == 2
    assert result.height_share == pytest.approx(0.07, abs=0.006)
    assert result.gap_share == pytest.approx(10 / SIDE, abs=0.01)
    assert "tesseract" in result.method and "project default" in result.method
    assert found(face, "AI合成", 0.06, plate=False) == (PerceptibleVerdict.COMPLIANT, ())


@pytest.mark.parametrize(
    ("text", "share", "place", "rules"),
    [
        ("AI生成", 0.035, "corner", ("gb45438-5.2e-height",)),
        ("AI生成", 0.08, "middle", ("gb45438-5.2c-place",)),
        ("AI", 0.08, "corner", ("gb45438-5.2b-generation",)),
        ("内容合成", 0.08, "corner", ("gb45438-5.2b-ai",)),
        ("AI generated", 0.06, "corner", ("gb45438-5.2b-generation",)),
    ],
)
def test_every_broken_rule_is_named(face: np.ndarray, text: str, share: float, place: str, rules: object) -> None:
    assert found(face, text, share, place=place) == (PerceptibleVerdict.NONCOMPLIANT, rules)


def test_between_ink_and_body_it_cannot_be_told(face: np.ndarray) -> None:
    result = visible_findings(labelled(face, "AI生成", 0.044))
    assert result.verdict is PerceptibleVerdict.INCONCLUSIVE and "body may reach" in result.reason


def test_no_label_and_a_picture_too_small_to_hold_a_legible_one(face: np.ndarray) -> None:
    assert visible_findings(face).verdict is PerceptibleVerdict.NOT_FOUND
    assert found(face, "visit our shop", 0.08)[0] is PerceptibleVerdict.NOT_FOUND
    small = np.asarray(Image.fromarray(face).resize((96, 96)))
    result = visible_findings(small)
    assert result.verdict is PerceptibleVerdict.INCONCLUSIVE and "5 px" in result.reason


def test_without_the_program_it_is_not_examined_and_what_to_install_is_said(
    face: np.ndarray, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for cached in (ocr.version, ocr._program):
        cached.cache_clear()
    monkeypatch.setenv("PATH", str(tmp_path))
    result = visible_findings(face)
    for cached in (ocr.version, ocr._program):
        cached.cache_clear()
    assert result.verdict is PerceptibleVerdict.NOT_EXAMINED and "tesseract-ocr-chi-sim" in result.reason
    assert result == VisibleFindings(verdict=result.verdict, reason=result.reason)
