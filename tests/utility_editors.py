"""Editors of known utility: what each leaves of a picture or a sound is told by ``params: {what: ...}``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from visavox.editor import Audio, EditRequest


class Editor:
    max_batch = 8

    def __init__(self, what: str) -> None:
        self._what = what

    def edit(self, requests: Sequence[EditRequest]) -> list[object]:
        return [self._one(request) for request in requests]

    def _one(self, request: EditRequest) -> object:
        given, rng = request.media["subject"], np.random.default_rng(request.seed)
        what = ("mild", "destroyed", "resized", "kept")[request.seed % 4] if self._what == "mixed" else self._what
        return sound(what, given, rng) if isinstance(given, Audio) else picture(what, given, rng)


def picture(what: str, given: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    if what == "mild":
        return (given + rng.normal(0, 3, given.shape)).clip(0, 255).astype(np.uint8)
    if what == "destroyed":
        return rng.integers(0, 256, given.shape, np.uint8)
    return given.copy() if what == "kept" else np.kron(given, np.ones((2, 2, 1), np.uint8))


def sound(what: str, given: Audio, rng: np.random.Generator) -> Audio:
    samples, n = given.samples, len(given.samples)
    if what == "mild":
        samples = 0.9 * samples + rng.normal(0, 1e-4, n)
    elif what == "destroyed":
        samples = rng.normal(0, 0.1, n)
    elif what == "clipped":
        samples = 12 * samples / np.abs(samples).max()
    elif what == "resized":
        samples = np.interp(np.arange(0, n, 0.8), np.arange(n), samples)
    return Audio(samples.clip(-1, 1).astype(np.float32), given.sample_rate_hz)


def load(*, device: str, artifact: str | None, params: Mapping[str, str]) -> Editor:
    return Editor(params["what"])
