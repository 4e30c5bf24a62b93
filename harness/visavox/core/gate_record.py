"""What a gate said, as a record: the one truth of its outputs (lines, Markdown, JUnit, JSON)."""

from __future__ import annotations

from typing import Final, Literal

from pydantic import ConfigDict, Field

from .records import Record, Sha256
from .report import AttestationCard, CellDecision, Limit, Waiver
from .terms import ControlKind, DutyRole, Severity, ToolClass, Verdict

GATE_SCHEMA_ID: Final = "visavox/gate/v1"


class GateControl(Record):
    """A control as the gate shows it.

    Attributes:
        kind: of an ``attestation`` the verdict says what was attested: nothing was tested.
        deciding: the cell that the control's verdict rests on; None where nothing was tested.
    """

    id: str
    title: str
    kind: ControlKind
    verdict: Verdict
    severity: Severity
    limit: Limit | None = None
    deciding: CellDecision | None = None
    cells: tuple[CellDecision, ...] = ()
    attestations: tuple[AttestationCard, ...] = ()
    reason: str


class GateSubject(Record):
    """The model that was gated, and what its report is about.

    Attributes:
        tool_class: as its suite says: it decides which controls bind.
        role: whose duties were asked about, as its suite says.
        public_opinion_attribute: whether its suite says that the service has public-opinion attributes.
    """

    name: str
    version: str
    tool_class: ToolClass
    role: DutyRole = DutyRole.BOTH
    public_opinion_attribute: bool | None = None
    sha256: Sha256


class GateRecord(Record):
    """One call of the gate.

    Attributes:
        outcome: a verdict, or REFUSED where the evidence was at fault; nothing else of refused evidence is repeated.
        exit_code: what the command ends with: 0 PASS, 1 FAIL, 2 INCONCLUSIVE, 3 REFUSED.
        reasons: why it is no PASS.
        not_checked: what the caller did not ask for.
        gated: when, ISO 8601.
        visavox: the version that gated.
        smoke: the run edited a few cases only.
        signers: ids of the trusted keys that signed.
        waivers: those that a failed run of the same model stands by.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, populate_by_name=True)

    schema_id: Literal["visavox/gate/v1"] = Field(default=GATE_SCHEMA_ID, alias="schema")
    outcome: Literal["PASS", "FAIL", "INCONCLUSIVE", "REFUSED"]
    exit_code: Literal[0, 1, 2, 3]
    reasons: tuple[str, ...]
    warnings: tuple[str, ...] = ()
    not_checked: tuple[str, ...] = ()
    gated: str
    visavox: str
    subject: GateSubject | None = None
    policy: str = ""
    policy_sha256: str = ""
    report_sha256: str = ""
    seal_sha256: str = ""
    run: str = ""
    finished: str = ""
    smoke: bool = False
    signers: tuple[str, ...] = ()
    waivers: tuple[Waiver, ...] = ()
    controls: tuple[GateControl, ...] = ()
