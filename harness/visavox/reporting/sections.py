"""The sections of a report as blocks of a document, in either language; every number comes from `rows`."""

from __future__ import annotations

from collections.abc import Iterator

from visavox.core.report import ControlDecision, Report
from visavox.core.terms import ControlKind, Verdict

from .document import Band, Block, Entry, Facts, Grid, Heading, Items, Paragraph, column, number
from .i18n import Words
from .rows import attestation_rows, cell_rows, limit_of
from .wording import (
    ATTESTATION_STATES,
    DASH,
    MEANING,
    OBLIGATIONS,
    ROLE,
    SEVERITY,
    VERIFIED,
    attacker_text,
    count,
    time_text,
)


def verdict_blocks(report: Report, t: Words) -> Iterator[Block]:
    """The verdict, what it means, and why."""
    verdict = report.decision.verdict
    yield Paragraph(t.verdict(verdict), verdict.value.lower())
    yield Paragraph(t(MEANING[verdict]))
    if report.smoke:
        yield Paragraph(t("A smoke run: it edited a few cases only and can never be a PASS."), "notice")
    failed = sum(dict(run).get("verdict") == Verdict.FAIL.value for run in report.clock.earlier_runs)
    if verdict is Verdict.PASS and failed:
        text = "{n} of the earlier runs on record ended FAIL. One under the same policy bars this PASS at the gate."
        yield Paragraph(t(text, n=failed), "notice")
    if report.decision.reasons:
        yield Items(tuple(t.original(reason) for reason in report.decision.reasons))


def facts(report: Report, t: Words) -> Facts:
    """What was assessed, under which policy, when."""
    subject, policy = report.subject, report.policy
    title = (policy.title_zh if t.is_chinese else policy.title) or policy.id
    named = f"{title} ({policy.id})" if title != policy.id else title
    return Facts(
        (
            (t("Model, version"), f"{subject.name}, {subject.version}"),
            (t("Suite"), report.suite_name or DASH),
            (t("Tool class"), t.code(subject.tool_class.value)),
            (t("Operation"), t.code(subject.operation.value)),
            (t("Policy"), f"{named}{f', {policy.version}' if policy.version else ''}"),
            (t("Duties asked about"), t.code(report.role.value)),
            (t("Cases attempted"), count(report.ledger.attempted)),
            (t("Cases edited"), count(report.ledger.edited)),
            (t("People tested"), count(report.dataset.n_test_subjects)),
            (t("Judges"), ", ".join(card.id for card in report.judges) or t("none")),
            (t("Finished"), time_text(report.clock.finished)),
        )
    )


def controls(report: Report, t: Words, level: int) -> Iterator[Block]:
    """An overview of the controls, then each by itself."""
    yield Heading(level, t("Controls"))
    found = report.decision.controls
    if not found:
        yield Paragraph(t("No control of the policy binds this tool class: nothing was judged."))
        return
    heads = ("Control", "Title", "Verdict", "Limit", "Role")
    columns = tuple(column(t(h), w) for h, w in zip(heads, (2.2, 2.6, 1.8, 0.9, 0.9), strict=True))
    rows = tuple((c.id, t.title(c), outcome(c, t), limit_of(c) or DASH, t.term(ROLE[c.severity])) for c in found)
    yield Grid(t("The controls of the policy that bind this tool"), columns, rows)
    for control in found:
        yield from _control(report, control, t, level + 1)


def outcome(control: ControlDecision, t: Words) -> str:
    """A control's verdict; of a statement alone what became of it, and that nothing was tested."""
    if control.kind is not ControlKind.ATTESTATION:
        return t.verdict(control.verdict)
    rows = attestation_rows(control)
    return t.term(rows[0].state) if rows else t.term("not attested, not tested")


