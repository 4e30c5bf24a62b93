"""The third stage: comparison scores of every table an assessment asks for, one Parquet part per unit of probes."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from visavox.core.records import EditRow
from visavox.ports.assessment import (
    EDITED,
    ENROLLED,
    ORIGINAL,
    SEMI_INFORMED,
    Comparisons,
    Floats,
    Ints,
    JudgeView,
    ScoreTable,
)
from visavox.ports.recogniser import Recogniser

from . import tables
from .acquired import Acquired, numbers_of_sets, template_facts
from .embed import Embedder
from .enrolment import Inputs, enrolled
from .folder import RunFolder
from .journal import Journal
from .learned import SemiInformedTables
from .plan import Plan
from .progress import Progress, Step

DECIMALS = 6


def rounded(scores: npt.NDArray[np.floating[Any]]) -> Floats:
    """Scores as they are stored: float32, rounded to 6 decimals."""
    return np.round(scores.astype(np.float64), DECIMALS).astype(np.float32)


def score_path(folder: RunFolder, recogniser: str, table: str, number: int) -> Path:
    """Where one part of a score table lies."""
    return folder.scores / recogniser / f"{table}-{number:05d}.parquet"


def units_of(table: ScoreTable, plan: Plan, n_probes: int) -> list[range]:
    """The parts of a table: one of a fitted back-end, else one a unit of probes."""
    return [range(n_probes)] if table.backend else plan.units(n_probes)


class LoadedSet(NamedTuple):
    """Templates of one set; ``number`` is the sample or case number of each row."""

    templates: tables.TemplateSet
    number: Ints


def load_sets(plan: Plan, rows: dict[str, EditRow], embedder: Embedder, recogniser: str) -> dict[str, LoadedSet]:
    """One recogniser's templates by set."""
    loaded = {}
    for name, which in numbers_of_sets(plan, rows).items():
        keys = [plan.samples[i].id if name == ORIGINAL else plan.cases[i].id for i in which]
        parts = embedder.parts(recogniser, name, len(plan.units(len(which))))
        loaded[name] = LoadedSet(tables.read_templates(parts, keys), np.asarray(which, np.int32))
    return loaded


