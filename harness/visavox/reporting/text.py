"""The verdict table for a terminal, rendered from the report alone."""

from __future__ import annotations

import io
import textwrap
from collections.abc import Iterator
from typing import Final

from rich import box
from rich.console import Console, Group
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from visavox.core.figures import Estimate
from visavox.core.report import CellDecision, ControlDecision, Report
from visavox.core.terms import Attacker, InstrumentState, Severity, Verdict

from .rows import attestation_rows, counts_line, judge_of, limit_of, result_title
from .table_rows import table_rows
from .wording import DASH, figure, fmr_text, percent, title_of, visible

COLOURS = {Verdict.PASS: "bold green", Verdict.FAIL: "bold red", Verdict.INCONCLUSIVE: "bold yellow"}


MATCH_RATES = ("subject_match_rate", "host_match_rate")
WIDE = 140
"""Columns from which reasons stand in the table itself."""


DETECTION: Final = (("TPR", "tpr"), ("FPR", "realised_fpr"), ("D-EER", "d_eer"), ("AUC", "detector_auc"))
MOST_ROWS: Final = 12
"""Of a table in the terminal."""


def verdict_page(report: Report, *, width: int = WIDE) -> Group:
    """Verdict and reasons, one row per cell, ledgers, instruments that are not green, limitations.

    Args:
        report: what is shown.
        width: columns. Below ``WIDE`` reasons stand under the table; a table that does not fit becomes lines.
    """
    parts: list[Text | Table] = [_heading(report), _wrapped(counts_line(report), width)]
    parts += [_wrapped(f"because {reason}", width, indent="  ") for reason in report.decision.reasons]
    if report.ledger.attempted > report.ledger.edited:
        parts.append(Text("  run.log names every case that was not edited, and why"))
    parts += [_cells(report), _attackers(report), _templates(report)] if width >= WIDE else _narrow(report, width)
    parts += [_wrapped(line, width) for line in (*_attested(report), *_utility(report), *_detection(report))]
    parts += [part for table in _tables(report, width) for part in table]
    parts += [
        _wrapped(f"{item.state.value} {item.name} {item.recogniser}: {item.reason}", width, style="yellow")
        for item in report.instruments
        if item.state is not InstrumentState.GREEN
    ]
    for m in report.not_made:
        parts.append(_wrapped(f"not made: {_words(m.name, m.recogniser, m.attacker or '')}: {m.reason}", width))
    parts.append(Text("What this verdict does not say:", style="bold"))
    parts += [_wrapped(f"- {line}", width) for line in report.limitations]
    return Group(*parts)


def smoke_page(report: Report, *, width: int = WIDE) -> Group:
    """A smoke run in a few lines: verdict, ledger, what it looked at, and what a FAIL rests on."""
    data = report.dataset
    lines = [counts_line(report)]
    lines.append(
        f"looked at {data.n_test_samples} recordings of {data.n_test_subjects} of the {data.n_subjects} people: enough "
        "to see that everything runs, too few to decide; a smoke run is never a PASS"
    )
    for row in {row.recogniser: row for result in report.results for row in result.templates}.values():
        fallback = f", {row.fallback} of them where the input had its face or speech" if row.fallback else ""
        lost = f", {row.fta} failed to acquire" if row.fta else ""
        lines.append(f"{row.recogniser}: {row.scored} of {row.edited} outputs gave a template{fallback}{lost}")
    failed = [c for c in report.decision.controls if c.verdict is Verdict.FAIL and c.severity is Severity.FAIL]
    lines += [f"because {control.id}: {control.reason}" for control in failed]
    return Group(_heading(report), *(_wrapped(line, width, indent="  ") for line in lines))


def _heading(report: Report) -> Text:
    verdict, subject = report.decision.verdict, report.subject
    suite = f", suite {report.suite_name}" if report.suite_name else ""
    what = f"{subject.name}, version {subject.version} ({subject.tool_class.value}){suite}"
    smoke = ", a smoke run" if report.smoke else ""
    return Text.assemble((verdict.value, COLOURS[verdict]), visible(f"  {what} under policy {report.policy.id}{smoke}"))


def _narrow(report: Report, width: int) -> list[Text | Table]:
    """What stands in the wide tables: narrower ones and lines beneath them, or lines alone."""
    controls, rates = _cells(report, has_reasons=False), _attackers(report, is_short=True)
    parts: list[Text | Table] = []
    if _fits(controls, width):
        parts += [controls, *_further_reasons(report, width)]
    else:
        parts += [Text("Controls", style="bold"), *_cell_lines(report, width)]
    if _fits(rates, width):
        parts.append(rates)
    else:
        parts += [Text("Match rates", style="bold"), *_rate_lines(report, width)]
    return parts


