"""What counts as a word, and whose words are compared."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from visavox.core.records import Sample
from visavox.core.terms import Modality
from visavox.engine.words import Listener, Said, method_of_words, text_of, words_of
from visavox.media.audio import Audio


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Don't stop \u2014 NOW!", ("don't", "stop", "now")),
        ("don\u2019t", ("don't",)),
        ("THE  cat,\nsat 'here'", ("the", "cat", "sat", "here")),
        ("stra\u00dfe na\u0308he", ("strasse", "n\u00e4he")),
        ("\u4f60\u597d world 3.5", ("\u4f60", "\u597d", "world", "3", "5")),
        ("snake_case", ("snake", "case")),
        (" ... ", ()),
    ],
)
def test_words_are_those_that_are_said(text: str, words: tuple[str, ...]) -> None:
    assert words_of(text) == words


def sample(name: str, **attributes: str) -> Sample:
    return Sample(
        id=name, subject_id="s", modality=Modality.VOICE, digest="0" * 64, fold="test-0", attributes=attributes
    )


def test_the_first_column_that_says_something_counts() -> None:
    assert text_of(sample("a", transcript="one", text="two")) == "one"
    assert text_of(sample("a", text="two")) == "two"
    assert text_of(sample("a", sex="female")) == ""


class Counting:
    """Writes the sound's length, and counts how often it is asked."""

    id = "counting"

    def __init__(self) -> None:
        self.asked = 0

    def transcribe(self, sounds: Sequence[Audio]) -> list[str]:
        self.asked += len(sounds)
        return [f"{len(sound.samples)} samples" for sound in sounds]


def test_an_input_is_heard_once_and_the_data_set_s_text_comes_first() -> None:
    one, other = (Audio(np.zeros(n, np.float32), 8_000) for n in (3, 5))
    counting = Counting()
    listener = Listener(counting, [sample("a", text="what is said"), sample("b")])
    assert listener.said("a", one, other) == Said("what is said", "5 samples", "3 samples")
    assert listener.said("a", one, one) == Said("what is said", "3 samples", "3 samples")
    assert counting.asked == 3
    assert listener.said("b", one, other) == Said("3 samples", "5 samples", None)


def test_the_method_says_whose_text_it_is() -> None:
    assert method_of_words("x", [], 4) == "words by x, against its own of the unedited input"
    assert method_of_words("x", [0.1, 0.3], 2).endswith("the data set's text, by which the unedited inputs have 20.0%")
    assert "(1 of 4 cases; else its own of the input)" in method_of_words("x", [0.5], 4)
