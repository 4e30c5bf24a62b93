"""The sections of a report that hold its figures: charts, estimates, tables and thresholds."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import groupby

from visavox.core.figures import AssessmentResult
from visavox.core.report import Report

from .charts import ResultCharts
from .document import Band, Block, Column, Entry, Grid, Heading, Paragraph, Picture, column, number
from .figure_rows import EstimateRow, estimate_rows, map_matrices
from .i18n import Words
from .rows import LEDGER
from .table_rows import table_rows, threshold_rows
from .wording import DASH, MODALITIES, share, significant


def result_heading(report: Report, result: AssessmentResult, t: Words) -> str:
    """An assessment's title; in a run over faces and voices it says whose."""
    title = (
        "Edited, refused, unchanged"
        if result.assessment == LEDGER
        else result.assessment.replace("_", " ").capitalize()
    )
    whose = f": {t.term(MODALITIES[result.modality])}" if report.dataset.modality is None else ""
    return t.term(title) + whose


def assessments(report: Report, drawn: Sequence[ResultCharts], t: Words, level: int) -> Iterator[Block]:
    """Charts, figures and tables of every assessment."""
    for result, of_result in zip(report.results, drawn, strict=True):
        title = result_heading(report, result, t)
        yield Heading(level, title)
        if result.not_applicable:
            yield Paragraph(t("Not applicable: {why}", why=t.original(result.not_applicable)))
        elif not result.estimates and not result.tables:
            yield Paragraph(t("It made no figure."))
        yield from _charts(of_result, t)
        if result.estimates:
            yield _estimates(result, title, t)
        yield from _maps(result, t)
        if result.survivals:
            yield _survivals(result, t)
        for one in table_rows(result):
            weights = [2.0 if i == 0 else 1.4 for i in range(len(one.columns))]
            columns = tuple(
                Column(t.original(c) if not t.is_chinese else t.term(c), w, n)
                for c, w, n in zip(one.columns, weights, one.is_number, strict=True)
            )
            notes = (Band(t.original(one.note), is_note=True),) if one.note else ()
            rows = tuple(tuple(t.term(e) if isinstance(e, str) else e for e in row) for row in one.rows)
            yield Grid(t.original(one.title), columns, (*rows, *notes), is_dense=True)


def _charts(drawn: ResultCharts, t: Words) -> Iterator[Block]:
    kinds = (
        (drawn.rates, "Dot or shape: value. Line: two-sided 95 % interval. Grey tick: chance, what a tool that leaks "
                      "nothing would show."),
        (drawn.survivals, "Share of outputs that a detector still flags after a perturbation, mildest first, and what "
                          "its threshold flags of bona fide media that went the same way."),
        (drawn.dets, "DET curves in probit axes: the nearer a curve lies to the falling line, the less this judge can "
                     "tell people apart."),
        (drawn.scores, "What of a link lies right of the dashed line is accepted as the same person."),
    )  # fmt: skip
    for found, says in kinds:
        if found:
            yield Paragraph(t(says), "small")
        for chart in found:
            yield Picture(chart.title, chart.text, chart.svg)


def _estimates(result: AssessmentResult, title: str, t: Words) -> Grid:
    found = estimate_rows(result)
    found = tuple(row for row in found if not row.name.startswith("map_r"))
    has_groups = any(row.group for row in found)
    columns = (
        column(t("Judge"), 1.5),
        column(t("Attacker"), 1.3),
        *([column(t("Group"), 1.2)] if has_groups else []),
        *(
            number(t(head))
            for head in ("Value", "95 % low", "95 % high", "Lower bound", "Upper bound", "Chance", "Trials", "People",
                         "Imputed")
        ),
        column(t("Support"), 1.0),
    )  # fmt: skip
    rows: list[tuple[Entry, ...] | Band] = []
    for (name, fmr), group in groupby(sorted(found, key=_order(found)), key=lambda row: (row.name, row.fmr)):
        at = t(" at FMR {fmr}", fmr=fmr) if fmr != DASH else ""
        rows.append(Band(f"{t.figure(name)} [{name}]{at}"))
        for row in group:
            who = (
                row.judge or t("all judges"),
                t.term(row.attacker) or DASH,
                *([row.group or DASH] if has_groups else []),
            )
            ends = (row.value, row.low, row.high, row.lower, row.upper, row.chance)
            rows.append((*who, *ends, row.trials, row.people, row.imputed, t.term(row.support)))
            if row.note:
                rows.append(Band(t.original(row.note), is_note=True))
    caption = t(
        "Every figure of {title}; the interval is two-sided at 95 %, the bounds are one-sided and decide", title=title
    )
    return Grid(caption, columns, tuple(rows), is_dense=True)


