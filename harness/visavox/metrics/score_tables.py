"""Scores sorted once, as counts at every distinct score, and the same counts without each person in turn.

What is read from such counts (a calibration, a cost, a disclosure) has its delete-one-person jackknife for the price of
one pass per person (STATISTICS 3): nothing is sorted again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from visavox.core.errors import UndefinedMetricError

from .arrays import Floats, Ints, finite_scores, number_people, same_length, two_people
from .mean_intervals import MeanInterval, jackknife_interval


class ScoreCounts(NamedTuple):
    """How many scores of each class stand at each distinct score.

    Attributes:
        scores: (u,) distinct scores, ascending.
        counts: (c, u) scores of each class there.
    """

    scores: Floats
    counts: Ints

    def below(self) -> Floats:
        """(c, u + 1) share of each class below each distinct score; last, below a threshold above them all."""
        sums = np.cumsum(self.counts, axis=1)
        return np.asarray(np.pad(sums, ((0, 0), (1, 0))) / sums[:, -1:], np.float64)

    def threshold(self, place: int) -> float:
        """The threshold that ``below`` means at a place; infinite for the last."""
        return float(self.scores[place]) if place < self.scores.size else np.inf


class PeopledScores(NamedTuple):
    """Scores of one class and the people of each.

    Attributes:
        name: of the class, for messages.
        scores: (n,) finite.
        people: one (n,) array of integer labels per person that a score depends on, one or two.
    """

    name: str
    scores: npt.ArrayLike
    people: tuple[npt.ArrayLike, ...]


def detector_classes(
    bona_fide: npt.ArrayLike, bona_fide_persons: npt.ArrayLike, attacks: npt.ArrayLike, attack_persons: npt.ArrayLike
) -> tuple[PeopledScores, PeopledScores]:
    """A detector's two classes, each score with the one person who is seen or heard in its medium."""
    return (
        PeopledScores("bona fide", bona_fide, (bona_fide_persons,)),
        PeopledScores("attack", attacks, (attack_persons,)),
    )


def counts_of(*classes: npt.ArrayLike) -> ScoreCounts:
    """Counts of checked scores, one array a class."""
    arrays = [np.asarray(scores) for scores in classes]
    distinct, place = np.unique(np.concatenate(arrays), return_inverse=True)
    parts = np.split(place.reshape(-1), np.cumsum([a.size for a in arrays])[:-1])
    counts = np.stack([np.bincount(part, minlength=distinct.size) for part in parts])
    return ScoreCounts(distinct.astype(np.float64), counts.astype(np.int64))


def jackknife(
    classes: tuple[PeopledScores, ...],
    figure: Callable[[ScoreCounts], float],
    *,
    alpha: float,
    minimum: float = 0.0,
    maximum: float = 1.0,
) -> MeanInterval:
    """A figure of score counts with its delete-one-person jackknife; a score goes when any of its people goes.

    Where the figure is the same without each person (complete separation) the standard error is 0 and the width says
    nothing: whoever shows the interval leaves it out then.

    Args:
        classes: the classes in the order that ``figure`` expects.
        figure: of the counts.
        alpha: of the one-sided bounds.
        minimum, maximum: the figure's range.

    Raises:
        UndefinedMetricError: scores that are not finite, fewer than three people, or a person without whom a class is
            empty.
    """
    arrays = [finite_scores(one.scores, one.name) for one in classes]
    labels = [tuple(np.asarray(column) for column in one.people) for one in classes]
    for one, scores, columns in zip(classes, arrays, labels, strict=True):
        same_length(f"{one.name} scores", scores, *columns)
        if len(columns) == 2:
            two_people(*columns, f"{one.name} comparisons")
    people = number_people(*(column for columns in labels for column in columns))
    if people.n < 3:
        raise UndefinedMetricError("a jackknife over people was asked for", found=f"{people.n} people, 3 needed")
    everybody = counts_of(*arrays)
    numbered = iter(people.columns)
    columns_of = [tuple(next(numbered) for _ in columns) for columns in labels]
    values = [figure(_left(everybody, gone, classes)) for gone in _by_person(everybody, arrays, columns_of, people.n)]
    return jackknife_interval(values, figure(everybody), alpha=alpha, minimum=minimum, maximum=maximum)


def _by_person(
    everybody: ScoreCounts, arrays: list[npt.NDArray[np.floating]], columns_of: list[tuple[Ints, ...]], n_people: int
) -> Iterator[Ints]:
    """The counts that each person takes part in."""
    rows = []
    for scores, columns in zip(arrays, columns_of, strict=True):
        place = np.tile(np.searchsorted(everybody.scores, scores.astype(np.float64)), len(columns))
        owner = np.concatenate(columns)
        order = np.argsort(owner, kind="stable")
        rows.append((place[order], np.searchsorted(owner[order], np.arange(n_people + 1))))
    for person in range(n_people):
        yield np.stack(
            [
                np.bincount(place[ends[person] : ends[person + 1]], minlength=everybody.scores.size)
                for place, ends in rows
            ]
        )


def _left(everybody: ScoreCounts, gone: Ints, classes: tuple[PeopledScores, ...]) -> ScoreCounts:
    counts = everybody.counts - gone
    for one, row in zip(classes, counts, strict=True):
        if not row.any():
            raise UndefinedMetricError(
                "a jackknife over people was asked for", found=f"one person has all {one.name} scores"
            )
    kept = counts.any(axis=0)
    return ScoreCounts(everybody.scores[kept], counts[:, kept])
