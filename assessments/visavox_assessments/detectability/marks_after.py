"""Marks that were looked for again after perturbations, as layers: believed where bona fide media show none.

A reader that finds a mark in media that bear none has found nothing in those that do. So the same perturbation goes
over bona fide media, and where the reader surely finds more marks there than it may, the layer is not known.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from visavox.core.errors import UndefinedMetricError
from visavox.core.figures import ResultTable
from visavox.metrics.intervals import bound_lower, bound_upper, rate_interval
from visavox.ports.assessment import AssessmentInput
from visavox.ports.detection import CLEAN, Detection

from .chains import Layer, name_of
from .layers import UNKNOWN
from .watermark import MOST_ALARMS, false_alarm_rule

PERCEPTIBLE: Final = "seen or heard"
WATERMARK: Final = "watermark"
NO_CONTROL: Final = "nobody looked for it in bona fide media"


class Marked(NamedTuple):
    """A layer as far as it is believed.

    Attributes:
        doubts: why it is not, by row.
        alarms: share of bona fide media in which it is found, by row; None where nobody looked.
        n_unmarked: bona fide media looked at, by row.
    """

    layer: Layer
    doubts: dict[int, str]
    alarms: tuple[float | None, ...]
    n_unmarked: tuple[int, ...]


def perceptible_after(data: AssessmentInput, found: Detection, bears: npt.NDArray[np.int8]) -> Marked:
    """The label that is seen or heard.

    Args:
        bears: (n_cases,) whether outputs bear it as they are.
    """
    after = found.marks_after
    alive = np.full(found.quality.shape, UNKNOWN, np.int8) if after is None else after.label.copy()
    alive[CLEAN] = bears
    unmarked = None if after is None else after.label_unmarked
    return _believed(data, Layer(PERCEPTIBLE, alive), unmarked, MOST_ALARMS, must_be_sure=False)


def watermark_after(data: AssessmentInput, found: Detection) -> Marked:
    """The tool's watermark; whether its decoder is believed of media as they are `watermark_layer` says."""
    assert data.watermark is not None
    allowed, must_be_sure = false_alarm_rule(data.watermark)
    unmarked = None if found.marks_after is None else found.marks_after.watermark_unmarked
    return _believed(data, Layer(WATERMARK, found.mark_alive), unmarked, allowed, must_be_sure=must_be_sure)


def _believed(
    data: AssessmentInput,
    layer: Layer,
    unmarked: npt.NDArray[np.int8] | None,
    allowed: float,
    *,
    must_be_sure: bool,
) -> Marked:
    """The layer without the rows in which it is found in bona fide media.

    Where nothing was found in outputs either, nothing can be false.

    Args:
        must_be_sure: false alarms have to be few by their upper bound too.
    """
    alive, doubts = layer.alive.copy(), {}
    alarms: list[float | None] = []
    counts = []
    for row in range(len(alive)):
        looked = np.flatnonzero(unmarked[row] != UNKNOWN) if unmarked is not None else np.zeros(0, int)
        states = unmarked[row, looked] == 1 if unmarked is not None else np.zeros(0, bool)
        counts.append(looked.size)
        alarms.append(float(states.mean()) if looked.size else None)
        why = _doubt(states, data.sample_person[looked], allowed, data.alpha, must_be_sure=must_be_sure)
        is_looked_at_elsewhere = row == CLEAN and layer.name == WATERMARK  # by `watermark_layer`, in every sample
        if why and (alive[row] == 1).any() and not is_looked_at_elsewhere:
            doubts[row] = why
            alive[row, alive[row] == 1] = UNKNOWN
    return Marked(layer._replace(alive=alive), doubts, tuple(alarms), tuple(counts))


def _doubt(
    states: npt.NDArray[np.bool_], persons: npt.NDArray[np.int32], allowed: float, alpha: float, *, must_be_sure: bool
) -> str:
    if not states.size:
        return NO_CONTROL
    try:
        basis = rate_interval(states, persons).basis
    except UndefinedMetricError:
        return "bona fide media of fewer than two people were looked at"
    lower, upper = bound_lower(basis, alpha), bound_upper(basis, alpha)
    if lower > allowed or (must_be_sure and upper > MOST_ALARMS):
        return f"found in {states.mean():.1%} of the bona fide media ({lower:.1%} to {upper:.1%})"
    return ""


def alarm_tables(found: Detection, marks: Sequence[Marked]) -> list[ResultTable]:
    """Where marks were found in bona fide media, row by row; none where nobody looked."""
    rows = []
    for row in range(len(found.quality)):
        for one in marks:
            if one.alarms[row] is not None:
                rows.append(
                    (name_of(found, row), one.layer.name, one.n_unmarked[row], one.alarms[row], one.doubts.get(row, ""))
                )
    if not rows:
        return []
    return [
        ResultTable(
            name="marks_in_bona_fide",
            title="Marks found in bona fide media that went the same way",
            columns=("after", "layer", "media", "found in", "not believed"),
            rows=tuple(rows),
            shares=(3,),
            note="a layer counts where its reader finds it in outputs and not in these",
        )
    ]


def doubt_lines(found: Detection, marks: Sequence[Marked]) -> tuple[str, ...]:
    """What is not known of which layer, and why."""
    lines = []
    for one in marks:
        for why in dict.fromkeys(one.doubts.values()):
            places = [name_of(found, row) for row, reason in one.doubts.items() if reason == why]
            lines.append(
                f"whether outputs still bear the layer {one.layer.name} after {', '.join(places)} is not known: {why}"
            )
    return tuple(lines)
