"""Who is left out within a fit: people in a few groups, each scored by a fit without them."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from visavox.core.errors import UndefinedMetricError


def left_out_folds(persons: npt.ArrayLike, is_positive: npt.ArrayLike, n_folds: int) -> Iterator[npt.NDArray[np.bool_]]:
    """Masks of the rows to leave out, (n,) each; every person is in one of them, dealt in the order in which they come.

    Args:
        persons: (n,) labels: whose each row is.
        is_positive: (n,) bool: its class.
        n_folds: as many as there are people where that is fewer.

    >>> [mask.tolist() for mask in left_out_folds([5, 5, 2, 2], [True, False, True, False], 3)]
    [[True, True, False, False], [False, False, True, True]]

    Raises:
        UndefinedMetricError: without the people of a fold a class has no rows.
    """
    _, first, number = np.unique(np.asarray(persons), return_index=True, return_inverse=True)
    dealt = np.argsort(np.argsort(first))[number]
    positive = np.asarray(is_positive, bool)
    n_folds = min(n_folds, len(first))
    for fold in range(n_folds):
        left_out = dealt % n_folds == fold
        if not (positive[~left_out].any() and (~positive[~left_out]).any()):
            raise UndefinedMetricError(
                "a fit was to leave some of its people out in turn",
                found=f"{len(first)} people; without those of a fold a class is empty",
                todo="add people who have media of both classes",
            )
        yield left_out
