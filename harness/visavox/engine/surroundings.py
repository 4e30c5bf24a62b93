"""Everything beside its inputs that a result of this very program rests on, as one digest."""

from __future__ import annotations

import importlib.util
import os
import platform
import sys
from functools import lru_cache
from importlib import metadata
from pathlib import Path

from visavox.core.digest import sha256_file, sha256_json, sha256_tree
from visavox.core.resources import configs_dir

_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


@lru_cache(maxsize=1)
def surroundings() -> str:
    """Digest of Python, machine, threads, installed packages, and the code and configuration of this one.

    Of packages their names and versions count; of this one and its plug-ins, which may be installed to be worked on,
    every file of Python.
    """
    ours = {"visavox", *(point.module.partition(".")[0] for point in metadata.entry_points(group="visavox.plugins"))}
    code = {}
    for name in sorted(ours):
        spec = importlib.util.find_spec(name)
        for place in (spec.submodule_search_locations or []) if spec else []:
            code[name] = _code_below(Path(place))
    threads = [os.cpu_count(), *(os.environ.get(name) for name in _THREADS)]
    machine = [platform.python_version(), platform.machine(), platform.processor(), *threads]
    return sha256_json([machine, _installed(), code, sha256_tree(configs_dir())])


def _installed() -> list[str]:
    """Name and version of every package, as the folders say that were installed beside it."""
    places = [Path(place or ".") for place in sys.path]
    return sorted({path.name for place in places for kind in ("dist", "egg") for path in place.glob(f"*.{kind}-info")})


def _code_below(root: Path) -> list[list[str]]:
    return [[path.relative_to(root).as_posix(), sha256_file(path)] for path in sorted(root.rglob("*.py"))]
