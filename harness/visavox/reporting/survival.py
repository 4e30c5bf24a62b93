"""Survival curves: how detection falls over a ladder of perturbations, mildest first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from visavox.core.figures import AssessmentResult, Survival

from .palette import DASHES, LIMIT, SERIES
from .vega import INK, Row, Spec, category, layered, mark, quantity
from .wording import percent, significant, visible

WIDTH_PX, HEIGHT_PX = 230, 130
FROZEN: Final = "flagged, frozen threshold"
REALISED: Final = "bona fide flagged by it"
AGAIN: Final = "flagged, re-calibrated"
_NAMES: Final = (FROZEN, REALISED, AGAIN)


def survival_specs(result: AssessmentResult) -> list[tuple[str, str, Spec]]:
    """Title, words and specification of each curve of a result."""
    return [(_title(curve), _words(curve), _spec(curve)) for curve in result.survivals]


def _title(curve: Survival) -> str:
    return f"{visible(curve.detector)} over {visible(curve.ladder)}"


def _words(curve: Survival) -> str:
    rungs = "; ".join(f"{significant(p.strength).text}: {percent(p.tpr)}" for p in curve.points)
    return (
        f"{_title(curve)}: share of outputs flagged by strength ({visible(curve.unit)}): {rungs}. "
        f"Below {percent(curve.limit)} at: {visible(curve.crossing)}"
    )


def _spec(curve: Survival) -> Spec:
    rows: list[Row] = []
    for order, point in enumerate(curve.points):
        place: dict[str, str | float | None] = {
            "rung": significant(point.strength).text,
            "order": order,
            "low": point.lower,
            "high": point.upper,
        }
        values = (point.tpr, point.realised_fpr, point.tpr_recalibrated)
        rows += [
            {**place, "series": name, "share": value}
            for name, value in zip(_NAMES, values, strict=True)
            if value is not None
        ]
    rungs = list(dict.fromkeys(str(row["rung"]) for row in rows))
    x = category("rung", sort=rungs, title=f"{visible(curve.unit)}, mildest first", axis={"labelAngle": 0})
    y: Spec = {"scale": {"domain": [0, 1], "nice": False}, "axis": {"format": ".0%", "tickCount": 4}}
    names = [name for name in _NAMES if any(row["series"] == name for row in rows)]
    legend = {"title": None, "orient": "bottom", "columns": 1, "symbolType": "stroke", "symbolSize": 260}
    colour = category("series", scale={"domain": names, "range": list(SERIES[: len(names)])}, legend=legend)
    dash = category("series", scale={"domain": names, "range": [DASHES[n] for n in range(len(names))]}, legend=legend)
    frozen = [row for row in rows if row["series"] == FROZEN]
    limit: Sequence[Row] = [{"share": curve.limit}]
    layers = [
        mark(
            "area",
            {"x": x, "y": quantity("low", title=None, **y), "y2": {"field": "high"}},
            rows=frozen,
            color=SERIES[0],
            opacity=0.18,
        ),
        mark("rule", {"y": quantity("share", **y)}, rows=limit, color=LIMIT, strokeDash=[4, 2]),
        mark(
            "line",
            {"x": x, "y": quantity("share", title="share", **y), "color": colour, "strokeDash": dash},
            point={"filled": True, "size": 24, "color": INK} if len(rungs) == 1 else True,
            strokeWidth=2,
        ),
    ]
    return layered(layers, rows=rows, width=WIDTH_PX, height=HEIGHT_PX)