def _fits(table: Table, width: int) -> bool:
    judge = Console(width=10 * WIDE, file=io.StringIO())
    return Measurement.get(judge, judge.options, table).maximum <= width


def _further_reasons(report: Report, width: int) -> Iterator[Text]:
    """Reasons of cells that neither the verdict's own reasons give nor the estimates that were not made."""
    said = "\n".join([*report.decision.reasons, *(f"not made: {missing.reason}" for missing in report.not_made)])
    cells: dict[str, list[str]] = {}
    for control in report.decision.controls:
        for row in control.cells:
            if row.verdict is not Verdict.PASS and row.reason not in said:
                who = _words(control.id, judge_of(report, row.cell), row.cell.attacker or "")
                cells.setdefault(row.reason, []).append(who)
    for reason, names in cells.items():
        yield _wrapped(f"{', '.join(names)}: {reason}", width)


def _cell_lines(report: Report, width: int) -> Iterator[Text]:
    for control in report.decision.controls:
        for row in control.cells:
            name, judge, attacker, verdict, value, bound, limit, reason = _cell(report, control, row)
            yield Text.assemble(verdict, f" {_words(name.plain, judge.plain, attacker.plain)}")
            yield _wrapped(f"{value.plain}, bound {bound.plain}, limit {limit.plain}", width, indent="  ")
            yield _wrapped(reason.plain, width, indent="  ")


def _rate_lines(report: Report, width: int) -> Iterator[Text]:
    found = [e for result in report.results for e in result.estimates]
    for estimate in found:
        if estimate.name in MATCH_RATES:
            judge, attacker, fmr, rate, interval, chance, eer, *_ = _attacker(estimate, found)
            yield _wrapped(f"{_words(judge, attacker)} at FMR {fmr}: {rate} ({interval})", width)
            yield _wrapped(f"chance {chance}, EER {eer}", width, indent="  ")


def _attested(report: Report) -> Iterator[str]:
    """What organisations state, one line a statement."""
    for control in report.decision.controls:
        mark = "" if control.severity is Severity.FAIL else f" ({control.severity.value})"
        for row in attestation_rows(control):
            owner = f" by {row.owner} on {row.date}, until {row.expires}" if row.date != DASH else ""
            yield visible(f"{control.id}{mark}: {row.state}{owner}{f': {row.reason}' if row.reason else ''}")


def _utility(report: Report) -> Iterator[str]:
    """What the edit left, one line a figure."""
    for result in report.results:
        if result.assessment == "utility" and result.estimates:
            yield f"{result_title(report, result)}, each output against its own input:"
            for e in result.estimates:
                low, high = figure(e.name, e.low).text, figure(e.name, e.high).text
                without = f", {e.n_failed} outputs without it" if e.n_failed else ""
                yield f"- {title_of(e.name)}: {figure(e.name, e.value).text} ({low} .. {high}), {e.n} outputs{without}"


def _detection(report: Report) -> Iterator[str]:
    """What each detector finds of the outputs as they are, one line a detector."""
    for result in report.results:
        found = {(e.recogniser, e.name): e for e in result.estimates if e.group is None}
        names = [card.id for card in report.detectors if (card.id, "detector_auc") in found]
        if result.assessment == "detectability" and names:
            yield f"{result_title(report, result)}, outputs against bona fide media as they are:"
            for name in dict.fromkeys(names):
                words = [f"{what} {_with_interval(e)}" for what, key in DETECTION if (e := found.get((name, key)))]
                asked = found.get((name, "tpr"))
                yield f"- {name}: {', '.join(words)}" + (f"; {asked.note}" if asked else "")


def _with_interval(estimate: Estimate) -> str:
    value, low, high = (figure(estimate.name, number).text for number in (estimate.value, estimate.low, estimate.high))
    return f"{value} ({low} .. {high})"


