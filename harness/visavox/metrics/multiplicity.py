"""Many tests at once."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from visavox.core.errors import UndefinedMetricError

from .arrays import Bools, finite_scores


def holm(p_values: npt.ArrayLike, alpha: float = 0.05) -> Bools:
    """Holm's step-down test: which of the m hypotheses are rejected with family-wise error at most alpha.

    Sorted p-values are rejected while p_(i) <= alpha / (m - i + 1); the first that is not ends it (Holm 1979).

    Args:
        p_values: (m,) in [0, 1]; may be empty.
        alpha: family-wise error in (0, 1).

    Returns:
        (m,) bool in the order given.

    >>> holm([0.01, 0.04, 0.03], 0.05).tolist()
    [True, False, False]

    Raises:
        UndefinedMetricError: a p-value outside [0, 1] or alpha outside (0, 1).
    """
    values = finite_scores(p_values, "p-value", at_least=0)
    if not 0.0 < alpha < 1.0 or (values < 0).any() or (values > 1).any():
        raise UndefinedMetricError("Holm's test was asked for", found="alpha or a p-value outside its range")
    order = np.argsort(values, kind="stable")
    small = values[order] <= alpha / (values.size - np.arange(values.size))
    rejected = np.zeros(values.size, np.bool_)
    rejected[order] = np.logical_and.accumulate(small)
    return rejected
