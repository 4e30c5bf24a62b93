"""``visavox verify DIR``: every figure made again from the run folder alone, and who signed it."""

from __future__ import annotations

from pathlib import Path

import click

from visavox.api.verifying import NOT_RECOMPUTED, verify
from visavox.reporting.text import wrapped

from .console import columns


@click.command("verify")
@click.argument("folder", metavar="DIR", type=click.Path(file_okay=False, path_type=Path))
@click.option(
    "--trusted-keys",
    "keys",
    metavar="K.pub",
    multiple=True,
    type=click.Path(path_type=Path),
    help="The file of a public key; may be given several times. The run has to be signed by one of them.",
)
@click.option(
    "--attestation",
    metavar="F",
    type=click.Path(path_type=Path),
    help="By default the attestation.intoto.json in DIR.",
)
def verify_command(folder: Path, keys: tuple[Path, ...], attestation: Path | None) -> None:
    """Make every figure of the run in DIR again from its trial-level scores, and check who signed it.

    Needs DIR alone, wherever it lies: no model, no judges, no data set, no network. Exits 0 where all holds, whatever
    the verdict, which `visavox gate` gives; 3 where anything differs, naming it with both values.
    """
    found = verify(folder, trusted_keys=keys, attestation=attestation)
    click.echo(
        f"{found.n_figures} figures made again from {found.n_scores} scores in {found.n_tables} tables: as reported"
    )
    click.echo(f"the decision made again from them: {found.report.decision.verdict.value}, as reported")
    for signer in found.signers:
        click.echo(f"signed by {signer}")
    lines = [f"not checked: {line}" for line in found.not_checked]
    lines += [f"not recomputed: {line}" for line in NOT_RECOMPUTED]
    for line in lines:
        click.echo("\n".join(wrapped(line, columns(), is_cut=False)))
