"""What every metric demands of its input: finite scores, 0/1 hits, and people as consecutive numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from visavox.core.errors import UndefinedMetricError

Scores: TypeAlias = npt.NDArray[np.floating]
Floats: TypeAlias = npt.NDArray[np.float64]
Ints: TypeAlias = npt.NDArray[np.int64]
Bools: TypeAlias = npt.NDArray[np.bool_]

DENSE_PAIRS = 16_000_000
"""Up to this many ordered groups of people, their sums stand in a dense table (128 MB); beyond, groups are sorted."""


def finite_scores(scores: npt.ArrayLike, name: str, *, at_least: int = 1) -> Scores:
    """The scores as a flat float array; float32 stays float32.

    Raises:
        UndefinedMetricError: fewer than ``at_least`` scores, more than one axis, or a score that is not finite.
    """
    array = np.asarray(scores)
    if not np.issubdtype(array.dtype, np.floating):
        array = array.astype(np.float64)
    if array.ndim != 1:
        raise UndefinedMetricError(f"{name} scores were asked for as one row", found=f"an array of shape {array.shape}")
    if array.size < at_least:
        raise UndefinedMetricError(
            f"a figure over {name} scores was asked for",
            found=f"{array.size} {name} scores, at least {at_least} needed",
            todo="the figure is not defined: report it as not made",
        )
    if not np.isfinite(array).all():
        raise UndefinedMetricError(
            f"a figure over {name} scores was asked for",
            found=f"{int((~np.isfinite(array)).sum())} of {array.size} scores are NaN or infinite",
            todo="count what has no score as a failure to acquire; a score is a finite number",
        )
    return array


def two_classes(mated: npt.ArrayLike, non_mated: npt.ArrayLike) -> tuple[Scores, Scores]:
    """Mated and non-mated scores in one float type, so that a threshold read from one compares exactly with the other.

    Raises:
        UndefinedMetricError: either is empty or not finite.
    """
    positives, negatives = finite_scores(mated, "mated"), finite_scores(non_mated, "non-mated")
    kind = np.result_type(positives, negatives)
    return positives.astype(kind, copy=False), negatives.astype(kind, copy=False)


def zero_one(hits: npt.ArrayLike, name: str = "hits") -> Bools:
    """Hits as booleans.

    Raises:
        UndefinedMetricError: none at all, or a value other than 0 and 1.
    """
    array = np.asarray(hits)
    if array.ndim != 1 or array.size == 0:
        raise UndefinedMetricError(f"a rate over {name} was asked for", found=f"an array of shape {array.shape}")
    if array.dtype == np.bool_:
        return array
    if not np.isin(array, (0, 1)).all():
        raise UndefinedMetricError(f"a rate over {name} was asked for", found="values other than 0 and 1")
    return array.astype(np.bool_)


class People(NamedTuple):
    """Labels renumbered 0 .. n - 1, one array for each that went in."""

    columns: tuple[Ints, ...]
    n: int


def number_people(*labels: npt.ArrayLike) -> People:
    """Number the people that occur in any of the integer label arrays.

    Raises:
        UndefinedMetricError: labels that are no integers.
    """
    arrays = [np.asarray(column) for column in labels]
    for array in arrays:
        if array.size and not np.issubdtype(array.dtype, np.integer):
            raise UndefinedMetricError("people were asked for as integer labels", found=f"labels of type {array.dtype}")
    filled = [array for array in arrays if array.size]
    if not filled:
        return People(tuple(np.zeros(0, np.int64) for _ in arrays), 0)
    low, high = min(int(a.min()) for a in filled), max(int(a.max()) for a in filled)
    if high - low < 4 * sum(a.size for a in filled) + 1024:
        present = np.zeros(high - low + 1, np.bool_)
        for array in filled:
            present[array - low] = True
        number = np.cumsum(present, dtype=np.int64) - 1
        return People(tuple(number[a - low] if a.size else np.zeros(0, np.int64) for a in arrays), int(present.sum()))
    known = np.unique(np.concatenate([a.ravel() for a in filled]))
    return People(tuple(np.searchsorted(known, a).astype(np.int64) for a in arrays), int(known.size))


def same_length(name: str, *arrays: npt.NDArray[np.generic]) -> None:
    """Arrays of one table have one length.

    Raises:
        UndefinedMetricError: they differ.
    """
    if len({array.shape for array in arrays}) > 1:
        raise UndefinedMetricError(
            f"{name} were asked for, one row each", found=f"arrays of shapes {[array.shape for array in arrays]}"
        )


def two_people(first: Ints, second: Ints, name: str) -> None:
    """A non-mated comparison has two people.

    Raises:
        UndefinedMetricError: a row names the same person twice.
    """
    if (first == second).any():
        raise UndefinedMetricError(
            f"{name} of two different people were asked for",
            found=f"{int((first == second).sum())} rows name the same person twice",
            todo="comparisons of a person with themselves are mated: keep them apart",
        )


def pair_keys(first: Ints, second: Ints, n_people: int) -> Ints:
    """One number for each unordered pair of people."""
    return np.minimum(first, second) * np.int64(n_people) + np.maximum(first, second)


def group_keys(people: Sequence[Ints], n_people: int) -> Ints:
    """One number for each unordered group of people, a column per member.

    Raises:
        UndefinedMetricError: too many people for groups of this size.
    """
    if len(people) == 2:
        return pair_keys(people[0], people[1], n_people)
    if n_people ** len(people) > np.iinfo(np.int64).max:
        raise UndefinedMetricError(f"sums by {len(people)} people were asked for", found=f"{n_people} people")
    keys = np.zeros(people[0].size, np.int64)
    for member in np.sort(np.stack(people), axis=0):
        keys = keys * np.int64(n_people) + member
    return keys


class GroupTable:
    """Sums over unordered groups (pairs, unless ``size`` says otherwise) of people, added in portions and read once."""

    def __init__(self, n_people: int, size: int = 2) -> None:
        self._n = n_people
        self._dense = np.zeros(n_people**size) if n_people**size <= DENSE_PAIRS else None
        self._keys: list[Ints] = []
        self._sums: list[Floats] = []

    def add(self, *people: Ints, weights: Floats | None = None) -> None:
        """Add one weight (1 if none) per row to the row's group, a column per member."""
        keys = group_keys(people, self._n)
        if self._dense is not None:
            self._dense += np.bincount(keys, weights, minlength=self._dense.size)
            return
        found, where = np.unique(keys, return_inverse=True)
        self._keys.append(found)
        self._sums.append(np.bincount(where, weights, minlength=found.size).astype(np.float64))

    def sum_of_squares(self) -> float:
        """Sum over groups of the squared sums."""
        if self._dense is not None:
            return float(np.dot(self._dense, self._dense))
        if not self._keys:
            return 0.0
        _, where = np.unique(np.concatenate(self._keys), return_inverse=True)
        sums = np.bincount(where, np.concatenate(self._sums))
        return float(np.dot(sums, sums))
