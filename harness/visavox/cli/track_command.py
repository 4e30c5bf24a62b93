"""The command ``track``: sends a finished run to MLflow, later or elsewhere."""

from __future__ import annotations

from pathlib import Path

import click
from pydantic import ValidationError

from visavox import api
from visavox.adapters.sinks.tracking_file import asked
from visavox.core.config import Tracking, explain
from visavox.core.errors import VisavoxError
from visavox.ports.sink import sinks


@click.command("track")
@click.argument("folder", metavar="DIR", type=click.Path(file_okay=False, path_type=Path))
@click.option("--uri", help="MLflow's tracking URI; by default the one that the run's suite names.")
@click.option("--experiment", help="MLflow's experiment; by default the one that the run's suite names.")
def track_command(folder: Path, uri: str | None, experiment: str | None) -> None:
    """Send the finished run in DIR to MLflow; sent again it is brought up to date, never doubled."""
    report = api.read_report(folder)
    given = {"uri": uri, "experiment": experiment}
    tracking = asked(folder) or Tracking()
    try:
        tracking = Tracking.model_validate(
            tracking.model_dump() | {key: value for key, value in given.items() if value}
        )
    except ValidationError as error:
        raise explain(error, what="--uri and --experiment") from error
    result = sinks.get(tracking.kind)(tracking).send(folder, report)
    if not result.is_sent:
        raise VisavoxError(
            f"send {folder} to {result.where}",
            found=result.reason,
            todo="the run is untouched; put the tracker right, then: visavox track DIR [--uri URI] [--experiment NAME]",
        )
    click.echo(str(result))
