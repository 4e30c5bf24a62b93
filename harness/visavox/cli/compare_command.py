"""``visavox compare A B``: what changed from one run to another, and for whom."""

from __future__ import annotations

import json
from pathlib import Path

import click

from visavox.core.errors import RunFolderError
from visavox.reporting.text import wrapped

from .console import columns


@click.command("compare")
@click.argument("runs", metavar="[RUN_A] RUN_B", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--baseline", metavar="ALIAS", help="Instead of RUN_A: the run of the version with this alias in MLflow.")
@click.option(
    "--runs", "among", type=click.Path(file_okay=False, path_type=Path), help="Where --baseline looks for it."
)
@click.option("--tracking-uri", metavar="URI", help="MLflow's; by default MLFLOW_TRACKING_URI.")
@click.option("--html", metavar="FILE", type=click.Path(dir_okay=False, path_type=Path), help="Write a page.")
@click.option("--json", "json_file", metavar="FILE|-", help="Write JSON; - prints it alone.")
def compare_command(
    runs: tuple[Path, ...],
    baseline: str | None,
    among: Path | None,
    tracking_uri: str | None,
    html: Path | None,
    json_file: str | None,
) -> None:
    """Compare RUN_B with RUN_A, the baseline: two models on the same people, cases and judges.

    Exits 0 when they were compared, whatever changed, and 3 when they are not comparable.
    """
    from visavox.api.comparing import compare
    from visavox.reporting.comparison import comparison_html, comparison_lines

    if len(runs) != (1 if baseline else 2):
        raise click.UsageError("name two runs, RUN_A and RUN_B, or one run and --baseline")
    found = compare(_baseline(runs[0], baseline, among, tracking_uri) if baseline else runs[0], runs[-1])
    text = json.dumps(found.as_json(), indent=2, ensure_ascii=False, allow_nan=False)
    page = comparison_html(found) if html else ""
    if html:
        _write(html, page)
    if json_file == "-":
        click.echo(text)
        return
    if json_file:
        _write(Path(json_file), text + "\n")
    for line in comparison_lines(found):
        indent = " " * (len(line) - len(line.lstrip()))
        click.echo("\n".join(wrapped(line.strip(), columns(), indent=indent, is_cut=False)))


def _baseline(run: Path, alias: str, among: Path | None, tracking_uri: str | None) -> Path:
    from visavox.api.baseline import baseline_run

    return baseline_run(run, alias, runs=among, tracking_uri=tracking_uri)


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, "utf-8")
    except OSError as error:
        raise RunFolderError(f"write {path}", found=error.strerror or str(error), todo="name another file") from error
