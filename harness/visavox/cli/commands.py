"""The commands, each in a file of its own; it calls ``visavox.api`` and prints."""

from __future__ import annotations

from importlib import import_module
from typing import Final

import click

COMMANDS: Final = (
    "attest", "compare", "completion", "demo", "doctor", "gate", "init", "key", "label", "list", "plan", "report",
    "run", "schema", "score", "show", "sign", "track", "verify",
)  # fmt: skip


class Commands(click.Group):
    """A group whose commands are imported once they are called or listed: ``gate`` waits for nothing of ``run``."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            self.commands = {name: _imported(name) for name in COMMANDS}  # where click looks for the nearest name
            return None
        return _imported(cmd_name)


def _imported(name: str) -> click.Command:
    found: click.Command = getattr(import_module(f".{name}_command", __package__), f"{name}_command")
    return found


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(package_name="visavox")
def cli() -> None:
    """Safety assessment of face- and voice-editing models: run a suite, gate a release."""
