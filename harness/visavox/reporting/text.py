"""The verdict table for a terminal, rendered from the report alone."""

from __future__ import annotations

from rich import box
from rich.console import Group
from rich.table import Table
from rich.text import Text

from visavox.core.records import CellDecision, ControlDecision, Estimate, Report
from visavox.core.terms import Attacker, InstrumentState, Severity, Verdict

from .rows import counts_line, limit_of
from .wording import figure, fmr_text, percent

COLOURS = {Verdict.PASS: "bold green", Verdict.FAIL: "bold red", Verdict.INCONCLUSIVE: "bold yellow"}


MATCH_RATES = ("subject_match_rate", "host_match_rate")


def verdict_page(report: Report, *, narrow: bool = False) -> Group:
    """Verdict and reasons, one row per cell, ledgers, instruments that are not green, limitations.

    ``narrow``: a few lines a cell instead of tables that would be cut off.
    """
    heading = Text.assemble(
        (report.decision.verdict.value, COLOURS[report.decision.verdict]),
        f"  {report.subject.name}, version {report.subject.version} ({report.subject.tool_class.value})"
        f" under policy {report.policy.id}",
    )
    parts: list[Text | Table] = [heading, Text(counts_line(report))]
    parts += [Text(f"  because {reason}", overflow="fold") for reason in report.decision.reasons]
    if report.ledger.attempted > report.ledger.edited:
        parts.append(Text("  run.log names every case that was not edited, and why"))
    parts += _narrow(report) if narrow else [_cells(report.decision.controls), _attackers(report), _templates(report)]
    parts += [
        Text(f"{item.state.value} {item.name} {item.recogniser}: {item.reason}", style="yellow")
        for item in report.instruments
        if item.state is not InstrumentState.GREEN
    ]
    parts += [Text(f"not made: {m.name} {m.recogniser} {m.attacker or ''}: {m.reason}") for m in report.not_made]
    parts.append(Text("What this verdict does not say:", style="bold"))
    parts += [Text(f"- {line}", overflow="fold") for line in report.limitations]
    return Group(*parts)


def _narrow(report: Report) -> list[Text | Table]:
    lines: list[Text | Table] = [Text("Controls", style="bold")]
    for control in report.decision.controls:
        for row in control.cells:
            name, judge, attacker, verdict, value, bound, limit, reason = _cell(control, row)
            who = " ".join(part.plain for part in (judge, attacker) if part.plain)
            lines.append(Text.assemble(verdict, f" {name.plain} {who}".rstrip(), overflow="fold"))
            lines.append(Text(f"  {value.plain}, bound {bound.plain}, limit {limit.plain}", overflow="fold"))
            lines.append(Text(f"  {reason.plain}", overflow="fold"))
    lines.append(Text("Match rates", style="bold"))
    found = [e for result in report.results for e in result.estimates]
    for estimate in found:
        if estimate.name in MATCH_RATES:
            judge_id, attacker_id, fmr, rate, interval, chance, eer, *_ = _attacker(estimate, found)
            lines.append(Text(f"{judge_id} {attacker_id} at FMR {fmr}: {rate} ({interval})", overflow="fold"))
            lines.append(Text(f"  chance {chance}, EER {eer}", overflow="fold"))
    return lines


def _cells(controls: tuple[ControlDecision, ...]) -> Table:
    table = Table(box=box.SIMPLE, title="Controls", title_justify="left")
    for name, justify in (("control", "left"), ("judge", "left"), ("attacker", "left"), ("verdict", "left")):
        table.add_column(name, justify=justify, no_wrap=True)  # type: ignore[arg-type]
    for name in ("value", "bound", "limit"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("reason", overflow="fold")
    for control in controls:
        for row in control.cells:
            table.add_row(*_cell(control, row))
    return table


def _cell(control: ControlDecision, row: CellDecision) -> list[Text]:
    mark = "" if control.severity is Severity.FAIL else f" ({control.severity.value})"
    bound = row.opposite_bound if row.verdict is Verdict.FAIL else row.bound
    return [
        Text(control.id + mark),
        Text(row.cell.recogniser),
        Text(row.cell.attacker.value if row.cell.attacker else ""),
        Text(row.verdict.value, style=COLOURS[row.verdict]),
        Text(figure(row.cell.metric, row.value).text),
        Text(figure(row.cell.metric, bound).text),
        Text(limit_of(control)),
        Text(row.reason),
    ]


def _attackers(report: Report) -> Table:
    table = Table(box=box.SIMPLE, title="Match rate by attacker, and how well each tells people apart")
    table.title_justify = "left"
    for name in ("judge", "attacker"):
        table.add_column(name, no_wrap=True)
    for name in ("FMR", "match rate", "95 % interval", "chance", "EER", "AUC", "D_sys", "people", "support"):
        table.add_column(name, justify="right", no_wrap=True)
    found = [e for result in report.results for e in result.estimates]
    for estimate in found:
        if estimate.name in MATCH_RATES:
            table.add_row(*_attacker(estimate, found))
    return table


def _attacker(estimate: Estimate, found: list[Estimate]) -> list[str]:
    def same(name: str, attacker: Attacker | None) -> str:
        for other in found:
            if (other.name, other.recogniser, other.attacker) == (name, estimate.recogniser, attacker):
                return figure(name, other.value).text
        return "-"

    point = estimate.operating_point
    return [
        estimate.recogniser,
        estimate.attacker.value if estimate.attacker else "",
        fmr_text(estimate),
        percent(estimate.value),
        f"{percent(estimate.low)} .. {percent(estimate.high)}",
        percent(estimate.chance),
        same("eer", estimate.attacker),
        same("auc", estimate.attacker),
        same("d_sys", estimate.attacker),
        str(estimate.n_subjects),
        str(getattr(point, "support", "-")),
    ]


def _templates(report: Report) -> Table:
    table = Table(box=box.SIMPLE, title="Outputs by recogniser: edited = scored + FTA", title_justify="left")
    table.add_column("judge", no_wrap=True)
    for name in ("edited", "scored", "of these fallback crops", "FTA", "references", "without template"):
        table.add_column(name, justify="right")
    for result in report.results:
        for row in result.templates:
            numbers = (row.edited, row.scored, row.fallback, row.fta, row.references, row.references_without_template)
            table.add_row(row.recogniser, *map(str, numbers))
    return table
