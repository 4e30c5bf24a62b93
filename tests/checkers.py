"""A detector and an editor for tests of detectability: one draws a faint chequered pattern, the other sees it.

The detector recognises the pretend people in the pictures too, and keeps whom it was fitted to and whom it judged.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from pretend import texture

from visavox.core.digest import sha256_json
from visavox.core.terms import Modality
from visavox.metrics.logistic import fit_logistic
from visavox.ports.detector import Described, Scored, detectors
from visavox.ports.editor import EditRequest, EditResult, Media
from visavox.ports.recogniser import FailureToAcquire
from visavox.ports.watermark import Decoded, watermarks

SIDE_PX = 96
CHEQUERS = np.indices((SIDE_PX, SIDE_PX)).sum(axis=0) % 2 * 2.0 - 1.0
INNER = np.pad(np.ones((SIDE_PX // 2, SIDE_PX // 2)), SIDE_PX // 4)
AMPLITUDE = 12.0
N_PEOPLE = 64
SIDE = 8


def picture(person: int, image: int) -> np.ndarray:
    """A pretend person's picture, large enough for format cues."""
    fine: np.ndarray = np.kron(texture(person, image), np.ones((3, 3, 1), np.uint8))
    return fine


def _coarse(image: np.ndarray) -> np.ndarray:
    blocks: np.ndarray = image.reshape(SIDE, SIDE_PX // SIDE, SIDE, SIDE_PX // SIDE, 3).mean(axis=(1, 3, 4))
    return blocks.ravel()


class Use(NamedTuple):
    """People a model was fitted to, and those whose media it scored."""

    fitted: frozenset[int]
    scored: set[int]


class Checkers:
    """One feature, the pattern's amplitude; who is shown goes along with it."""

    id = "checkers"
    modality = Modality.FACE
    digest = sha256_json(["checkers", 1])
    uses: list[Use]

    def __init__(self) -> None:
        self.uses = []
        self._people = np.stack([np.mean([_coarse(picture(p, i)) for i in range(4)], axis=0) for p in range(N_PEOPLE)])

    def describe(self, media: Sequence[Media]) -> list[Described]:
        return [self._one(np.asarray(image, np.float64)) for image in media]

    def _one(self, image: np.ndarray) -> Described:
        if image.shape != (SIDE_PX, SIDE_PX, 3):
            return FailureToAcquire("another size")
        person = int(np.argmin(np.linalg.norm(self._people - _coarse(image), axis=1)))
        return np.array([float((image.mean(axis=2) * CHEQUERS * INNER).mean()), float(person)])

    def fit_described(
        self,
        bona_fide: Sequence[Described],
        edited: Sequence[Described],
        *,
        bona_fide_persons: Sequence[int] = (),
        edited_persons: Sequence[int] = (),
    ) -> FittedCheckers:
        known = [[one for one in part if not isinstance(one, FailureToAcquire)] for part in (bona_fide, edited)]
        use = Use(frozenset(int(one[1]) for part in known for one in part), set())
        self.uses.append(use)
        return FittedCheckers(self, fit_logistic(*([one[:1] for one in part] for part in known)), use)


class FittedCheckers:
    """See `Checkers`."""

    def __init__(self, untrained: Checkers, model: Any, use: Use) -> None:
        self.id, self.modality, self.digest = untrained.id, untrained.modality, untrained.digest
        self._model, self._use = model, use

    def score_described(self, described: Sequence[Described]) -> list[Scored]:
        return [self._score(one) for one in described]

    def _score(self, one: Described) -> Scored:
        if isinstance(one, FailureToAcquire):
            return one
        self._use.scored.add(int(one[1]))
        return float(self._model.scores(one[None, :1])[0])


BUILT: list[Checkers] = []
"""Every detector that a run has built, oldest first."""


def build(params: Mapping[str, Any], modality: Modality, device: str) -> Checkers:
    BUILT.append(Checkers())
    return BUILT[-1]


class Decoder:
    """A watermark's: the pattern's amplitude as a score."""

    id = "chequers"
    modality = Modality.FACE
    digest = sha256_json(["chequers", 1])

    def decode(self, media: Sequence[Media]) -> list[Decoded | FailureToAcquire]:
        return [Decoded(score=float((np.asarray(one, float).mean(axis=2) * CHEQUERS * INNER).mean())) for one in media]


def register() -> None:
    """Registers detector ``checkers`` and watermark ``chequers`` once."""
    detectors.register("checkers", build)
    watermarks.register("chequers", lambda params, modality, device: Decoder())


def is_marked(case_id: str, share: float) -> bool:
    """Whether the editor draws its pattern on a case; true for ``share`` of them."""
    return int(hashlib.sha256(case_id.encode()).hexdigest()[:8], 16) < share * 2**32


class Marking:
    """Draws the pattern on a known share of the outputs and leaves the rest as they are."""

    max_batch = 16

    def __init__(self, share: float, pattern: np.ndarray) -> None:
        self._share, self._pattern = share, pattern[..., None]

    def edit(self, requests: Sequence[EditRequest]) -> list[EditResult]:
        return [self._edit(request) for request in requests]

    def _edit(self, request: EditRequest) -> EditResult:
        image = np.asarray(next(iter(request.media.values())))
        if not is_marked(request.case_id, self._share):
            return image
        return np.clip(image + self._pattern, 0, 255).astype(np.uint8)


def load(*, device: str, artifact: Any, params: Mapping[str, Any]) -> Marking:
    reach = 1.0 if params.get("to_the_border") else INNER
    return Marking(float(params.get("share", 1.0)), AMPLITUDE * CHEQUERS * reach)
