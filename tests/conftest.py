"""What the whole suite shares: the real-data kit, private user folders, and small data sets made on the spot."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from visavox.media.image import encode_png

os.environ.pop("COLUMNS", None)  # no test depends on how wide its terminal is
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # before torch: idle threads sleep, as in the command
if "PYTEST_XDIST_WORKER" in os.environ:  # as many processes as cores: a second thread in each is work and no speed
    os.environ.setdefault("OMP_NUM_THREADS", "1")

settings.register_profile("visavox", deadline=None)  # no test is timed
settings.load_profile("visavox")

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))

from pretend import PIXELS_SUITE, texture  # noqa: E402 - found by the line above

SLOWEST_FIRST = (
    "test_recogniser_contract.py",
    "test_real_faces.py",
    "test_editor_contract.py",
    "test_verdicts.py",
    "test_verdicts_of_links.py",
    "test_killed.py",
    "test_swaps.py",
    "test_voices.py",
    "test_ubm.py",
    "test_beside.py",
    "test_known_figures.py",
    "test_utility.py",
)
"""Files that take longest: begun last, one of them would keep one process busy while the other has nothing left."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Slow files first; with ``--no-loadscope-reorder`` the processes take them in this order."""
    place = {name: number for number, name in enumerate(SLOWEST_FIRST)}
    items.sort(key=lambda item: place.get(item.path.name, len(place)))


@pytest.fixture(scope="session")
def kit() -> Path:
    """The real-data kit; tests that need it fail where it is absent, they never skip."""
    path = Path(os.environ.get("VISAVOX_KIT", ROOT / ".." / "shared" / "data")).resolve()
    if not (path / "faces.csv").is_file():
        pytest.fail(f"the real-data kit is not at {path}; set VISAVOX_KIT to its folder")
    return path


@pytest.fixture(scope="session", autouse=True)
def user_folders(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The user's data and cache folders of this test session, the cache one for all its processes.

    Nothing outlives the session: what it finds there, templates or people drawn, is of the code under test.
    """
    root = tmp_path_factory.mktemp("user")
    shared = tmp_path_factory.getbasetemp().parent if "PYTEST_XDIST_WORKER" in os.environ else root
    before = {name: os.environ.get(name) for name in ("XDG_DATA_HOME", "XDG_CACHE_HOME")}
    os.environ.update(XDG_DATA_HOME=str(root / "data"), XDG_CACHE_HOME=str(shared / "cache"))
    yield root
    for name, value in before.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value


@pytest.fixture(scope="session", autouse=True)
def _bytecode() -> Iterator[None]:
    """Workers find and keep bytecode where Python keeps it: a hundred of them are started."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("PYTHONDONTWRITEBYTECODE", raising=False)
        yield


@pytest.fixture
def register_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A register of runs of this test alone."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "user-data"))
    return tmp_path / "user-data" / "visavox"


MakePeople = Callable[..., Path]


@pytest.fixture
def make_people(tmp_path: Path) -> MakePeople:
    """Writes a manifest of pretend people: ``make_people(n_people, n_images)``."""

    def make(n_people: int, n_images: int = 4, name: str = "people") -> Path:
        folder = tmp_path / name
        folder.mkdir()
        rows = ["path,subject_id,modality"]
        for person in range(n_people):
            for image in range(n_images):
                file = folder / f"{person}-{image}.png"
                file.write_bytes(encode_png(texture(person, image)))
                rows.append(f"{file.name},person {person},face")
        (folder / "manifest.csv").write_text("\n".join(rows) + "\n")
        return folder / "manifest.csv"

    return make


@pytest.fixture
def pixels_suite(tmp_path: Path) -> Callable[..., Path]:
    """Writes a suite judged by the test recogniser ``pixels``: ``pixels_suite(manifest, editor)``."""

    def write(manifest: Path, editor: str, name: str = "pixels", extra: str = "") -> Path:
        path = tmp_path / f"{name}.yaml"
        path.write_text(PIXELS_SUITE.format(name=name, editor=editor, manifest=manifest) + extra)
        return path

    return write


@pytest.fixture(scope="session", autouse=True)
def _plugins() -> None:
    import pixels

    pixels.register()
