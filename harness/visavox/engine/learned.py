"""Score tables of the semi-informed attacker: one model fit per table, from the outputs' templates of the run."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from visavox.core.errors import UndefinedMetricError
from visavox.core.seeding import generator
from visavox.ports.assessment import SEMI_INFORMED, Comparisons, Floats, Ints
from visavox.ports.recogniser import Recogniser

from .plan import Plan
from .tables import TemplateSet

SHARES = {SEMI_INFORMED: 1.0, f"{SEMI_INFORMED}_50": 0.5, f"{SEMI_INFORMED}_25": 0.25}
PERMUTED = f"{SEMI_INFORMED}_permuted"
N_FOLDS = 3
Rows = npt.NDArray[np.int64]


class Learned(NamedTuple):
    """A table, and what was chosen for it, one line a model."""

    comparisons: Comparisons
    choices: tuple[str, ...]


class SemiInformedTables:
    """Fits and scores on demand; equal inputs give equal tables.

    Where no model can be fitted (too few people with outputs) the tables are empty and the choices say why.
    """

    def __init__(self, plan: Plan, outputs: TemplateSet, cases: Ints, recogniser: Recogniser) -> None:
        self._plan, self._outputs, self._cases, self._recogniser = plan, outputs, cases, recogniser

    def table(self, backend: str) -> Learned:
        """The table of one back-end name, see ``visavox.ports.assessment``."""
        from visavox.metrics.backends import semi_informed_scores

        persons = np.asarray(self._plan.case_person, np.int32)[self._cases]

        def share_people(first: Rows, second: Rows) -> npt.NDArray[np.bool_]:
            return shares_a_donor(self._plan, self._cases[first], self._cases[second])

        def own(first: npt.NDArray[np.float64], second: npt.NDArray[np.float64]) -> Floats:
            return self._recogniser.compare(first.astype(np.float32), second.astype(np.float32))

        try:
            found = semi_informed_scores(
                self._outputs.vectors,
                persons,
                fold_of_cases(self._plan)[self._cases],
                rng=generator(self._plan.seed, "semi_informed", self._recogniser.id),
                share=SHARES.get(backend, 1.0),
                derangement=self._derangement(persons) if backend == PERMUTED else None,
                ok=self._outputs.ok,
                own=own,
                leave_out=share_people,
            )
        except UndefinedMetricError as error:
            nothing: Ints = np.zeros(0, np.int32)
            return Learned(Comparisons(nothing, nothing, np.zeros(0, np.float32)), (f"{error.asked}: {error.found}",))
        # Pairs across folds are scored by other models with other tails: a kind that holds no mated trial (ADR 0007).
        kept = np.ones(found.score.size, np.bool_) if backend == PERMUTED else found.is_within_fold
        scores: Floats = found.score[kept].astype(np.float32)
        comparisons = Comparisons(self._cases[found.probe[kept]], self._cases[found.reference[kept]], scores)
        return Learned(comparisons, tuple(choice.summary for choice in found.choices))

    def _derangement(self, persons: Ints) -> Ints:
        """d0 over the people with a template, drawn before anything is fitted."""
        from visavox.metrics.permutation import draw_derangement

        n_people = int(np.unique(persons[self._outputs.ok]).size)
        rng = generator(self._plan.seed, PERMUTED, self._recogniser.id)
        drawn: Ints = draw_derangement(n_people, rng).astype(np.int32)
        return drawn


def shares_a_donor(plan: Plan, first: Ints, second: Ints) -> npt.NDArray[np.bool_]:
    """Pairs of cases that share a donor, or one's donor with the other's host: they are no comparisons."""
    persons, donors = np.asarray(plan.case_person, np.int32), np.asarray(plan.second_person, np.int32)
    crossed = (donors[first] == persons[second]) | (donors[second] == persons[first])
    shared: npt.NDArray[np.bool_] = (donors[first] >= 0) & (crossed | (donors[first] == donors[second]))
    return shared


def fold_of_cases(plan: Plan) -> Ints:
    """(n_cases,) fold of the person asked about; people outside the drawn folds are dealt by their number."""
    of_person = {s.person: s.fold for s in plan.samples}
    names = [of_person.get(person, "") for person in plan.case_person]
    return np.asarray(
        [
            int(name[5:]) if name.startswith("test-") else person % N_FOLDS
            for name, person in zip(names, plan.case_person, strict=True)
        ],
        np.int32,
    )
