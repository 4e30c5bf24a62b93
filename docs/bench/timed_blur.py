"""The baseline ``blur`` as a ``python`` editor that notes how long it loads and edits: the model's own time."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

CLOCK = time.process_time if os.environ.get("VISAVOX_BENCH_CLOCK") == "cpu" else time.perf_counter
_BEGUN = CLOCK()


class TimedBlur:
    concurrency = 1

    def __init__(self, editor: Any, log: Path) -> None:
        self._editor, self._log, self.max_batch = editor, log, editor.max_batch

    def edit(self, requests: Sequence[Any]) -> Sequence[Any]:
        started = CLOCK()
        edited = self._editor.edit(requests)
        _note(self._log, "edit", CLOCK() - started)
        return edited


def load(*, device: str, artifact: Path | None, params: Mapping[str, Any]) -> TimedBlur:
    from visavox.adapters.editors.baselines.blur import load as load_blur

    editor = load_blur(device=device, artifact=None, params={})
    log = Path(params["log"])
    _note(log, "load", CLOCK() - _BEGUN)
    return TimedBlur(editor, log)


def _note(log: Path, what: str, seconds: float) -> None:
    with log.open("a") as stream:
        stream.write(f"{what} {seconds}\n")
