"""``visavox completion SHELL``: the script that completes commands, options and names in a shell."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import click
from click.shell_completion import get_completion_class

from .console import own_command

VARIABLE = "_VISAVOX_COMPLETE"
"""Where click looks for a shell that asks: the command's name, in capitals."""
HOW = """Print the script that completes visavox in SHELL.

\b
bash   visavox completion bash > ~/.local/share/bash-completion/completions/visavox
zsh    visavox completion zsh > "${fpath[1]}/_visavox"
fish   visavox completion fish > ~/.config/fish/completions/visavox.fish

For this shell alone: source <(visavox completion bash)

In a checkout: source <(.venv/bin/visavox completion bash); then .venv/bin/visavox completes as visavox does.
"""


@click.command("completion", help=HOW)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion_command(context: click.Context, shell: str) -> None:
    kind = get_completion_class(shell)
    if kind is None:
        raise click.UsageError(f"click knows no completion for {shell}")
    click.echo(_asking(kind(context.find_root().command, {}, "visavox", VARIABLE).source(), own_command()))


def _asking(script: str, command: str) -> str:
    """The script so that it asks ``command``, which the shell may not find by name.

    bash asks the word that was typed, and all three complete a path by its last part.
    """
    if command == "visavox":
        return script
    whole = shlex.quote(str(Path(command).absolute()))
    script = re.sub(r"^.*\$\+commands\[visavox\].*\n", "", script, flags=re.MULTILINE)
    return re.sub(r"(=zsh_complete|\(commandline -t\)) visavox\b", lambda found: f"{found[1]} {whole}", script)
