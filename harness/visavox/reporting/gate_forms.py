"""What a gate said, in four forms made from one record: lines for a terminal, Markdown, JUnit XML and JSON.

FAIL is a failure in JUnit; INCONCLUSIVE and REFUSED are errors: none of them can look green. A control that is attested
says so everywhere, and is never shown as tested.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from visavox.core.digest import canonical_json
from visavox.core.gate_record import GATE_SCHEMA_ID, GateControl, GateRecord, GateSubject
from visavox.core.report import Cell, CellDecision, Limit, Waiver
from visavox.core.terms import AttestationVerdict, ControlKind, DutyRole, Severity, Verdict

from .junit import ELEMENTS, Case, junit_bytes
from .markdown import bullets, escaped, table
from .wording import DASH, MEANING, ROLE, cell_text, figure, limit_text, time_text, visible

REFUSED: Final = "REFUSED"
_REFUSED_MEANS: Final = "The evidence was refused: there is no verdict. This is no permission to ship."


def gate_lines(record: GateRecord) -> list[str]:
    """The outcome, why, one line a control, waivers, and what was not checked; the first word is the outcome."""
    lines = [record.outcome, *(f"  because {visible(reason)}" for reason in record.reasons)]
    lines += [f"assessed as {_bound_by(record.subject)}"] if record.subject else []
    said = "\n".join(record.reasons)
    width = max((len(control.id) for control in record.controls), default=0)
    lines += [f"{control.id:<{width}}  {_words(control, said)}" for control in record.controls]
    lines += [f"waived: {_waiver(waiver)}" for waiver in record.waivers]
    lines += [f"signed by {signer}" for signer in record.signers]
    lines += [f"not checked: {line}" for line in record.not_checked]
    return [visible(line) for line in lines]


def gate_markdown(record: GateRecord) -> str:
    """The same for the summary of a job, as GitHub Flavored Markdown."""
    return "\n".join(_markdown(record)) + "\n"


def gate_junit(record: GateRecord) -> bytes:
    """The same as JUnit XML: a first suite with the outcome, then a suite a control."""
    name = "visavox gate"
    if record.subject is not None:
        name += f" {record.subject.name} {record.subject.version}"
    suites = [("gate", _gate_cases(record))]
    suites += [(control.id, _control_cases(control)) for control in record.controls]
    return junit_bytes(name, suites, record.gated)


def gate_json(record: GateRecord) -> bytes:
    """The record as canonical JSON."""
    return canonical_json(record.model_dump(mode="json", by_alias=True))


def gate_schema() -> dict[str, Any]:
    """JSON Schema (2020-12) of the gate's JSON."""
    schema = GateRecord.model_json_schema(by_alias=True, mode="serialization")
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": GATE_SCHEMA_ID, **schema}


def state_of(control: GateControl) -> str:
    """A control's verdict; of a statement alone what became of it, which is never a tested PASS."""
    if control.kind is not ControlKind.ATTESTATION:
        return control.verdict.value
    states = [card.verdict for card in control.attestations] or [AttestationVerdict.MISSING]
    return next((one for one in states if one is not AttestationVerdict.ATTESTED), states[0]).value.replace("_", " ")


def _words(control: GateControl, said: str) -> str:
    """Verdict, numbers, role where it does not decide, and the reason where it was not ``said`` and numbers do not."""
    state = {ControlKind.BOTH: " (tested and attested)", ControlKind.ATTESTATION: " (not tested)"}.get(control.kind, "")
    numbers = _numbers(control)
    is_said = f"{control.id}: {control.reason}" in said or (control.verdict is Verdict.PASS and numbers)
    role = "" if control.severity is Severity.FAIL else ROLE[control.severity]
    parts = (numbers, role, "" if is_said else visible(control.reason))
    return f"{state_of(control)}{state}  {'; '.join(part for part in parts if part)}".rstrip()


def _numbers(control: GateControl) -> str:
    """Of the cell that a control rests on: its value, the bound that was held against the limit, the limit."""
    cell, limit = control.deciding, control.limit
    if cell is None or limit is None:
        return ""
    name, (lower, upper) = cell.cell.metric, _bounds(cell, limit)
    side = limit.on if cell.verdict is not Verdict.FAIL else {"upper": "lower", "lower": "upper"}[limit.on]
    bound = figure(name, upper if side == "upper" else lower).text
    numbers = f"{figure(name, cell.value).text}, {side} bound {bound}, limit {limit_text(limit, name)}"
    who = cell_text(cell.cell)
    return numbers if who == cell_text(Cell(control="", metric="")) else f"{numbers} ({who})"


def _bounds(row: CellDecision, limit: Limit) -> tuple[float | None, float | None]:
    """Lower and upper bound of a cell."""
    return (row.opposite_bound, row.bound) if limit.on == "upper" else (row.bound, row.opposite_bound)


