"""``visavox plan SUITE``: what it would run, what that costs, and what its data set can decide."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
from rich.text import Text

from visavox import api
from visavox.api.costs import WORDS, Cost
from visavox.api.planning import RunPlan, plan_run
from visavox.core.terms import AttestationVerdict, Severity, Verdict
from visavox.policy.planner import CellForecast, Need
from visavox.reporting.text import wrapped

from .console import columns, console
from .progress import progress

WIDTH = 100
"""Columns that the page takes at most."""
COLOURS = {Verdict.PASS: "green", Verdict.INCONCLUSIVE: "yellow", Verdict.FAIL: "red"}
NUMBERS = f"{'people':>7}{'trials':>9}{'support':>12}{'bound at 0':>12}{'limit':>7}{'needs':>19}"
NAMES = 30
"""Columns of a control's name; where the page is narrower than name and numbers, they stand on a line each."""


@click.command("plan")
@click.argument("suite", type=click.Path(path_type=Path))
@click.option("--set", "overrides", multiple=True, metavar="A.B=C", help="Override a key of the suite; repeatable.")
@click.option(
    "--cases",
    "cases_csv",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write the cases as CSV, for `folder`; nothing is said of the controls.",
)
@click.option(
    "--like",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="An earlier run of this kind: take its speeds for the time.",
)
@click.option("--controls/--no-controls", default=True, help="Say what can be decided, or the counts alone, at once.")
@click.option("--json", "as_json", is_flag=True, help="JSON alone on standard output.")
def plan_command(
    suite: Path, overrides: tuple[str, ...], cases_csv: Path | None, like: Path | None, controls: bool, as_json: bool
) -> None:
    """Say what SUITE would run, what it costs and what its data set can decide; runs no model.

    Faces and voices of one data set are planned one after the other.
    """
    with progress("auto"):
        known = api.outlines(api.load_suite(suite, overrides=overrides))
    if cases_csv is not None:
        rows = [row for part in known for row in api.case_rows(part)]
        with cases_csv.open("w", newline="", encoding="utf-8") as stream:
            csv.writer(stream).writerows([api.CASE_COLUMNS, *rows])
        click.echo(f"{len(rows)} cases written to {cases_csv}", err=True)
    asked = controls and cases_csv is None
    if asked and sys.stderr.isatty():
        click.echo("rehearsing what this data set can decide ...", err=True)
    plans = [plan_run(part, controls=asked, like=like) for part in known]
    if as_json:
        click.echo(json.dumps(_document(plans), indent=2, ensure_ascii=False))
        return
    target, width = console(), min(columns(), WIDTH)
    for number, plan in enumerate(plans):
        for line in ([Text()] if number else []) + list(page(plan, width)):
            target.print(line, soft_wrap=True)


def _document(plans: list[RunPlan]) -> dict[str, Any]:
    """The plan, or, where the data set holds faces and voices, each by its modality, as ``plan.json`` has them."""
    found = {plan.modality.value: plan.model_dump(mode="json", by_alias=True) for plan in plans}
    return found if len(plans) > 1 else next(iter(found.values()))


def page(plan: RunPlan, width: int = WIDTH) -> Iterator[Text]:
    """The plan as lines of at most ``width`` columns."""
    counts, work, media = plan.counts, plan.work, WORDS[plan.modality].media
    units = " + ".join(f"{n} {stage}" for stage, n in work.units)
    consent = ", ".join(f"{word} {n}" for word, n in counts.consent)
    what = f"{plan.tool_class} of {plan.modality.value}s under policy {plan.policy}"
    yield from _wrapped(f"{plan.suite}: {what}, seed {plan.seed}", "", width, style="bold")
    yield from _entry(
        "people", f"{counts.people}, of whom {counts.test_people} are tested with {counts.recordings} recordings", width
    )
    more = [
        f"{n} {what}"
        for n, what in (
            (counts.further_attempts, "further attempts"),
            (counts.consent_probes, "consent probes"),
            (counts.token_probes, f"probes of consent tokens ({counts.probe_list})"),
        )
        if n
    ]
    yield from _entry(
        "cases",
        f"{counts.cases}" + (f", among them {' and '.join(more)}" if more else "") + f"; consent {consent}",
        width,
    )
    yield from _entry("judges", f"{', '.join(counts.judges)}; cells to decide: {counts.cells}", width)
    yield from _entry(
        "work",
        f"{work.model_calls:,} edits by the tool, {work.embedded:,} {media} embedded by each judge, at most "
        f"{work.comparisons:,} comparisons a judge; units: {units}",
        width,
    )
    for name, unit in (("time", "s"), ("disk", "bytes")):
        for number, cost in enumerate(cost for cost in plan.costs if cost.unit == unit):
            yield from _entry("" if number else name, _cost(cost), width)
    if plan.attestations:
        yield from _statements(plan, width)
    if plan.controls:
        yield Text()
        yield from _controls(plan, width)


