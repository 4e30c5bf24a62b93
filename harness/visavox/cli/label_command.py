"""``visavox label FILE...``: what the labels of files say, and which rule of which clause is broken."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import click
from rich import box
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from visavox.api.labels import LabelledFile, LabelReport, label_files
from visavox.core.terms import PerceptibleVerdict, ToolClass
from visavox.media.labels import CredentialFindings, Finding, IptcFindings
from visavox.media.labels.records import AudibleFindings, VisibleFindings
from visavox.reporting.wording import DASH

from .console import show


@click.command("label")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="FILE...")
@click.option(
    "--tool-class",
    type=click.Choice([tool_class.value for tool_class in ToolClass]),
    help="Say too whether digital source types fit such a tool.",
)
@click.option("--trust", type=click.Path(path_type=Path), metavar="PEM", help="Certificates of trusted C2PA signers.")
@click.option("--json", "as_json", is_flag=True, help="JSON alone on standard output.")
def label_command(files: Sequence[Path], tool_class: str | None, trust: Path | None, as_json: bool) -> None:
    """Read and check the labels of image, sound and video FILEs; changes none of them.

    \b
    AIGC   the label of GB 45438-2025, 6.1 and Annex E: compliant, noncompliant, not_found, inconclusive
    C2PA   content credentials: the manifest's validation, its first action, its digital source types
    IPTC   the digital source type in XMP
    seen   a picture's visible label: both elements, at an edge, 5 % high (needs tesseract with chi_sim)
    heard  a sound's rhythm short-long short-short; one said in words is not looked for
    leaks  what else the metadata give away: names, positions, serial numbers, ids, embedded pictures

    Read are JPEG, PNG, WebP, TIFF, GIF, WAV, AIFF, MP3, FLAC, Ogg, MP4/MOV and Matroska/WebM. C2PA needs
    visavox[labels]. Exit 0 whatever was found, 3 if a file cannot be read.
    """
    report = label_files(files, tool_class=None if tool_class is None else ToolClass(tool_class), trust=trust)
    if as_json:
        click.echo(report.model_dump_json(indent=2))
        return
    show(page(report))


def page(report: LabelReport) -> RenderableType:
    """One block a file: its layers, then every broken rule with its clause and what to do."""
    parts: list[RenderableType] = []
    for number, file in enumerate(report.files):
        if number:
            parts.append(Text())
        parts += [_text(file.path, style="bold"), Padding(_layers(file), (0, 0, 0, 2), expand=False)]
        parts += [Padding(found, (1, 0, 0, 2), expand=False) for found in _findings(file)]
    return Group(*parts)


def _layers(file: LabelledFile) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    table.add_column("layer", no_wrap=True)
    table.add_column("found", no_wrap=True)
    table.add_column("where and what", overflow="fold")
    table.add_row("AIGC label", file.aigc.verdict.value, _text(_of_aigc(file)))
    table.add_row("C2PA manifest", file.c2pa.state.value, _text(_of_c2pa(file.c2pa)))
    table.add_row("IPTC source type", file.iptc.state.value, _text(_of_iptc(file.iptc)))
    if file.visible.verdict is not PerceptibleVerdict.NOT_EXAMINED or file.visible.reason:
        table.add_row("visible label", file.visible.verdict.value, _text(_of_visible(file.visible)))
    if file.audible.verdict is not PerceptibleVerdict.NOT_EXAMINED or file.audible.reason:
        table.add_row("audible label", file.audible.verdict.value, _text(_of_audible(file.audible)))
    table.add_row("leaks", str(len(file.leaks)), _text(", ".join(file.leaks) or DASH))
    return table


def _of_aigc(file: LabelledFile) -> str:
    found = [f"{label.place} ({label.shape.value})" for label in file.aigc.labels[:4]]
    more = [f"and {len(file.aigc.labels) - 4} more"] if len(file.aigc.labels) > 4 else []
    return "; ".join([*found, *more, *([file.aigc.reason] if file.aigc.reason else [])]) or DASH


def _of_c2pa(found: CredentialFindings) -> str:
    parts = [
        f"signed by {found.signer}" if found.signer else "",
        f"first action {found.first_action}" if found.first_action else "",
        *(value.rpartition("/")[2] for value in found.digital_source_types),
        _fit(found.fits_tool_class),
        *found.failures,
        found.reason,
    ]
    return "; ".join(part for part in parts if part) or DASH


def _of_iptc(found: IptcFindings) -> str:
    parts = [*(value.rpartition("/")[2] for value in found.digital_source_types), _fit(found.fits_tool_class)]
    return "; ".join(part for part in parts if part) or DASH


def _of_visible(found: VisibleFindings) -> str:
    if found.height_share is None or found.gap_share is None:
        return found.reason or DASH
    parts = (found.text, f"{found.height_share:.1%} high, {found.gap_share:.1%} from the edge", found.reason)
    return "; ".join(part for part in parts if part)


def _of_audible(found: AudibleFindings) -> str:
    rhythms = [
        f"short-long short-short at the {r.position}, {r.start_s:g} s, {r.frequency_hz:g} Hz" for r in found.rhythms
    ]
    return "; ".join([*rhythms[:4], *([found.reason] if found.reason else [])]) or DASH


def _fit(fits: bool | None) -> str:
    return "" if fits is None else "fits the tool class" if fits else "does not fit the tool class"


def _findings(file: LabelledFile) -> Iterator[RenderableType]:
    layers = (file.aigc, file.c2pa, file.iptc, file.visible, file.audible)
    broken = {rule for layer in layers for rule in layer.broken_rules}
    details = tuple(finding for layer in layers for finding in layer.details)
    if not details:
        return
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    table.add_column("", no_wrap=True)
    table.add_column("clause", overflow="fold", min_width=22)
    table.add_column("found", overflow="fold")
    table.add_column("what to do", overflow="fold")
    for finding in _once(details):
        word = "broken" if finding.rule in broken else "remark"
        table.add_row(word, _text(finding.clause), _text(finding.found), _text(finding.todo))
    yield table


def _once(details: Sequence[Finding]) -> Sequence[Finding]:
    return tuple(dict.fromkeys(details))


def _text(text: str, *, style: str = "") -> Text:
    """A stranger's text without anything that a terminal would obey."""
    return Text("".join(char if char.isprintable() else "�" for char in text), style=style)
