"""The stage itself: every medium through one path, the perturbation and the detectors; one part a perturbation.

Bona fide and edited media are decoded, taken through ``media.common_path`` and the perturbation, and scored; a
perturbation's seed comes from the medium's content, never from its class. Detectors that learn are fitted to clean
media fold by fold (``ports.detection``); who was fitted, calibrated and judged is written down from the media as they
are used. Perturbed media stay in memory.
"""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, NamedTuple, TypeAlias

import numpy as np

from visavox.core.errors import MediaError
from visavox.core.records import EditRow
from visavox.core.seeding import child_seed
from visavox.core.terms import Outcome
from visavox.engine import tables
from visavox.engine.draw import balanced_order
from visavox.engine.folder import RunFolder
from visavox.engine.journal import Journal
from visavox.engine.medium import MEDIA
from visavox.engine.plan import Plan
from visavox.engine.progress import Progress, Step
from visavox.engine.store import Store
from visavox.engine.utility import likeness
from visavox.media.common_path import common_path
from visavox.media.format_cues import format_cues
from visavox.ports.dataset import Dataset
from visavox.ports.detection import CLEAN
from visavox.ports.detector import LearningDetector
from visavox.ports.editor import Media
from visavox.ports.perturbation import Pack, Perturbation
from visavox.ports.recogniser import FailureToAcquire

from .models import AnyDetector, Models, calibrated_rotations
from .parts import (
    CASE,
    CUES,
    FAKE,
    OUTPUTS,
    PEOPLE,
    ROTATIONS,
    SAMPLE,
    SCORES,
    STAGE,
    Item,
    Scored,
    part_path,
    people_of,
    score_columns,
)

_CHUNK: Final = 32
_WORKERS = min(4, os.cpu_count() or 1)

ReadMarks: TypeAlias = Callable[[Sequence[Media]], Sequence[int]]
"""Whether each medium bears the tool's watermark: 1, 0, or -1 where it could not be read."""


class Asked(NamedTuple):
    """What the stage is asked for.

    Attributes:
        detectors: the suite's of the modality, by id.
        packs: whose perturbations of the modality to apply.
        most_perturbed: media of each class that go through them; clean ones are all scored.
        read_marks: None where the tool has no watermark.
    """

    detectors: Mapping[str, AnyDetector]
    packs: tuple[Pack, ...] = ()
    most_perturbed: int = 400
    read_marks: ReadMarks | None = None


