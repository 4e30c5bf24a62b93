"""A comparison of two runs for people: a page and lines of text. All numbers are the comparison's own."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

from visavox.core.comparison import Change, Comparison, FigureChange

from . import wording
from .html import page
from .wording import Number

SIGNS: Final = {Change.WORSE: "▲", Change.BETTER: "▼", Change.CHANGED: "◆", Change.NOT_SHOWN: "="}
STYLES: Final = {Change.WORSE: "fail", Change.BETTER: "pass", Change.CHANGED: "inconclusive", Change.NOT_SHOWN: "none"}


class ChangeRow(NamedTuple):
    """One figure as it is shown; ``who`` is judge, attacker and group."""

    figure: FigureChange
    title: str
    who: str
    a: Number
    b: Number
    change: Number
    low: Number
    high: Number
    p: Number
    sign: str
    style: str
    is_paired: bool


def change_rows(figures: tuple[FigureChange, ...]) -> tuple[ChangeRow, ...]:
    """Figures in the words and units of the report."""
    return tuple(
        ChangeRow(
            figure=figure,
            title=wording.title_of(figure.name),
            who=_who(figure),
            a=wording.figure(figure.name, figure.a),
            b=wording.figure(figure.name, figure.b),
            change=signed(figure.name, figure.change),
            low=signed(figure.name, figure.low),
            high=signed(figure.name, figure.high),
            p=wording.significant(figure.p_value),
            sign=SIGNS[figure.shown],
            style=STYLES[figure.shown],
            is_paired=figure.trials is not None,
        )
        for figure in figures
    )


def signed(name: str, change: float) -> Number:
    """A change in the figure's own unit, with its sign; of shares in percentage points.

    >>> signed("iapar", -0.0125).text, signed("auc", 0.5).text
    ('-1.25 pp', '+0.5000')
    """
    plain = wording.figure(name, abs(change))
    text = plain.text.replace(" %", " pp")
    is_zero = not any(digit in text for digit in "123456789")
    return Number(text if is_zero else f"{'-' if change < 0 else '+'}{text}", change)


def _who(figure: FigureChange) -> str:
    rate = "" if figure.target_fmr is None else f"FMR {wording.rate_text(figure.target_fmr)}"
    parts = (figure.recogniser, wording.attacker_text(figure.attacker), rate, figure.group or "")
    return ", ".join(wording.visible(part) for part in parts if part) or "whole run"


def headline(comparison: Comparison) -> str:
    """What is shown of the gated figures, in one line."""
    gated = comparison.gated
    counts = {change: sum(figure.shown is change for figure in gated) for change in Change}
    if not gated:
        return "no gated figure stands in both runs"
    return (
        f"of {len(gated)} gated figures {counts[Change.WORSE]} got worse, {counts[Change.BETTER]} better, "
        f"{counts[Change.NOT_SHOWN]} show no change (Holm, {comparison.alpha:g})"
    )


def comparison_html(comparison: Comparison) -> str:
    """The comparison as one self-contained page.

    Raises:
        MissingDependencyError: Jinja2 is not installed.
    """
    return page(
        "comparison.html.j2",
        comparison=comparison,
        headline=headline(comparison),
        gated=change_rows(comparison.gated),
        disclosed=change_rows(comparison.disclosed),
        w=wording,
    )


def comparison_lines(comparison: Comparison) -> Iterator[str]:
    """The gated figures in plain lines."""
    for label, run in (("A", comparison.a), ("B", comparison.b)):
        who = f"{wording.visible(run.name)} {wording.visible(run.version)}"
        yield f"{label}: {who}, {run.verdict.value}, {wording.time_text(run.finished)}"
    yield headline(comparison)
    for remark in comparison.remarks:
        yield f"note: {remark}"
    for row in change_rows(comparison.gated):
        p = "" if row.p.value is None else f", p {row.p.text}"
        yield (
            f"  {row.sign} {row.title}, {row.who}: {row.a.text} -> {row.b.text}, change {row.change.text} "
            f"({row.low.text} to {row.high.text}{p}): {row.figure.shown.value}"
        )
        trials = row.figure.trials
        if trials is not None:
            people = f"{len(trials.newly_leaking)} people newly leaking"
            who = ", ".join(str(number) for number in trials.newly_leaking[:20])
            more = ", ..." if len(trials.newly_leaking) > 20 else ""
            yield (
                f"      {people}{f' (number {who}{more})' if who else ''}, {len(trials.no_longer_leaking)} no longer; "
                f"{trials.to_match + trials.from_match} of {trials.n} trials changed side, {trials.near} of them near "
                "the threshold"
            )
    for missing in comparison.not_compared:
        if missing.controls:
            judged = (missing.recogniser, wording.attacker_text(missing.attacker))
            parts = [wording.title_of(missing.name), *(wording.visible(part) for part in judged if part)]
            yield f"  - not compared: {', '.join(parts)}: {missing.reason}"
