"""The two languages of reports: fixed phrases and terms by their English wording; free text stays as it is."""

from __future__ import annotations

from typing import Final

from visavox.core.report import ControlDecision
from visavox.core.terms import Verdict

from .document import Language
from .phrases_zh import PHRASES
from .sentences_zh import MARK, translated
from .terms_zh import CODES, TERMS
from .wording import map_cell, title_of

LANGUAGES: Final[tuple[Language, ...]] = ("en", "zh-CN")
SUFFIXES: Final[dict[Language, str]] = {"en": "", "zh-CN": ".zh"}
"""What a form's file name has before its ending."""
_FNMR: Final = "fnmr_at_fmr_"


class Words:
    """The phrases of one language.

    >>> Words("zh-CN")("Controls"), Words("en")("Controls")
    ('控制项', 'Controls')
    """

    def __init__(self, language: Language) -> None:
        self.language = language
        self.is_chinese = language == "zh-CN"

    def __call__(self, text: str, **values: object) -> str:
        """A fixed phrase; a KeyError where it has no translation is a fault of this package."""
        shown = PHRASES[text] if self.is_chinese else text
        return shown.format(**values) if values else shown

    def term(self, word: str) -> str:
        """A word of the vocabulary: an attacker, a state, a role, a code of the records; empty stays empty."""
        return TERMS.get(word, word) if self.is_chinese else word

    def code(self, word: str) -> str:
        """A code of the records with what it means: ``anonymise``."""
        return f"{CODES[word]} ({word})" if self.is_chinese and word in CODES else word

    def verdict(self, verdict: Verdict) -> str:
        """A verdict; the English word stays beside the Chinese one."""
        return f"{TERMS[verdict.value]} ({verdict.value})" if self.is_chinese else verdict.value

    def figure(self, name: str) -> str:
        """A figure's title."""
        title = title_of(name)
        if not self.is_chinese or map_cell(name):
            return title
        if title in TERMS:
            return TERMS[title]
        if name.startswith(_FNMR):
            return f"FMR 为 {name.removeprefix(_FNMR)} 时的错误不匹配率 (FNMR)"
        head, _, rest = title.partition(", ")
        return f"{TERMS[head]} ({rest})" if head in TERMS else name

    def title(self, control: ControlDecision) -> str:
        """A control's title."""
        if not self.is_chinese:
            return control.title
        return control.title_zh or TERMS.get(control.title) or self.original(control.title)

    def original(self, text: str) -> str:
        """Free text: as it stands, and in another language marked as the original; known sentences are translated."""
        if not self.is_chinese or not text:
            return text
        return translated(text) or f"{MARK}{text}"
