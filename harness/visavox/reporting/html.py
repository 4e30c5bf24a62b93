"""``report.html``: one file that a person reads in a browser, on a phone or on paper, with nothing to load.

Everything is inlined, nothing is scripted, and a content security policy forbids both to whatever a name might carry.
Text of strangers is escaped, and its invisible characters are written out.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from visavox.core.errors import MissingDependencyError
from visavox.core.figures import AssessmentResult, Instrument
from visavox.core.report import ControlDecision, Report
from visavox.core.terms import InstrumentState, Verdict

from . import wording
from .charts import Chart, ResultCharts, result_charts
from .figure_rows import EstimateRow, MapMatrix, Matrix, estimate_rows, map_matrices, matrices
from .rows import (
    LEDGER,
    AttestationRow,
    CellRow,
    attestation_rows,
    cell_rows,
    counts_line,
    defects,
    limit_of,
    result_title,
    state_of,
)
from .strips import Scale, Strip, scale_and_strips
from .table_rows import TableRows, ThresholdRow, table_rows, threshold_rows

_STATE_ORDER = (InstrumentState.RED, InstrumentState.NOT_ASSESSABLE, InstrumentState.GREEN)
_VERDICT_ORDER = (Verdict.FAIL, Verdict.INCONCLUSIVE, Verdict.PASS)


class ControlView(NamedTuple):
    """A control as the page shows it; ``tally`` counts its cells by verdict."""

    decision: ControlDecision
    anchor: str
    limit: str
    role: str
    severity: str
    state: str
    tally: str
    attestations: tuple[AttestationRow, ...]
    rows: tuple[tuple[CellRow, Strip], ...]
    scale: Scale
    has_attackers: bool
    has_groups: bool


class AssessmentView(NamedTuple):
    """An assessment as the page shows it."""

    result: AssessmentResult
    anchor: str
    title: str
    matrices: tuple[Matrix, ...]
    maps: tuple[MapMatrix, ...]
    tables: tuple[TableRows, ...]
    rates: tuple[Chart, ...]
    dets: tuple[Chart, ...]
    scores: tuple[Chart, ...]
    survivals: tuple[Chart, ...]
    estimates: tuple[EstimateRow, ...]
    thresholds: tuple[ThresholdRow, ...]
    has_groups: bool
    is_ledger: bool


def render_html(report: Report, *, drawn: Sequence[ResultCharts] | None = None) -> str:
    """The report as one HTML page.

    Args:
        drawn: the report's charts where they are drawn already.

    Raises:
        MissingDependencyError: Jinja2 or vl-convert is not installed.
    """
    controls = _controls(report)
    earlier = [dict(row) for row in report.clock.earlier_runs]
    return page(
        "report.html.j2",
        report=report,
        meaning=wording.MEANING[report.decision.verdict],
        reasons=[_reason(text, controls) for text in report.decision.reasons],
        counts=counts_line(report),
        defects=defects(report),
        controls=controls,
        assessments=_assessments(report, result_charts(report) if drawn is None else drawn),
        instruments=sorted(report.instruments, key=lambda item: _STATE_ORDER.index(item.state)),
        instrument_tally=_instrument_tally(report.instruments),
        earlier=earlier,
        n_earlier_fails=sum(run.get("verdict") == Verdict.FAIL.value for run in earlier),
        w=wording,
    )


def page(template: str, **values: Any) -> str:
    """A template of this package, rendered with escaping and with its style sheet inlined.

    Raises:
        MissingDependencyError: Jinja2 is not installed.
    """
    try:
        from .environment import environment
    except ImportError as error:
        raise MissingDependencyError(
            "render the report as HTML", found=str(error), todo="pip install 'visavox[report]'"
        ) from error
    text: str = environment().get_template(template).render(**values)
    return text


class Reason(NamedTuple):
    """A reason of the verdict; ``anchor`` of the control that it names, empty where it names none."""

    control: str
    anchor: str
    text: str


def _reason(text: str, controls: Sequence[ControlView]) -> Reason:
    for view in controls:
        prefix = f"{view.decision.id}: "
        if text.startswith(prefix):
            return Reason(view.decision.id, view.anchor, text.removeprefix(prefix))
    return Reason("", "", text)


def _controls(report: Report) -> tuple[ControlView, ...]:
    anchors = _anchors("control", [control.id for control in report.decision.controls])
    views = []
    for control, anchor in zip(report.decision.controls, anchors, strict=True):
        cells = cell_rows(report, control)
        scale, strips = scale_and_strips(control, cells)
        views.append(
            ControlView(
                decision=control,
                anchor=anchor,
                limit=limit_of(control),
                role=wording.ROLE[control.severity],
                severity=wording.SEVERITY[control.severity],
                state=state_of(control),
                tally=_tally(row.verdict for row in cells) or ("statement" if control.attestations else ""),
                attestations=attestation_rows(control),
                rows=tuple(zip(cells, strips, strict=True)),
                scale=scale,
                has_attackers=any(row.attacker for row in cells),
                has_groups=any(row.group for row in cells),
            )
        )
    return tuple(views)


def _assessments(report: Report, drawn: Sequence[ResultCharts]) -> tuple[AssessmentView, ...]:
    anchors = _anchors("assessment", [result.assessment for result in report.results])
    return tuple(
        AssessmentView(
            result=result,
            anchor=anchor,
            title=result_title(report, result),
            matrices=matrices(report, result),
            maps=map_matrices(result),
            tables=table_rows(result),
            rates=of_result.rates,
            dets=of_result.dets,
            scores=of_result.scores,
            survivals=of_result.survivals,
            estimates=estimate_rows(result),
            thresholds=threshold_rows(result),
            has_groups=any(e.group for e in result.estimates),
            is_ledger=result.assessment == LEDGER,
        )
        for result, anchor, of_result in zip(report.results, anchors, drawn, strict=True)
    )


def _tally(verdicts: Iterable[Verdict]) -> str:
    found = list(verdicts)
    return ", ".join(f"{found.count(v)} {v.value}" for v in _VERDICT_ORDER if v in found)


def _instrument_tally(instruments: Sequence[Instrument]) -> str:
    states = [item.state for item in instruments]
    return ", ".join(f"{states.count(s)} {wording.STATES[s]}" for s in _STATE_ORDER if s in states)


def _anchors(kind: str, names: Sequence[str]) -> list[str]:
    """One anchor a name, safe in a URL and used once."""
    taken: set[str] = set()
    found = []
    for name in names:
        slug = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-") or "unnamed"
        anchor = f"{kind}-{slug}"
        while anchor in taken:
            anchor += "-x"
        taken.add(anchor)
        found.append(anchor)
    return found
