"""The files of the model under test: what an attestation names them by, and whether a model at hand is that one.

References: OpenSSF Model Signing v1.0, whose manifest lists the same files under the same names with the same SHA-256:
all below the model's folder but what belongs to git. Links are followed here, as the run's own digest does.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

from visavox.core.digest import sha256_file, sha256_json, tree_files
from visavox.core.errors import EvidenceError

from .statement import File, Resource, Statement

GIT_PATHS: Final = frozenset({".git", ".github", ".gitattributes", ".gitignore"})
"""What lies in a checkout and is no part of the model (OpenSSF Model Signing's default)."""
_SHOWN: Final = 5


class ModelFiles(NamedTuple):
    """A model at hand.

    Attributes:
        artifact: what a report binds to: a file's SHA-256, or that of a folder's list of files (``sha256_tree``).
        files: the files that an attestation names, sorted by path.
    """

    artifact: str
    files: tuple[File, ...]


def model_files(path: Path) -> ModelFiles:
    """Digests of a model's file, or of every file below its folder.

    Raises:
        EvidenceError: it is absent or cannot be read.
    """
    asked = f"read the model {path}"
    try:
        if path.is_file():
            digest = sha256_file(path)
            return ModelFiles(digest, (File(path=path.name, sha256=digest),))
        if not path.is_dir():
            raise EvidenceError(asked, found="there is nothing at that path", todo="name the model's file or folder")
        found = tree_files(path)
    except OSError as error:
        raise EvidenceError(asked, found=error.strerror or str(error), todo="check paths and rights") from error
    return ModelFiles(sha256_json(found), named_files(found))


def named_files(found: Sequence[tuple[str, str]]) -> tuple[File, ...]:
    """The files that an attestation names, of all below a model's folder: (path, SHA-256)."""
    kept = sorted((name, digest) for name, digest in found if name.split("/")[0] not in GIT_PATHS)
    return tuple(File(path=name, sha256=digest) for name, digest in kept)


def artifact_matches(path: Path, statement: Statement) -> None:
    """Checks that a model at hand is the one that was assessed.

    Raises:
        EvidenceError: it is not, naming the files that were added, removed, renamed or changed; or it cannot be read.
    """
    here = model_files(path)
    if here.artifact == statement.assessment.artifact:
        return
    raise EvidenceError(
        f"match the model {path} to the attestation",
        found=_difference(here, statement),
        todo="assess this model: visavox run SUITE --out DIR; or name the model that was assessed",
    )


def _difference(here: ModelFiles, statement: Statement) -> str:
    stated = f"it has {here.artifact[:16]}, the attestation names {statement.assessment.artifact[:16]}"
    if not statement.files:
        return f"{stated}, and no files: they were not at hand when it was signed, or the model is not in files"
    then = {one.name: one.digest.sha256 for one in statement.files}
    now = {one.path: one.sha256 for one in here.files}
    changed = [name for name in now if name in then and now[name] != then[name]]
    added, removed = [name for name in now if name not in then], [name for name in then if name not in now]
    renamed = []
    for name in list(removed):
        new = next((one for one in added if now[one] == then[name]), None)
        if new is not None:
            renamed.append(f"{name} to {new}")
            removed.remove(name)
            added.remove(new)
    said = [
        f"{what} {_listed(names)}"
        for what, names in (("changed", changed), ("added", added), ("removed", removed), ("renamed", renamed))
        if names
    ]
    rest = "files of git, which the attestation does not name, differ" if not said else "; ".join(said)
    return f"{stated}: {rest}"


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more


def subject_of(name: str, artifact: str, files: tuple[File, ...]) -> tuple[Resource, ...]:
    """The subject of a statement: the model as a whole under its name, then its files; names stand once."""
    taken = {one.path for one in files}
    while name in taken:
        name += " (the model)"
    rows = [(name, artifact), *((one.path, one.sha256) for one in files)]
    return tuple(Resource.model_validate({"name": n, "digest": {"sha256": digest}}) for n, digest in rows)
