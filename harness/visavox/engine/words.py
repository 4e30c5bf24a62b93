"""What is said in inputs and outputs: by the data set's own text, and by the suite's speech recogniser.

Texts are compared as words in lower case without punctuation; where a script has no spaces, each ideograph counts as a
word. Numbers in figures and in letters are different words, and so are two spellings.
"""

from __future__ import annotations

import re
import threading
import unicodedata
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

import numpy as np

from visavox.core.records import Sample
from visavox.media.audio import Audio
from visavox.ports.transcriber import Transcriber

TEXTS: Final = ("transcript", "text")
"""Columns of a manifest that hold what is said in a recording; the first that is there counts."""
_IDEOGRAPHS: Final = "\u3400-\u4dbf\u4e00-\u9fff"
_WORD: Final = re.compile(rf"[{_IDEOGRAPHS}]|[^\W_{_IDEOGRAPHS}]+(?:'[^\W_{_IDEOGRAPHS}]+)*")


class Said(NamedTuple):
    """The words of one case.

    Attributes:
        reference: what is said in the input: by the data set, else as heard.
        edited: heard in the output.
        unedited: heard in the input; None where that is the reference.
    """

    reference: str
    edited: str
    unedited: str | None


class Listener:
    """Hears one sound at a time, and an input of several cases once.

    Args:
        transcriber: the suite's.
        samples: the data set's, some with a text.
    """

    def __init__(self, transcriber: Transcriber, samples: Iterable[Sample]) -> None:
        self._transcriber = transcriber
        self._texts = {sample.id: text_of(sample) for sample in samples}
        self._inputs: dict[str, str] = {}
        self._one_listens = threading.Lock()

    def said(self, sample: str, original: Audio, edited: Audio) -> Said:
        """The words of a case by its input's sample."""
        with self._one_listens:
            if sample not in self._inputs:
                (self._inputs[sample],) = self._transcriber.transcribe([original])
            (heard,) = self._transcriber.transcribe([edited])
        text = self._texts.get(sample, "")
        return Said(text or self._inputs[sample], heard, self._inputs[sample] if text else None)


def words_of(text: str) -> tuple[str, ...]:
    """The words of a text, in lower case and without punctuation; an apostrophe within a word stays.

    >>> words_of("Don't STOP - now.")
    ("don't", 'stop', 'now')
    """
    plain = unicodedata.normalize("NFKC", text).replace("\u2019", "'").casefold()
    return tuple(_WORD.findall(plain))


def text_of(sample: Sample) -> str:
    """What the data set says is spoken in a recording; empty where it does not say."""
    attributes = dict(sample.attributes)
    return next((str(attributes[name]) for name in TEXTS if attributes.get(name)), "")


def method_of_words(transcriber: str, unedited: Sequence[float], n: int) -> str:
    """How a word error rate was made of ``n`` cases.

    Args:
        transcriber: its name.
        unedited: the rates of those inputs whose text the data set states.
    """
    heard = f"words by {transcriber}"
    if not unedited:
        return f"{heard}, against its own of the unedited input"
    of = "" if len(unedited) == n else f" ({len(unedited)} of {n} cases; else its own of the input)"
    return f"{heard}, against the data set's text{of}, by which the unedited inputs have {np.mean(unedited):.1%}"
