"""The two elements that every label in words must hold: artificial intelligence, and generation or synthesis.

References:
    GB 45438-2025, 5.1 b) to 5.6 b): "人工智能" or "AI"; "生成" and/or "合成". The annexes' samples are "AI生成" and
    "人工智能生成合成". A label in English has the words but not the second element of the clause.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final, NamedTuple

_AI: Final = re.compile(r"人工智能|(?<![A-Za-z])A[Il1|](?![a-z0-9])")
_MADE: Final = re.compile(r"生成|合成")
_MADE_ENGLISH: Final = re.compile(r"(?<![a-z])(?:generated|synthetic|synthesi[sz]ed)(?![a-z])", re.IGNORECASE)
_SPACE_IN_CHINESE: Final = re.compile(r"(?<=[\u4e00-\u9fff])\s+(?=[\u4e00-\u9fffA-Z])|(?<=[A-Z])\s+(?=[\u4e00-\u9fff])")


class Elements(NamedTuple):
    """Which elements a text holds; ``is_english``: of the second one only English words stand there."""

    has_ai: bool
    has_made: bool
    is_english: bool

    @property
    def n(self) -> int:
        """How many of the two, in either language."""
        return self.has_ai + (self.has_made or self.is_english)


def plain_text(text: str) -> str:
    """A text as the elements are looked for: compatibility forms undone, no space within Chinese."""
    return _SPACE_IN_CHINESE.sub("", unicodedata.normalize("NFKC", text)).strip()


def elements_of(text: str) -> Elements:
    """The elements of a text; ``Al`` and ``A1``, as readers of print take ``AI``, count as it.

    >>> elements_of("人工智能合成"), elements_of("made with Al")
    (Elements(has_ai=True, has_made=True, is_english=False), Elements(has_ai=True, has_made=False, is_english=False))
    >>> elements_of("AI-generated").is_english, elements_of("PAIR, SAID").n
    (True, 0)
    """
    found = plain_text(text)
    has_made = _MADE.search(found) is not None
    return Elements(_AI.search(found) is not None, has_made, not has_made and _MADE_ENGLISH.search(found) is not None)