def _order(found: Sequence[EstimateRow]) -> Callable[[EstimateRow], int]:
    first: dict[tuple[str, str], int] = {}
    for row in found:
        first.setdefault((row.name, row.fmr), len(first))
    return lambda row: first[row.name, row.fmr]


def _maps(result: AssessmentResult, t: Words) -> Iterator[Block]:
    heads = ("Value", "95 % low", "95 % high", "Lower bound", "Upper bound", "Trials", "People")
    columns = (column(t("Attempts r, judges c"), 1.4), *(number(t(head)) for head in heads))
    for found in map_matrices(result):
        rows = tuple(
            (f"r = {r}, c = {c}", e.value, e.low, e.high, e.lower, e.upper, e.trials, e.people)
            for r, line in zip(found.attempts, found.cells, strict=True)
            for c, e in zip(found.judges, line, strict=True)
            if e is not None
        )
        at = t(" at FMR {fmr}", fmr=found.fmr) if found.fmr != DASH else ""
        caption = "Share of morphs that at least c judges accept in at least r attempts, MAP[r, c]"
        yield Grid(t(caption) + at, columns, rows, is_dense=True)


def _survivals(result: AssessmentResult, t: Words) -> Grid:
    """The points of the survival curves, in numbers."""
    heads = ("Flagged", "Lower bound", "Upper bound", "Bona fide flagged", "Flagged, re-calibrated")
    columns = (column(t("Strength"), 1.0), *(number(t(head)) for head in heads))
    rows: list[tuple[Entry, ...] | Band] = []
    for curve in result.survivals:
        rows.append(Band(f"{curve.detector}, {curve.ladder}"))
        for p in curve.points:
            shares = (p.tpr, p.lower, p.upper, p.realised_fpr, p.tpr_recalibrated)
            rows.append((f"{significant(p.strength).text} ({curve.unit})", *map(share, shares)))
        below = t("Below {limit} at: {where}", limit=share(curve.limit).text, where=t.original(curve.crossing))
        rows.append(Band(below, is_note=True))
    return Grid(t("Share of outputs that a detector still flags, by strength, mildest first"), columns, tuple(rows))


def thresholds(report: Report, t: Words, level: int) -> Iterator[Block]:
    """The kinds of comparison behind every figure, and their thresholds."""
    yield Heading(level, t("Thresholds"))
    is_empty = True
    for result in report.results:
        found = threshold_rows(result)
        if not found:
            continue
        is_empty = False
        columns = (
            column(t("Judge"), 1.4), column(t("Attacker"), 1.2), column(t("Kind of comparison"), 1.6),
            *(
                number(t(h))
                for h in ("Trials", "Hits", "Threshold", "Target FMR", "Realised FMR", "95 % low", "95 % high",
                          "Non-mated", "People")
            ),
            column(t("Support"), 0.9),
        )  # fmt: skip
        rows: list[tuple[Entry, ...] | Band] = []
        for name, group in groupby(found, key=lambda row: row.name):
            rows.append(Band(f"{t.figure(name)} [{name}]"))
            for r in group:
                hits: Entry = t("imputed") if r.imputed else r.hits
                numbers = (r.trials, hits, r.threshold, r.target, r.fmr, r.fmr_low, r.fmr_high, r.non_mated, r.people)
                rows.append((r.judge, t.term(r.attacker) or DASH, t.term(r.kind), *numbers, t.term(r.support)))
        yield Grid(result_heading(report, result, t), columns, tuple(rows), is_dense=True)
    if is_empty:
        yield Paragraph(t("No figure has a threshold."))
