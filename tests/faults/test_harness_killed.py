"""The harness is killed with SIGKILL in the middle of a case: nothing of the model's is left running."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

HARNESS = """
import sys
from pathlib import Path
import numpy as np
from visavox.engine.worker import EditorLimits, EditorWorker
from visavox.ports.editor import EditRequest

spec = {spec!r}
folder = Path({folder!r})
request = EditRequest("0" * 16, "face-swap", 1, {{"host": np.zeros((8, 8, 3), np.uint8)}})
with EditorWorker(spec, device="cpu", limits=EditorLimits(60, 60, 4000), scratch=folder / "scratch",
                  stderr_path=folder / "stderr.txt") as worker:
    worker.run_unit([request])
"""

SLEEPER = """
import os, subprocess, sys, time
from pathlib import Path
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        Path(sys.argv[1]).write_text("daemon")
        time.sleep(120)
    os._exit(0)
subprocess.run(["sleep", "120"])
"""

EDITOR = """
import os, subprocess, sys
class Editor:
    def edit(self, requests):
        subprocess.run([sys.executable, {sleeper!r}, {flag!r}])
def load(*, device, artifact, params):
    return Editor()
"""


@pytest.mark.parametrize("kind", ["command", "python"])
def test_nothing_outlives_a_killed_harness(kind: str, tmp_path: Path) -> None:
    sleeper, flag, editor = tmp_path / "sleeper.py", tmp_path / "flag", tmp_path / "editor.py"
    sleeper.write_text(SLEEPER)
    editor.write_text(EDITOR.format(sleeper=str(sleeper), flag=str(flag)))
    argv = [sys.executable, str(sleeper), str(flag), "{input}", "{output}"]
    spec = {"command": {"kind": kind, "argv": argv}, "python": {"kind": kind, "entry": f"{editor}:load"}}[kind]
    harness = subprocess.Popen([sys.executable, "-c", HARNESS.format(spec=spec, folder=str(tmp_path))])
    try:
        descendants = _await_tree(harness.pid, flag)
        assert {"sleep"} < {p.name() for p in descendants}
        assert len(descendants) >= 5  # guard, worker, program, its child, its daemon
    finally:
        harness.kill()
        harness.wait()
    _, alive = psutil.wait_procs(descendants, timeout=10)
    assert alive == []


def _await_tree(pid: int, flag: Path) -> list[psutil.Process]:
    until = time.monotonic() + 30
    while time.monotonic() < until:
        found: list[psutil.Process] = psutil.Process(pid).children(recursive=True)
        if flag.exists() and any(p.name() == "sleep" for p in found):
            return psutil.Process(pid).children(recursive=True)
        time.sleep(0.05)
    raise AssertionError("the editor never came to work")
