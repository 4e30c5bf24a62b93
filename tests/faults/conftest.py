"""The real worker around the faulty editor, with short limits."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest

from visavox.engine.worker import EditorLimits, EditorWorker
from visavox.ports.editor import EditRequest

FAULTY = Path(__file__).with_name("faulty_editor.py")

Start = Callable[..., EditorWorker]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts workers; afterwards every process below this one has to be gone, and every private folder."""
    workers: list[EditorWorker] = []
    scratch = tmp_path / "scratch"

    def begin(
        entry: str = "load",
        *,
        timeout_s: float = 20.0,
        load_timeout_s: float = 20.0,
        memory_mb: int = 300,
        spec: dict[str, Any] | None = None,
        **params: Any,
    ) -> EditorWorker:
        spec = spec or {"kind": "python", "entry": f"{FAULTY}:{entry}", "artifact": None, "params": params}
        limits = EditorLimits(timeout_s, load_timeout_s, memory_mb)
        worker = EditorWorker(spec, device="cpu", limits=limits, scratch=scratch, stderr_path=tmp_path / "stderr.txt")
        workers.append(worker)
        return worker

    before = {p.pid for p in psutil.Process().children(recursive=True)}
    yield begin
    for worker in workers:
        worker.close()
    assert {p.pid for p in psutil.Process().children(recursive=True)} <= before
    assert not scratch.exists() or list(scratch.iterdir()) == []


def cases(n: int) -> list[EditRequest]:
    """Cases of differing sizes."""
    draw = np.random.default_rng(7)
    return [
        EditRequest(
            f"{i:016x}", "face-anonymisation", i, {"subject": draw.integers(0, 256, (8 + i, 9, 3), dtype=np.uint8)}
        )
        for i in range(n)
    ]


def inverted(requests: Sequence[EditRequest]) -> dict[str, bytes]:
    """What a sound case has to come out as."""
    return {r.case_id: (255 - np.asarray(r.media["subject"])).tobytes() for r in requests}