def _bound_by(subject: GateSubject) -> str:
    """What the suite says of the tool, on which it depends which controls bind."""
    role = {DutyRole.BOTH: "provider and technical supporter"}.get(subject.role, subject.role.value.replace("_", " "))
    opinion = {True: "with", False: "without", None: "as if with"}[subject.public_opinion_attribute]
    return f"{subject.tool_class.value} tool, duties of {role}, {opinion} public-opinion attributes"


def _waiver(waiver: Waiver) -> str:
    return visible(
        f"run {', '.join(waiver.runs)} by {waiver.owner} from {waiver.date} until {waiver.expires}: {waiver.reason}"
    )


def _meaning(record: GateRecord) -> str:
    return _REFUSED_MEANS if record.outcome == REFUSED else MEANING[Verdict(record.outcome)]


def _markdown(record: GateRecord) -> Iterator[str]:
    subject = record.subject
    what = f": {escaped(subject.name)}, version {escaped(subject.version)}" if subject else ""
    yield f"# Visavox gate: {record.outcome}{what}"
    yield f"\n{_meaning(record)}"
    if subject is not None:
        yield f"\nAssessed as {_bound_by(subject)}."
    if record.smoke:
        yield "\n**A smoke run: it edited a few cases only and can never be a PASS.**"
    yield from bullets("Why", record.reasons)
    if record.controls:
        head = ("Control", "Verdict", "Value", "Bound", "Limit", "Role", "Reason")
        yield from table("Controls", head, [_row(control) for control in record.controls])
    yield from bullets("Waived", [_waiver(waiver) for waiver in record.waivers])
    yield from bullets("Warnings", record.warnings)
    yield from bullets("Not checked", record.not_checked)
    if subject is None:
        return
    rows = [
        ("Model", subject.sha256),
        ("Report", record.report_sha256),
        ("Seal", record.seal_sha256),
        (f"Policy {record.policy}", record.policy_sha256),
        *(("Signed by key", signer) for signer in record.signers),
    ]
    yield from table("Evidence", ("What", "SHA-256"), rows)
    finished, gated = time_text(record.finished), time_text(record.gated)
    yield f"\nRun {escaped(record.run)} of {escaped(finished)}, gated {escaped(gated)} by visavox {record.visavox}."


def _row(control: GateControl) -> tuple[str, ...]:
    cell, limit = control.deciding, control.limit
    value = bound = shown = DASH
    if cell is not None and limit is not None:
        name, decides = cell.cell.metric, cell.opposite_bound if cell.verdict is Verdict.FAIL else cell.bound
        value, bound, shown = figure(name, cell.value).text, figure(name, decides).text, limit_text(limit, name)
    kind = " (tested and attested)" if control.kind is ControlKind.BOTH else ""
    return (control.id, state_of(control) + kind, value, bound, shown, ROLE[control.severity], control.reason)


def _gate_cases(record: GateRecord) -> list[Case]:
    element = "error" if record.outcome == REFUSED else ELEMENTS.get(Verdict(record.outcome), "")
    reasons = [visible(reason) for reason in record.reasons] or [_meaning(record)]
    waived = [f"waived: {_waiver(waiver)}" for waiver in record.waivers]
    unchecked = [f"not checked: {visible(line)}" for line in record.not_checked]
    bound = [f"assessed as {_bound_by(record.subject)}"] if record.subject else []
    text = "\n".join((*reasons, *bound, *waived, *unchecked))
    return [Case("outcome of the gate", element, record.outcome, reasons[0], text)]


def _control_cases(control: GateControl) -> list[Case]:
    cases = [_case(control, cell_text(row.cell), row.verdict, row.reason, _cell_numbers(control, row))
             for row in control.cells]  # fmt: skip
    for card in control.attestations:
        verdict = Verdict.PASS if card.verdict is AttestationVerdict.ATTESTED else Verdict.INCONCLUSIVE
        said = f"{card.verdict.value.replace('_', ' ')}, not tested: {card.statement}"
        cases.append(_case(control, "statement of the organisation", verdict, card.reason or said, said))
    return cases or [_case(control, "whole run", control.verdict, control.reason, control.reason)]


def _case(control: GateControl, name: str, verdict: Verdict, reason: str, text: str) -> Case:
    element, said = ELEMENTS.get(verdict, ""), visible(reason)
    if element and control.severity is not Severity.FAIL:
        element, said = "skipped", f"{ROLE[control.severity]}, {verdict.value}: {said}"
    return Case(name, element, verdict.value, said, visible(text))


def _cell_numbers(control: GateControl, row: CellDecision) -> str:
    name, limit = row.cell.metric, control.limit
    if limit is None:
        return f"value {figure(name, row.value).text}, no limit"
    lower, upper = (figure(name, bound).text for bound in _bounds(row, limit))
    shown = figure(name, row.value).text
    return f"value {shown}, lower bound {lower}, upper bound {upper}, limit {limit_text(limit, name)}"
