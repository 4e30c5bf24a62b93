"""Word errors: how many words of a transcript have to change until it says what the reference says.

Levenshtein, Soviet Physics Doklady 10 (1966) 707-710; NIST's sclite counts the same edits. Texts are compared as words
in lower case without punctuation; where a script has no spaces, each ideograph counts as a word. Numbers in figures and
in letters are different words, and so are two spellings.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from typing import Final

from visavox.core.errors import UndefinedMetricError

_IDEOGRAPHS: Final = "\u3400-\u4dbf\u4e00-\u9fff"
_WORD: Final = re.compile(rf"[{_IDEOGRAPHS}]|[^\W_{_IDEOGRAPHS}]+(?:'[^\W_{_IDEOGRAPHS}]+)*")


def words_of(text: str) -> tuple[str, ...]:
    """The words of a text, in lower case and without punctuation; an apostrophe within a word stays.

    >>> words_of("Don't STOP - now.")
    ("don't", 'stop', 'now')
    """
    plain = unicodedata.normalize("NFKC", text).replace("\u2019", "'").casefold()
    return tuple(_WORD.findall(plain))


def word_edits(reference: Sequence[str], found: Sequence[str]) -> int:
    """Fewest words to insert, leave out or replace until ``found`` is ``reference``."""
    costs = list(range(len(found) + 1))
    for row, word in enumerate(reference, start=1):
        diagonal, costs[0] = costs[0], row
        for column, other in enumerate(found, start=1):
            replaced = diagonal + (word != other)
            diagonal = costs[column]
            costs[column] = min(replaced, costs[column] + 1, costs[column - 1] + 1)
    return costs[-1]


def word_error_rate(reference: str, found: str) -> float:
    """Word edits over the words of the reference: 0 = the same words, 1 = as many errors as words; it has no end.

    >>> word_error_rate("the cat sat", "the mat")
    0.6666666666666666

    Raises:
        UndefinedMetricError: the reference holds no word.
    """
    said = words_of(reference)
    if not said:
        raise UndefinedMetricError("a word error rate was asked for", found="no word in the reference")
    return word_edits(said, words_of(found)) / len(said)
