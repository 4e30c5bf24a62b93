"""``worst.html``: the outputs that betray most, with the pictures, for the eyes of the people who run the test.

Opt-in, local only: it shows faces. It names nobody, sends nothing, loads nothing, and is no part of the report.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Iterable
from typing import Final, NamedTuple

from PIL import Image as PillowImage

from visavox.core.errors import MediaError
from visavox.core.terms import Attacker
from visavox.media.image import decode_image

from .html import page
from .wording import Number, attacker_text, plain

SHOWN_PX: Final = 256
"""Longest side of a picture on the page."""
_QUALITY: Final = 88


class WorstLeak(NamedTuple):
    """One comparison that betrays its person.

    Attributes:
        score: similarity; at or above ``threshold`` the judge accepts. ``threshold`` is None where none decides.
        input_image, output_image, reference_image: bytes of image files; None where the file is gone. The reference is
            the recording that the output matches best.
    """

    case_id: str
    judge: str
    attacker: Attacker | None
    score: float
    threshold: float | None
    input_image: bytes | None
    output_image: bytes | None
    reference_image: bytes | None


class _Picture(NamedTuple):
    """``source`` is a data URL; empty where the picture cannot be shown."""

    role: str
    source: str


class _Leak(NamedTuple):
    case_id: str
    judge: str
    attacker: str
    score: Number
    threshold: Number
    pictures: tuple[_Picture, ...]


def render_worst(items: Iterable[WorstLeak]) -> str:
    """The page, in the order of ``items``.

    Pictures are made no larger than 256 px and encoded anew, so nothing of their files but pixels is on the page.

    Raises:
        MissingDependencyError: Jinja2 is not installed.
    """
    return page("worst.html.j2", leaks=[_leak(item) for item in items])


def _leak(item: WorstLeak) -> _Leak:
    pictures = (
        ("input", item.input_image),
        ("output", item.output_image),
        ("best matching reference", item.reference_image),
    )
    return _Leak(
        case_id=item.case_id,
        judge=item.judge,
        attacker=attacker_text(item.attacker),
        score=plain(item.score),
        threshold=plain(item.threshold),
        pictures=tuple(_Picture(role, _source(data)) for role, data in pictures),
    )


def _source(data: bytes | None) -> str:
    if data is None:
        return ""
    try:
        image = PillowImage.fromarray(decode_image(data))
    except MediaError:
        return ""
    image.thumbnail((SHOWN_PX, SHOWN_PX), PillowImage.Resampling.LANCZOS)
    buffer = io.BytesIO()
    image.save(buffer, format="JPEG", quality=_QUALITY)
    return "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")
