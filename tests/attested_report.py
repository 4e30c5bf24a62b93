"""A pretend report whose policy asks for statements beside tests: every state, a rule quoted, Chinese titles."""

from __future__ import annotations

from pretend_report import cell, control, digest, full_report

from visavox.core.report import (
    AttestationCard,
    Basis,
    ControlDecision,
    Decision,
    EvidenceFile,
    Limit,
    PolicySummary,
    Report,
    Waiver,
)
from visavox.core.terms import (
    AttestationVerdict,
    CacRisk,
    CacSection,
    ControlKind,
    Obligation,
    Severity,
    Verdict,
    Verified,
)

LABEL = "CN-LABEL"
REGISTER = "CN-REALNAME"


def card(control_id: str, verdict: AttestationVerdict) -> AttestationCard:
    if verdict is AttestationVerdict.MISSING:
        reason = "nobody attested it: `visavox attest` writes what is asked"
        return AttestationCard(id=control_id, verdict=verdict, statement="Users are registered", reason=reason)
    return AttestationCard(
        id=control_id, verdict=verdict, statement="Every user is registered under a verified name",
        owner="Head of operations", date="2026-03-01", expires="2027-02-28",
        evidence=(EvidenceFile(name="procedure.pdf", sha256=digest("procedure").sha256),),
        signed_by=("ab" * 32,), reason="" if verdict is AttestationVerdict.ATTESTED else "it ended before the run",
        digest=digest(control_id).sha256,
    )  # fmt: skip


def stated(control_id: str, verdict: AttestationVerdict, severity: Severity = Severity.FAIL) -> ControlDecision:
    is_attested = verdict is AttestationVerdict.ATTESTED
    return ControlDecision(
        id=control_id, title="Users are registered under their real names", title_zh="用户真实身份信息认证",
        verdict=Verdict.PASS if is_attested else Verdict.INCONCLUSIVE, severity=severity, cells=(),
        reason="attested" if is_attested else verdict.value.replace("_", " "), kind=ControlKind.ATTESTATION,
        obligation=Obligation.LAW,
        basis=(Basis(instrument="互联网信息服务深度合成管理规定", article="第九条", verified=Verified.PRIMARY,
                     quotation="不得向未进行真实身份信息认证的深度合成服务使用者提供信息发布服务。", language="zh",
                     read_on="2026-11-21"),),
        cac_sections=(CacSection.USER_RIGHTS,), cac_risks=(CacRisk.OTHER,),
        attestations=(card(control_id, verdict),),
    )  # fmt: skip


def attested_report(verdict: Verdict = Verdict.INCONCLUSIVE) -> Report:
    """Four statements, one in each state; a label that a standard limits; a figure that is only disclosed."""
    report = full_report(verdict)
    label = control(
        LABEL,
        "Files bear the label",
        ">=",
        0.95,
        [cell(LABEL, "aigc_label_compliant_share", "", Verdict.PASS, 0.9877, bound=0.9611, opposite=0.9955)],
    )
    limit = Limit(op=">=", value=0.95, on="lower", source="GB 45438-2025, 6.1", set_by=Obligation.MANDATORY_STANDARD)
    label = label.model_copy(update={
        "title_zh": "文件元数据隐式标识", "limit": limit, "obligation": Obligation.MANDATORY_STANDARD,
        "kind": ControlKind.BOTH, "cac_sections": (CacSection.LABELS,), "cac_risks": (CacRisk.DISSEMINATION,),
        "attestations": (card(LABEL, AttestationVerdict.ATTESTED),),
    })  # fmt: skip
    shown = control("DISC-TPR", "Detectors find outputs", ">=", 0.5,
                    [cell("DISC-TPR", "tpr", "in_loop", Verdict.PASS, 0.4321, bound=0.4001, opposite=0.4701)],
                    severity=Severity.DISCLOSE).model_copy(update={"limit": None})  # fmt: skip
    states = [stated(f"{REGISTER}-{i}", one) for i, one in enumerate(AttestationVerdict)]
    controls = (*report.decision.controls, label, shown, *states)
    return report.model_copy(update={
        "decision": Decision(verdict=verdict, controls=controls, reasons=report.decision.reasons),
        "policy": PolicySummary(id="cn-deep-synthesis", digest=digest("policy"), version="1",
                                title="Deep synthesis in China", title_zh="深度合成安全评估策略", jurisdiction="CN"),
        "attestations": tuple(one for c in controls for one in c.attestations),
        "waivers": (Waiver(owner="Release board", reason="another camera", date="2026-11-01", expires="2026-12-01",
                           runs=("ab" * 16,)),),
    })  # fmt: skip
