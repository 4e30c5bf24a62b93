"""People as vectors and outputs as mixes of them: every table of a run, built here by direct loops.

Nothing of the engine is used, so that the assessments can be held against brute force. A judge sees dimensions of its
own; its score is a cosine.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from visavox.core.contracts import contract
from visavox.core.digest import sha256_bytes
from visavox.core.figures import AssessmentResult, Estimate
from visavox.core.options import IdentityLeakOptions, ImpersonationOptions
from visavox.core.records import Digest
from visavox.core.report import DatasetSummary, Decision, JudgeCard
from visavox.core.terms import Claim, Modality, Outcome, ToolClass
from visavox.metrics import intervals
from visavox.policy.judge import Facts, judge, plan_cells
from visavox.policy.load import Policy, load_policy
from visavox.ports.assessment import DETECTED, NO_TEMPLATE, NOT_EDITED, AssessmentInput, Comparisons, JudgeView
from visavox_assessments.identity_leak import IdentityLeak
from visavox_assessments.impersonation import Impersonation

DIMENSIONS = 64
NOISE = 0.6
BASELINE = load_policy("baseline").policy


@dataclass(frozen=True)
class Edit:
    """One case: people, the numbers of their recordings, and which case it repeats."""

    person: int
    sample: int
    second: int = -1
    second_sample: int = -1
    first: int | None = None
    is_probe: bool = False


def unit(rows: np.ndarray) -> np.ndarray:
    return rows / np.linalg.norm(rows, axis=-1, keepdims=True)


class World:
    """Test people with recordings, and the outputs of one editor.

    ``mix(edit, number)`` gives the weights of the first person, the second person and fresh noise in an output; change
    ``outputs``, ``state``, ``outcome``, ``leaks`` or ``sample_ok`` to spoil it further.
    """

    def __init__(
        self,
        tool_class: ToolClass,
        mix: Callable[[Edit, int], tuple[float, float, float]],
        *,
        n_people: int = 48,
        each: int = 4,
        attempts: int = 1,
        judges: int = 1,
        seed: int = 0,
    ) -> None:
        self.tool_class, self.n_people, self.each = tool_class, n_people, each
        self.rng = np.random.default_rng(seed)
        self.ids = [f"judge-{k}" for k in range(judges)]
        self.people = unit(self.rng.normal(size=(judges, n_people, DIMENSIONS)))
        self.person = np.repeat(np.arange(n_people), each).astype(np.int32)
        self.n = self.person.size
        self.session = np.full(self.n, -1, np.int32)
        self.samples = unit(self.people[:, self.person] + NOISE * self.noise(self.n))
        self.edits = edits(tool_class, n_people, each, attempts)
        self.outputs = np.stack([self.output(*mix(e, i), e) for i, e in enumerate(self.edits)], axis=1)
        self.sample_ok = np.ones((judges, self.n), bool)
        self.state = np.full((judges, len(self.edits)), DETECTED, np.int8)
        self.outcome = [Outcome.EDITED] * len(self.edits)
        self.leaks: list[tuple[str, ...] | None] = [None] * len(self.edits)

    def noise(self, n: int) -> np.ndarray:
        """(judges, n, d) directions of unit length."""
        return unit(self.rng.normal(size=(len(self.ids), n, DIMENSIONS)))

    def output(self, first: float, second: float, fresh: float, edit: Edit) -> np.ndarray:
        """(judges, d) a mix of the two people themselves, not of their recordings."""
        other = self.people[:, edit.second] if edit.second >= 0 else 0.0
        return unit(first * self.people[:, edit.person] + second * other + fresh * self.noise(1)[:, 0])

    def lose(self, cases: Sequence[int] | np.ndarray, judge: int = 0) -> None:
        """These outputs have no template."""
        self.state[judge, cases] = NO_TEMPLATE

    def end(self, cases: Sequence[int] | np.ndarray, outcome: Outcome) -> None:
        """These cases were not edited."""
        self.state[:, cases] = NOT_EDITED
        for case in np.atleast_1d(cases):
            self.outcome[int(case)] = outcome

    # ------------------------------------------------------------ who is compared with whom
    def inputs(self, edit: Edit) -> list[int]:
        return [s for s in (edit.sample, edit.second_sample) if s >= 0]

    def usable(self, judge: int, person: int, inputs: Sequence[int]) -> list[int]:
        """Recordings of a person that an enrolment may rest on: none of the inputs, none of their sessions."""
        taken = {int(self.session[s]) for s in inputs if self.person[s] == person} - {-1}
        return [
            s
            for s in range(person * self.each, (person + 1) * self.each)
            if s not in inputs and self.sample_ok[judge, s] and int(self.session[s]) not in taken
        ]

    def cases(self, name: str) -> list[int]:
        """Case numbers of a set."""
        first = [e.first is None for e in self.edits]
        kept = {
            "edited": [f and not e.is_probe for f, e in zip(first, self.edits, strict=True)],
            "repeated": [not f for f in first],
            "probed": [e.is_probe for e in self.edits],
        }[name]
        return [i for i, keep in enumerate(kept) if keep]

    def table(self, judge: int, name: str) -> Comparisons:
        """Any table of a run, by its name."""
        name, _, backend = name.partition(".")
        references, _, probes = name.partition("-")
        if references == "enrolled":
            return self._against_enrolled(judge, probes)
        if probes == "original":
            ok = self.sample_ok[judge]
            pairs = [(i, j) for i in range(self.n) for j in range(i) if ok[i] and ok[j]]
            return comparisons(pairs, self.samples[judge] @ self.samples[judge].T)
        if references == "edited":
            return self._output_pairs(judge, backend)
        vectors = self.masked[judge] if probes == "masked" else self.outputs[judge]
        scores = vectors @ self.samples[judge].T
        pairs = [
            (i, j)
            for i in self.cases("edited" if probes == "masked" else probes)
            if self.state[judge, i] >= DETECTED
            for j in range(self.n)
            if self.sample_ok[judge, j] and j not in self.inputs(self.edits[i])
        ]
        return comparisons(pairs, scores)

    @property
    def masked(self) -> np.ndarray:
        """Outputs with the face hidden: nothing of anybody."""
        rng = np.random.default_rng(1)
        return unit(rng.normal(size=self.outputs.shape))

    def _output_pairs(self, judge: int, backend: str) -> Comparisons:
        """Back-ends see what the recogniser sees, whatever they were trained on; they leave out who shares people."""
        cases = [i for i in self.cases("edited") if self.state[judge, i] >= DETECTED]
        pairs = [(i, j) for i in cases for j in cases if j < i]
        if backend:
            pairs = [(i, j) for i, j in pairs if apart(self.edits[i], self.edits[j])]
        if backend.endswith("permuted"):
            pairs = [(i, j) for i, j in pairs if self.edits[i].person != self.edits[j].person]
        return comparisons(pairs, self.outputs[judge] @ self.outputs[judge].T)

    def _against_enrolled(self, judge: int, probes: str) -> Comparisons:
        rows = []
        if probes == "original":
            shown = [(i, self.samples[judge, i], [i]) for i in range(self.n) if self.sample_ok[judge, i]]
        else:
            shown = [
                (i, self.outputs[judge, i], self.inputs(self.edits[i]))
                for i in self.cases(probes)
                if self.state[judge, i] >= DETECTED
            ]
        known = [p for p in range(self.n_people) if self.usable(judge, p, ())]
        means = [unit(self.samples[judge, self.usable(judge, p, ())].mean(0)) for p in known]
        whole = np.asarray(means).reshape(-1, DIMENSIONS)
        for number, vector, inputs in shown:
            row = dict(zip(known, (whole @ vector).tolist(), strict=True))
            for person in {int(self.person[s]) for s in inputs} & set(known):
                own = self.usable(judge, person, inputs)
                if own:
                    row[person] = float(vector @ unit(self.samples[judge, own].mean(0)))
                else:
                    row.pop(person)
            rows += [(number, person, score) for person, score in row.items()]
        probe, reference, score = zip(*rows, strict=True) if rows else ((), (), ())
        return Comparisons(
            np.asarray(probe, np.int32), np.asarray(reference, np.int32), np.round(score, 6).astype(np.float32)
        )

    # ------------------------------------------------------------ what the assessments see
    def view(self, judge: int) -> JudgeView:
        lost = int((self.state[judge] == NO_TEMPLATE).sum())
        tables: dict[str, Comparisons] = {}

        def table(name: str) -> Comparisons:
            if name not in tables:
                tables[name] = self.table(judge, name)
            return tables[name]

        return JudgeView(
            id=self.ids[judge],
            families=frozenset({self.ids[judge]}),
            training_overlap="none",
            sample_ok=self.sample_ok[judge],
            case_state=self.state[judge],
            fta_reasons={"no face found": lost} if lost else {},
            table=table,
        )

    def data(self, options: Any, policy: Policy = BASELINE) -> AssessmentInput:
        first = [i if e.first is None else e.first for i, e in enumerate(self.edits)]

        def ints(values: list[int]) -> np.ndarray:
            return np.asarray(values, np.int32)

        return AssessmentInput(
            tool_class=self.tool_class,
            modality=Modality.FACE,
            contract=contract(self.tool_class),
            sample_person=self.person,
            sample_session=self.session,
            case_person=ints([e.person for e in self.edits]),
            case_sample=ints([e.sample for e in self.edits]),
            second_person=ints([e.second for e in self.edits]),
            second_sample=ints([e.second_sample for e in self.edits]),
            case_first=ints(first),
            case_probe=np.asarray([e.is_probe for e in self.edits], bool),
            case_outcome=tuple(self.outcome),
            case_leaks=tuple(self.leaks),
            judges=tuple(self.view(k) for k in range(len(self.ids))),
            fmrs=(policy.face.fmr,),
            competence=(policy.face.competence.fmr, policy.face.competence.max_fnmr),
            limits=policy.limits(),
            options=options,
            alpha=policy.alpha,
            seed=1,
        )

    def impersonation(self, policy: Policy = BASELINE, **options: Any) -> AssessmentResult:
        return Impersonation().assess(self.data(ImpersonationOptions(**options), policy))

    def identity_leak(self, policy: Policy = BASELINE, **options: Any) -> AssessmentResult:
        return IdentityLeak().assess(self.data(IdentityLeakOptions(**options), policy))

    def ledger(self) -> AssessmentResult:
        """Cases that were not edited, consent probes apart."""
        kept = [i for i, e in enumerate(self.edits) if not e.is_probe]
        hits = [self.outcome[i] is not Outcome.EDITED for i in kept]
        found = intervals.rate_interval(hits, [self.edits[i].person for i in kept])
        share = Estimate(
            name="non_edited_share", value=found.p, low=0.0, high=1.0, lower=0.0, upper=1.0, method="m", n=found.n,
            n_eff=found.n, n_subjects=found.n_people, recogniser="", basis=(found.basis,),
        )  # fmt: skip
        return AssessmentResult(assessment="ledger", modality=Modality.FACE, estimates=(share,))

    def decide(self, policy: Policy = BASELINE, claims: tuple[Claim, ...] = ()) -> Decision:
        """The verdict of a policy on this world."""
        results = (self.identity_leak(policy), self.impersonation(policy, claims=claims), self.ledger())
        cards = tuple(
            JudgeCard(
                id=name, name=name, digest=sha256_bytes(name.encode()), detector="d", score="cosine",
                families=(name,), training_overlap="none",
            )
            for name in self.ids
        )  # fmt: skip
        dataset = DatasetSummary(
            kind="simulated", digest=Digest(sha256="0" * 64), modality=Modality.FACE, n_subjects=self.n_people,
            n_samples=self.n, n_test_subjects=self.n_people, n_test_samples=self.n, consent={"granted": self.n},
        )  # fmt: skip
        cells = plan_cells(policy, self.tool_class, self.ids, claims, modality=Modality.FACE)
        return judge(policy, cells, Facts(self.tool_class, results, cards, dataset, smoke=False))


def edits(tool_class: ToolClass, n_people: int, each: int, attempts: int) -> list[Edit]:
    """Cases on a circle of people: a host's recordings have different donors; morphs are of neighbours."""
    found: list[Edit] = []
    for person in range(n_people):
        for k in range(each if tool_class is not ToolClass.MORPH else 1):
            sample = person * each + k
            if tool_class is ToolClass.ATTRIBUTE:
                found.append(Edit(person, sample))
            else:
                other = (person + 1 + k) % n_people
                found.append(Edit(person, sample, other, other * each + (person + k) % each))
    n = len(found)
    for _ in range(attempts - 1):
        found += [Edit(e.person, e.sample, e.second, e.second_sample, first=i) for i, e in enumerate(found[:n])]
    if tool_class is ToolClass.SWAP:
        for donor in range(n_people):
            for k in range(2):
                host = (donor + 7 + k) % n_people
                found.append(Edit(host, host * each + k, donor, donor * each + 1 + k, is_probe=True))
    return found


def apart(one: Edit, other: Edit) -> bool:
    """Outputs that share no donor, nor one's donor with the other's host."""
    return one.second < 0 or (one.second != other.second and one.second != other.person and other.second != one.person)


def comparisons(pairs: list[tuple[int, int]], scores: np.ndarray) -> Comparisons:
    """Stored scores: float32 of six decimals."""
    probe, reference = np.asarray(pairs, np.int32).reshape(-1, 2).T
    return Comparisons(probe, reference, np.round(scores[probe, reference].astype(np.float64), 6).astype(np.float32))
