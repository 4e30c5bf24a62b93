"""Word errors against a recursive definition, and what holds of any two texts."""

from __future__ import annotations

from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from visavox.core.errors import UndefinedMetricError
from visavox.metrics.word_errors import word_edits, word_error_rate, words_of

TEXTS = st.lists(st.sampled_from("abcd"), max_size=7).map(tuple)


def by_definition(reference: tuple[str, ...], found: tuple[str, ...]) -> int:
    """The cheapest of all ways, each tried: keep or replace the first words, insert one, leave one out."""

    @cache
    def cost(i: int, j: int) -> int:
        if i == len(reference) or j == len(found):
            return len(reference) - i + len(found) - j
        kept = cost(i + 1, j + 1) + (reference[i] != found[j])
        return min(kept, 1 + cost(i + 1, j), 1 + cost(i, j + 1))

    return cost(0, 0)


@given(TEXTS, TEXTS)
def test_edits_are_the_fewest_there_are(one: tuple[str, ...], other: tuple[str, ...]) -> None:
    assert word_edits(one, other) == by_definition(one, other)


@given(TEXTS, TEXTS, TEXTS)
def test_edits_are_a_distance(one: tuple[str, ...], other: tuple[str, ...], third: tuple[str, ...]) -> None:
    assert (word_edits(one, other) == 0) is (one == other)
    assert word_edits(one, other) == word_edits(other, one)
    assert word_edits(one, third) <= word_edits(one, other) + word_edits(other, third)


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


def test_a_rate_has_no_upper_end_and_needs_a_word() -> None:
    assert word_error_rate("one", "a b c") == 3.0
    assert word_error_rate("one two", "") == 1.0
    with pytest.raises(UndefinedMetricError, match="no word in the reference"):
        word_error_rate("?", "one")
