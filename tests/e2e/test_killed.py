"""A SIGKILL at any moment: the same command again ends with the undisturbed report."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from kill_loop import Outcome, command, kill_loop, timeless
from pretend import BASELINE, PIXELS_SUITE, PYTHON, texture

from visavox.media.image import encode_png

ENTRY = Path(__file__).parents[1] / "editors_under_test.py"
N_PEOPLE, N_IMAGES = 40, 4


def manifest_of(root: Path, n_people: int, n_images: int = N_IMAGES) -> Path:
    """Writes pretend people below ``root``."""
    people = root / "people"
    people.mkdir(parents=True)
    rows = ["path,subject_id,modality"]
    for person in range(n_people):
        for image in range(n_images):
            (people / f"{person}-{image}.png").write_bytes(encode_png(texture(person, image)))
            rows.append(f"{person}-{image}.png,p{person},face")
    (people / "manifest.csv").write_text("\n".join(rows) + "\n")
    return people / "manifest.csv"


def loop(root: Path, n_kills: int, seed: int = 1) -> Outcome:
    """Writes people and a suite below ``root``, runs it undisturbed, then under kills."""
    manifest = manifest_of(root, N_PEOPLE)
    log = root / "edits.log"
    params = json.dumps({"leak": 0.05, "fail": 0.02, "log": str(log), "sleep_s": 0.01})
    editor = PYTHON.format(entry=f"{ENTRY}:load", params=params)
    suite = root / "suite.yaml"
    suite.write_text(PIXELS_SUITE.format(name="killed", editor=editor, manifest=manifest))
    started = time.monotonic()
    subprocess.run(command(suite, root / "undisturbed"), check=True, capture_output=True)
    took = time.monotonic() - started
    log.unlink()
    return kill_loop(suite, root / "undisturbed", root / "killed", log, n_kills, seed=seed, longest_s=0.9 * took)


@pytest.mark.usefixtures("register_folder")
def test_three_kills_change_nothing(tmp_path: Path) -> None:
    outcome = loop(tmp_path, 3)
    assert outcome.kills == 3
    assert len(set(outcome.stages)) > 1, "the kills all fell into one moment; draw others"
    assert outcome.edited_again == 0
    assert outcome.left_behind == 0
    assert outcome.reports_equal


@pytest.mark.usefixtures("register_folder")
def test_a_run_killed_as_it_takes_known_figures_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    first, killed = tmp_path / "first", tmp_path / "killed"
    suite = tmp_path / "suite.yaml"
    text = PIXELS_SUITE.format(name="known", editor=BASELINE.format(name="identity"), manifest=manifest_of(tmp_path, 8))
    suite.write_text(text + "execution: {cache: true}\n")
    subprocess.run(command(suite, first), check=True, capture_output=True)
    process = subprocess.Popen(command(suite, killed), stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 60
    while not list(killed.rglob("*.parquet")):
        assert time.monotonic() < deadline and process.poll() is None
        time.sleep(0.002)
    process.kill()
    process.wait()
    assert not (killed / "report.json").exists()
    subprocess.run(command(suite, killed), check=True, capture_output=True)
    assert timeless(killed) == timeless(first)
    clocks = [json.loads((folder / "report.json").read_bytes())["clock"] for folder in (first, killed)]
    assert [(clock["has_known_figures"], clock["sessions"]) for clock in clocks] == [(False, 1), (True, 2)]
    tables = [{path.name: path.read_bytes() for path in folder.rglob("*.parquet")} for folder in (first, killed)]
    assert tables[0] == tables[1] and len(tables[0]) > 3


@pytest.mark.usefixtures("register_folder")
def test_what_a_killed_run_left_half_done_is_swept(tmp_path: Path) -> None:
    """A kill in the middle of a `command` case leaves a picture; the finished run must not hold it."""
    manifest = manifest_of(tmp_path, 4, 2)
    (tmp_path / "slow.py").write_text(
        "import pathlib, shutil, sys, time\n"
        "time.sleep(0 if pathlib.Path('go').exists() else 60)\n"
        "shutil.copy(sys.argv[1], sys.argv[2])\n"
    )
    argv = json.dumps([sys.executable, "slow.py", "{input}", "{output}"])
    stated = "name: slow, version: '1', operation: face-anonymisation, tool_class: anonymise"
    editor = f"{{kind: command, argv: {argv}, {stated}}}"
    suite = tmp_path / "suite.yaml"
    suite.write_text(PIXELS_SUITE.format(name="swept", editor=editor, manifest=manifest))
    process = subprocess.Popen(command(suite, tmp_path / "run"), stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 60
    while not list((tmp_path / "run").rglob("input.png")):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    process.kill()
    process.wait()
    assert list((tmp_path / "run").rglob("input.png"))
    (tmp_path / "go").touch()
    subprocess.run(command(suite, tmp_path / "run"), check=True, capture_output=True)
    assert [p for p in (tmp_path / "run").rglob("*") if p.suffix == ".png" or p.name.startswith("worker-")] == []
    assert not (tmp_path / "run" / "scratch").exists()
