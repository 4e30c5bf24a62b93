"""Editors of known behaviour: what a harness must say of them is known before it looks.

Each is the entry of a ``python`` editor, for instance ``entry: visavox.testing.editors:leak_share`` with
``params: {share: 0.3, seed: 7}``. They are the positive and negative controls of the harness itself: one that always
refuses must never pass, one that leaks a known share must be found to leak that share.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from visavox.core.errors import ConfigError
from visavox.core.seeding import child_seed, generator
from visavox.media.image import decode_image
from visavox.ports.editor import Audio, Editor, EditRequest, EditResult, Failed, Media, Refused

_SEED_RANGE = 2.0**63
_SUFFIXES = {".png", ".jpg", ".jpeg"}


@dataclass(frozen=True)
class _Each:
    """An editor that answers every request by one function."""

    answer: Callable[[EditRequest], EditResult]
    max_batch: int = 8

    def edit(self, requests: Sequence[EditRequest]) -> list[EditResult]:
        return [self.answer(request) for request in requests]


def always_refuse(*, device: str, artifact: Path | None, params: Mapping[str, Any]) -> Editor:
    """Refuses every case."""
    return _Each(lambda request: Refused("this editor refuses every case"))


def always_fail(*, device: str, artifact: Path | None, params: Mapping[str, Any]) -> Editor:
    """Says of every case that it failed."""
    return _Each(lambda request: Failed("this editor fails every case"))


def always_constant(*, device: str, artifact: Path | None, params: Mapping[str, Any]) -> Editor:
    """Answers every case with one flat medium of the input's size: grey ``level`` (0..255, 128), or silence."""
    level = int(params.get("level", 128))
    return _Each(lambda request: _flat(_input(request), level))


def always_noise(*, device: str, artifact: Path | None, params: Mapping[str, Any]) -> Editor:
    """Answers every case with noise of the input's size, drawn by the case's own seed."""
    return _Each(lambda request: _noise(_input(request), request.seed))


def leak_share(*, device: str, artifact: Path | None, params: Mapping[str, Any]) -> Editor:
    """Returns the input unchanged in a share of the cases, and otherwise a medium that has nothing of it.

    Which cases leak hangs on ``seed`` and the case id alone, see `leaks`.

    Args:
        device: not used.
        artifact: a folder of images of other people, one of which answers a case that does not leak (chosen by the
            case); without it, a flat grey image or silence.
        params: ``share`` in [0, 1]; ``seed`` (0).

    Raises:
        ConfigError: if the share is not in [0, 1], or the folder holds no image.
    """
    share, seed = float(params.get("share", 0.0)), int(params.get("seed", 0))
    if not 0.0 <= share <= 1.0:
        raise ConfigError("leak in a share of the cases", found=f"share {share}", todo="a number from 0 to 1")
    others = sorted(path for path in artifact.iterdir() if path.suffix in _SUFFIXES) if artifact else []
    if artifact and not others:
        raise ConfigError(f"answer with other people's images of {artifact}", found="it holds no .png or .jpg")

    def answer(request: EditRequest) -> EditResult:
        if leaks(request.case_id, share=share, seed=seed):
            return _input(request)
        if others:
            return decode_image(others[child_seed(seed, "other", request.case_id) % len(others)].read_bytes())
        return _flat(_input(request), 128)

    return _Each(answer)


def leaks(case_id: str, *, share: float, seed: int = 0) -> bool:
    """Whether `leak_share` leaks this case; true in ``share`` of all cases.

    A case that leaks at one share leaks at every larger one.


    >>> [leaks(f"{i:016x}", share=0.5, seed=7) for i in range(4)]
    [False, False, True, True]
    >>> sum(leaks(f"{i:016x}", share=0.3, seed=7) for i in range(1000))
    313
    """
    return child_seed(seed, "leak", case_id) < share * _SEED_RANGE


def _input(request: EditRequest) -> Media:
    """The host, else the subject, else the first medium by the role's name."""
    for role in ("host", "subject", *sorted(request.media)):
        if role in request.media:
            return request.media[role]
    raise ConfigError(f"edit case {request.case_id}", found="it has no medium")


def _flat(media: Media, level: int) -> Media:
    if isinstance(media, Audio):
        return Audio(np.zeros_like(media.samples), media.sample_rate_hz)
    return np.full_like(media, level)


def _noise(media: Media, seed: int) -> Media:
    draw = generator(seed, "noise")
    if isinstance(media, Audio):
        samples = draw.normal(0.0, 0.1, media.samples.shape).astype(np.float32)
        return Audio(samples, media.sample_rate_hz)
    return draw.integers(0, 256, media.shape, dtype=np.uint8)
