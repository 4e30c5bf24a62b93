"""The door ``recogniser``: biometric recognisers that act as judges and as attackers' tools.

A recogniser first *locates* the biometric part of a sample (a face, or where somebody speaks), then *embeds* it into
a template; templates are compared to similarities (higher = more alike). Locating and embedding are apart so that an
attacker may crop an edited output where the face stood in its input, and so that recognisers with the same detector
share its work.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

from visavox.core.acquisition import FailureToAcquire as FailureToAcquire  # noqa: PLC0414 - part of this door
from visavox.core.records import RecogniserSpec
from visavox.core.registry import Registry
from visavox.core.terms import Modality

from .editor import Media

Vectors: TypeAlias = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Region:
    """Where a face is, in pixels of its image (x to the right, y down; pixel centres at integers).

    Attributes:
        box: x0, y0, x1, y1.
        landmarks: five (x, y) points: the viewer's left eye, right eye, nose tip, left and right mouth corner.
        confidence: the detector's own, in [0, 1].
        n_found: how many faces were found; the region is the largest sure one, else the most confident.
    """

    box: tuple[float, float, float, float]
    landmarks: tuple[tuple[float, float], ...]
    confidence: float
    n_found: int = 1

    def scaled(self, sx: float, sy: float) -> Region:
        """The same region after the image was resized by (sx, sy)."""
        x0, y0, x1, y1 = self.box
        points = tuple((x * sx, y * sy) for x, y in self.landmarks)
        return Region((x0 * sx, y0 * sy, x1 * sx, y1 * sy), points, self.confidence, self.n_found)


@dataclass(frozen=True)
class Speech:
    """When somebody speaks in a sound.

    Attributes:
        segments: (start, end) in seconds from the sound's start, in order, without overlap.
        duration_s: of the whole sound.
    """

    segments: tuple[tuple[float, float], ...]
    duration_s: float

    @property
    def speech_s(self) -> float:
        """Seconds of speech in all."""
        return sum(end - start for start, end in self.segments)

    def stretched(self, duration_s: float) -> Speech:
        """The same speech after the sound was brought to another length."""
        factor = duration_s / self.duration_s
        return Speech(tuple((start * factor, end * factor) for start, end in self.segments), duration_s)

    def pauses(self) -> Speech:
        """The rest of the sound, in which nobody speaks."""
        edges = [0.0, *(edge for segment in self.segments for edge in segment), self.duration_s]
        gaps = zip(edges[::2], edges[1::2], strict=True)
        return Speech(tuple((start, end) for start, end in gaps if end > start), self.duration_s)


Located: TypeAlias = Region | Speech
"""What a recogniser embeds: a region of an image, or the speech in a sound."""


class Recogniser(Protocol):
    """One recogniser.

    Attributes:
        id: what estimates say in ``recogniser``.
        families: training families; two recognisers with a common one are not independent judges.
        digest: SHA-256 over weights and every setting that changes a template.
        detector: name and digest of the detector behind ``locate`` (of faces, or of speech); equal strings share what
            it located.
        score: how templates are compared, as reports say it.
        training_overlap: ``none``, ``some`` or ``unknown`` (= some) overlap with the usual public test people.
    """

    id: str
    modality: Modality
    families: frozenset[str]
    digest: str
    detector: str
    score: str
    training_overlap: str

    def locate(self, media: Sequence[Media]) -> Sequence[Located | FailureToAcquire]:
        """The face's `Region` in each image, or the `Speech` in each sound; same length, same order."""
        ...

    def embed(self, media: Sequence[Media], regions: Sequence[Any]) -> list[Vectors | FailureToAcquire]:
        """A template, float32 of shape (d,), of what ``locate`` found in each medium; same length, same order."""
        ...

    def compare(self, references: Vectors, probes: Vectors) -> npt.NDArray[np.float32]:
        """Similarities, shape (n_references, n_probes), of templates (n_references, d) and (n_probes, d)."""
        ...


RecogniserFactory: TypeAlias = Callable[[RecogniserSpec, str], Recogniser]
"""(spec with absolute paths, device) -> recogniser."""


class Recognisers(Registry[RecogniserFactory]):
    """Recognisers by name, each of one modality, which is known before any of them is loaded."""

    def __init__(self) -> None:
        super().__init__("recognisers")
        self._modalities: dict[str, Modality] = {}

    def register(
        self, name: str, factory: RecogniserFactory, *, summary: str = "", modality: Modality = Modality.FACE
    ) -> None:
        """Adds a factory of recognisers of that modality."""
        super().register(name, factory, summary=summary)
        self._modalities[name] = modality

    def modality(self, name: str) -> Modality:
        """Whether the recogniser of that name judges faces or voices; raises as ``get`` does."""
        self.get(name)
        return self._modalities[name]


recognisers: Final = Recognisers()
