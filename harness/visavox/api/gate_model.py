"""Whether a model at hand is the one that a run assessed: its files, digested again and named where they differ."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from visavox.api.gate_evidence import Evidence
from visavox.core.digest import is_canonical_json, sha256_file, sha256_json, tree_files
from visavox.core.errors import EvidenceError
from visavox.core.strict_json import read_evidence, strict_json

_SHOWN: Final = 5


def check_model(run: Evidence, path: Path) -> None:
    """Digests a model again: every file of a folder, or the one file.

    Raises:
        EvidenceError: it is not the one that the report is about, naming the files that were added, removed or
            changed; it cannot be read; or the run binds to no files.
    """
    stated, asked = run.report.subject.digest.sha256, f"gate the model {path}"
    if run.suite.editor.artifact is None and run.suite.editor.kind != "mlflow":
        raise EvidenceError(
            asked,
            found=f"the run binds to no files of a model: its suite names no editor.artifact ({stated[:16]})",
            todo="name the weights in the suite, editor.artifact, and run again",
        )
    try:
        if not path.exists():
            raise EvidenceError(asked, found="there is nothing at that path", todo="name the model's file or folder")
        if path.is_file() and is_canonical_json(path):
            raise EvidenceError(asked, found="it is a list or description in JSON, no model", todo="name the model")
        files = [(path.name, sha256_file(path))] if path.is_file() else tree_files(path)
    except OSError as error:
        raise EvidenceError(asked, found=str(error), todo="check paths and rights") from error
    found = files[0][1] if path.is_file() else sha256_json(files)
    if found != stated:
        raise EvidenceError(
            asked,
            found=f"the report is about {stated[:16]}, this is {found[:16]}{_difference(run, files)}",
            todo="gate the model that was assessed, or run the suite on this one",
        )


def _difference(run: Evidence, files: Sequence[tuple[str, str]]) -> str:
    """What differs, by name; empty where the run keeps no list of files, as of a single one."""
    path = run.folder.model
    if not path.exists():
        return ""
    rows = strict_json(read_evidence(path), what=path.name)
    if sha256_json(rows) != run.seal.artifact:
        return f"; {path.name} is not the list of the sealed model"
    before, now = {name: digest for name, digest in rows}, dict(files)
    said = (
        ("changed", [name for name in now if name in before and before[name] != now[name]]),
        ("added", [name for name in now if name not in before]),
        ("removed", [name for name in before if name not in now]),
    )
    return "".join(f"; {what} {_listed(names)}" for what, names in said if names)


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more
