"""Where a control's numbers lie on its strip: a share's scale ends at 100 %."""

from __future__ import annotations

import pytest
from pretend_report import empty_report

from visavox.core.report import Cell, CellDecision, ControlDecision, Limit
from visavox.core.terms import Severity, Verdict
from visavox.reporting.rows import cell_rows
from visavox.reporting.strips import Scale, Strip, scale_and_strips


def scale_of(metric: str, limit: Limit, value: float, bound: float, opposite: float) -> tuple[Scale, Strip]:
    cell = Cell(control="A", metric=metric)
    row = CellDecision(
        cell=cell, verdict=Verdict.PASS, value=value, bound=bound, opposite_bound=opposite, reason="within"
    )
    control = ControlDecision(
        id="A", title="a", verdict=Verdict.PASS, severity=Severity.FAIL, limit=limit, cells=(row,), reason=""
    )
    scale, (strip,) = scale_and_strips(control, cell_rows(empty_report(), control))
    return scale, strip


@pytest.mark.parametrize("limit", [0.9, 0.93, 0.95, 1.0])
def test_the_scale_of_a_share_that_has_to_be_large_ends_at_all_of_it(limit: float) -> None:
    wanted = Limit(op=">=", value=limit, on="lower", source="ours")
    scale, strip = scale_of("marked_share", wanted, 1.0, 0.984, 1.0)
    assert scale.limit == pytest.approx(100 * limit) and strip.value == strip.upper == 100.0
    assert strip.lower == pytest.approx(98.4)
    assert scale.forbidden_from == 0.0 and scale.forbidden_width == scale.limit


def test_what_is_no_share_has_room_beyond_its_limit() -> None:
    wanted = Limit(op=">=", value=0.95, on="lower", source="ours")
    scale, _ = scale_of("psnr_db", wanted, 31.0, 30.0, 32.0)
    assert scale.limit < 5.0
    scale, _ = scale_of("cllr", Limit(op="<=", value=0.9, on="upper", source="ours"), 0.5, 0.6, 0.4)
    assert scale.limit == pytest.approx(45.0)
