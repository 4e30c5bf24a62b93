"""``visavox key new K``: a key that signs attestations."""

from __future__ import annotations

from pathlib import Path

import click

from visavox.evidence.keys import PASSPHRASE, KeyKind, new_key, passphrase


@click.group("key")
def key_command() -> None:
    """Keys that sign attestations."""


@key_command.command("new")
@click.argument("file", metavar="K", type=click.Path(dir_okay=False, path_type=Path))
@click.option(
    "--kind", type=click.Choice([kind.value for kind in KeyKind]), default=KeyKind.ED25519.value, show_default=True
)
def new_command(file: Path, kind: str) -> None:
    """Write a new private key to K and its public key to K.pub.

    K is for its owner alone; K.pub goes to everyone who is to trust its signatures. With VISAVOX_KEY_PASSPHRASE in the
    environment K lies under that passphrase.
    """
    pair = new_key(file, KeyKind(kind), passphrase=passphrase())
    click.echo(f"{pair.private}  private: keep it out of repositories and run folders")
    click.echo(f"{pair.public}  public: visavox verify DIR --trusted-keys {pair.public}")
    click.echo(f"key id {pair.keyid}")
    if passphrase() is None:
        click.echo(f"it lies without a passphrase; {PASSPHRASE} in the environment gives it one", err=True)
