"""Kills a run at random moments, starts the same command again, and compares with an undisturbed run.

``python tests/e2e/kill_loop.py N FOLDER`` prints what happened; the test beside it runs a short form.
"""

from __future__ import annotations

import json
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

import psutil

TESTS = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(TESTS))


class Outcome(NamedTuple):
    """What a loop of kills showed.

    Attributes:
        kills: processes killed before they ended by themselves.
        stages: where the journal stood at each kill: finished units.
        edited_again: finished cases that a later session edited once more.
        left_behind: processes of the run alive two seconds after a kill.
        reports_equal: every report is the undisturbed one, clock aside.
    """

    kills: int
    stages: list[int]
    edited_again: int
    left_behind: int
    reports_equal: bool


def kill_loop(
    suite: Path, undisturbed: Path, folder: Path, log: Path, n_kills: int, *, seed: int, longest_s: float
) -> Outcome:
    """Kills ``n_kills`` times at moments drawn from [0, ``longest_s``], then lets the command end."""
    rng = random.Random(seed)
    kills, stages, again, left, equal = 0, [], 0, 0, True
    while kills < n_kills:
        finished, seen = _finished(folder), len(_lines(log))
        process = subprocess.Popen(command(suite, folder), stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        try:
            process.wait(timeout=rng.uniform(0.0, longest_s))
        except subprocess.TimeoutExpired:
            children = psutil.Process(process.pid).children(recursive=True)
            process.send_signal(signal.SIGKILL)
            process.wait()
            kills += 1
            left += _alive(children)
        again += len(finished & set(_lines(log)[seen:]))
        stages.append(_units(folder))
        if process.returncode == 0:  # it ended before its kill: begin another run
            equal = equal and timeless(folder) == timeless(undisturbed)
            shutil.rmtree(folder)
            log.unlink()
    finished, seen = _finished(folder), len(_lines(log))
    subprocess.run(command(suite, folder), check=True, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    again += len(finished & set(_lines(log)[seen:]))
    return Outcome(kills, stages, again, left, equal and timeless(folder) == timeless(undisturbed))


def command(suite: Path, folder: Path) -> list[str]:
    """The command line of one run, judged by the test recogniser."""
    return [sys.executable, str(TESTS / "pixels.py"), "run", str(suite), "--out", str(folder), "--progress", "none"]


def timeless(folder: Path) -> dict[str, object]:
    """A report without its clock."""
    report: dict[str, object] = json.loads((folder / "report.json").read_bytes())
    report.pop("clock")
    return report


def _alive(processes: list[psutil.Process]) -> int:
    deadline = time.monotonic() + 2.0
    while time.monotonic() < deadline:
        running = [p for p in processes if p.is_running() and p.status() != psutil.STATUS_ZOMBIE]
        if not running:
            return 0
        time.sleep(0.05)
    return len(running)


def _query(folder: Path, sql: str) -> list[tuple[object, ...]]:
    path = folder / "journal.sqlite"
    if not path.exists():
        return []
    with sqlite3.connect(path) as db:
        try:
            return db.execute(sql).fetchall()
        except sqlite3.OperationalError:  # killed before the tables stood
            return []


def _finished(folder: Path) -> set[str]:
    return {str(row[0]) for row in _query(folder, "SELECT case_id FROM edits")}


def _units(folder: Path) -> int:
    return len(_query(folder, "SELECT 1 FROM units"))


def _lines(log: Path) -> list[str]:
    return log.read_text().split() if log.exists() else []


if __name__ == "__main__":
    import test_killed

    print(test_killed.loop(Path(sys.argv[2]), int(sys.argv[1])))
