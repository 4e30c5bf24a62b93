"""The door ``detector``: passive detectors, which tell synthetic media from bona fide ones without any mark.

A detector gives attack scores: higher = more synthetic. One that learns is fitted inside the run, on people whom it is
not judged by, to this editor's outputs against bona fide media: what an informed defender could reach. It first
*describes* a medium, which needs nobody else's, and is then fitted to descriptions and scores them: a medium is
described once for all folds. Bona fide and edited media come to it through the same decoding, size, codec and
perturbation; nothing here tells them apart.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, Protocol, TypeAlias, runtime_checkable

import numpy as np
import numpy.typing as npt

from visavox.core.registry import Registry
from visavox.core.terms import Modality

from .editor import Media
from .recogniser import FailureToAcquire

Features: TypeAlias = npt.NDArray[np.float64]
"""What a learning detector knows of a medium: a vector, or a matrix of one row a frame; finite."""
Described: TypeAlias = "Features | FailureToAcquire"
"""A medium's features, or why it has none."""
Scored: TypeAlias = "float | FailureToAcquire"
"""A medium's attack score, higher = more synthetic, or why it has none."""


@runtime_checkable
class Detector(Protocol):
    """One detector that is ready to score, because it was trained elsewhere or needs no training.

    Attributes:
        id: what estimates say of it.
        modality: face (images) or voice (sounds).
        digest: SHA-256 over weights and every setting that changes a score.
    """

    id: str
    modality: Modality
    digest: str

    def score(self, media: Sequence[Media]) -> list[Scored]:
        """The attack score of each medium, or why it has none; same length, same order."""
        ...


@runtime_checkable
class FittedDetector(Protocol):
    """A learning detector after its fit.

    Attributes:
        id, modality: as of `Detector`.
        digest: SHA-256 over the detector's own digest and what it has learnt.
    """

    id: str
    modality: Modality
    digest: str

    def score_described(self, described: Sequence[Described]) -> list[Scored]:
        """The attack score of each described medium, or why it has none; same length, same order."""
        ...


@runtime_checkable
class LearningDetector(Protocol):
    """A detector that has to be fitted before it scores.

    Attributes:
        id, modality: as of `Detector`.
        digest: SHA-256 over every setting of the description and of the fit.
    """

    id: str
    modality: Modality
    digest: str

    def describe(self, media: Sequence[Media]) -> list[Described]:
        """Features of each medium, or why it has none; same length, same order.

        What a medium is described by depends on it alone, not on the rest of its batch.

        Raises:
            MediaError: one is no image, or no sound.
        """
        ...

    def fit_described(
        self,
        bona_fide: Sequence[Described],
        edited: Sequence[Described],
        *,
        bona_fide_persons: Sequence[int] = (),
        edited_persons: Sequence[int] = (),
    ) -> FittedDetector:
        """A detector fitted to both classes; the same for the same descriptions in the same order.

        Scores of the media it was fitted to are no calibration: a threshold is read from other people's. The caller
        keeps the people it will be judged by out of both classes.

        Args:
            bona_fide, edited: what `describe` gave; failures are left out of the fit.
            bona_fide_persons, edited_persons: whose each medium is (of an output with two people the host), for
                choices that are made by cross-validation within the fit. Without them the k-th media of both classes
                count as one person's.

        Raises:
            UndefinedMetricError: too few usable media of a class.
        """
        ...


DetectorFactory: TypeAlias = Callable[[Mapping[str, Any], Modality, str], Detector | LearningDetector]
"""(params, modality, device) -> detector; paths in the params are absolute."""

detectors: Final[Registry[DetectorFactory]] = Registry("detectors")
"""Passive detectors of synthetic media."""
