"""The doors ``dataset`` and ``renderer``: people's recordings, and pictures and voices of people who do not exist.

A data set is planned from records (``samples``) and gives bytes by sample id.
Renderers make faces and voices of synthetic people; editors that need a stranger's ask for one here, so that no adapter
imports a plug-in.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol, TypeAlias

from visavox.core.records import DatasetSpec, Sample
from visavox.core.registry import Registry
from visavox.core.terms import Modality

from .editor import Audio, Image


class Dataset(Protocol):
    """People's recordings, with their folds assigned.

    Attributes:
        kind: the registered name it was made by.
        digest: SHA-256 over the sorted, path-free content (sample digests, subject ids, attributes); the same for
            every order of rows, file format, folder and seed.
        samples: every sample, sorted by subject and id. ``fold`` is ``train``, ``cohort`` (people with fewer than two
            bona fide recordings) or ``test-0``, ``test-1``, ``test-2``; all samples of a person share it.
        n_merged_duplicates: byte-identical recordings of one person left out of ``samples``.
        licences: the distinct licences that the data set states, sorted.
    """

    kind: str
    digest: str
    samples: tuple[Sample, ...]
    n_merged_duplicates: int
    licences: tuple[str, ...]

    @property
    def modality(self) -> Modality:
        """The one modality of all samples.

        Raises:
            ManifestError: if samples of several modalities are mixed.
        """
        ...

    def read(self, sample_id: str) -> bytes:
        """The bytes of one sample, checked against its digest.

        Raises:
            MediaError: if there is no such sample, or its file is gone or changed since planning.
        """
        ...

    def location(self, sample_id: str) -> Path:
        """Where the sample's file lies: for its owner's own list of cases, never for a report or a log.

        Raises:
            MediaError: if there is no such sample.
        """
        ...


class OneModality:
    """The recordings of one modality of a data set that mixes them; its ``digest`` is the whole one's.

    Args:
        whole: the data set.
        modality: which of its samples these are.
    """

    def __init__(self, whole: Dataset, modality: Modality) -> None:
        self._whole, self.modality = whole, modality
        self.kind, self.digest, self.licences = whole.kind, whole.digest, whole.licences
        self.n_merged_duplicates = whole.n_merged_duplicates
        self.samples = tuple(sample for sample in whole.samples if sample.modality is modality)

    def read(self, sample_id: str) -> bytes:
        """As the whole data set's."""
        return self._whole.read(sample_id)

    def location(self, sample_id: str) -> Path:
        """As the whole data set's."""
        return self._whole.location(sample_id)


DatasetFactory: TypeAlias = Callable[[DatasetSpec, int], Dataset]
"""(spec with an absolute path, seed of the run) -> data set."""

datasets: Registry[DatasetFactory] = Registry("dataset kinds")
"""Kinds of the suite's ``dataset.kind``."""


class FaceRenderer(Protocol):
    """Draws pictures of people who do not exist."""

    def __call__(
        self, seed: int, people: Sequence[tuple[int, int]], *, size_px: int, device: str = "cpu"
    ) -> list[Image]:
        """One picture, uint8 ``size_px`` x ``size_px`` x 3 RGB, for each (identity, image) pair of whole numbers >= 0.

        Each picture is a pure function of ``(seed, identity, image, size_px)``: equal identities show the same person,
        and a picture is the same to the bit alone or in any batch.
        """
        ...


renderers: Registry[FaceRenderer] = Registry("face renderers")
"""Sources of synthetic faces: ``synthetic-faces``."""


class VoiceRenderer(Protocol):
    """Speaks in voices of people who do not exist."""

    def __call__(self, seed: int, utterances: Sequence[tuple[int, int]]) -> list[Audio]:
        """One sound for each (speaker, utterance) pair of whole numbers >= 0, each of another sentence.

        Each sound is a pure function of ``(seed, speaker, utterance)``: equal speakers have the same voice, and a sound
        is the same to the bit alone or after any other.

        Raises:
            MissingDependencyError: if the program that speaks is not installed.
        """
        ...


voice_renderers: Registry[VoiceRenderer] = Registry("voice renderers")
"""Sources of synthetic voices: ``synthetic-voices``."""
