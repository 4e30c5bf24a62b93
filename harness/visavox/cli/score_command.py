"""``visavox score FILE``: every figure of a file of scores, with intervals where it says whose they are."""

from __future__ import annotations

from pathlib import Path

import click
from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from visavox.api.scoring import Layout, ScoreEstimate, ScoreNotMade, ScoreReport, score_file
from visavox.reporting.wording import DASH, figure, title_of

from .console import show

FILE = click.Path(dir_okay=False, path_type=Path)


@click.command("score")
@click.argument("file", type=FILE)
@click.option(
    "--layout",
    type=click.Choice([layout.value for layout in Layout]),
    metavar="NAME",
    help="Take FILE as this layout, whatever it looks like.",
)
@click.option("--trials", type=FILE, help="The file of the labels: Kaldi's trials, ASVspoof's key.")
@click.option("--utt2spk", type=FILE, help="Kaldi's list of speakers, for intervals in the layout kaldi.")
@click.option("--llr", "is_llr", is_flag=True, help="The scores are natural-log likelihood ratios: Cllr, actDCF too.")
@click.option(
    "--alpha",
    type=click.FloatRange(0, 0.5, min_open=True, max_open=True),
    default=0.05,
    show_default=True,
    help="Of the one-sided bounds, which --json has.",
)
@click.option("--json", "as_json", is_flag=True, help="JSON alone on standard output.")
def score_command(
    file: Path,
    layout: str | None,
    trials: Path | None,
    utt2spk: Path | None,
    is_llr: bool,
    alpha: float,
    as_json: bool,
) -> None:
    """Compute every figure that the scores in FILE allow; runs no model.

    \b
    Layouts, found out from the file:
    subjects       CSV, TSV, Parquet: reference_subject, probe_subject, score
    mated          CSV, TSV, Parquet: mated, score
    attack-scores  CSV, TSV, Parquet: label, attack_score [, subject]
    asvspoof-cm    utterance source bonafide|spoof score
    asvspoof-spk   speaker utterance score bonafide|spoof (or target|nontarget|spoof)
    asvspoof-asv   source target|nontarget|spoof score
    asvspoof-2021  utterance score; the key by --trials
    asvspoof-5     TSV: filename, cm-score [, spk, asv-score, sasv-score]; the key by --trials
    kaldi          enrol trial target|nontarget score; or enrol trial score, and --trials
    kaldi-eer      score target|nontarget

    Intervals need to know whose the scores are; without that the figures stand alone.
    """
    report = score_file(
        file,
        layout=None if layout is None else Layout(layout),
        trials=trials,
        utt2spk=utt2spk,
        is_llr=is_llr,
        alpha=alpha,
    )
    if as_json:
        click.echo(report.model_dump_json(indent=2))
        return
    show(page(report))


def page(report: ScoreReport) -> RenderableType:
    """Counts, one table of figures, what was not made and why, and remarks."""
    parts: list[RenderableType] = [Text(f"{report.file}: layout {report.layout}", style="bold"), Text(_counts(report))]
    parts.append(_table(report))
    notes: dict[str, list[str]] = {}
    for estimate in report.estimates:
        if estimate.note:
            notes.setdefault(estimate.note, []).append(estimate.name)
    made = {estimate.name for estimate in report.estimates}
    for note, names in notes.items():
        which = "every figure" if len(names) > 1 and set(names) == made else ", ".join(dict.fromkeys(names))
        parts.append(Text(f"{which}: {note}", overflow="fold"))
    parts += [
        Text(f"not made: {found.name}{_tail(found)}: {found.reason}", overflow="fold") for found in report.not_made
    ]
    parts += [Text(f"- {remark}", overflow="fold") for remark in report.remarks]
    return Group(*parts)


def _counts(report: ScoreReport) -> str:
    counts = report.counts
    named = [
        (counts.n_mated, "mated"),
        (counts.n_non_mated, "non-mated"),
        (counts.n_bona_fide, "bona fide"),
        (counts.n_attacks, "attacks"),
        (counts.n_unscored, "without a score"),
    ]
    people = "people unknown" if counts.n_people is None else f"{counts.n_people} people"
    return ", ".join([*(f"{n:,} {name}" for n, name in named if n), people])


def _table(report: ScoreReport) -> Table:
    has_tags = any(_tail(estimate) for estimate in report.estimates)
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("figure", no_wrap=True)
    if has_tags:
        table.add_column("of")
    table.add_column("value", justify="right", no_wrap=True)
    table.add_column("95 % interval", justify="right", no_wrap=True)
    table.add_column("chance", justify="right", no_wrap=True)
    table.add_column("meaning")
    for estimate in report.estimates:
        tags = [_tail(estimate).strip()] if has_tags else []
        table.add_row(
            estimate.name, *tags, _value(estimate), _interval(estimate), _chance(estimate), _meaning(estimate)
        )
    return table


def _tail(found: ScoreEstimate | ScoreNotMade) -> str:
    parts = [part for part in (found.recogniser, found.attacker, found.group) if part]
    return f" {' '.join(parts)}" if parts else ""


def _value(estimate: ScoreEstimate) -> str:
    return figure(estimate.name, estimate.value).text + (f" ({estimate.band})" if estimate.band else "")


def _interval(estimate: ScoreEstimate) -> str:
    if estimate.low is None and estimate.high is None:
        return DASH
    low, high = (figure(estimate.name, end).text for end in (estimate.low, estimate.high))
    return f"{low} .. {high}"


def _chance(estimate: ScoreEstimate) -> str:
    return DASH if estimate.chance is None else figure(estimate.name, estimate.chance).text


def _meaning(estimate: ScoreEstimate) -> str:
    point = estimate.operating_point
    support = f", {point.support.value.replace('_', ' ')}" if point and point.support else ""
    return title_of(estimate.name) + (f" (threshold {point.threshold:.4g}{support})" if point else "")
