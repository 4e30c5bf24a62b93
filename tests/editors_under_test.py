"""Editors with a known leak, for the verdict paths: entries of ``kind: python`` suites."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from visavox.editor import Editor, EditRequest, EditResult, Failed, Refused


class Mixed:
    """Returns its input in a seeded share of cases, a stranger's picture otherwise.

    params: ``leak`` (share of cases that leak), ``fail`` and ``refuse`` (shares that fail or are refused), ``log`` (a
    file that gets every edited case's id), ``sleep_s`` (a pause in each case).
    """

    max_batch = 8

    def __init__(self, params: Mapping[str, Any]) -> None:
        self.leak = float(params.get("leak", 0.0))
        self.fail = float(params.get("fail", 0.0))
        self.refuse = float(params.get("refuse", 0.0))
        self.log = params.get("log")
        self.sleep_s = float(params.get("sleep_s", 0.0))

    def edit(self, requests: Sequence[EditRequest]) -> list[EditResult]:
        return [self._one(request) for request in requests]

    def _one(self, request: EditRequest) -> EditResult:
        time.sleep(self.sleep_s)
        if self.log:
            with Path(self.log).open("a") as stream:
                stream.write(f"{request.case_id}\n")
        rng = np.random.default_rng(int(request.case_id, 16))
        draw = rng.random()
        image = np.asarray(request.media["subject"])
        if draw < self.fail:
            return Failed("asked to")
        if draw < self.fail + self.refuse:
            return Refused("asked to")
        if draw < self.fail + self.refuse + self.leak:
            return image.copy()
        field = np.kron(rng.normal(0, 1, (8, 8, 3)), np.ones((4, 4, 1)))
        return np.clip(128 + 40 * field, 0, 255).astype(np.uint8)


def load(*, device: str, artifact: Path | None, params: Mapping[str, Any]) -> Editor:
    return Mixed(params)
