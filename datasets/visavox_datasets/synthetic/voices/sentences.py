"""What synthetic speakers say: sentences of a small grammar, 10 000 of them, of two to five seconds.

A speaker's ten successive sentences share no word but articles: the words of each place in the sentence are dealt out
in an order of the speaker's own. So what two utterances of a speaker have in common is the voice.
"""

from __future__ import annotations

from typing import Final

from visavox.core.seeding import generator

PLACES: Final = (
    (
        "The old baker",
        "My neighbour",
        "A tall sailor",
        "The night nurse",
        "Our teacher",
        "The young pilot",
        "A quiet farmer",
        "The museum guide",
        "His cousin",
        "The bus driver",
    ),
    ("carried", "found", "painted", "forgot", "repaired", "borrowed", "counted", "hid", "measured", "polished"),
    (
        "seven blue bottles",
        "a wooden chair",
        "the broken radio",
        "three heavy boxes",
        "her winter coat",
        "a map of the coast",
        "the yellow bicycle",
        "some fresh oranges",
        "an empty suitcase",
        "the garden gate",
    ),
    (
        "near the harbour",
        "before the meeting",
        "behind the station",
        "in the early morning",
        "after a long walk",
        "under the stone bridge",
        "on the third floor",
        "during the storm",
        "by the open window",
        "at the edge of town",
    ),
)
"""Who did what to which thing, and where or when."""


def sentence(seed: int, speaker: int, utterance: int) -> str:
    """The words of an utterance, a pure function of three whole numbers.

    >>> sentence(7, 0, 0) == sentence(7, 0, 0) != sentence(7, 0, 1)
    True
    """
    turn = utterance // len(PLACES[0])
    words = []
    for place, choices in enumerate(PLACES):
        order = generator(seed, "sentence", speaker, turn, place).permutation(len(choices))
        words.append(choices[order[utterance % len(choices)]])
    return " ".join(words) + "."
