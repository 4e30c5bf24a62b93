"""Detectors as the stage uses them: those that learn fitted rotation by rotation, each medium to its own models."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple, TypeAlias

from visavox.core.errors import UndefinedMetricError
from visavox.ports.detector import Detector, LearningDetector
from visavox.ports.editor import Media
from visavox.ports.recogniser import FailureToAcquire

from .parts import CASE, FAKE, ROTATIONS, SAMPLE, Item, Scored, people_of

AnyDetector: TypeAlias = Detector | LearningDetector


class _Key(NamedTuple):
    detector: str
    rotation: int
    unseen: str = ""


def fitting_rotation(item: Item) -> int:
    """The rotation whose models a medium is fitted to: that of the fold before its own."""
    return (item.rotation - 1) % ROTATIONS


def calibrated_rotations(item: Item, *, learns: bool) -> tuple[int, ...]:
    """The rotations whose thresholds a bona fide medium sets: all that do not judge it and were not fitted to it."""
    after, before = (item.rotation + 1) % ROTATIONS, (item.rotation - 1) % ROTATIONS
    return (after,) if learns else (after, before)


class Models:
    """The suite's detectors, fitted to clean media on first use.

    Args:
        detectors: by id.
        described: of a detector that learns and every item, in the items' order, what ``describe`` gave.
        items: all media that may be fitted to.
    """

    def __init__(
        self,
        detectors: Mapping[str, AnyDetector],
        items: Sequence[Item],
        described: Mapping[str, Sequence[Any]],
        pool: ThreadPoolExecutor,
    ) -> None:
        self._detectors, self._items, self._described, self._pool = detectors, items, described, pool
        self._fitted: dict[_Key, Any] = {}
        self._people: dict[_Key, frozenset[int]] = {}
        self.species = sorted({item.species for item in items if item.kind == CASE})

    def learns(self, detector: str) -> bool:
        """Whether it is fitted inside the run."""
        return isinstance(self._detectors[detector], LearningDetector)

    def fitted_people(self, detector: str, rotation: int) -> frozenset[int]:
        """Everyone whose media a rotation's model was fitted to; none where it does not learn."""
        if not self.learns(detector):
            return frozenset()
        self._model(_Key(detector, rotation))
        return self._people[_Key(detector, rotation)]

    def score(self, items: Sequence[Item], media: Sequence[Media], *, with_unseen: bool = False) -> list[Scored]:
        """Every score of each medium.

        Args:
            with_unseen: also by models that saw no output of a species, where there are several.
        """
        found = []
        for name, detector in self._detectors.items():
            if isinstance(detector, LearningDetector):
                own = [(item, medium) for item, medium in zip(items, media, strict=True) if item.kind != FAKE]
                described = list(self._pool.map(lambda pair, d=detector: d.describe([pair[1]])[0], own))
                for (item, _), features in zip(own, described, strict=True):
                    found += [
                        Scored(item, name, key.rotation, key.unseen, self._scored(key, features))
                        for key in self._keys(name, item, with_unseen=with_unseen)
                    ]
            else:
                scores = detector.score(media)
                for item, score in zip(items, scores, strict=True):
                    found += [Scored(item, name, rotation, "", score) for rotation in self._rotations(item)]
        return found

    def nothing(self, item: Item, why: FailureToAcquire) -> list[Scored]:
        """The rows of a medium that no detector could be given."""
        return [
            Scored(item, name, rotation, "", why)
            for name in self._detectors
            for rotation in (
                [key.rotation for key in self._keys(name, item, with_unseen=False)]
                if self.learns(name)
                else self._rotations(item)
            )
        ]

    def _rotations(self, item: Item) -> list[int]:
        return [item.rotation, *(calibrated_rotations(item, learns=False) if item.kind == SAMPLE else ())]

    def _keys(self, name: str, item: Item, *, with_unseen: bool) -> list[_Key]:
        rotations = [item.rotation, *(calibrated_rotations(item, learns=True) if item.kind == SAMPLE else ())]
        keys = [_Key(name, rotation) for rotation in rotations]
        if with_unseen and len(self.species) > 1:
            if item.kind == CASE:
                keys.append(_Key(name, item.rotation, item.species))
            else:
                keys += [_Key(name, rotation, species) for rotation in rotations for species in self.species]
        return keys

    def _is_left_out(self, item: Item, key: _Key) -> bool:
        """Whether a model must not be fitted to it: an output of the species that the model has not to know."""
        return bool(key.unseen) and item.kind == CASE and item.species == key.unseen

    def _scored(self, key: _Key, features: Any) -> float | FailureToAcquire:
        if isinstance(features, FailureToAcquire):
            return features
        model = self._model(key)
        if isinstance(model, FailureToAcquire):
            return model
        score: float | FailureToAcquire = model.score_described([features])[0]
        return score

    def _model(self, key: _Key) -> Any:
        if key not in self._fitted:
            detector = self._detectors[key.detector]
            assert isinstance(detector, LearningDetector)
            of_fold = [n for n, item in enumerate(self._items) if fitting_rotation(item) == key.rotation]
            used = [n for n in of_fold if not self._is_left_out(self._items[n], key)]
            by_kind = [[n for n in used if self._items[n].kind == kind] for kind in (SAMPLE, CASE)]
            persons = [[self._items[n].people[0] for n in part] for part in by_kind]
            classes = [[self._described[key.detector][n] for n in part] for part in by_kind]
            self._people[key] = people_of(self._items[n] for n in used)
            try:
                self._fitted[key] = detector.fit_described(
                    *classes, bona_fide_persons=persons[0], edited_persons=persons[1]
                )
            except UndefinedMetricError as error:
                self._fitted[key] = FailureToAcquire(f"the detector could not be fitted: {error.found}")
        return self._fitted[key]
