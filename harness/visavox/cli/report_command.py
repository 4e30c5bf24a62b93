"""``visavox report DIR``: the forms of a finished run's report, written again from ``report.json``."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import click

from visavox import api
from visavox.reporting.forms import FORMS, NAMES, write_forms
from visavox.reporting.i18n import LANGUAGES


def _listed(known: tuple[str, ...]) -> Callable[[click.Context, click.Parameter, str], tuple[str, ...]]:
    """What reads a comma-separated list of known names, each once."""

    def read(_: click.Context, param: click.Parameter, value: str) -> tuple[str, ...]:
        wanted = tuple(dict.fromkeys(part.strip() for part in value.split(",") if part.strip()))
        unknown = [name for name in wanted if name not in known]
        if unknown or not wanted:
            raise click.BadParameter(f"{unknown[0] if unknown else value!r} is none of {', '.join(known)}", param=param)
        return wanted

    return read


@click.command("report")
@click.argument("folder", metavar="DIR", type=click.Path(file_okay=False, path_type=Path))
@click.option(
    "--format",
    "--form",
    "formats",
    callback=_listed(NAMES),
    default=",".join(FORMS),
    show_default=True,
    metavar="FORM,...",
    help=f"Forms to write, separated by commas: {', '.join(NAMES)}.",
)
@click.option(
    "--lang",
    "languages",
    callback=_listed(LANGUAGES),
    default="en",
    show_default=True,
    metavar="LANG,...",
    help=f"Languages to write them in: {', '.join(LANGUAGES)}. JUnit is in English alone.",
)
def report_command(folder: Path, formats: tuple[str, ...], languages: tuple[str, ...]) -> None:
    """Write the report of DIR again as report.html, report.md and report.xml (JUnit), or as PDF and DOCX.

    In Chinese (report.zh.pdf, report.zh.docx ...) it stands under the headings of the algorithm self-assessment report
    that the Cyberspace Administration of China asks for; what only the provider knows, and the conclusion, are left to
    be filled in. PDF in Chinese needs a font: fonts-noto-cjk, or one named by VISAVOX_CJK_FONT.
    """
    known = tuple(language for language in LANGUAGES if language in languages)
    if known == ("zh-CN",) and formats == ("junit",):
        raise click.BadParameter("junit is written in English alone", param_hint="--lang")
    for path in write_forms(api.read_report(folder), folder, formats, known):
        click.echo(str(path))
