"""An honest PASS, run once, and copies of it to cheat with."""

from __future__ import annotations

from pathlib import Path

import pytest
from tampering import Scene, Site, copied, failing, honest_run, tampered, undecided


@pytest.fixture(scope="session")
def honest(tmp_path_factory: pytest.TempPathFactory) -> Site:
    """A finished, signed run that passes, with what lies beside it."""
    return honest_run(tmp_path_factory.mktemp("honest"))


@pytest.fixture
def scene(honest: Site, tmp_path: Path, register_folder: Path) -> Scene:
    """A copy of it, with a register of runs of its own."""
    return copied(honest, tmp_path)


@pytest.fixture(scope="session")
def sites(honest: Site, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Site]:
    """A site for every outcome of the gate."""
    found = {"PASS": honest}
    for name, act in (("FAIL", failing), ("INCONCLUSIVE", undecided), ("REFUSED", tampered)):
        copy = copied(honest, tmp_path_factory.mktemp(name.lower()))
        act(copy)
        found[name] = copy.site
    return found