def _control(report: Report, control: ControlDecision, t: Words, level: int) -> Iterator[Block]:
    yield Heading(level, f"{control.id}: {outcome(control, t)}")
    yield Paragraph(t.title(control), "lead")
    limit = control.limit
    severity = t.term(SEVERITY[control.severity])
    if limit is not None:
        text = "Limit {limit} on the {side} bound; {severity}. Source of the limit: {source}."
        side, source = t.term(limit.on), t.original(limit.source)
        yield Paragraph(t(text, limit=limit_of(control), side=side, severity=severity, source=source), "small")
    elif control.kind is ControlKind.ATTESTATION:
        yield Paragraph(
            t("A statement of the organisation: nothing was tested; {severity}.", severity=severity), "small"
        )
    else:
        yield Paragraph(t("No limit: its figures are disclosed; {severity}.", severity=severity), "small")
    if control.basis:
        yield Paragraph(t("Obligation: {what}. It rests on:", what=t.term(OBLIGATIONS[control.obligation])), "small")
    for basis in control.basis:
        said = f"{'：' if t.is_chinese else ': '}{basis.quotation}" if basis.quotation else ""
        read = f"({t.term(VERIFIED[basis.verified])}, {basis.read_on})"
        yield Paragraph(f"{basis.instrument}, {basis.article} {read}{said}", "small")
    if control.cells:
        yield _cells(report, control, t)
    elif not control.attestations:
        yield Paragraph(t("It has no cell."))
    if control.attestations:
        yield statements(control, t)


def _cells(report: Report, control: ControlDecision, t: Words) -> Grid:
    found = cell_rows(report, control)
    has_attackers, has_groups = any(r.attacker for r in found), any(r.group for r in found)
    columns = [
        column(t("Judge"), 1.6),
        *([column(t("Attacker"), 1.2)] if has_attackers else []),
        *([column(t("Group"), 1.2)] if has_groups else []),
        column(t("Verdict"), 1.8),
        *(number(t(head)) for head in ("Value", "Lower bound", "Upper bound", "Chance", "Trials", "People")),
    ]
    rows: list[tuple[Entry, ...] | Band] = []
    for r in found:
        who = (r.judge or t("whole run"), *([t.term(r.attacker) or DASH] if has_attackers else []))
        of = (r.group or DASH,) if has_groups else ()
        rows.append((*who, *of, t.verdict(r.verdict), r.value, r.lower, r.upper, r.chance, r.trials, r.people))
        rows.append(Band(t.original(r.reason), is_note=True))
    caption = f"{control.id}: " + t("cells, each judged by itself")
    return Grid(caption, tuple(columns), tuple(rows))


def statements(control: ControlDecision, t: Words) -> Grid:
    """What the organisation states of a control."""
    heads = ("State", "Statement", "Owner", "Date", "Expires", "Evidence", "Signed by")
    columns = tuple(column(t(h), w) for h, w in zip(heads, (1.3, 2.6, 1.2, 0.9, 0.9, 1.5, 1.2), strict=True))
    rows: list[tuple[Entry, ...] | Band] = []
    for card, row in zip(control.attestations, attestation_rows(control), strict=True):
        state = t.term(f"{ATTESTATION_STATES[card.verdict]}, not tested")
        signed = ", ".join(key[:16] for key in card.signed_by) or t("nobody")
        evidence = row.evidence if card.evidence else t("none")
        statement = t.original(row.statement) or DASH
        rows.append((state, statement, row.owner, row.date, row.expires, evidence, signed))
        if row.reason:
            rows.append(Band(t.original(row.reason), is_note=True))
    caption = f"{control.id}: " + t("what the organisation states of itself; none of it was tested")
    return Grid(caption, columns, tuple(rows))


def limitations(report: Report, t: Words, level: int) -> Iterator[Block]:
    """What the verdict does not say, waivers, and figures that could not be made."""
    if report.waivers:
        yield Heading(level, t("Waivers"))
        text = "{owner} lets failed runs stand from {date} until {expires}: {reason} ({runs})"
        yield Items(
            tuple(
                t(text, owner=w.owner, date=w.date, expires=w.expires, reason=w.reason, runs=", ".join(w.runs))
                for w in report.waivers
            )
        )
    yield Heading(level, t("What this verdict does not say"))
    if report.limitations:
        yield Items(tuple(t.original(line) for line in report.limitations))
    else:
        yield Paragraph(t("The report states no limitation."))
    if report.not_made:
        heads = (("Figure", 2.0), ("Judge", 1.2), ("Attacker", 1.0), ("Group", 1.0), ("Why not", 3.0))
        rows = tuple(
            (
                t.figure(m.name),
                m.recogniser or DASH,
                t.term(attacker_text(m.attacker)) or DASH,
                m.group or DASH,
                t.original(m.reason),
            )
            for m in report.not_made
        )
        yield Grid(t("Figures that could not be made"), tuple(column(t(h), w) for h, w in heads), rows)
