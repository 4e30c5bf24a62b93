"""The visible label of a picture: read by a program, then held against the clause on words, place and height.

The standard says neither what the height of a character is (its ink, its body, a capital) nor how near an edge "at an
edge or corner" is. Measured is the ink of the tallest character; where that is less than 5 % of the shortest side by no
more than bodies exceed ink (1.3), it is ``inconclusive``. At an edge is what lies within 10 % of the shortest side.

References:
    GB 45438-2025, 5.2 a) to e); LAW 2.1.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt
from PIL import Image as PillowImage

from visavox.core.errors import MediaError, MissingDependencyError
from visavox.core.terms import PerceptibleVerdict

from ..image import Image, encode_png
from .elements import Elements, elements_of, plain_text
from .ocr import Word, read_words, version
from .records import Finding, VisibleFindings

LEAST_HEIGHT: Final = 0.05
BODY_OVER_INK: Final = 1.3
TOLERANCE_PX: Final = 1.5
"""By how much a box is read too small."""
EDGE: Final = 0.10
LEAST_LEGIBLE_PX: Final = 12
"""Chinese characters of fewer pixels are not read: in a picture so small a label may stand unread."""
LEAST_CONFIDENCE: Final = 30.0
SURE: Final = 70.0
"""Confidence from which AI alone is taken for an attempt at a label."""
_STANDARD: Final = "GB 45438-2025"
LIGHT_INKS: Final = (215, 175)
DARK_INK: Final = 40
"""Grey levels above, and below, which a pixel may be ink."""
_SIDES_PX: Final = (500, 1000)
_MOST_ENLARGED: Final = 4.0
_MAX_TEXT: Final = 60


class _Line(NamedTuple):
    """A line of words with at least one element, its box in the picture's own pixels."""

    text: str
    elements: Elements
    left: float
    top: float
    right: float
    bottom: float
    height: float
    confidence: float
    is_sure: bool


def visible_findings(picture: Image) -> VisibleFindings:
    """The visible label of a picture; never raises for want of the program, which is ``not_examined``."""
    try:
        method = f"read by {version()}, chi_sim; height of the ink, edge within {EDGE:.0%} (project default)"
        lines = _lines(picture)
    except (MissingDependencyError, MediaError) as error:
        reason = "; ".join(part for part in (error.found or error.asked, error.todo) if part)
        return VisibleFindings(verdict=PerceptibleVerdict.NOT_EXAMINED, reason=reason)
    if not lines:
        return _none(picture, method)
    best = max(lines, key=lambda line: (line.elements.n, line.elements.has_made, line.confidence))
    height = min(line.height for line in lines if line.elements == best.elements)  # boxes are too high, never too low
    return _judged(best._replace(height=height), picture, method)


def _none(picture: Image, method: str) -> VisibleFindings:
    legible = LEAST_HEIGHT * min(picture.shape[:2])
    if legible < LEAST_LEGIBLE_PX:
        reason = f"a label of 5 % would be {legible:.0f} px high here, too little to be read"
        return VisibleFindings(verdict=PerceptibleVerdict.INCONCLUSIVE, method=method, reason=reason)
    return VisibleFindings(verdict=PerceptibleVerdict.NOT_FOUND, method=method)


def _judged(line: _Line, picture: Image, method: str) -> VisibleFindings:
    rows, columns = picture.shape[:2]
    shortest = min(rows, columns)
    share = line.height / shortest
    gap = max(0.0, min(line.left, line.top, columns - line.right, rows - line.bottom)) / shortest
    if line.elements.n == 1 and not line.is_sure:
        reason = "one element was read, and beside it text that cannot be read surely"
        return VisibleFindings(
            verdict=PerceptibleVerdict.INCONCLUSIVE, method=method, reason=reason, text=line.text[:_MAX_TEXT]
        )
    broken = tuple(_broken(line, share, gap))
    is_doubtful = not broken and share < LEAST_HEIGHT - TOLERANCE_PX / shortest
    verdict = PerceptibleVerdict.NONCOMPLIANT if broken else PerceptibleVerdict.COMPLIANT
    reason = f"its ink is {share:.1%} high, its body may reach 5 %" if is_doubtful else ""
    return VisibleFindings(
        verdict=PerceptibleVerdict.INCONCLUSIVE if is_doubtful else verdict,
        broken_rules=tuple(finding.rule for finding in broken),
        details=broken,
        method=method,
        reason=reason,
        text=line.text[:_MAX_TEXT],
        height_share=round(share, 4),
        gap_share=round(gap, 4),
    )


