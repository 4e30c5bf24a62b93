"""``report.md``: the report for a merge request or a job summary, from the same rows as the page.

Text of strangers cannot add markup: every character that GitHub Flavored Markdown reads is escaped.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from visavox.core.report import Report
from visavox.core.terms import InstrumentState

from .figure_rows import EstimateRow, estimate_rows
from .rows import CellRow, attestation_rows, cell_rows, counts_line, result_title
from .table_rows import table_rows
from .wording import (
    DASH,
    MEANING,
    OBLIGATIONS,
    ROLE,
    STATES,
    VERIFIED,
    Number,
    attacker_text,
    count,
    time_text,
    title_of,
    visible,
)

_MARKUP = re.compile(r"[\\`*_\[\]|~&$]|<(?=[A-Za-z/!?])|(?<=www)\.|:(?=//)")
_AT_THE_START = re.compile(r"^(\d*)([-+#>=.)])")
_MENTION = "@<!-- -->"
"""An empty comment between @ and a name: a name in a report calls nobody."""


def render_markdown(report: Report) -> str:
    """The report as GitHub Flavored Markdown, ended by a line feed."""
    return "\n".join(_lines(report)) + "\n"


def _lines(report: Report) -> Iterator[str]:
    verdict, subject = report.decision.verdict, report.subject
    suite = f" (suite {escaped(report.suite_name)})" if report.suite_name else ""
    yield f"# {verdict.value}: {escaped(subject.name)}, version {escaped(subject.version)}{suite}"
    yield ""
    yield f"{MEANING[verdict]} Tool class {subject.tool_class.value}, policy {escaped(report.policy.id)}."
    if report.smoke:
        yield "\n**A smoke run: it edited a few cases only and can never be a PASS.**"
    yield from bullets("Why", report.decision.reasons)
    yield from _controls(report)
    yield from bullets("What this verdict does not say", report.limitations)
    yield from _figures(report)
    yield from _not_made(report)
    yield from _instruments(report)
    yield from _ledgers(report)
    yield from _evidence(report)


def _controls(report: Report) -> Iterator[str]:
    head = (
        "Control", "Judge", "Attacker", "Group", "Verdict", "Value", "Lower bound", "Upper bound", "Limit", "Role",
        "Reason",
    )  # fmt: skip
    rows = [
        (control.id, *_cell(row), ROLE[control.severity], row.reason)
        for control in report.decision.controls
        for row in cell_rows(report, control)
    ]
    if rows or not any(control.attestations for control in report.decision.controls):
        yield from table("Controls", head, rows)
    yield from _attested(report)
    rests = [
        (c.id, OBLIGATIONS[c.obligation], b.instrument, b.article, VERIFIED[b.verified], b.quotation or DASH)
        for c in report.decision.controls
        for b in c.basis
    ]
    if rests:
        yield from table(
            "What the controls rest on", ("Control", "Obligation", "Rule", "Article", "Read", "Text"), rests
        )
    waived = [f"{w.owner}, {w.date} until {w.expires}: {w.reason} (runs {', '.join(w.runs)})" for w in report.waivers]
    yield from bullets("Waivers", waived)


def _attested(report: Report) -> Iterator[str]:
    """What organisations state; a table of its own, for none of it was tested."""
    head = ("Control", "State", "Statement", "Owner", "Date", "Expires", "Evidence", "Signed by", "Role", "Reason")
    rows = [
        (*row[:-1], ROLE[control.severity], row.reason or DASH)
        for control in report.decision.controls
        for row in attestation_rows(control)
    ]
    if rows:
        yield from table("Statements of the organisation, not tested", head, rows)


def _cell(row: CellRow) -> tuple[str | Number, ...]:
    return (
        row.judge or "whole run",
        row.attacker or DASH,
        row.group or DASH,
        row.verdict.value,
        row.value,
        row.lower,
        row.upper,
        row.limit,
    )


def _figures(report: Report) -> Iterator[str]:
    head = (
        "Figure", "Judge", "Attacker", "Group", "FMR", "Value", "95 % low", "95 % high", "Lower bound", "Upper bound",
        "Chance", "Trials", "People", "Imputed", "Support",
    )  # fmt: skip
    for result in report.results:
        title = result_title(report, result)
        if result.not_applicable:
            yield f"\n## {escaped(title)}\n\nNot applicable: {escaped(result.not_applicable)}"
        elif result.estimates:
            yield from table(title, head, [_estimate(row) for row in estimate_rows(result)])
        for one in table_rows(result):
            heads = [escaped(column) for column in one.columns]
            yield from table(f"{title}: {one.title}", heads, one.rows)
            if one.note:
                yield f"\n{escaped_item(one.note)}"


def _estimate(row: EstimateRow) -> tuple[str | Number, ...]:
    who = (row.name, row.judge or DASH, row.attacker or DASH, row.group or DASH, row.fmr)
    ends = (row.value, row.low, row.high, row.lower, row.upper)
    return (*who, *ends, row.chance, row.trials, row.people, row.imputed, row.support)


def _not_made(report: Report) -> Iterator[str]:
    if report.not_made:
        rows = [
            (title_of(m.name), m.recogniser or DASH, attacker_text(m.attacker) or DASH, m.group or DASH, m.reason)
            for m in report.not_made
        ]
        yield from table("Figures that could not be made", ("Figure", "Judge", "Attacker", "Group", "Why not"), rows)


def _instruments(report: Report) -> Iterator[str]:
    found = [item for item in report.instruments if item.state is not InstrumentState.GREEN]
    green = len(report.instruments) - len(found)
    yield f"\n## Instruments\n\n{green} of {len(report.instruments)} are green."
    rows = [
        (item.name, STATES[item.state], item.recogniser or "all", attacker_text(item.attacker) or DASH, item.reason)
        for item in found
    ]
    if rows:
        yield from table("", ("Instrument", "State", "Judge", "Attacker", "Finding"), rows)


def _ledgers(report: Report) -> Iterator[str]:
    yield f"\n## Ledgers\n\n{counts_line(report)}."
    head = ("Judge", "Edited", "Scored", "By the input's region", "FTA", "References", "Without template")
    for result in report.results:
        if result.templates:
            rows = [
                (
                    t.recogniser,
                    count(t.edited),
                    count(t.scored),
                    count(t.fallback),
                    count(t.fta),
                    count(t.references),
                    count(t.references_without_template),
                )
                for t in result.templates
            ]
            yield from table("", head, rows)


def _evidence(report: Report) -> Iterator[str]:
    rows = [
        ("Suite", report.suite.sha256),
        ("Seal", report.seal.sha256),
        ("Plan", report.plan.sha256),
        ("Policy", report.policy.digest.sha256),
        ("Model", report.subject.digest.sha256),
        ("Data set", report.dataset.digest.sha256),
    ]
    yield from table("Evidence", ("What", "SHA-256"), rows)
    version, finished = escaped(report.environment.visavox), escaped(time_text(report.clock.finished))
    yield f"\nVisavox {version}, finished {finished}; {len(report.clock.earlier_runs)} earlier runs on record."


def bullets(title: str, lines: Sequence[str]) -> Iterator[str]:
    """A heading and a list; nothing where there is nothing to list."""
    if lines:
        yield f"\n## {title}\n"
        yield from (f"- {escaped_item(line)}" for line in lines)


def table(title: str, head: Sequence[str], rows: Sequence[Sequence[str | Number]]) -> Iterator[str]:
    """A heading, unless it is empty, and a table; columns of numbers are set to the right."""
    if title:
        yield f"\n## {escaped(title)}"
    numeric = [bool(rows) and all(isinstance(row[i], Number) for row in rows) for i in range(len(head))]
    yield ""
    yield "| " + " | ".join(head) + " |"
    yield "|" + "|".join("---:" if is_number else "---" for is_number in numeric) + "|"
    yield from ("| " + " | ".join(c.text if isinstance(c, Number) else escaped(c) for c in row) + " |" for row in rows)


def escaped(text: str) -> str:
    """Text of strangers on one line, with every character escaped that Markdown or HTML would read.

    >>> escaped("<b>a_b|c</b> @all")
    '\\\\<b>a\\\\_b\\\\|c\\\\</b> @<!-- -->all'
    """
    return _MARKUP.sub(r"\\\g<0>", visible(text).strip()).replace("@", _MENTION)


def escaped_item(text: str) -> str:
    """The same at the start of a block, where some more characters would be read.

    >>> escaped_item("1. x"), escaped_item("# x"), escaped_item("1.5 x")
    ('1\\\\. x', '\\\\# x', '1\\\\.5 x')
    """
    return _AT_THE_START.sub(r"\1\\\2", escaped(text), count=1)
