"""``visavox completion SHELL``: the script that completes commands, options and names in a shell."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

VARIABLE = "_VISAVOX_COMPLETE"
"""Where click looks for a shell that asks: the command's name, in capitals."""
HOW = """Print the script that completes visavox in SHELL.

\b
bash   visavox completion bash > ~/.local/share/bash-completion/completions/visavox
zsh    visavox completion zsh > "${fpath[1]}/_visavox"
fish   visavox completion fish > ~/.config/fish/completions/visavox.fish

For this shell alone: source <(visavox completion bash)
"""


@click.command("completion", help=HOW)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion_command(context: click.Context, shell: str) -> None:
    kind = get_completion_class(shell)
    if kind is None:
        raise click.UsageError(f"click knows no completion for {shell}")
    click.echo(kind(context.find_root().command, {}, "visavox", VARIABLE).source())
