"""The reference pages, from docstrings and command help.

python docs/reference/generate.py [DIR]     writes python.md, commands.md and the JSON Schemas, here or in DIR
"""

from __future__ import annotations

import ast
import importlib
import inspect
import json
import pkgutil
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import click

from visavox.cli.commands import cli
from visavox.core.suite_schema import suite_schema
from visavox.reporting.schema import report_schema

HERE = Path(__file__).parent
MODULES = ("visavox.api", "visavox.editor", "visavox.testing", "visavox.ports", "visavox.metrics")
"""What a user may hold on to; of packages their modules too."""


def python_page() -> str:
    """Every public name of the modules, with signature and docstring."""
    lines = ["# Python reference", "", "Written by `docs/reference/generate.py` from the docstrings.", ""]
    for name in MODULES:
        package = importlib.import_module(name)
        inner = [m.name for m in pkgutil.iter_modules(getattr(package, "__path__", []))]
        for module in (package, *(importlib.import_module(f"{name}.{part}") for part in inner if part[0] != "_")):
            lines += [line for block in entries(module) for line in block]
    return "\n".join(lines).rstrip() + "\n"


def entries(module: ModuleType) -> Iterator[list[str]]:
    """A heading and the documented functions and classes that the module itself defines or lists in ``__all__``."""
    listed = getattr(module, "__all__", ())
    found = []
    for name in sorted({*vars(module), *listed}):
        value = getattr(module, name)
        own = getattr(value, "__module__", None) == module.__name__ or name in listed
        wanted = (inspect.isfunction(value) or inspect.isclass(value)) and own and not name.startswith("_")
        if wanted and inspect.getdoc(value) and not is_error(value):
            found.append([f"### {name}", "", "```python", signature(value), "```", "", text(value), ""])
    if found or inspect.getdoc(module):
        yield [f"## {module.__name__}", "", text(module), ""]
    yield from found


def is_error(value: object) -> bool:
    """Errors document themselves where they are raised."""
    return inspect.isclass(value) and issubclass(value, BaseException)


def signature(value: object) -> str:
    """As the source writes it: a function's parameters, a class's fields."""
    (node,) = ast.parse(textwrap.dedent(inspect.getsource(value))).body  # type: ignore[arg-type]
    if isinstance(node, ast.ClassDef):
        fields = [ast.unparse(part) for part in node.body if isinstance(part, ast.AnnAssign)]
        return "\n".join([f"class {node.name}", *(f"    {field}" for field in fields if field[0] != "_")])
    assert isinstance(node, ast.FunctionDef)
    returns = f" -> {ast.unparse(node.returns)}" if node.returns else ""
    return f"{node.name}({ast.unparse(node.args)}){returns}"


def text(value: object) -> str:
    """The docstring as it stands: its layout carries meaning, so no Markdown is made of it."""
    return "```text\n" + (inspect.getdoc(value) or "").strip() + "\n```"


def commands_page() -> str:
    """``--help`` of every command."""
    lines = ["# Commands", "", "Written by `docs/reference/generate.py` from `visavox COMMAND --help`.", ""]
    context = click.Context(cli, info_name="visavox", max_content_width=100, terminal_width=100)
    for name in cli.list_commands(context):
        command = cli.get_command(context, name)
        assert command is not None
        inner = click.Context(command, info_name=name, parent=context, max_content_width=100, terminal_width=100)
        lines += [f"## visavox {name}", "", "```text", command.get_help(inner), "```", ""]
    return "\n".join(lines).rstrip() + "\n"


def pages() -> dict[str, str]:
    """Every generated file by its name."""
    return {
        "python.md": python_page(),
        "commands.md": commands_page(),
        "report.schema.json": json.dumps(report_schema(), indent=2, ensure_ascii=False) + "\n",
        "suite.schema.json": json.dumps(suite_schema(), indent=2, ensure_ascii=False) + "\n",
    }


def main(folder: Path) -> int:
    for name, content in pages().items():
        (folder / name).write_text(content, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]) if len(sys.argv) > 1 else HERE))
