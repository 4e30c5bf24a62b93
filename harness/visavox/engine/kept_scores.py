"""The score tables of a finished run, read back without its templates and held against its plan.

A table holds every comparison that the plan asks for of media with a template, each once, in one order, and no other.
A part too many or too few, a row left out, doubled or moved, is found without any template.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from visavox.core.errors import EvidenceError, RunFolderError
from visavox.core.records import EditRow
from visavox.core.report import JudgeCard
from visavox.ports.assessment import ENROLLED, ORIGINAL, Comparisons, Ints, JudgeView, ScoreTable

from . import tables
from .acquired import Acquired, acquired_path, backends_path, read_acquired, read_backends, template_facts
from .detection import STAGE as DETECTION
from .enrolment import Inputs
from .folder import RunFolder
from .learned import PERMUTED, fold_of_cases, shares_a_donor
from .plan import Plan
from .score import score_path, units_of


class Pairs(NamedTuple):
    """Which comparisons a table holds, in its order."""

    probe: Ints
    reference: Ints


class KeptScores:
    """The tables of one recogniser.

    Raises:
        RunFolderError: what was kept of its templates is absent, unreadable or of other media.
    """

    def __init__(self, folder: RunFolder, recogniser: str, plan: Plan, rows: dict[str, EditRow]) -> None:
        self._folder, self._recogniser, self._plan = folder, recogniser, plan
        self.sets: Mapping[str, Acquired] = read_acquired(folder, recogniser, plan, rows)
        self._inputs = Inputs.of(plan)

    def read(self, table: ScoreTable) -> Comparisons:
        """All scores of one table.

        Raises:
            RunFolderError: a part is absent or unreadable.
            EvidenceError: its comparisons are not those that the plan asks for.
        """
        units = units_of(table, self._plan, len(self.sets[table.probes].number))
        parts = [score_path(self._folder, self._recogniser, table.name, n) for n in range(len(units))]
        found = tables.read_scores(parts)
        wanted = self._wanted(table)
        if wanted is None:
            key = found.probe.astype(np.int64) * (len(self._plan.cases) + 1) + found.reference
            is_whole = bool((np.diff(key) > 0).all())
        else:
            is_whole = np.array_equal(found.probe, wanted.probe) and np.array_equal(found.reference, wanted.reference)
        if not is_whole:
            asked = "each once, in order" if wanted is None else f"{len(wanted.probe)}, in order"
            raise EvidenceError(
                f"read the scores {table.name} of {self._recogniser}",
                found=f"its {len(found.probe)} comparisons are not those that the plan asks for: {asked}",
                todo="rows were left out, added or moved after the run ended; run again in a new folder",
            )
        if not np.isfinite(found.score).all():
            raise EvidenceError(
                f"read the scores {table.name} of {self._recogniser}",
                found="a score that is no number",
                todo="run again",
            )
        return found

    def files(self, wanted: Sequence[ScoreTable]) -> set[str]:
        """Every file that a run writes of these tables, as paths below the run folder's part."""
        paths = [acquired_path(self._folder, self._recogniser), backends_path(self._folder, self._recogniser)]
        for table in wanted:
            units = units_of(table, self._plan, len(self.sets[table.probes].number))
            paths += [score_path(self._folder, self._recogniser, table.name, n) for n in range(len(units))]
        return {path.relative_to(self._folder.root).as_posix() for path in paths}

    def _wanted(self, table: ScoreTable) -> Pairs | None:
        """The comparisons of a table; None of one whose choice rests on permuted labels."""
        if table.backend == PERMUTED:
            return None
        if table.backend:
            return self._within_folds(table)
        if table.references == ENROLLED:
            return self._of_people(table)
        probes, references = self.sets[table.probes], self.sets[table.references]
        wanted = probes.ok[:, None] & references.ok[None, :]
        if table.probes == table.references:
            wanted &= np.tri(len(probes.number), k=-1, dtype=bool)
        elif table.references == ORIGINAL:
            for own in (self._inputs.first, self._inputs.second):
                wanted &= references.number[None, :] != own[probes.number][:, None]
        i, j = np.nonzero(wanted)
        return Pairs(probes.number[i], references.number[j])

    def _of_people(self, table: ScoreTable) -> Pairs:
        """Everyone with a template is enrolled; the probe's own people only where recordings are left to enrol."""
        probes, ok = self.sets[table.probes], self.sets[ORIGINAL].ok
        people = np.unique(self._inputs.sample_person[ok])
        found: list[tuple[int, int]] = []
        for number in probes.number[probes.ok]:
            inputs = self._inputs.of_sample(number) if table.probes == ORIGINAL else self._inputs.of_case(number)
            own = {int(self._inputs.sample_person[s]) for s in inputs}
            left_out = {p for p in own if not any(ok[s] for s in self._inputs.references_of(p, inputs))}
            found += [(int(number), int(person)) for person in people if int(person) not in left_out]
        columns = np.asarray(found, np.int32).reshape(-1, 2)
        return Pairs(columns[:, 0], columns[:, 1])

    def _within_folds(self, table: ScoreTable) -> Pairs:
        """Outputs of one fold of people; empty where no model could be fitted, and the choices say why."""
        outputs = self.sets[table.probes]
        nothing: Ints = np.zeros(0, np.int32)
        part = score_path(self._folder, self._recogniser, table.name, 0)
        if not tables.read_part(part, tables.SCORES).num_rows:
            return Pairs(nothing, nothing)
        cases, fold = outputs.number[outputs.ok], fold_of_cases(self._plan)
        i, j = np.triu_indices(cases.size, k=1)
        first, second = cases[i], cases[j]
        kept = (fold[first] == fold[second]) & ~shares_a_donor(self._plan, first, second)
        return Pairs(first[kept], second[kept])


def kept_view(
    card: JudgeCard, plan: Plan, kept: KeptScores, folder: RunFolder, wanted: Sequence[ScoreTable]
) -> JudgeView:
    """What an assessment may know of one recogniser, from the folder of a finished run alone.

    Raises:
        RunFolderError: the back-ends' choices are absent or unreadable.
    """
    by_name = {table.name: table for table in wanted}
    return JudgeView(
        id=card.id,
        families=frozenset(card.families),
        training_overlap=card.training_overlap,
        **template_facts(plan, kept.sets)._asdict(),
        table=lambda name: kept.read(by_name[name]),
        backends=read_backends(folder, card.id),
    )


def trial_tables(folder: RunFolder) -> set[str]:
    """Every table of trial-level figures in a run folder, as paths below it."""
    found: list[Path] = []
    for part in folder.parts():
        found += part.root.glob("*.parquet")
        for place in (part.scores, part.utility, part.root / DETECTION):
            found += place.rglob("*.parquet")
    return {path.relative_to(folder.root).as_posix() for path in found}


def refuse_other_tables(folder: RunFolder, known: set[str]) -> None:
    """Raises RunFolderError where a table lies there that no run writes, or is missing, or is a link or folder."""
    found = trial_tables(folder)
    odd = {name for name in found if (folder.root / name).is_symlink() or not (folder.root / name).is_file()}
    for what, names in (("absent", known - found), ("of no part of the run", found - known), ("no plain file", odd)):
        if names:
            raise RunFolderError(
                f"read the trial-level tables of {folder.root}",
                found=f"{sorted(names)[0]} is {what}" + (f", and {len(names) - 1} more" if len(names) > 1 else ""),
                todo="the run folder was altered after the run ended; run again in a new folder",
            )