def _tables(report: Report, width: int) -> Iterator[list[Text | Table]]:
    """The results' own tables; one that does not fit becomes a line a row."""
    for result in report.results:
        for found in table_rows(result):
            title = f"{result_title(report, result)}: {found.title}"
            rows = [[visible(entry if isinstance(entry, str) else entry.text) for entry in row] for row in found.rows]
            table = Table(box=box.SIMPLE, title=Text(visible(title)), title_justify="left")
            for column, is_number in zip(found.columns, found.is_number, strict=True):
                table.add_column(Text(visible(column)), justify="right" if is_number else "left", no_wrap=True)
            rows, left_out = rows[:MOST_ROWS], len(rows[MOST_ROWS:])
            for row in rows:
                table.add_row(*(Text(entry) for entry in row))
            note = [_wrapped(visible(found.note), width)] if found.note else []
            if left_out:
                note.insert(0, Text(f"... and {left_out} more rows in report.html"))
            if _fits(table, width):
                yield [table, *note]
            else:
                lines = ["; ".join(f"{c}: {e}" for c, e in zip(found.columns, row, strict=True)) for row in rows]
                yield [_wrapped(visible(title), width), *(_wrapped(f"- {line}", width) for line in lines), *note]


def _words(*words: str) -> str:
    return " ".join(word for word in words if word)


def _wrapped(text: str, width: int, *, indent: str = "", style: str = "") -> Text:
    """Lines of at most ``width`` columns; those after the first stand further in."""
    return Text("\n".join(wrapped(text, width, indent=indent)), style=style)


def wrapped(text: str, width: int, *, indent: str = "", is_cut: bool = True) -> list[str]:
    """Lines of at most ``width`` columns, those after the first two further in; a number keeps its percent sign.

    Args:
        is_cut: a word that is longer than a line is cut; else its line is too long.
    """
    lines = textwrap.wrap(
        text.replace(" %", "\u00a0%"),
        width,
        initial_indent=indent,
        subsequent_indent=f"{indent}  ",
        break_on_hyphens=False,
        break_long_words=is_cut,
    )
    return [line.replace("\u00a0%", " %") for line in lines]


def _cells(report: Report, *, has_reasons: bool = True) -> Table:
    table = Table(box=box.SIMPLE, title="Controls", title_justify="left")
    for name, justify in (("control", "left"), ("judge", "left"), ("attacker", "left"), ("verdict", "left")):
        table.add_column(name, justify=justify, no_wrap=True)  # type: ignore[arg-type]
    for name in ("value", "bound", "limit"):
        table.add_column(name, justify="right", no_wrap=True)
    if has_reasons:
        table.add_column("reason", overflow="fold")
    for control in report.decision.controls:
        for row in control.cells:
            table.add_row(*_cell(report, control, row)[: len(table.columns)])
    return table


def _cell(report: Report, control: ControlDecision, row: CellDecision) -> list[Text]:
    mark = "" if control.severity is Severity.FAIL else f" ({control.severity.value})"
    bound = row.opposite_bound if row.verdict is Verdict.FAIL else row.bound
    return [
        Text(control.id + mark),
        Text(judge_of(report, row.cell)),
        Text(row.cell.attacker.value if row.cell.attacker else ""),
        Text(row.verdict.value, style=COLOURS[row.verdict]),
        Text(figure(row.cell.metric, row.value).text),
        Text(figure(row.cell.metric, bound).text),
        Text(limit_of(control)),
        Text(row.reason),
    ]


def _attackers(report: Report, *, is_short: bool = False) -> Table:
    """Short, without the figures that stand last."""
    table = Table(box=box.SIMPLE, title="Match rate by attacker, and how well each tells people apart")
    table.title_justify = "left"
    for name in ("judge", "attacker"):
        table.add_column(name, no_wrap=True)
    names = ("FMR", "match rate", "95 % interval", "chance", "EER", "people", "support", "AUC", "D_sys")
    for name in names[: -3 if is_short else None]:
        table.add_column(name, justify="right", no_wrap=True)
    found = [e for result in report.results for e in result.estimates]
    for estimate in found:
        if estimate.name in MATCH_RATES:
            table.add_row(*_attacker(estimate, found)[: len(table.columns)])
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
        str(estimate.n_subjects),
        str(getattr(point, "support", "-")),
        same("auc", estimate.attacker),
        same("d_sys", estimate.attacker),
    ]


def _templates(report: Report) -> Table:
    table = Table(box=box.SIMPLE, title="Outputs by recogniser: edited = scored + FTA", title_justify="left")
    table.add_column("judge", no_wrap=True)
    for name in ("edited", "scored", "of these by the input's region", "FTA", "references", "without template"):
        table.add_column(name, justify="right")
    for result in report.results:
        for row in result.templates:
            numbers = (row.edited, row.scored, row.fallback, row.fta, row.references, row.references_without_template)
            table.add_row(row.recogniser, *map(str, numbers))
    return table
