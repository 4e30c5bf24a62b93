"""Drawing cases: who plays which role with which recording, by the suite's seed, balanced over people (STATISTICS 1).

People of one case come from one fold, so that nothing learned on other folds has seen any of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from visavox.core.seeding import generator
from visavox.core.terms import ToolClass

PROBES_PER_PERSON = 2
"""Consent probes in which one person is the donor."""
PROBE_SHARE = 5
"""At most one in so many of the cases that a run may have is a consent probe."""


class Member(NamedTuple):
    """A test sample as the draw sees it."""

    person: int
    fold: str


class Drawn(NamedTuple):
    """One case: sample numbers by role; ``second`` is None where one recording goes in."""

    first: int
    second: int | None = None
    attempt: int = 0
    is_probe: bool = False


ROLES = {
    ToolClass.ANONYMISE: ("subject",),
    ToolClass.ATTRIBUTE: ("subject",),
    ToolClass.SWAP: ("host", "donor"),
    ToolClass.MORPH: ("contributor_1", "contributor_2"),
}


def draw(
    tool_class: ToolClass,
    samples: Sequence[Member],
    seed: int,
    *,
    at_most: int,
    attempts: int = 1,
    probes: bool = False,
) -> list[Drawn]:
    """The cases of a run, first attempts, then further ones, then consent probes.

    anonymise, attribute: every sample once. swap: every sample is a host once; its donor is another person of its
    fold, a different one for each of a host's samples as long as there are some, and everyone is a donor about equally
    often. morph: every person in two pairs (in one where a fold has two people).

    Args:
        at_most: cases altogether, but one with all its attempts at least; fewer are drawn evenly over people.
        attempts: swap, morph: edits of each case.
        probes: swap: also cases in which the editor is told that the donor refused consent, two per donor (one where a
            fold has two people).
    """
    if tool_class is ToolClass.MORPH:
        drawn = _pairs(samples, seed)
    elif tool_class is ToolClass.SWAP:
        drawn = _hosts(samples, seed)
    else:
        drawn = [Drawn(number) for number in range(len(samples))]
    repeats = attempts if tool_class in {ToolClass.SWAP, ToolClass.MORPH} else 1
    told = _probes(samples, seed, at_most // PROBE_SHARE) if probes and tool_class is ToolClass.SWAP else []
    order = balanced_order([samples[d.first].person for d in drawn], seed)
    kept = [drawn[i] for i in sorted(order[: max((at_most - len(told)) // repeats, 1)])]
    return [d._replace(attempt=k) for k in range(repeats) for d in kept] + told


def balanced_order(persons: Sequence[int], seed: int) -> list[int]:
    """Item numbers so that any first part is balanced over people: everyone's first, then everyone's second ..."""
    tie = generator(seed, "cases").permutation(len(persons))
    turns: dict[int, int] = {}
    key: list[tuple[int, int, int]] = []
    for number in sorted(range(len(persons)), key=lambda i: int(tie[i])):
        turn = turns.get(persons[number], 0)
        turns[persons[number]] = turn + 1
        key.append((turn, int(tie[number]), number))
    return [number for _, _, number in sorted(key)]


class _Fold(NamedTuple):
    """The people of one fold on a circle, in an order drawn by the seed."""

    name: str
    circle: tuple[int, ...]
    samples: dict[int, list[int]]

    def shifts(self, seed: int, what: str) -> list[int]:
        """Steps along the circle that never end at the start, each once, in an order drawn by the seed."""
        size = len(self.circle)
        return [int(step) + 1 for step in generator(seed, what, self.name).permutation(size - 1)] if size > 1 else []


def _folds(samples: Sequence[Member], seed: int) -> list[_Fold]:
    found = []
    for name in sorted({sample.fold for sample in samples}):
        own: dict[int, list[int]] = {}
        for number, sample in enumerate(samples):
            if sample.fold == name:
                own.setdefault(sample.person, []).append(number)
        people = sorted(own)
        order = generator(seed, "circle", name).permutation(len(people))
        found.append(_Fold(name, tuple(people[int(i)] for i in order), own))
    return found


def _pick(fold: _Fold, person: int, rng: np.random.Generator) -> int:
    return fold.samples[person][int(rng.integers(len(fold.samples[person])))]


def _hosts(samples: Sequence[Member], seed: int) -> list[Drawn]:
    drawn = []
    for fold in _folds(samples, seed):
        shifts, rng = fold.shifts(seed, "donor"), generator(seed, "donor sample", fold.name)
        for place, host in enumerate(fold.circle):
            for turn, number in enumerate(fold.samples[host] if shifts else ()):
                donor = fold.circle[(place + shifts[turn % len(shifts)]) % len(fold.circle)]
                drawn.append(Drawn(number, _pick(fold, donor, rng)))
    return sorted(drawn)


def _pairs(samples: Sequence[Member], seed: int) -> list[Drawn]:
    drawn = []
    for fold in _folds(samples, seed):
        rng, size = generator(seed, "contributors", fold.name), len(fold.circle)
        for place in range(size if size > 2 else size - 1):
            first, second = fold.circle[place], fold.circle[(place + 1) % size]
            drawn.append(Drawn(_pick(fold, first, rng), _pick(fold, second, rng)))
    return sorted(drawn)


def _probes(samples: Sequence[Member], seed: int, at_most: int) -> list[Drawn]:
    """Everyone as the donor of two hosts; fewer are drawn evenly over donors."""
    drawn: list[Drawn] = []
    donors: list[int] = []
    for fold in _folds(samples, seed):
        shifts, rng = fold.shifts(seed, "probe"), generator(seed, "probe sample", fold.name)
        for place, donor in enumerate(fold.circle):
            for shift in shifts[:PROBES_PER_PERSON]:  # among two people one: a second might be the same again
                host = fold.circle[(place + shift) % len(fold.circle)]
                drawn.append(Drawn(_pick(fold, host, rng), _pick(fold, donor, rng), is_probe=True))
                donors.append(donor)
    return sorted(drawn[i] for i in balanced_order(donors, seed)[:at_most])