def _broken(line: _Line, share: float, gap: float) -> Iterator[Finding]:
    if not line.elements.has_ai:
        yield _finding("5.2b-ai", "5.2 b) 1)", "neither 人工智能 nor AI", "write AI生成")
    if not line.elements.has_made:
        found = "the generation element in English alone" if line.elements.is_english else "neither 生成 nor 合成"
        yield _finding("5.2b-generation", "5.2 b) 2)", found, "write AI生成")
    if gap > EDGE:
        found = f"{gap:.0%} of the shortest side from the nearest edge; {EDGE:.0%} is the project's limit"
        yield _finding("5.2c-place", "5.2 c)", found, "write it at an edge or in a corner")
    if share < LEAST_HEIGHT / BODY_OVER_INK:
        found = f"ink of {share:.1%} of the shortest side"
        yield _finding("5.2e-height", "5.2 e)", found, "write it at least 5 % high")


def _finding(rule: str, clause: str, found: str, todo: str) -> Finding:
    return Finding(rule=f"gb45438-{rule}", clause=f"{_STANDARD} {clause}", found=found, todo=todo)


# ---------------------------------------------------------------- reading
def _lines(picture: Image) -> list[_Line]:
    """Lines with both elements; and those with one, if they are read with confidence."""
    views = list(_views(picture))
    words = read_words([encode_png(np.repeat(view[:, :, None], 3, axis=2)) for view, _ in views])
    kept = sorted((w for w in words if w.confidence >= LEAST_CONFIDENCE), key=lambda word: (word.picture, word.left))
    rows: list[list[Word]] = []
    for word in kept:
        row = next((row for row in rows if _goes_on(row[-1], word)), None)
        if row is None:
            rows.append([word])
        else:
            row.append(word)
    found = [_line(row, _beside(row, words), *views[row[0].picture]) for row in rows]
    return [line for line in found if line.elements.n == 2 or _is_attempt(line)]


def _ink_rows(view: npt.NDArray[np.uint8], word: Word) -> int:
    """Rows of a word's box from its first ink to its last; boxes are often too high. Of a view in grey the box's."""
    box = view[word.top : word.bottom, word.left : word.right]
    if set(np.unique(box).tolist()) != {0, 255}:
        return word.bottom - word.top
    rows = np.flatnonzero((box == 0).any(axis=1))
    longest = max(np.split(rows, np.flatnonzero(np.diff(rows) > 0.1 * len(box)) + 1), key=len)
    return int(longest[-1] - longest[0] + 1)


def _goes_on(last: Word, word: Word) -> bool:
    """Whether a word stands on the same row as another, not far behind it: the program's own lines are often torn."""
    overlap = min(last.bottom, word.bottom) - max(last.top, word.top)
    least = min(last.bottom - last.top, word.bottom - word.top)
    gap = word.left - last.right
    return last.picture == word.picture and 2 * overlap > least and gap < 2 * max(last.bottom - last.top, least)


def _is_attempt(line: _Line) -> bool:
    """Whether one element alone is taken for a label: Chinese words are hardly misread, two letters easily."""
    return line.elements.n == 1 and (line.confidence >= SURE or line.elements.has_made or "人工智能" in line.text)


def _line(words: Sequence[Word], beside: Sequence[Word], view: npt.NDArray[np.uint8], scale: float) -> _Line:
    told = [word for word in words if elements_of(word.text).n] or list(words)
    text = plain_text(" ".join(word.text for word in words))
    return _Line(
        text=text,
        elements=elements_of(text),
        left=min(word.left for word in words) / scale,
        top=min(word.top for word in words) / scale,
        right=max(word.right for word in words) / scale,
        bottom=max(word.bottom for word in words) / scale,
        height=max(_ink_rows(view, word) for word in told) / scale,
        confidence=float(np.mean([word.confidence for word in told])),
        is_sure=all(word.confidence >= SURE for word in (*words, *beside)),
    )


def _beside(row: Sequence[Word], words: Sequence[Word]) -> list[Word]:
    """Whatever else was read on the same row, however unsurely: the rest of a label may be in it."""
    return [w for w in words if w not in row and (_goes_on(row[-1], w) or _goes_on(w, row[0]))]


def _views(picture: Image) -> Iterator[tuple[npt.NDArray[np.uint8], float]]:
    """The picture in grey, and what is nearly white, light or nearly black in it as black on white; with its scale.

    Labels are one plain colour, and a busy ground falls away: on it the program sees no text at all. It reads
    characters of 30 to 50 pixels best, so small and large ones are told at two sizes.
    """
    grey = PillowImage.fromarray(picture).convert("L")
    for wanted in _SIDES_PX:
        scale = min(wanted / min(grey.size), _MOST_ENLARGED)
        size = (max(1, round(grey.width * scale)), max(1, round(grey.height * scale)))
        values = np.asarray(grey.resize(size, PillowImage.Resampling.LANCZOS))
        yield values, scale
        for ink in (*(values > level for level in LIGHT_INKS), values < DARK_INK):
            yield np.where(ink, 0, 255).astype(np.uint8), scale
