"""What a learning detector is fitted to: the usable media of both classes, and whose they are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from visavox.core.errors import UndefinedMetricError
from visavox.ports.detector import Described, Features
from visavox.ports.recogniser import FailureToAcquire

Ints = npt.NDArray[np.int64]

LEAST_MEDIA: Final = 10
"""Usable media of each class that a fit needs."""


class Training(NamedTuple):
    """Features of both classes and whose each is; as many people as media, in their order."""

    negatives: list[Features]
    positives: list[Features]
    negative_persons: Ints
    positive_persons: Ints


def usable(
    detector: str,
    bona_fide: Sequence[Described],
    edited: Sequence[Described],
    bona_fide_persons: Sequence[int],
    edited_persons: Sequence[int],
) -> Training:
    """What of both classes has features; without people the k-th media of both classes count as one person's.

    Args:
        detector: its id, for the message.
        bona_fide, edited: as of ``LearningDetector.fit_described``, and the people as well.

    Raises:
        UndefinedMetricError: fewer than 10 usable media of a class.
    """
    is_stated = bool(len(bona_fide_persons) or len(edited_persons))
    negatives = _usable(bona_fide, bona_fide_persons if is_stated else range(len(bona_fide)))
    positives = _usable(edited, edited_persons if is_stated else range(len(edited)))
    if min(len(negatives), len(positives)) < LEAST_MEDIA:
        raise UndefinedMetricError(
            f"the detector `{detector}` was to be fitted",
            found=f"{len(negatives)} usable bona fide media of {len(bona_fide)}, "
            f"{len(positives)} usable edited ones of {len(edited)}",
            todo=f"{LEAST_MEDIA} of each at least: add people or recordings",
        )
    return Training(
        [features for features, _ in negatives],
        [features for features, _ in positives],
        np.array([person for _, person in negatives], np.int64),
        np.array([person for _, person in positives], np.int64),
    )


def _usable(described: Sequence[Described], persons: Sequence[int]) -> list[tuple[Features, int]]:
    pairs = zip(described, persons, strict=True)
    return [(one, person) for one, person in pairs if not isinstance(one, FailureToAcquire)]
