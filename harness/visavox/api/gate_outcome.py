"""A gate's result, or the error that it raised, as the record that its outputs are made from."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version
from typing import Final

from visavox.api.clock import now
from visavox.api.gating import GateResult
from visavox.core.errors import VisavoxError
from visavox.core.gate_record import GateControl, GateRecord, GateSubject
from visavox.core.report import CellDecision, ControlDecision
from visavox.core.terms import Verdict

_CODES: Final = {Verdict.PASS: 0, Verdict.FAIL: 1, Verdict.INCONCLUSIVE: 2}


def gate_record(outcome: GateResult | VisavoxError) -> GateRecord:
    """What a gate said: of a result everything that it rests on, of an error its words alone."""
    if isinstance(outcome, VisavoxError):
        what = ": ".join(part for part in (outcome.asked, outcome.found) if part)
        reason = " ".join("; ".join(part for part in (what, outcome.todo) if part).split())
        return GateRecord(outcome="REFUSED", exit_code=3, reasons=(reason,), gated=now(), visavox=_version())
    report = outcome.report
    return GateRecord.model_validate(
        {
            "outcome": outcome.verdict.value,
            "exit_code": _CODES[outcome.verdict],
            "reasons": outcome.reasons,
            "warnings": outcome.warnings,
            "not_checked": outcome.not_checked,
            "gated": now(),
            "visavox": _version(),
            "subject": GateSubject(
                name=report.subject.name,
                version=report.subject.version,
                tool_class=report.subject.tool_class,
                role=report.role,
                public_opinion_attribute=report.public_opinion_attribute,
                sha256=report.subject.digest.sha256,
            ),
            "policy": report.policy.id,
            "policy_sha256": report.policy.digest.sha256,
            "report_sha256": outcome.report_sha256,
            "seal_sha256": report.seal.sha256,
            "run": report.clock.run,
            "finished": report.clock.finished,
            "smoke": report.smoke,
            "signers": outcome.signers,
            "waivers": outcome.waivers,
            "controls": tuple(_control(control) for control in report.decision.controls),
        }
    )


def _control(control: ControlDecision) -> GateControl:
    return GateControl(
        id=control.id,
        title=control.title,
        kind=control.kind,
        verdict=control.verdict,
        severity=control.severity,
        limit=control.limit,
        deciding=_deciding(control),
        cells=control.cells,
        attestations=control.attestations,
        reason=control.reason,
    )


def _deciding(control: ControlDecision) -> CellDecision | None:
    """The cell whose reason is the control's; the first one where a statement decided."""
    own = [cell for cell in control.cells if control.reason.endswith(cell.reason) and cell.verdict is control.verdict]
    return next(iter([*own, *control.cells]), None)


def _version() -> str:
    try:
        return version("visavox")
    except PackageNotFoundError:
        return "checkout"
