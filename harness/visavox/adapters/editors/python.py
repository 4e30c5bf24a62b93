"""The editor kind ``python``: an entry ``load(*, device, artifact, params) -> Editor`` in a file or a module."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

from visavox.core.errors import EditorError
from visavox.ports.editor import Editor, EditorContext


def build(context: EditorContext) -> Editor:
    """Imports the entry and calls it.

    The spec's keys: ``entry``, either ``/folder/file.py:load`` (its folder is put first on ``sys.path``, so that it
    imports its neighbours) or ``package.module:load``; ``artifact``, a path or null; ``params``.

    Raises:
        EditorError: if the entry does not exist, or what it loads has no method ``edit``.
    """
    entry = str(context.spec.get("entry", ""))
    place, _, name = entry.rpartition(":")
    if not place or not name.isidentifier():
        raise EditorError(
            f"load the editor {entry!r}", found="this is no entry", todo="write file.py:load or package.module:load"
        )
    module = _module_of_file(Path(place)) if place.endswith(".py") else importlib.import_module(place)
    load: Any = getattr(module, name, None)
    if not callable(load):
        raise EditorError(f"load the editor {entry!r}", found=f"{place} has no function {name}")
    artifact = context.spec.get("artifact")
    editor: Any = load(
        device=context.device,
        artifact=None if artifact is None else Path(artifact),
        params=dict(context.spec.get("params") or {}),
    )
    if not callable(getattr(editor, "edit", None)):
        raise EditorError(
            f"load the editor {entry!r}",
            found=f"it returned a {type(editor).__qualname__}, which has no method edit",
            todo="return an object with edit(requests) -> results, one result per request in the same order",
        )
    loaded: Editor = editor
    return loaded


def _module_of_file(path: Path) -> ModuleType:
    if not path.is_file():
        raise EditorError(f"load the editor's file {path}", found="there is no such file")
    sys.path.insert(0, str(path.resolve().parent))
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None:
        raise EditorError(f"load the editor's file {path}", found="it cannot be imported as Python")
    module = importlib.util.module_from_spec(spec)
    sys.modules.setdefault(path.stem, module)  # dataclasses and pickles of its own look themselves up there
    spec.loader.exec_module(module)
    return module
