"""The Chinese report: under the fixed headings of the algorithm self-assessment report that the CAC asks for.

算法安全自评估报告 (生成合成类-服务提供者). What was measured stands under the heading it speaks to, with the risk it
speaks of; what only the entity knows is left to be filled in, and so is the conclusion, which its signatory draws.
No heading of the template for technical supporters was found: theirs is this one, with chapter two renamed and marked.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from visavox.core.report import CellDecision, ControlDecision, Report
from visavox.core.terms import CacRisk, CacSection, ControlKind, DutyRole, Verdict

from .document import Band, Block, Entry, Facts, Grid, Heading, Items, Paragraph, column, number
from .i18n import Words
from .rows import limit_of
from .sections import outcome
from .wording import DASH, NO_NUMBER, OBLIGATIONS, cell_text, count, figure, time_text

TITLE: Final = "互联网信息服务算法安全自评估报告"
KIND: Final = "（生成合成类-服务提供者）"
BLANK: Final = "＿＿＿＿＿＿＿＿（由签署主体填写）"
NOT_COVERED: Final = "本次测评未涉及本项，由签署主体填写：＿＿＿＿＿＿＿＿"
REST: Final = "其余内容由签署主体填写：＿＿＿＿＿＿＿＿"
CHAPTERS: Final = (
    "一、算法情况",
    "二、服务情况",
    "三、风险研判",
    "四、风险防控情况",
    CacSection.CONCLUSION.value,
    CacSection.OTHER.value,
)
SUPPORTER: Final = "二、技术服务方式/服务情况"
BODY: Final = {
    CHAPTERS[0]: (
        CacSection.FLOW, CacSection.DATA, CacSection.MODEL, CacSection.INTERVENTION, CacSection.LABELS,
    ),
    CHAPTERS[1]: (CacSection.SERVICE, CacSection.APPLICATION),
    CHAPTERS[2]: (CacSection.ABUSE, CacSection.VULNERABILITY, CacSection.MALICIOUS_USE, CacSection.OTHER_RISKS),
    CHAPTERS[3]: (
        CacSection.MECHANISMS, CacSection.USER_RIGHTS, CacSection.CONTENT, CacSection.MODEL_SECURITY,
        CacSection.DATA_SECURITY,
    ),
}  # fmt: skip
_LABELS: Final = ("label", "layer", "c2pa", "iptc", "watermark", "aigc")
_OF_ASSESSMENT: Final = {
    "identity_leak": ((CacSection.MODEL_SECURITY, CacSection.DATA_SECURITY), (CacRisk.LEAK,)),
    "impersonation": ((CacSection.ABUSE, CacSection.MALICIOUS_USE), (CacRisk.ABUSE, CacRisk.MALICIOUS_USE)),
    "detectability": ((CacSection.LABELS,), (CacRisk.DISSEMINATION,)),
    "consent": ((CacSection.INTERVENTION, CacSection.ABUSE), (CacRisk.ABUSE,)),
}
_ELSE: Final = ((CacSection.VULNERABILITY,), (CacRisk.VULNERABILITY,))
_DESCRIPTION: Final = (
    "算法简介",
    "应用范围",
    "服务群体",
    "用户数量",
    "社会影响（情况）",
    "软硬件设施及部署位置",
    "其他",
)
_KINDS: Final = {
    ControlKind.TEST: "实测",
    ControlKind.ATTESTATION: "声明（未实测）",
    ControlKind.BOTH: "实测并声明",
}
TRUTH: Final = "我方承诺：提供的所有材料准确、真实、合法、有效，并愿为此承担有关法律责任。"


def cac_blocks(report: Report, t: Words) -> Iterator[Block]:
    """Title, cover table, the six chapters, and the lines for signature and seal."""
    yield Heading(1, TITLE)
    yield Paragraph(KIND, "subtitle")
    yield Paragraph(
        "本报告由 Visavox 依据测评记录 report.json 生成：所有数据均来自该记录；"
        "标注“由签署主体填写”的内容以及安全评估结论由填报主体及其算法安全负责人填写。“原文”为测评工具写出的英文原句，未经改写。",
        "small",
    )
    if report.smoke:
        yield Paragraph(t("A smoke run: it edited a few cases only and can never be a PASS."), "notice")
    yield _cover(report, t)
    placed = {section: _of(report, section) for section in CacSection}
    for chapter, sections in BODY.items():
        is_renamed = chapter == CHAPTERS[1] and report.role is DutyRole.TECHNICAL_SUPPORTER
        yield Heading(2, SUPPORTER if is_renamed else chapter)
        if is_renamed:
            yield Paragraph("该章标题系推断（verified: inference）：未查到服务技术支持者模板的标题。", "notice")
        for section in sections:
            yield Heading(3, section.value)
            own = tuple(_own(report, section, t))
            yield from own
            if placed[section]:
                yield from _placed(placed[section], t)
            else:
                yield Paragraph(REST if own else NOT_COVERED)
    yield Heading(2, CacSection.CONCLUSION.value)
    yield from _conclusion(report, t)
    yield Heading(2, CacSection.OTHER.value)
    yield from _other(report, placed[CacSection.OTHER], t)
    yield Facts((("主体名称（盖章）", BLANK), ("算法安全负责人（签名）", BLANK), ("日期", BLANK)))


def sections_of(control: ControlDecision, report: Report) -> tuple[Sequence[CacSection], Sequence[CacRisk]]:
    """Where a control stands and which risks it speaks of: as the policy says, else by what it measures."""
    if control.cac_sections or control.cac_risks:
        return control.cac_sections or (CacSection.OTHER,), control.cac_risks
    metrics = {row.cell.metric for row in control.cells}
    if any(word in metric for metric in metrics for word in _LABELS):
        return _OF_ASSESSMENT["detectability"]
    for result in report.results:
        if result.assessment in _OF_ASSESSMENT and metrics & {e.name for e in result.estimates}:
            return _OF_ASSESSMENT[result.assessment]
    return _ELSE


def _of(report: Report, section: CacSection) -> list[tuple[ControlDecision, Sequence[CacRisk]]]:
    found = []
    for control in report.decision.controls:
        sections, risks = sections_of(control, report)
        if section in sections:
            found.append((control, risks))
    return found


def _cover(report: Report, t: Words) -> Facts:
    subject, clock = report.subject, report.clock
    rows: list[tuple[str, Entry]] = [
        ("主体名称", BLANK),
        ("统一社会信用代码", BLANK),
        ("算法名称", f"{BLANK}；被测模型：{subject.name}，版本 {subject.version}"),
        ("算法类型", "生成合成类"),
        ("算法应用领域", BLANK),
        ("算法使用场景", f"{BLANK}；被测操作：{t.code(subject.operation.value)}"),
        ("算法上线情况", BLANK),
        ("自评估时间", f"{BLANK}；测评运行：{time_text(clock.started)} 至 {time_text(clock.finished)}"),
        ("报告撰写时间", BLANK),
        ("算法基本情况", BLANK),
        ("算法备案类型", BLANK),
        ("拟公示内容", BLANK),
        ("落实主体责任基本情况", BLANK),
        ("评估算法描述", ""),
    ]
    rows += [(f"{i}.{name}", BLANK) for i, name in enumerate(_DESCRIPTION, start=1)]
    rows.append(("评估算法风险描述", ""))
    rows += [(f"{i}.{risk.value}", _risk(report, risk, t)) for i, risk in enumerate(CacRisk, start=1)]
    rows += [("真实性声明", TRUTH), ("算法安全负责人（签名）", BLANK), ("联系电话", BLANK)]
    return Facts(tuple(rows))


def _risk(report: Report, risk: CacRisk, t: Words) -> str:
    """Which controls speak of a risk, and what became of each."""
    found = [c for c in report.decision.controls if risk in sections_of(c, report)[1]]
    if not found:
        return NOT_COVERED
    return "；".join(f"{c.id}：{outcome(c, t)}" for c in found) + f"。风险描述：{BLANK}"


def _own(report: Report, section: CacSection, t: Words) -> Iterator[Block]:
    """What the record knows of a heading beside its controls."""
    subject, data = report.subject, report.dataset
    if section is CacSection.MODEL:
        trained = "、".join(subject.trained_with) or "未说明"
        yield Facts(
            (
                ("被测模型", f"{subject.name}，版本 {subject.version}"),
                ("类别", t.code(subject.tool_class.value)),
                ("操作", t.code(subject.operation.value)),
                ("训练数据说明", trained),
                ("模型 SHA-256", subject.digest.sha256),
            )
        )
    elif section is CacSection.DATA:
        yield Paragraph("以下为测评数据集；算法训练数据由签署主体填写。", "small")
        yield Facts(
            (
                ("测评数据集类型", data.kind),
                ("受试人数", count(data.n_test_subjects)),
                ("样本数", count(data.n_test_samples)),
                ("因未获同意而排除的样本数", count(data.n_withheld)),
                ("算法训练数据", BLANK),
            )
        )


def _placed(found: Sequence[tuple[ControlDecision, Sequence[CacRisk]]], t: Words) -> Iterator[Block]:
    """Measure, risk, evidence."""
    columns = (
        column("控制项", 2.6),
        column("方式", 1.4),
        column("结果", 1.9),
        number("数值"),
        number("判定界"),
        number("限值"),
        column("限值依据", 1.2),
        column("对…风险有效", 1.8),
    )
    numbers = {risk: i for i, risk in enumerate(CacRisk, start=1)}
    rows: list[tuple[Entry, ...] | Band] = []
    for control, risks in found:
        cell = deciding(control)
        value, bound = NO_NUMBER, NO_NUMBER
        if cell is not None:
            value = figure(cell.cell.metric, cell.value)
            bound = figure(cell.cell.metric, cell.opposite_bound if cell.verdict is Verdict.FAIL else cell.bound)
        limit = limit_of(control) or DASH
        whose = t.term(OBLIGATIONS[control.limit.set_by]) if control.limit else DASH
        named = "、".join(f"{numbers[risk]}.{risk.value}" for risk in risks) or DASH
        rows.append((control.id, kind_of(control), outcome(control, t), value, bound, limit, whose, named))
        where = f"；判定单元：{_who(cell, t)}" if cell is not None else ""
        rows.append(Band(f"{t.title(control)}。证据：附录“{t('Controls')}”{control.id}{where}", is_note=True))
    yield Grid("措施、对应风险与证据", columns, tuple(rows))


def kind_of(control: ControlDecision) -> str:
    """Tested, stated, or both: a statement never reads as tested."""
    return _KINDS[control.kind]


def deciding(control: ControlDecision) -> CellDecision | None:
    """The cell that a control's verdict rests on: of those that share it the one nearest to, or furthest beyond, the
    limit; None where nothing was tested."""
    cells = [row for row in control.cells if row.verdict is control.verdict] or list(control.cells)
    held = [row for row in cells if row.bound is not None]
    if not held:
        return cells[0] if cells else None
    is_lower = control.limit is not None and control.limit.on == "lower"
    return min(held, key=lambda row: (row.bound or 0.0) if is_lower else -(row.bound or 0.0))


def _who(cell: CellDecision, t: Words) -> str:
    text = cell_text(cell.cell)
    return t("whole run") if text == "whole run" else text


def _conclusion(report: Report, t: Words) -> Iterator[Block]:
    policy = report.policy
    named = f"{policy.title_zh}（{policy.id}）" if policy.title_zh else policy.id
    yield Paragraph(f"测评结果（依据策略 {named}，策略摘要 SHA-256 {policy.digest.sha256}）：")
    yield Paragraph(t.verdict(report.decision.verdict), report.decision.verdict.value.lower())
    yield Paragraph("该结果仅为本策略下的实测判定，不构成安全评估结论。", "notice")
    if report.decision.reasons:
        yield Items(tuple(t.original(reason) for reason in report.decision.reasons))
    yield Facts((("安全评估结论", "＿＿＿＿＿＿＿＿（由算法安全负责人填写并签名）"),))


def _other(report: Report, found: Sequence[tuple[ControlDecision, Sequence[CacRisk]]], t: Words) -> Iterator[Block]:
    if found:
        yield from _placed(found, t)
    yield Paragraph(t("What this verdict does not say"))
    yield Items(tuple(t.original(line) for line in report.limitations) or (t("The report states no limitation."),))
    yield Paragraph(f"其他说明：{BLANK}")
