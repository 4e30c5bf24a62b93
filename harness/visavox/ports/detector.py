"""The door ``detector``: passive detectors, which tell synthetic media from bona fide ones without any mark.

A detector gives attack scores: higher = more synthetic. One that learns is fitted inside the run, on people whom it is
not judged by, to this editor's outputs against bona fide media: what an informed defender could reach. Bona fide and
edited media come to it through the same decoding, size, codec and perturbation; nothing here tells them apart.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, Protocol, TypeAlias, runtime_checkable

from visavox.core.registry import Registry
from visavox.core.terms import Modality

from .editor import Media
from .recogniser import FailureToAcquire


@runtime_checkable
class Detector(Protocol):
    """One detector, ready to score.

    Attributes:
        id: what estimates say of it.
        modality: face (images) or voice (sounds).
        digest: SHA-256 over weights and every setting that changes a score.
    """

    id: str
    modality: Modality
    digest: str

    def score(self, media: Sequence[Media]) -> list[float | FailureToAcquire]:
        """The attack score of each medium, or why it has none; same length, same order."""
        ...


@runtime_checkable
class LearningDetector(Protocol):
    """A detector that has to be fitted before it scores.

    Attributes:
        id, modality: as of `Detector`.
        digest: SHA-256 over every setting of the fit and of what it is fitted to.
    """

    id: str
    modality: Modality
    digest: str

    def fit(self, bona_fide: Sequence[Media], edited: Sequence[Media]) -> Detector:
        """A detector fitted to both classes; the same for the same media in the same order.

        Scores of the media it was fitted to are no calibration: a threshold is read from other people's.

        Raises:
            UndefinedMetricError: too few usable media of a class.
        """
        ...


DetectorFactory: TypeAlias = Callable[[Mapping[str, Any], Modality, str], Detector | LearningDetector]
"""(params, modality, device) -> detector."""

detectors: Final[Registry[DetectorFactory]] = Registry("detectors")
