"""Random re-pairings of people: the scores that figures of linkability are made of where nobody is linked.

A permutation d of people calls comparisons of (i, d(i)) mated and all others non-mated, as many of them (drawn) as i
has mated ones: two people with m recordings each have m^2 comparisons where one person has m(m - 1) or half of that,
and the bias of D_sys, minCllr and ZEBRA grows as scores become fewer. People are re-paired within the groups (folds)
that were compared among themselves.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from .arrays import Floats, Ints


class Placed(NamedTuple):
    """The comparisons of a table with their people, numbered from 0, and the place of each score.

    Attributes:
        mated: (n+,) places, of bins or of distinct scores; owner: (n+,) their people.
        non_mated: (n-,) places; first: (n-,) the probe's person; second: (n-,) the reference's.
        n_places: of either class, numbered from 0.
        n_people: all people.
    """

    mated: Ints
    owner: Ints
    non_mated: Ints
    first: Ints
    second: Ints
    n_places: int
    n_people: int


class RePaired(NamedTuple):
    """Scores by place where nobody is linked: those called mated, and all others."""

    mated: Floats
    non_mated: Floats


def re_pairings(placed: Placed, *, rng: np.random.Generator, n_null: int, is_symmetric: bool) -> Iterator[RePaired]:
    """``n_null`` re-pairings of people; those without a comparison of either class are left out.

    Args:
        rng: the source of the permutations and of the draws.
        n_null: permutations; the cost of one is its mated comparisons, not all comparisons.
        is_symmetric: each pair of recordings was compared once: other people's pairs are found in both directions.
    """
    k = placed.n_people
    own = np.bincount(placed.owner, minlength=k)
    cells = [placed.owner * k + placed.owner, placed.first * k + placed.second]
    places = [placed.mated, placed.non_mated]
    if is_symmetric:
        cells, places = [*cells, placed.second * k + placed.first], [*places, placed.non_mated]
    at = np.concatenate(cells)
    order = np.lexsort((rng.random(at.size), at))  # within a cell at random, so that any run of it is a draw
    ordered = np.concatenate(places).astype(np.min_scalar_type(placed.n_places))[order]
    starts = np.concatenate([[0], np.cumsum(np.bincount(at, minlength=k * k))])
    total = _counts(np.concatenate([placed.mated, placed.non_mated]), placed.n_places)
    people, group = np.arange(k), compared_groups(placed.first, placed.second, k)
    by_group = np.argsort(group, kind="stable")
    for _ in range(n_null):
        re_paired = np.empty(k, np.int64)
        re_paired[by_group] = np.lexsort((rng.random(k), group))
        mated = _gather(ordered, starts, people * k + re_paired, own, rng.random(k), placed.n_places)
        left = np.maximum(total - mated, 0)  # where d swaps two people, a comparison may be drawn by both
        if mated.any() and left.any():
            yield RePaired(mated, left)


def compared_groups(first: Ints, second: Ints, k: int) -> Ints:
    """Groups of people, by number of their first: two who were compared, and whoever is linked so, are in one."""
    pairs = np.unique(np.minimum(first, second) * k + np.maximum(first, second))
    low, high = pairs // k, pairs % k
    group = np.arange(k)
    while True:
        least = group.copy()
        np.minimum.at(least, low, group[high])
        np.minimum.at(least, high, group[low])
        if np.array_equal(least, group):
            return group
        group = least


def _gather(
    ordered: npt.NDArray[np.unsignedinteger], starts: Ints, cells: Ints, wanted: Ints, turns: Floats, n_places: int
) -> Floats:
    """Counts by place of so many comparisons as are wanted of each given cell of the people x people table.

    ``turns``: where in the cell, as a share of it, they begin; after its last comparison follows its first.
    """
    begin, held = starts[cells], starts[cells + 1] - starts[cells]
    sizes = np.minimum(held, wanted)
    within = np.arange(int(sizes.sum())) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    turned = (within + np.repeat((turns * held).astype(np.int64), sizes)) % np.repeat(np.maximum(held, 1), sizes)
    return _counts(ordered[np.repeat(begin, sizes) + turned].astype(np.int64), n_places)


def _counts(places: Ints, n_places: int) -> Floats:
    return np.bincount(places, minlength=n_places).astype(np.float64)
