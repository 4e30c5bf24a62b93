"""``visavox sign DIR --key K``: an attestation of a finished run."""

from __future__ import annotations

from pathlib import Path

import click

from visavox.api.signing import sign


@click.command("sign")
@click.argument("folder", metavar="DIR", type=click.Path(file_okay=False, path_type=Path))
@click.option("--key", required=True, metavar="K", type=click.Path(path_type=Path), help="The file of a private key.")
@click.option(
    "--model",
    metavar="PATH",
    type=click.Path(path_type=Path),
    help="The model's file or folder, where it no longer lies where the suite says.",
)
def sign_command(folder: Path, key: Path, model: Path | None) -> None:
    """Sign the finished run in DIR: writes DIR/attestation.intoto.json, or adds a signature to it.

    A run whose evidence is at fault is not signed. Any verdict is: the signature says who stands for the report.
    """
    click.echo(sign(folder, key, model=model))
