"""The band of a disclosed rate: said only where the whole interval lies in it (STATISTICS 5)."""

from __future__ import annotations

from visavox.core.errors import UndefinedMetricError

LOW_EDGE, HIGH_EDGE = 0.07, 0.20
"""An edge belongs to the band below it: the bands are [0, .07], (.07, .20] and (.20, 1]."""
BANDS = ("<= 7 %", "7-20 %", "> 20 %")


def band(low: float, high: float) -> str:
    """The band that the interval [low, high] of a rate lies in, or nothing where it spans an edge.

    >>> band(0.01, 0.07), band(0.08, 0.2), band(0.21, 0.9), band(0.07, 0.08)
    ('<= 7 %', '7-20 %', '> 20 %', '')

    Raises:
        UndefinedMetricError: no interval within [0, 1].
    """
    if not 0.0 <= low <= high <= 1.0:
        raise UndefinedMetricError("the band of a rate was asked for", found=f"an interval from {low} to {high}")
    at_low, at_high = (int(end > LOW_EDGE) + int(end > HIGH_EDGE) for end in (low, high))
    return BANDS[at_low] if at_low == at_high else ""