class Scorer:
    """Computes and reads the score tables of one recogniser."""

    def __init__(
        self, recogniser: Recogniser, plan: Plan, sets: dict[str, LoadedSet], folder: RunFolder, journal: Journal
    ) -> None:
        self._recogniser, self._plan, self._sets = recogniser, plan, sets
        self._folder, self._journal = folder, journal
        self._inputs = Inputs.of(plan)
        outputs = sets[EDITED]
        self._learned = SemiInformedTables(plan, outputs.templates, outputs.number, recogniser)

    def run(self, wanted: Sequence[ScoreTable], progress: Progress) -> None:
        """Computes every unit of every table that is not finished."""
        for table in wanted:
            units = self._units(table)
            for number, unit in enumerate(units):
                stage = f"score/{self._recogniser.id}/{table.name}"
                if not self._journal.is_finished(stage, number):
                    started = time.monotonic()
                    tables.write_scores(self._part(table.name, number), self._compare(table, unit))
                    self._journal.finish(stage, number, duration_s=time.monotonic() - started)
                progress(Step(f"score {self._recogniser.id} {table.name}", number + 1, len(units)))

    def read(self, table: ScoreTable) -> Comparisons:
        """All scores of one table."""
        return tables.read_scores([self._part(table.name, number) for number in range(len(self._units(table)))])

    @property
    def backends(self) -> tuple[str, ...]:
        """The back-ends that the semi-informed attacker chose, from the journal."""
        return tuple(json.loads(self._journal.fact(self._backends_fact) or "[]"))

    @property
    def _backends_fact(self) -> str:
        return f"backends/{self._recogniser.id}"

    def _units(self, table: ScoreTable) -> list[range]:
        return units_of(table, self._plan, len(self._sets[table.probes].number))

    def _compare(self, table: ScoreTable, unit: range) -> Comparisons:
        if table.backend:
            found = self._learned.table(table.backend)
            if table.backend == SEMI_INFORMED:
                self._journal.set_fact(self._backends_fact, json.dumps(found.choices))
            return found.comparisons
        of_people = table.references == ENROLLED
        probes, references = self._sets[table.probes], self._sets[ORIGINAL if of_people else table.references]
        rows = np.asarray(unit)
        if not (probes.templates.ok[rows].any() and references.templates.ok.any()):
            nothing: Ints = np.zeros(0, np.int32)  # a set without any template has no width to compare by
            return Comparisons(nothing, nothing, np.zeros(0, np.float32))
        if of_people:
            return self._against_enrolled(table, unit)
        scores = self._recogniser.compare(references.templates.vectors, probes.templates.vectors[rows]).T
        wanted = probes.templates.ok[rows][:, None] & references.templates.ok[None, :]
        if table.probes == table.references:
            wanted &= np.arange(len(references.number))[None, :] < rows[:, None]
        elif table.references == ORIGINAL:
            for own in (self._inputs.first, self._inputs.second):
                wanted &= references.number[None, :] != own[probes.number[rows]][:, None]
        i, j = np.nonzero(wanted)
        return Comparisons(probes.number[rows[i]], references.number[j], rounded(scores[i, j]))

    def _against_enrolled(self, table: ScoreTable, unit: range) -> Comparisons:
        """Probes against everyone's mean template; the probe's own people are enrolled without its inputs."""
        probes, originals = self._sets[table.probes], self._sets[ORIGINAL].templates
        rows = np.asarray(unit)
        rows = rows[probes.templates.ok[rows]]
        people = np.unique(self._inputs.sample_person[originals.ok])
        own = [
            self._inputs.of_sample(n) if table.probes == ORIGINAL else self._inputs.of_case(n) for n in probes.number
        ]
        whole = np.stack([enrolled(originals.vectors[self._usable(person, ())]) for person in people])
        vectors = probes.templates.vectors
        scores = self._recogniser.compare(whole, vectors[rows]).T.astype(np.float64)
        wanted = np.ones(scores.shape, bool)
        for k, row in enumerate(rows):
            for person in {int(self._inputs.sample_person[s]) for s in own[row]} & set(people.tolist()):
                left, place = self._usable(person, own[row]), int(np.searchsorted(people, person))
                wanted[k, place] = left.size > 0
                if left.size:
                    template = enrolled(originals.vectors[left])[None]
                    scores[k, place] = self._recogniser.compare(template, vectors[row][None])[0, 0]
        i, j = np.nonzero(wanted)
        return Comparisons(probes.number[rows[i]], people[j].astype(np.int32), rounded(scores[i, j]))

    def _usable(self, person: int, inputs: Sequence[int]) -> Ints:
        """Samples of a person with a template, without the inputs and what shares a session with them."""
        ok = self._sets[ORIGINAL].templates.ok
        return np.asarray([s for s in self._inputs.references_of(person, inputs) if ok[s]], np.int32)

    def _part(self, table: str, number: int) -> Path:
        return score_path(self._folder, self._recogniser.id, table, number)


def acquired_of(sets: Mapping[str, LoadedSet]) -> dict[str, Acquired]:
    """Of which media of each set there is a template."""
    return {
        name: Acquired(one.number, one.templates.ok, one.templates.state, one.templates.reasons)
        for name, one in sets.items()
    }


def judge_view(
    recogniser: Recogniser, plan: Plan, sets: dict[str, LoadedSet], scorer: Scorer, wanted: Sequence[ScoreTable]
) -> JudgeView:
    """What an assessment may know of one recogniser."""
    by_name = {table.name: table for table in wanted}
    return JudgeView(
        id=recogniser.id,
        families=recogniser.families,
        training_overlap=recogniser.training_overlap,
        **template_facts(plan, acquired_of(sets))._asdict(),
        table=lambda name: scorer.read(by_name[name]),
        backends=scorer.backends,
    )
