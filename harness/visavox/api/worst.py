"""The opt-in page of the worst leaks: gathered while media are still in the run folder."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from visavox.api.preparation import Prepared
from visavox.core.errors import VisavoxError
from visavox.core.figures import AssessmentResult, OperatingPoint
from visavox.core.records import EditRow
from visavox.core.terms import Attacker
from visavox.engine.store import Store
from visavox.ports.assessment import JudgeView
from visavox.reporting.worst import WorstLeak, render_worst

MATCH_RATES = ("subject_match_rate", "host_match_rate")


class _Found(NamedTuple):
    margin: float
    score: float
    case: int
    reference: int


def worst_page(
    prepared: Prepared,
    store: Store,
    rows: dict[str, EditRow],
    views: tuple[JudgeView, ...],
    results: Sequence[AssessmentResult],
    n_shown: int,
) -> str:
    """The outputs whose best mated comparison lies highest above the ignorant attacker's threshold, judge by judge."""
    items = []
    for view in views:
        threshold = _threshold(results, view.id)
        for found in _worst(prepared, view, threshold)[: -(-n_shown // len(views))]:
            items.append(_item(prepared, store, rows, view.id, found, threshold))
    return render_worst(items)


def _threshold(results: Sequence[AssessmentResult], judge: str) -> float | None:
    for result in results:
        for e in result.estimates:
            if (e.recogniser, e.attacker) == (judge, Attacker.IGNORANT) and e.name in MATCH_RATES:
                return e.operating_point.threshold if isinstance(e.operating_point, OperatingPoint) else None
    return None


def _worst(prepared: Prepared, view: JudgeView, threshold: float | None) -> list[_Found]:
    """The best mated comparison of each output, best first."""
    plan = prepared.plan
    table = view.table("original-edited")
    person = np.asarray([s.person for s in plan.samples], np.int32)
    own = np.asarray(plan.case_person, np.int32)[table.probe] == person[table.reference]
    best: dict[int, _Found] = {}
    for case, reference, score in zip(table.probe[own], table.reference[own], table.score[own], strict=True):
        found = _Found(float(score) - (threshold or 0.0), float(score), int(case), int(reference))
        if int(case) not in best or found.margin > best[int(case)].margin:
            best[int(case)] = found
    return sorted(best.values(), key=lambda found: (-found.margin, found.case))


def _item(
    prepared: Prepared,
    store: Store,
    rows: dict[str, EditRow],
    judge: str,
    found: _Found,
    threshold: float | None,
) -> WorstLeak:
    plan = prepared.plan
    case = plan.cases[found.case]
    sample = plan.case_sample[found.case]
    return WorstLeak(
        case_id=case.id,
        judge=judge,
        attacker=Attacker.IGNORANT,
        score=found.score,
        threshold=threshold,
        input_image=_bytes(prepared, plan.samples[sample].id) if sample >= 0 else None,
        output_image=store.read(rows[case.id].outputs[0].digest),
        reference_image=_bytes(prepared, plan.samples[found.reference].id),
    )


def _bytes(prepared: Prepared, sample: str) -> bytes | None:
    try:
        return prepared.dataset.read(sample)
    except VisavoxError:
        return None  # the page says that the picture is gone