class DetectionStage:
    """Computes the detection scores of one modality's part of a run."""

    def __init__(self, plan: Plan, folder: RunFolder, journal: Journal, seed: int, asked: Asked) -> None:
        self._plan, self._folder, self._journal, self._seed, self._asked = plan, folder, journal, seed, asked
        self._medium = MEDIA[plan.modality]
        self._outputs_of: dict[int, str] = {}
        self._perturbations = tuple(one for pack in asked.packs for one in pack.of(plan.modality))

    def run(self, dataset: Dataset, rows: Mapping[str, EditRow], progress: Progress) -> None:
        """Scores every perturbation that is not finished.

        Raises:
            MediaError: a sample cannot be decoded.
            RunFolderError: an output is absent or altered.
        """
        n_units = 1 + len(self._perturbations)
        open_units = [n for n in range(n_units) if not self._journal.is_finished(STAGE, n)]
        done = n_units - len(open_units)
        progress(Step(STAGE, done, n_units))
        if not open_units:
            return
        items = media_to_score(self._plan, rows)
        self._outputs_of = {n: rows[self._plan.cases[n].id].outputs[0].digest for n in _cases_of(items)}
        with ThreadPoolExecutor(_WORKERS, thread_name_prefix="visavox-detect") as pool:
            clean = list(pool.map(lambda item: self._after_common_path(dataset, rows, item), items))
            models = Models(self._asked.detectors, items, self._described(clean, pool), pool)
            for number in open_units:
                started = time.monotonic()
                if number == CLEAN:
                    self._write_people(models, items)
                    self._score_clean(dataset, items, clean, models, pool)
                else:
                    self._score_perturbed(number, items, clean, models, pool)
                self._journal.finish(STAGE, number, duration_s=time.monotonic() - started)
                done += 1
                progress(Step(STAGE, done, n_units))

    def _after_common_path(self, dataset: Dataset, rows: Mapping[str, EditRow], item: Item) -> bytes:
        """The medium after the common path, without loss."""
        if item.kind == SAMPLE:
            data = dataset.read(self._plan.samples[item.number].id)
        else:
            digest = rows[self._plan.cases[item.number].id].outputs[0].digest
            data = Store(self._folder.media).read(digest)
        return self._medium.encode(common_path(self._medium.decode(data), self._plan.modality))

    def _described(self, clean: Sequence[bytes], pool: ThreadPoolExecutor) -> dict[str, list[Any]]:
        def one(detector: LearningDetector, data: bytes) -> Any:
            return detector.describe([self._medium.decode(data)])[0]

        return {
            name: list(pool.map(lambda data, d=detector: one(d, data), clean))
            for name, detector in self._asked.detectors.items()
            if isinstance(detector, LearningDetector)
        }

    def _score_clean(
        self, dataset: Dataset, items: Sequence[Item], clean: Sequence[bytes], models: Models, pool: ThreadPoolExecutor
    ) -> None:
        found: list[Scored] = []
        cues: dict[str, list[Any]] = {name: [] for name in CUES.names}
        outputs: list[tuple[int, float, int]] = []
        for chunk, media in self._chunks(items, clean, pool):
            found += models.score(chunk, media, with_unseen=True)
            for item, vector in zip(chunk, pool.map(lambda m: format_cues(m, self._plan.modality), media), strict=True):
                if not isinstance(vector, FailureToAcquire):
                    for column, value in zip(cues, (item.kind, item.number, vector.astype(np.float32)), strict=True):
                        cues[column].append(value)
            outputs += self._outputs(chunk, [1.0] * len(chunk), None)
        found += self._score_fakes(dataset, models)
        tables.write_part(self._part("cues", CLEAN), cues, CUES)
        self._write(CLEAN, found, outputs)

    def _score_fakes(self, dataset: Dataset, models: Models) -> list[Scored]:
        modality = self._plan.modality
        fakes = [sample for sample in dataset.samples if sample.is_fake and sample.modality is modality]
        found = []
        for number, sample in enumerate(fakes):
            medium = common_path(self._medium.decode(dataset.read(sample.id)), modality)
            found += models.score([Item(FAKE, number, 0, ())], [medium])
        return found

    def _score_perturbed(
        self, number: int, items: Sequence[Item], clean: Sequence[bytes], models: Models, pool: ThreadPoolExecutor
    ) -> None:
        perturbation, places = self._perturbations[number - 1], self._chosen(items)
        found: list[Scored] = []
        outputs: list[tuple[int, float, int]] = []
        for chunk, media in self._chunks([items[i] for i in places], [clean[i] for i in places], pool):
            changed = list(pool.map(lambda medium: self._perturbed(perturbation, medium), media))
            kept = [i for i, one in enumerate(changed) if not isinstance(one, FailureToAcquire)]
            for i, one in enumerate(changed):
                if isinstance(one, FailureToAcquire):
                    found += models.nothing(chunk[i], one)
            usable: list[Any] = [changed[i] for i in kept]
            of_kept = [chunk[i] for i in kept]
            found += models.score(of_kept, usable)
            before = [media[i] for i in kept]
            quality = pool.map(lambda row: self._quality(perturbation, *row), zip(of_kept, before, usable, strict=True))
            outputs += self._outputs(of_kept, list(quality), perturbation)
        self._write(number, found, outputs)

    def _chosen(self, items: Sequence[Item]) -> list[int]:
        """Places of those that go through perturbations: as many of either class, balanced over people."""
        kept: list[int] = []
        for kind in (SAMPLE, CASE):
            of_kind = [i for i, item in enumerate(items) if item.kind == kind]
            order = balanced_order([items[i].people[0] for i in of_kind], self._seed)
            kept += sorted(of_kind[i] for i in order[: self._asked.most_perturbed])
        return kept

    def _perturbed(self, perturbation: Perturbation, medium: Media) -> Media | FailureToAcquire:
        return perturbed(perturbation, medium, self._seed)

    def _quality(self, perturbation: Perturbation, item: Item, before: Media, after: Media) -> float:
        keeps_place = all(step.found().keeps_place for step in perturbation.steps)
        return likeness(self._plan.modality, before, after) if item.kind == CASE and keeps_place else math.nan

    def _outputs(
        self, items: Sequence[Item], quality: Sequence[float], perturbation: Perturbation | None
    ) -> list[tuple[int, float, int]]:
        """(case, quality, mark) of the outputs among them."""
        places = [i for i, item in enumerate(items) if item.kind == CASE]
        marks = self._marks([items[i].number for i in places], perturbation)
        return [(items[i].number, quality[i], mark) for i, mark in zip(places, marks, strict=True)]

    def _marks(self, cases: Sequence[int], perturbation: Perturbation | None) -> list[int]:
        """Whether outputs bear the tool's watermark: as they were stored, not scaled down as for a detector."""
        marks = [-1] * len(cases)
        if self._asked.read_marks is None:
            return marks
        store = Store(self._folder.media)
        media: list[Any] = [self._medium.decode(store.read(self._outputs_of[case])) for case in cases]
        if perturbation is not None:
            media = [self._perturbed(perturbation, one) for one in media]
        readable = [i for i, one in enumerate(media) if not isinstance(one, FailureToAcquire)]
        for i, mark in zip(readable, self._asked.read_marks([media[i] for i in readable]), strict=True):
            marks[i] = mark
        return marks

    def _chunks(
        self, items: Sequence[Item], data: Sequence[bytes], pool: ThreadPoolExecutor
    ) -> Iterator[tuple[Sequence[Item], list[Media]]]:
        for start in range(0, len(items), _CHUNK):
            part = slice(start, start + _CHUNK)
            yield items[part], list(pool.map(self._medium.decode, data[part]))

    def _write(self, number: int, found: Sequence[Scored], outputs: Sequence[tuple[int, float, int]]) -> None:
        columns = dict(zip(OUTPUTS.names, map(list, zip(*outputs, strict=True)), strict=True)) if outputs else {}
        tables.write_part(self._part("scores", number), score_columns(found), SCORES)
        tables.write_part(self._part("outputs", number), columns or {name: [] for name in OUTPUTS.names}, OUTPUTS)

    def _write_people(self, models: Models, items: Sequence[Item]) -> None:
        rows: list[tuple[str, int, str, int]] = []
        for name in self._asked.detectors:
            for rotation in range(ROTATIONS):
                calibrating = [
                    item
                    for item in items
                    if item.kind == SAMPLE and rotation in calibrated_rotations(item, learns=models.learns(name))
                ]
                judged = people_of(item for item in items if item.rotation == rotation)
                for part, people in (
                    ("fitted", models.fitted_people(name, rotation)),
                    ("calibrated", people_of(calibrating)),
                    ("judged", judged),
                ):
                    rows += [(name, rotation, part, person) for person in sorted(people)]
        columns = dict(zip(PEOPLE.names, map(list, zip(*rows, strict=True)), strict=True)) if rows else {}
        tables.write_part(self._part("people", CLEAN), columns or {name: [] for name in PEOPLE.names}, PEOPLE)

    def _part(self, name: str, number: int) -> Any:
        return part_path(self._folder.root, name, number)


