"""What the forms of the report show of controls, statements and cases, row by row, taken from the report alone."""

from __future__ import annotations

from typing import NamedTuple

from visavox.core.figures import AssessmentResult, Estimate
from visavox.core.report import AttestationCard, Cell, CellDecision, ControlDecision, Report
from visavox.core.terms import AttestationVerdict, ControlKind, Modality, Verdict

from .wording import ATTESTATION_STATES, DASH, MODALITIES, NO_NUMBER, Number, attacker_text, count, figure, limit_text

LEDGER = "ledger"
"""The assessment that only counts what became of the cases; shown among the ledgers."""


class CellRow(NamedTuple):
    """One cell of a control. ``decides`` is the bound that a PASS rests on: ``lower`` or ``upper``."""

    control: str
    judge: str
    attacker: str
    group: str
    verdict: Verdict
    value: Number
    lower: Number
    upper: Number
    decides: str
    limit: str
    chance: Number
    trials: Number
    people: Number
    reason: str


class AttestationRow(NamedTuple):
    """What an organisation states of itself; ``state`` is never a verdict of a test."""

    control: str
    state: str
    statement: str
    owner: str
    date: str
    expires: str
    evidence: str
    signed_by: str
    reason: str


class CaseCount(NamedTuple):
    """How many cases or outputs a word of the ledger counts."""

    title: str
    n: int


def cell_rows(report: Report, control: ControlDecision) -> tuple[CellRow, ...]:
    """The cells of a control in the order of the report."""
    return tuple(_cell_row(report, control, row) for row in control.cells)


def state_of(control: ControlDecision) -> str:
    """A control's verdict; of a statement alone what became of it, which no form shows as a tested PASS."""
    if control.kind is not ControlKind.ATTESTATION:
        return control.verdict.value
    states = [card.verdict for card in control.attestations] or [AttestationVerdict.MISSING]
    worst = next((one for one in states if one is not AttestationVerdict.ATTESTED), states[0])
    return f"{ATTESTATION_STATES[worst]}, not tested"


def attestation_rows(control: ControlDecision) -> tuple[AttestationRow, ...]:
    """The statements that a control asks of an organisation."""
    return tuple(_attestation_row(card) for card in control.attestations)


def limit_of(control: ControlDecision) -> str:
    """A control's limit with its operator, in the unit of the figure that it judges; of an attestation alone none."""
    if control.limit is None:
        return ""
    return limit_text(control.limit, control.cells[0].cell.metric if control.cells else "")


def counts_line(report: Report) -> str:
    """The case ledger in words."""
    ledger = report.ledger
    return (
        f"{ledger.attempted} cases of {report.dataset.n_test_subjects} people: {ledger.edited} edited, "
        f"{ledger.refused} refused, {ledger.failed} failed, {ledger.timed_out} timed out, {ledger.invalid} invalid; "
        f"{ledger.unchanged} outputs unchanged, " + ", ".join(f"{found.n} {found.title}" for found in defects(report))
    )


def defects(report: Report) -> tuple[CaseCount, ...]:
    """Outputs that are of no use, in the words of their modality: no picture is clipped."""
    ledger, modality = report.ledger, report.dataset.modality
    if modality is Modality.FACE:
        return (CaseCount("blank", ledger.blank),)
    silent = "silent" if modality is Modality.VOICE else "blank or silent"
    return CaseCount(silent, ledger.blank), CaseCount("clipped", ledger.clipped)


def judge_of(report: Report, cell: Cell) -> str:
    """The judge of a cell; without one, in a run over faces and voices, whose cell it is."""
    is_mixed = report.dataset.modality is None and cell.modality is not None
    return cell.recogniser or (MODALITIES[cell.modality] if is_mixed and cell.modality else "")


def result_title(report: Report, result: AssessmentResult) -> str:
    """Heading of an assessment; in a run over faces and voices it says whose."""
    plain_title = result.assessment.replace("_", " ").capitalize()
    title = "Edited, refused, unchanged" if result.assessment == LEDGER else plain_title
    return f"{title}: {MODALITIES[result.modality]}" if report.dataset.modality is None else title


def _attestation_row(card: AttestationCard) -> AttestationRow:
    return AttestationRow(
        control=card.id,
        state=f"{ATTESTATION_STATES[card.verdict]}, not tested",
        statement=card.statement,
        owner=card.owner or DASH,
        date=card.date or DASH,
        expires=card.expires or DASH,
        evidence="; ".join(f"{file.name} (SHA-256 {file.sha256[:16]})" for file in card.evidence) or "none",
        signed_by=", ".join(card.signed_by) or "nobody",
        reason=card.reason,
    )


def _cell_row(report: Report, control: ControlDecision, row: CellDecision) -> CellRow:
    cell, name = row.cell, row.cell.metric
    decides = "upper" if control.limit is None else control.limit.on
    bound, opposite = figure(name, row.bound), figure(name, row.opposite_bound)
    lower, upper = (opposite, bound) if decides == "upper" else (bound, opposite)
    found = _estimate_of(report, row)
    return CellRow(
        control=control.id,
        judge=judge_of(report, cell),
        attacker=attacker_text(cell.attacker),
        group=cell.group or "",
        verdict=row.verdict,
        value=figure(name, row.value),
        lower=lower,
        upper=upper,
        decides=decides,
        limit=limit_of(control),
        chance=NO_NUMBER if found is None else figure(name, found.chance),
        trials=NO_NUMBER if found is None else count(found.n),
        people=NO_NUMBER if found is None else count(found.n_subjects),
        reason=row.reason,
    )


def _estimate_of(report: Report, row: CellDecision) -> Estimate | None:
    """The estimate that a cell was decided by: the one of its name, judge, attacker and group with its value."""
    cell = row.cell
    for result in report.results:
        for e in result.estimates if cell.modality in {None, result.modality} else ():
            same = (e.name, e.recogniser, e.attacker, e.group) == (
                cell.metric,
                cell.recogniser,
                cell.attacker,
                cell.group,
            )
            if same and e.value == row.value:
                return e
    return None
