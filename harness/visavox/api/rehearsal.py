"""A rehearsal: the suite's own assessments and judge over the plan's comparisons, with invented scores.

No model runs. The tables hold exactly the comparisons that a run would make if every case were edited and every face,
or speech in every sound, found; a competent judge is imagined, and a tool that leaks nothing: who must not match never
does, strangers score a standard normal. What then stands between the tool and a PASS is the data set.
"""

from __future__ import annotations

from functools import cache
from typing import NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt

from visavox.api.attesting import attested
from visavox.core.contracts import contract
from visavox.core.digest import sha256_bytes
from visavox.core.figures import AssessmentResult, Estimate, Instrument, NotMade
from visavox.core.records import EditRow, Output, RecogniserSpec
from visavox.core.report import Decision, JudgeCard
from visavox.core.seeding import generator
from visavox.core.terms import InstrumentState, Outcome, ToolClass
from visavox.engine.embed import cases_of_sets
from visavox.engine.enrolment import Inputs
from visavox.engine.learned import N_FOLDS, PERMUTED
from visavox.engine.plan import Plan
from visavox.policy.judge import Facts, judge
from visavox.policy.records import Duties
from visavox.ports.assessment import (
    DETECTED,
    ENROLLED,
    NOT_EDITED,
    ORIGINAL,
    Comparisons,
    Floats,
    Ints,
    JudgeView,
    ScoreTable,
    assessments,
)
from visavox.ports.recogniser import recognisers

from .assessing import assess_all, ledger_result, score_tables
from .building import dataset_summary
from .preparation import Outline
from .utility import kept_figures

SURE = np.float32(8.0)
"""A score that no stranger reaches, standard normals being below 6 in a hundred million draws."""
Bools = npt.NDArray[np.bool_]
Figure = TypeVar("Figure", Estimate, NotMade, Instrument)


class Rehearsed(NamedTuple):
    """What the judge would decide if nothing leaks.

    Attributes:
        results: estimates of every judge of the suite, all alike: the plan is the same for each.
        decision: over the suite's cells.
    """

    results: tuple[AssessmentResult, ...]
    decision: Decision


def judges_of(known: Outline) -> tuple[RecogniserSpec, ...]:
    """The suite's recognisers that judge media of the plan's modality."""
    return tuple(s for s in known.suite.recognisers if recognisers.modality(s.name) is known.plan.modality)


def rehearse(known: Outline) -> Rehearsed:
    """Assesses and judges a run in which nothing leaks, nothing fails and every judge is competent."""
    suite, plan, judges = known.suite, known.plan, [spec.id for spec in judges_of(known)]
    rows = _rows(plan)
    wanted = {name: assessments.get(name)() for name, _ in suite.assessments}
    invented = InventedScores(plan, rows)
    asked = {table.name: table for table in score_tables(suite, wanted)}
    view = JudgeView(
        id=judges[0],
        families=frozenset(),
        training_overlap="none",
        sample_ok=np.ones(len(plan.samples), bool),
        case_state=np.asarray(
            [DETECTED if rows[c.id].outcome is Outcome.EDITED else NOT_EDITED for c in plan.cases], np.int8
        ),
        fta_reasons={},
        table=cache(lambda name: invented.table(asked[name])),
    )
    made = [*assess_all(known, wanted, (view,), rows, kept_figures(plan)), ledger_result(known, rows)]
    results = tuple(_of_every_judge(result, judges) for result in made)
    cards = tuple(_card(name) for name in judges)
    facts = Facts(suite.editor.tool_class, results, cards, dataset_summary(known), plan.limit is not None)
    facts = facts._replace(duties=Duties.of(suite), attestations=attested(suite, known.policy.policy).cards)
    decision = judge(known.policy.policy, known.cells, facts)
    return Rehearsed(results, decision)


def _rows(plan: Plan) -> dict[str, EditRow]:
    """Every case edited, every consent probe refused."""
    output = (Output(digest="0" * 64),)
    return {
        case.id: EditRow(case_id=case.id, outcome=Outcome.REFUSED)
        if is_probe
        else EditRow(case_id=case.id, outcome=Outcome.EDITED, outputs=output)
        for case, is_probe in zip(plan.cases, plan.case_probe, strict=True)
    }


def _of_every_judge(result: AssessmentResult, judges: list[str]) -> AssessmentResult:
    """One judge's figures under the name of each; those of no judge once. Chance never makes an instrument red."""

    sound = tuple(item for item in result.instruments if item.state is not InstrumentState.RED)
    return AssessmentResult(
        assessment=result.assessment,
        modality=result.modality,
        not_applicable=result.not_applicable,
        estimates=_each(result.estimates, judges),
        not_made=_each(result.not_made, judges),
        instruments=_each(sound, judges),
    )


def _each(items: tuple[Figure, ...], judges: list[str]) -> tuple[Figure, ...]:
    return tuple(
        item.model_copy(update={"recogniser": name})
        for item in items
        for name in (judges if item.recogniser else [item.recogniser])
    )


def _card(name: str) -> JudgeCard:
    digest = sha256_bytes(name.encode())
    return JudgeCard(
        id=name, name=name, digest=digest, detector="", score="", families=(name,), training_overlap="none"
    )


