"""Digests of the model under test: what a report binds to, and the editor's own code."""

from __future__ import annotations

import shutil
from pathlib import Path

from pydantic import JsonValue

from .config import CommandEditor, EditorSpec, FolderEditor, HttpEditor, MlflowEditor, PythonEditor
from .digest import sha256_bytes, sha256_file, sha256_json, sha256_tree
from .errors import ConfigError
from .outputs_list import read_outputs_list


def artifact_digest(editor: EditorSpec) -> str:
    """Digest that a report binds to: the artifact's files, else what defines the editor (STATISTICS 4).

    Raises:
        ConfigError: if a file it rests on is absent.
    """
    params: dict[str, JsonValue] = dict(editor.params)
    try:
        if editor.artifact is not None:
            return sha256_tree(_existing(editor.artifact, "editor.artifact"))
        if isinstance(editor, PythonEditor):
            file, _, name = editor.entry.rpartition(":")
            code = sha256_file(_existing(file, "editor.entry")) if file.endswith(".py") else file
            return sha256_json({"entry": name, "code": code, "params": params})
        if isinstance(editor, FolderEditor):
            return sha256_json(_folder_files(_existing(editor.path, "editor.path")))
        if isinstance(editor, CommandEditor):
            folder = Path(editor.cwd or ".")
            program = _program(editor.argv[0], folder)
            files = [sha256_file(folder / word) if (folder / word).is_file() else word for word in editor.argv[1:]]
            return sha256_json({"program": sha256_file(program), "argv": files})
        if isinstance(editor, HttpEditor):  # what lies behind the address may change: the report says so
            return sha256_json(
                {"url": editor.url, "method": editor.method, "version": editor.version, "params": params}
            )
        if isinstance(editor, MlflowEditor):
            raise ConfigError(
                f"editor.uri: {editor.uri}", found="it was not fetched", todo="`visavox run` fetches it before it seals"
            )
    except OSError as error:
        raise ConfigError("read the files of the editor", found=str(error), todo="check paths and rights") from error
    return sha256_bytes(sha256_json({"name": editor.name, "params": params, "version": editor.version}).encode())


def code_digest(editor: EditorSpec) -> str:
    """Digest of the editor's own code: a ``python`` entry's file and the modules beside it, else as the artifact's.

    A run may not be continued over changed code, even where the report binds to weights.

    Raises:
        ConfigError: if a file it rests on is absent.
    """
    if isinstance(editor, PythonEditor):
        file = editor.entry.rpartition(":")[0]
        if file.endswith(".py"):
            modules = sorted(_existing(file, "editor.entry").parent.glob("*.py"))
            return sha256_json([[path.name, sha256_file(path)] for path in modules])
    if isinstance(editor, MlflowEditor):  # its code lies among its files
        return artifact_digest(editor)
    return artifact_digest(editor.model_copy(update={"artifact": None}))


def _existing(path: str, key: str) -> Path:
    if not Path(path).exists():
        raise ConfigError(
            f"{key}: {path}", found="there is nothing at that path", todo="paths are relative to the suite file"
        )
    return Path(path)


def _folder_files(table: Path) -> dict[str, str]:
    files = [row.path for row in read_outputs_list(table).rows if row.path is not None and row.path.is_file()]
    root = table.resolve().parent
    digests = {file.relative_to(root).as_posix(): sha256_file(file) for file in files}
    return digests | {table.name: sha256_file(table)}


def _program(word: str, folder: Path) -> Path:
    found = shutil.which(str(folder / word) if "/" in word else word)
    if found is None:
        raise ConfigError(
            f"editor.argv: the program {word!r}",
            found="is not on PATH and is no executable file",
            todo="install it, or give its path",
        )
    return Path(found)