def perturbed(perturbation: Perturbation, medium: Media, seed: int) -> Media | FailureToAcquire:
    """The medium after a perturbation, or why there is none; what is random comes from the medium's content.

    Args:
        seed: the suite's.
    """
    content = MEDIA[perturbation.modality].content(medium)
    try:
        return perturbation.perturb(medium, child_seed(seed, "perturb", content))
    except MediaError as error:
        return FailureToAcquire(error.found or error.asked)


def folds_of_people(plan: Plan) -> dict[int, int]:
    """The fold of every test person: their block's, or, where a list of outputs alone makes someone a test person (of
    one recording), the next in turn."""
    blocks = sorted({sample.fold for sample in plan.samples if sample.fold.startswith("test")})
    found = {sample.person: blocks.index(sample.fold) for sample in plan.samples if sample.fold in blocks}
    others = sorted({sample.person for sample in plan.samples} - found.keys())
    return found | {person: place % ROTATIONS for place, person in enumerate(others)}


def _cases_of(items: Sequence[Item]) -> list[int]:
    return [item.number for item in items if item.kind == CASE]


def media_to_score(plan: Plan, rows: Mapping[str, EditRow]) -> list[Item]:
    """All test samples, then the first attempts' outputs that show something, each with its people's fold.

    Without three folds of people nothing is scored: there would be nobody left to fit, calibrate or judge by.
    """
    fold_of = folds_of_people(plan)
    if len(set(fold_of.values())) != ROTATIONS:
        return []
    items = [Item(SAMPLE, n, fold_of[s.person], (s.person,)) for n, s in enumerate(plan.samples)]
    for n in plan.first_attempts:
        row = rows[plan.cases[n].id]
        people = tuple(person for person in (plan.case_person[n], plan.second_person[n]) if person >= 0)
        own = {fold_of[person] for person in people if person in fold_of}
        if row.outcome is Outcome.EDITED and not row.outputs[0].blank and len(own) == 1:
            items.append(Item(CASE, n, own.pop(), people, plan.species(n)))
    return items
