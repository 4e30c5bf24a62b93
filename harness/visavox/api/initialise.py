"""``visavox init``: a suite that runs as it is, with the place where the user's own model goes.

What is written comes from ``configs/templates``: words between at signs are filled in, the rest stands there as the
user gets it.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import Final, NamedTuple

from visavox.core.config import DEFAULT_OPERATION
from visavox.core.contracts import contract
from visavox.core.errors import ConfigError, RunFolderError
from visavox.core.resources import configs_dir
from visavox.core.terms import Modality, ToolClass


class EditorKind(StrEnum):
    """How the user's model is reached."""

    PYTHON = "python"
    COMMAND = "command"
    FOLDER = "folder"
    HTTP = "http"
    BASELINE = "baseline"


class _Baseline(NamedTuple):
    name: str
    params: str


BASELINES: Final = {
    ToolClass.ANONYMISE: _Baseline("pixelate", "{block_px: 8}"),
    ToolClass.SWAP: _Baseline("poisson_swap", "{}"),
    ToolClass.ATTRIBUTE: _Baseline("blur", "{sigma_px: 1}"),
    ToolClass.MORPH: _Baseline("landmark_morph", "{alpha: 0.5}"),
}
"""A reference for each tool class that can be initialised."""
_CODE: Final = {
    EditorKind.PYTHON: "adapter.py",
    EditorKind.COMMAND: "edit.py",
    EditorKind.FOLDER: "edit_cases.py",
    EditorKind.HTTP: "service.py",
}
_FALLBACK_NAME = "my-editor"


def initialise(folder: Path, *, kind: EditorKind, tool_class: ToolClass) -> tuple[Path, ...]:
    """Writes a commented suite, what its kind of editor needs and an empty manifest; never over a file.

    Returns:
        the files written, the suite first.

    Raises:
        ConfigError: a file of that name is there already; nothing was written.
        RunFolderError: the folder cannot be written.
    """
    texts = _texts(suite_name(folder), kind, tool_class)
    there = [name for name in texts if (folder / name).exists()]
    if there:
        raise ConfigError(
            f"write a suite into {folder}",
            found=f"there already: {', '.join(there)}; nothing was written",
            todo="name another folder, or move them away",
        )
    try:
        for name, text in texts.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("x", encoding="utf-8") as stream:
                stream.write(text)
    except OSError as error:
        raise RunFolderError(f"write a suite into {folder}", found=str(error), todo="name another folder") from error
    return tuple(folder / name for name in texts)


def _texts(name: str, kind: EditorKind, tool_class: ToolClass) -> dict[str, str]:
    """Relative path -> content."""
    roles = contract(tool_class).roles
    edit = _template(f"edits/{tool_class.value}.template")
    words = {
        "name": name,
        "tool_class": tool_class.value,
        "operation": DEFAULT_OPERATION[tool_class, Modality.FACE].value,
        "baseline": BASELINES[tool_class].name,
        "params": BASELINES[tool_class].params,
        "python": json.dumps(sys.executable, ensure_ascii=False),
        "more": _more_words(roles),
        "edit": edit,
        "imports": ", ".join(m for m in ("Image", "ImageDraw", "ImageFilter") if f"{m}." in edit),
        "roles": _tuple(roles),
        "roles_words": ", ".join(roles),
        "columns": _tuple([f"{role}_path" for role in roles]),
        "check": "" if len(roles) == 1 else f", roles=({_tuple(roles)})",
    }
    words["editor"] = _filled(_template(f"editors/{kind.value}.yaml.template"), words)
    texts = {"suite.yaml": _filled(_template("suite.yaml.template"), words)}
    if kind in _CODE:
        texts[_CODE[kind]] = _filled(_template(f"{_CODE[kind]}.template"), words)
    if kind is EditorKind.FOLDER:
        texts["outputs.csv"] = _template("outputs.csv")
    texts["people/manifest.csv"] = _template("manifest.csv")
    return texts


def _template(name: str) -> str:
    return (configs_dir() / "templates" / name).read_text("utf-8")


def _filled(text: str, words: dict[str, str]) -> str:
    return re.sub(r"@([a-z_]+)@", lambda found: words[found[1]], text)


def _more_words(roles: tuple[str, ...]) -> str:
    """The words of ``argv`` that a second person adds."""
    donor = ', --donor, "{donor}"' if len(roles) > 1 else ""
    return f'{donor}, --consent, "{{consent}}"'


def _tuple(names: Sequence[str]) -> str:
    """The inside of a tuple of texts; of one, with the comma that makes it a tuple."""
    inner = ", ".join(f'"{name}"' for name in names)
    return inner if len(names) > 1 else f"{inner},"


def suite_name(folder: Path) -> str:
    """The suite's name, from that of its folder."""
    found = re.sub(r"[^A-Za-z0-9._-]+", "-", folder.resolve().name).strip("._-")[:100]
    return found or _FALLBACK_NAME
