"""The third stage: comparison scores of every table an assessment asks for, one Parquet part per unit of probes."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from visavox.core.records import EditRow
from visavox.ports.assessment import (
    EDITED,
    MASKED,
    NO_TEMPLATE,
    NOT_EDITED,
    ORIGINAL,
    Comparisons,
    JudgeView,
    ScoreTable,
)
from visavox.ports.recogniser import Recogniser

from . import tables
from .embed import Embedder, edited_cases, masked_cases
from .folder import RunFolder
from .journal import Journal
from .plan import Plan
from .progress import Progress, Step

DECIMALS = 6


class LoadedSet(NamedTuple):
    """Templates of one set; ``number`` is the sample or case number of each row."""

    templates: tables.TemplateSet
    number: np.ndarray[tuple[int], np.dtype[np.int32]]


def load_sets(plan: Plan, rows: dict[str, EditRow], embedder: Embedder, recogniser: str) -> dict[str, LoadedSet]:
    """One recogniser's templates by set."""
    numbers = {
        ORIGINAL: list(range(len(plan.samples))),
        EDITED: edited_cases(plan, rows),
        MASKED: masked_cases(plan, rows),
    }
    loaded = {}
    for name, which in numbers.items():
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

    def run(self, wanted: Sequence[ScoreTable], progress: Progress) -> None:
        """Computes every unit of every table that is not finished."""
        for table in wanted:
            n_probes = len(self._sets[table.probes].number)
            for number, unit in enumerate(self._plan.units(n_probes)):
                stage = f"score/{self._recogniser.id}/{table.name}"
                if not self._journal.is_finished(stage, number):
                    started = time.monotonic()
                    tables.write_scores(self._part(table.name, number), self._compare(table, unit))
                    self._journal.finish(stage, number, duration_s=time.monotonic() - started)
                progress(Step(f"score {self._recogniser.id} {table.name}", unit.stop, n_probes))

    def read(self, table: ScoreTable) -> Comparisons:
        """All scores of one table."""
        n_units = len(self._plan.units(len(self._sets[table.probes].number)))
        return tables.read_scores([self._part(table.name, number) for number in range(n_units)])

    def _compare(self, table: ScoreTable, unit: range) -> Comparisons:
        probes, references = self._sets[table.probes], self._sets[table.references]
        rows = np.asarray(unit)
        scores = self._recogniser.compare(references.templates.vectors, probes.templates.vectors[rows]).T
        wanted = probes.templates.ok[rows][:, None] & references.templates.ok[None, :]
        if table.probes == table.references:
            wanted &= np.arange(len(references.number))[None, :] < rows[:, None]
        elif table.references == ORIGINAL:
            own = np.asarray(self._plan.case_sample, np.int32)[probes.number[rows]]
            wanted &= references.number[None, :] != own[:, None]
        i, j = np.nonzero(wanted)
        rounded = np.round(scores[i, j].astype(np.float64), DECIMALS).astype(np.float32)
        return Comparisons(probes.number[rows[i]], references.number[j], rounded)

    def _part(self, table: str, number: int) -> Path:
        return self._folder.scores / self._recogniser.id / f"{table}-{number:05d}.parquet"


def judge_view(
    recogniser: Recogniser, plan: Plan, sets: dict[str, LoadedSet], scorer: Scorer, wanted: Sequence[ScoreTable]
) -> JudgeView:
    """What an assessment may know of one recogniser."""
    state = np.full(len(plan.cases), NOT_EDITED, np.int8)
    edited = sets[EDITED]
    state[edited.number] = edited.templates.state
    reasons: dict[str, int] = {}
    for code, reason in zip(edited.templates.state, edited.templates.reasons, strict=True):
        if code == NO_TEMPLATE:
            reasons[reason] = reasons.get(reason, 0) + 1
    by_name = {table.name: table for table in wanted}
    return JudgeView(
        id=recogniser.id,
        families=recogniser.families,
        training_overlap=recogniser.training_overlap,
        sample_ok=sets[ORIGINAL].templates.ok,
        case_state=state,
        fta_reasons=reasons,
        table=lambda name: scorer.read(by_name[name]),
    )
