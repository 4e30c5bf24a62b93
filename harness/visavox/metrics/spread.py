"""The spread of a figure over judges, with a paired interval (STATISTICS 4).

There is no interval for a maximum over judges: each judge must pass. How far they disagree is shown as max - min, on
the people that all of them judged; deleting a person deletes them for every judge at once, so that what is common to
the judges cancels.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from visavox.core.errors import UndefinedMetricError

from .arrays import Bools, Floats, Ints, number_people, same_length, two_people, zero_one
from .mean_intervals import MeanInterval, jackknife_interval


class JudgeTrials(NamedTuple):
    """Decisions of one judge.

    Attributes:
        hits: (n,) 0/1, each decided at this judge's own threshold.
        persons: (n,) integer labels, the same numbering for all judges.
        seconds: (n,) the second person where a trial has two (the donor of a swap).
    """

    hits: npt.ArrayLike
    persons: npt.ArrayLike
    seconds: npt.ArrayLike | None = None


class Spread(NamedTuple):
    """How far the judges disagree.

    Attributes:
        interval: of max - min, clipped to [0, 1]; ``n_people`` are the people that all judges judged.
        figures: (J,) each judge's figure on these people, in the order given.
        highest, lowest: which judges have the largest and the smallest figure.
    """

    interval: MeanInterval
    figures: Floats
    highest: int
    lowest: int


class _Judge(NamedTuple):
    hits: Bools
    people: tuple[Ints, ...]


def spread_interval(judges: Sequence[JudgeTrials], *, alpha: float = 0.05) -> Spread:
    """Max - min of a rate over judges on their common people, with the delete-one-person jackknife.

    Args:
        judges: two or more. A trial with a person that some judge did not judge is left out, for this figure alone.
        alpha: of the one-sided bounds.

    >>> two = [JudgeTrials([1, 1, 0, 0], [0, 1, 2, 3]), JudgeTrials([1, 0, 0, 0], [0, 1, 2, 3])]
    >>> spread_interval(two).interval.value
    0.25

    Raises:
        UndefinedMetricError: fewer than two judges or common people, no trials, a trial that names a person twice, or a
            person who is in every trial of a judge.
    """
    numbered, n_people = _on_common_people([_judge(one) for one in judges])
    trials = np.array([judge.hits.size for judge in numbered], np.int64)
    hits = np.array([np.count_nonzero(judge.hits) for judge in numbered], np.int64)
    trials_of = np.stack([_by_person(judge.people, n_people) for judge in numbered])
    hits_of = np.stack([_by_person(tuple(c[j.hits] for c in j.people), n_people) for j in numbered])
    left = trials[:, None] - trials_of
    if (left == 0).any():
        raise UndefinedMetricError("a spread over judges was asked for", found="a person who is in every trial")
    return spread_of(hits / trials, (hits[:, None] - hits_of) / left, alpha=alpha)


def spread_of(
    figures: npt.ArrayLike, without_each_person: npt.ArrayLike, *, alpha: float = 0.05, maximum: float = 1.0
) -> Spread:
    """Max - min of any figure over judges, from its values with everybody and without each person.

    Args:
        figures: (J,) one per judge, J >= 2.
        without_each_person: (J, k) the same without person 1 .. k.
        alpha: of the one-sided bounds.
        maximum: the largest spread the figure can have.

    Raises:
        UndefinedMetricError: fewer than two judges or people, or shapes that do not belong together.
    """
    values, without = np.asarray(figures, np.float64), np.asarray(without_each_person, np.float64)
    if values.ndim != 1 or values.size < 2 or without.ndim != 2 or without.shape[0] != values.size:
        raise UndefinedMetricError(
            "a spread over judges was asked for",
            found=f"figures of shape {values.shape} and {without.shape} without each person",
            todo="two judges or more, and for each the figure without person 1 .. k",
        )
    highest, lowest = int(values.argmax()), int(values.argmin())
    interval = jackknife_interval(
        without.max(axis=0) - without.min(axis=0),
        float(values[highest] - values[lowest]),
        alpha=alpha,
        maximum=maximum,
    )
    return Spread(interval, values, highest, lowest)


def _judge(trials: JudgeTrials) -> _Judge:
    hits = zero_one(trials.hits)
    people = tuple(np.asarray(column) for column in (trials.persons, trials.seconds) if column is not None)
    same_length("trials", hits, *people)
    if len(people) == 2:
        two_people(*people, "trials")
    return _Judge(hits, people)


def _on_common_people(judges: list[_Judge]) -> tuple[list[_Judge], int]:
    """The judges' trials among people that all of them judged, people numbered 0 .. n - 1."""
    if len(judges) < 2:
        raise UndefinedMetricError("a spread over judges was asked for", found=f"{len(judges)} judge")
    columns, n_people = number_people(*(column for judge in judges for column in judge.people))
    rest = iter(columns)
    numbered = [_Judge(judge.hits, tuple(next(rest) for _ in judge.people)) for judge in judges]
    while True:
        occurs = np.stack([_by_person(judge.people, n_people) > 0 for judge in numbered])
        common: Bools = np.asarray(occurs.all(axis=0))
        if int(common.sum()) < 2:
            raise UndefinedMetricError(
                "a spread over judges was asked for",
                found=f"{int(common.sum())} people whom all judges judged",
                todo="the judges' trials must be of the same people",
            )
        if (occurs == common).all():
            break
        kept = [np.asarray(common[np.stack(judge.people)].all(axis=0)) for judge in numbered]
        numbered = [
            _Judge(judge.hits[keep], tuple(column[keep] for column in judge.people))
            for judge, keep in zip(numbered, kept, strict=True)
        ]
    number = np.cumsum(common, dtype=np.int64) - 1
    final = [_Judge(judge.hits, tuple(number[column] for column in judge.people)) for judge in numbered]
    return final, int(common.sum())


def _by_person(people: tuple[Ints, ...], n_people: int) -> Ints:
    """Trials per person, in any role."""
    counts = np.zeros(n_people, np.int64)
    for column in people:
        counts += np.bincount(column, minlength=n_people)
    return counts