class InventedScores:
    """The tables of a run over a plan: its comparisons, with scores that leak nothing."""

    def __init__(self, plan: Plan, rows: dict[str, EditRow]) -> None:
        self._plan = plan
        self._inputs = Inputs.of(plan)
        self._sets = {name: np.asarray(cases, np.int32) for name, cases in cases_of_sets(plan, rows).items()}
        self._sets[ORIGINAL] = np.arange(len(plan.samples), dtype=np.int32)
        self._first = np.asarray(plan.case_person, np.int32)
        self._second = np.asarray(plan.second_person, np.int32)
        self._stays = "output~subject" in contract(plan.tool_class).must_hold

    def table(self, asked: ScoreTable) -> Comparisons:
        """The comparisons of one table, in the order in which a run makes them."""
        probe, reference = self._pairs(asked)
        return self._scored(asked, probe, reference)

    def most(self, asked: ScoreTable) -> int:
        """How many comparisons a table holds at most: pairs that share a donor, and people not enrolled, counted in."""
        n = self._sets[asked.probes].size
        if asked.backend and asked.backend != PERMUTED:
            sizes = np.bincount(self._folds()[self._sets[asked.probes]])
            return int((sizes * (sizes - 1) // 2).sum())
        if asked.probes == asked.references:
            return n * (n - 1) // 2
        if asked.references == ENROLLED:
            return n * int(np.unique(self._inputs.sample_person).size)
        own = [self._inputs.of_case(int(case)) for case in self._sets[asked.probes]]
        return n * len(self._plan.samples) - sum(len(set(samples)) for samples in own)

    def _pairs(self, asked: ScoreTable) -> tuple[Ints, Ints]:
        if asked.backend:
            return self._learned(asked)
        if asked.references == ENROLLED:
            return self._against_enrolled(asked)
        probes, references = self._sets[asked.probes], self._sets[asked.references]
        wanted = np.ones((probes.size, references.size), bool)
        if asked.probes == asked.references:
            wanted &= np.arange(references.size)[None, :] < np.arange(probes.size)[:, None]
        elif asked.references == ORIGINAL:
            for own in (self._inputs.first, self._inputs.second):
                wanted &= references[None, :] != own[probes][:, None]
        i, j = np.nonzero(wanted)
        return probes[i], references[j]

    def _against_enrolled(self, asked: ScoreTable) -> tuple[Ints, Ints]:
        """Probes against everyone; nobody is enrolled by the probe's own inputs alone."""
        probes, people = self._sets[asked.probes], np.unique(self._inputs.sample_person)
        wanted = np.ones((probes.size, people.size), bool)
        for row, number in enumerate(probes.tolist()):
            is_original = asked.probes == ORIGINAL
            own = self._inputs.of_sample(number) if is_original else self._inputs.of_case(number)
            for person in {int(self._inputs.sample_person[s]) for s in own}:
                place = int(np.searchsorted(people, person))
                wanted[row, place] = bool(self._inputs.references_of(person, own))
        i, j = np.nonzero(wanted)
        return probes[i], people[j].astype(np.int32)

    def _learned(self, asked: ScoreTable) -> tuple[Ints, Ints]:
        """Pairs of outputs within folds, or, of permuted people, all non-mated ones; none where no model is fitted."""
        from visavox.metrics.backends.semi_informed import LEAST_PEOPLE

        outputs = self._sets[asked.probes]
        folds, people = self._folds()[outputs], self._first[outputs]
        fewest = min(np.unique(people[folds == fold]).size for fold in range(N_FOLDS))
        j, i = np.nonzero(np.tri(outputs.size, k=-1, dtype=bool))  # the probe comes first, other than in plain tables
        i, j = (i, j) if fewest >= LEAST_PEOPLE else (i[:0], j[:0])
        kept = folds[i] == folds[j] if asked.backend != PERMUTED else people[i] != people[j]
        kept &= ~self._share_people(outputs[i], outputs[j])
        return outputs[i[kept]], outputs[j[kept]]

    def _share_people(self, one: Ints, other: Ints) -> Bools:
        donors = self._second[one], self._second[other]
        crossed = (donors[0] == self._first[other]) | (donors[1] == self._first[one])
        shared: Bools = (donors[0] >= 0) & (crossed | (donors[0] == donors[1]))
        return shared

    def _folds(self) -> Ints:
        of_person = {sample.person: sample.fold for sample in self._plan.samples}
        names = [of_person.get(person, "") for person in self._plan.case_person]
        numbers = [
            int(name[5:]) if name.startswith("test-") else person % N_FOLDS
            for name, person in zip(names, self._plan.case_person, strict=True)
        ]
        return np.asarray(numbers, np.int32)

    def _scored(self, asked: ScoreTable, probe: Ints, reference: Ints) -> Comparisons:
        rng = generator(self._plan.seed, "rehearsal", asked.name)
        scores: Floats = rng.standard_normal(probe.size, np.float32)
        claimed = self._claimed(asked.references, reference)
        if asked.probes == ORIGINAL:
            scores[self._inputs.sample_person[probe] == claimed] = SURE
            return Comparisons(probe, reference, scores)
        scores[self._first[probe] == claimed] = SURE if self._stays else -SURE
        if asked.references != asked.probes:
            scores[self._second[probe] == claimed] = SURE if self._plan.tool_class is ToolClass.SWAP else -SURE
        return Comparisons(probe, reference, scores)

    def _claimed(self, references: str, numbers: Ints) -> Ints:
        """The person that each reference shows."""
        if references == ENROLLED:
            return numbers
        return self._inputs.sample_person[numbers] if references == ORIGINAL else self._first[numbers]
