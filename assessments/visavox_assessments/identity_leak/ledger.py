"""The ledger of templates: edited = scored + fta, for every recogniser."""

from __future__ import annotations

from visavox.core.errors import LedgerError
from visavox.core.figures import TemplateLedger
from visavox.ports.assessment import DETECTED, FALLBACK, NO_TEMPLATE, NOT_EDITED, AssessmentInput, JudgeView


def template_ledger(data: AssessmentInput, judge: JudgeView) -> TemplateLedger:
    """Counts of one recogniser.

    Raises:
        LedgerError: if outputs are neither scored nor counted as failures to acquire.
    """
    state = judge.case_state
    edited = int((state != NOT_EDITED).sum())
    fallback, fta = int((state == FALLBACK).sum()), int((state == NO_TEMPLATE).sum())
    scored = int((state == DETECTED).sum()) + fallback
    if edited != scored + fta or fta != sum(judge.fta_reasons.values()):
        raise LedgerError(
            f"add up the outputs of {judge.id}",
            found=f"{edited} edited, {scored} scored, {fta} without a template",
            todo="report this",
        )
    return TemplateLedger(
        recogniser=judge.id,
        edited=edited,
        scored=scored,
        fallback=fallback,
        fta=fta,
        references=int(judge.sample_ok.sum()),
        references_without_template=int((~judge.sample_ok).sum()),
        fta_reasons=dict(judge.fta_reasons),
    )