def _statements(plan: RunPlan, width: int) -> Iterator[Text]:
    """What the organisation has to attest, and what of it does not stand."""
    there = [one for one in plan.attestations if one.verdict is AttestationVerdict.ATTESTED]
    yield from _entry(
        "attested", f"{len(there)} of {len(plan.attestations)} statements that the policy asks for", width
    )
    for one in plan.attestations:
        if one in there:
            continue
        mark = "" if one.severity is Severity.FAIL else f" ({one.severity.value})"
        why = "" if one.verdict is AttestationVerdict.MISSING else f": {one.reason}"
        yield from _entry("", f"{one.verdict.value.replace('_', ' ')}  {one.control}{mark}, {one.title}{why}", width)
    if len(there) < len(plan.attestations):
        yield from _entry("", f"visavox attest CONTROL --policy {plan.policy}, and `attestations: FOLDER`", width)


def _controls(plan: RunPlan, width: int) -> Iterator[Text]:
    yield Text("What this data set can decide, alike for every judge", style="bold")
    if plan.rehearsed_people is not None and plan.rehearsed_people < plan.counts.test_people:
        yield from _wrapped(
            f"Rehearsed with {plan.rehearsed_people} people drawn by the seed: with all it is no less.", "", width
        )
    yield from _cells("control and attacker", NUMBERS, width, style="bold")
    for found in plan.controls:
        yield from _row(found, width)
        yield from _wrapped(found.statement, "    ", width, style=COLOURS[found.if_clean])
    yield from _wrapped(
        "bound at 0: what PASS is judged by where no trial shows a leak. needs: people like these for a PASS where the "
        "true rate is 0, a quarter and a half of the limit.",
        "",
        width,
    )
    yield Text()
    clean = plan.if_clean or Verdict.INCONCLUSIVE
    told = "If nothing leaks and every judge knows these people apart, the run would be"
    for words in _wrapped(f"{told} {clean.value}", "", width):
        words.highlight_words([clean.value], COLOURS[clean])
        yield words
    for reason in plan.reasons:
        yield from _wrapped(f"because {reason}", "  ", width)
    yield Text("Taken for granted:", style="bold")
    for line in plan.assumptions:
        yield from _wrapped(f"- {line}", "", width)
    yield Text("Not foreseen:", style="bold")
    for line in plan.unforeseen:
        yield from _wrapped(f"- {line}", "", width)


def _row(found: CellForecast, width: int) -> Iterator[Text]:
    mark = "" if found.severity is Severity.FAIL else f" ({found.severity.value})"
    name = f"{found.control}{mark} {found.attacker.value if found.attacker else ''}".rstrip()
    support = "-" if found.support is None else found.support.value
    bound = "-" if found.upper_at_zero is None else _percent(found.upper_at_zero)
    numbers = (
        f"{found.people or '-':>7}{found.trials or '-':>9}{support:>12}{bound:>12}{_percent(found.limit):>7}"
        f"{_needs(found.needs):>19}"
    )
    yield from _cells(name, numbers, width)


def _cells(name: str, numbers: str, width: int, *, style: str = "") -> Iterator[Text]:
    if len(name) < NAMES and NAMES + len(numbers) <= width:
        yield Text(f"{name:<{NAMES}}{numbers}", style=style)
    else:
        yield Text(name, style=style)
        yield Text(f"  {numbers}", style=style)


def _needs(needs: tuple[Need, ...]) -> str:
    return " / ".join("> 20k" if need.people is None else str(need.people) for need in needs) or "-"


def _percent(share: float) -> str:
    return f"{100 * share:.2f} %".replace(".00 %", " %")


def _cost(cost: Cost) -> str:
    if cost.amount is None:
        return f"{cost.what}: {cost.basis}"
    amount = _seconds(cost.amount) if cost.unit == "s" else f"{cost.amount / 1e6:.1f} MB"
    return f"{cost.what}: about {amount} ({cost.basis})"


def _seconds(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"


def _entry(name: str, text: str, width: int) -> Iterator[Text]:
    for number, line in enumerate(wrapped(text, width - 10)):
        yield Text(f"{name if number == 0 else '':<10}{line.strip()}")


def _wrapped(text: str, indent: str, width: int, *, style: str = "") -> Iterator[Text]:
    for line in wrapped(text, width, indent=indent):
        yield Text(line, style=style)
