"""Interval strips: where the value and bounds of each cell of a control lie against the limit, to one scale."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from visavox.core.report import ControlDecision

from .rows import CellRow
from .wording import DECIBELS, PLAIN_FIGURES, figure

_STEPS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.75, 1.0)
_NEAR = 42.0
"""The limit's label and that of an end would touch where they are closer than this, in percent of the width."""


class Strip(NamedTuple):
    """Positions in percent of the strip's width; None where the cell has no such number."""

    lower: float | None
    value: float | None
    upper: float | None


class Scale(NamedTuple):
    """The common scale of a control's strips.

    ``limit``: position of the limit line; ``zero`` that of 0 where the scale goes below it. ``first`` and ``last`` name
    the ends, empty where the limit's own label stands there.
    """

    limit: float
    limit_text: str
    zero: float | None
    first: str
    last: str
    forbidden_from: float
    forbidden_width: float


def scale_and_strips(control: ControlDecision, cells: Sequence[CellRow]) -> tuple[Scale, tuple[Strip, ...]]:
    """One scale for all cells of a control, and each cell's strip on it.

    The scale holds 0, the limit and every bound, and ends on round numbers; no share is above 1.
    """
    numbers = [n.value for row in cells for n in (row.lower, row.value, row.upper) if n.value is not None]
    limit = 0.0 if control.limit is None else control.limit.value
    metric = control.cells[0].cell.metric if control.cells else ""
    room = 1.25 * limit if limit > 1.0 or metric in {*PLAIN_FIGURES, *DECIBELS} else min(1.25 * limit, 1.0)
    largest = max([*numbers, room, 0.01])
    smallest = min([*numbers, 1.25 * limit, 0.0])
    high, low = _round_up(largest), -_round_up(-smallest)

    def at(value: float | None) -> float | None:
        return None if value is None else round(100 * (value - low) / (high - low), 3)

    line = at(limit) or 0.0
    up = control.limit is None or control.limit.op == "<="
    scale = Scale(
        limit=line,
        limit_text=figure(metric, limit).text,
        zero=at(0.0) if low < 0 else None,
        first=figure(metric, low).text if line > _NEAR else "",
        last=figure(metric, high).text if line < 100 - _NEAR else "",
        forbidden_from=line if up else 0.0,
        forbidden_width=round(100 - line, 3) if up else line,
    )
    return scale, tuple(Strip(at(r.lower.value), at(r.value.value), at(r.upper.value)) for r in cells)


def _round_up(value: float) -> float:
    """The next round end of a scale, in shares; whole numbers above 1; 0 for what is not positive.

    >>> _round_up(0.061), _round_up(0.83), _round_up(1.2), _round_up(-0.1)
    (0.1, 1.0, 2.0, 0.0)
    """
    if value <= 0:
        return 0.0
    return next((step for step in _STEPS if value <= step), float(-(-value // 1)))
