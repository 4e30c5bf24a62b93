"""Where networks come from: optional packages, files inside their wheels, and pinned weight files.

A recogniser finds and checks all of them when it is made, and loads its networks when they are first used: a run whose
templates are all known from an earlier one loads none.
"""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from visavox.core.digest import sha256_bytes
from visavox.core.errors import MissingDependencyError, WeightsError


def import_package(name: str, *, extra: str = "models") -> Any:
    """Imports an optional package or one of its modules.

    Args:
        extra: the extra of Visavox that brings the package.

    Raises:
        MissingDependencyError: if it is not installed; the message names the extra that brings it.
    """
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise MissingDependencyError(f"import {name}", found=str(error), todo=_install(extra)) from error


def declared_families(families: Sequence[str], sha256: str) -> frozenset[str]:
    """The families that a suite states of a network, and the network itself: one file under two names stays one.

    >>> sorted(declared_families(["arcface"], "ab" * 32)), sorted(declared_families([], "ab" * 32))
    (['arcface', 'weights-abababababababab'], ['undeclared'])
    """
    return frozenset((*families, f"weights-{sha256[:16]}") if families else ("undeclared",))


def require_packages(*names: str, extra: str = "models") -> None:
    """Finds optional packages without importing them.

    Raises:
        MissingDependencyError: if one is not installed.
    """
    for name in names:
        if importlib.util.find_spec(name) is None:
            raise MissingDependencyError(f"find the package {name}", found="it is not installed", todo=_install(extra))


def file_of_package(package: str, *parts: str, extra: str = "models") -> Path:
    """The path of a file inside an installed package, which is not imported for it.

    Raises:
        MissingDependencyError: if the package is not installed.
        WeightsError: if it is, but has no such file.
    """
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise MissingDependencyError(f"find the package {package}", found="it is not installed", todo=_install(extra))
    path = Path(spec.submodule_search_locations[0]).joinpath(*parts)
    if not path.is_file():
        raise WeightsError(
            f"find {'/'.join(parts)} of {package}", found=f"no file {path}", todo=f"reinstall: {_install(extra)}"
        )
    return path


def read_pinned(path: Path, sha256: str) -> bytes:
    """The content of a weight file whose SHA-256 is the pinned one.

    Raises:
        WeightsError: if there is no such file or its digest differs; nothing of it is loaded then.
    """
    asked = f"read the weights {path}"
    try:
        data = path.read_bytes()
    except OSError as error:
        raise WeightsError(asked, found=f"not readable: {error.strerror}", todo="correct the path") from error
    found = sha256_bytes(data)
    if found != sha256.lower():
        raise WeightsError(
            asked,
            found=f"SHA-256 {found}, pinned is {sha256}",
            todo="fetch the pinned file again, or pin this one if it is the network you mean to use",
        )
    return data


def _install(extra: str) -> str:
    return f"pip install 'visavox[{extra}]'"
