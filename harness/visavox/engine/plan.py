"""The plan: people, cases and work units, fixed before any model runs, free of names.

A person is a number here (their order in the data set); subject names stay with the data set.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from visavox.core.config import Suite
from visavox.core.digest import sha256_bytes, sha256_json
from visavox.core.errors import ConfigError
from visavox.core.records import Case, Record, Role, Sample, Sha256
from visavox.core.seeding import child_seed, generator
from visavox.core.terms import Modality, Operation, ToolClass
from visavox.ports.dataset import Dataset

UNIT_SIZE = 32
MASKED_PER_PERSON = 2


class PlannedSample(Record):
    """A test sample under a person's number."""

    id: str
    person: int
    session: int
    fold: str


class Plan(Record):
    """What a run will do.

    Attributes:
        samples: test samples in a fixed order; tables of scores count in it.
        cases: in the order in which they are edited; ``case_sample`` numbers the sample each one edits.
        masked: numbers of the cases whose output is also compared with its face region masked.
        n_people: everyone in the data set; n_test_people: those with two or more recordings, outside ``train``.
        limit: cases asked for by a smoke run, else None.
    """

    tool_class: ToolClass
    operation: Operation
    modality: Modality
    dataset: Sha256
    seed: int
    unit_size: int = UNIT_SIZE
    n_people: int
    n_test_people: int
    samples: tuple[PlannedSample, ...]
    cases: tuple[Case, ...]
    case_sample: tuple[int, ...]
    masked: tuple[int, ...]
    limit: int | None = None
    sample_digests: tuple[Sha256, ...]

    def digest(self) -> str:
        """SHA-256 of the plan's canonical JSON."""
        return sha256_json(self.model_dump(mode="json"))

    def units(self, n_items: int) -> list[range]:
        """Work units over ``n_items`` items: the unit of journal, retry and resume."""
        return [range(start, min(start + self.unit_size, n_items)) for start in range(0, n_items, self.unit_size)]

    @property
    def sample_person(self) -> tuple[int, ...]:
        """Person number of each test sample."""
        return tuple(sample.person for sample in self.samples)


class _Drawn(NamedTuple):
    sample: int
    case: Case


def make_plan(suite: Suite, dataset: Dataset, *, limit: int | None = None) -> Plan:
    """Draws people, blocks and cases by the suite's seed (STATISTICS 1).

    Raises:
        ConfigError: if the tool class cannot be assessed by this version, or nobody can be tested.
    """
    editor = suite.editor
    if editor.tool_class not in {ToolClass.ANONYMISE, ToolClass.ATTRIBUTE}:
        raise ConfigError(
            f"assess a tool of the class {editor.tool_class.value}",
            found="this version assesses the classes anonymise and attribute",
            todo="no report is written for other classes, so that nothing passes unmeasured",
        )
    people = {name: number for number, name in enumerate(sorted({s.subject_id for s in dataset.samples}))}
    tested = sorted(
        (s for s in dataset.samples if s.fold.startswith("test") and not s.is_fake),
        key=lambda s: (people[s.subject_id], s.id),
    )
    if not tested:
        raise ConfigError(
            "draw cases from the data set",
            found="nobody has two recordings outside the `train` block",
            todo="a person needs at least two recordings: one to edit, one to compare with",
        )
    sessions = _session_numbers(tested)
    planned = tuple(
        PlannedSample(id=s.id, person=people[s.subject_id], session=sessions[i], fold=s.fold)
        for i, s in enumerate(tested)
    )
    params = sha256_json(dict(editor.params))
    order = _balanced_order(planned, suite.seed)
    wanted = min(suite.execution.max_cases, len(order), limit if limit is not None else len(order))
    drawn = [_draw(i, tested[i], suite, params) for i in sorted(order[:wanted])]
    case_sample = tuple(d.sample for d in drawn)
    return Plan(
        tool_class=editor.tool_class,
        operation=editor.operation,
        modality=dataset.modality,
        dataset=dataset.digest,
        seed=suite.seed,
        n_people=len(people),
        n_test_people=len({s.person for s in planned}),
        samples=planned,
        cases=tuple(d.case for d in drawn),
        case_sample=case_sample,
        masked=_first_of_each(case_sample, planned),
        limit=limit,
        sample_digests=tuple(s.digest for s in tested),
    )


def case_id(operation: Operation, roles: Sequence[tuple[str, str]], repeat: int = 0) -> str:
    """First 16 hex digits of SHA-256 over (operation, role=sample digest ..., repeat).

    >>> case_id(Operation.FACE_ANONYMISATION, [("subject", "ab" * 32)])
    'f0b2a0a6bd4c4e2b'
    """
    text = "\n".join([operation.value, *(f"{role}={digest}" for role, digest in roles), str(repeat)])
    return sha256_bytes(text.encode())[:16]


def _draw(number: int, sample: Sample, suite: Suite, params: str) -> _Drawn:
    identifier = case_id(suite.editor.operation, [("subject", sample.digest)])
    case = Case(
        id=identifier,
        roles=(Role(role="subject", sample_id=sample.id),),
        operation=suite.editor.operation,
        params_digest=params,
        seed=child_seed(suite.seed, "case", identifier),
    )
    return _Drawn(number, case)


def _session_numbers(samples: Sequence[Sample]) -> list[int]:
    names = {name: number for number, name in enumerate(sorted({s.session for s in samples if s.session}))}
    return [names[s.session] if s.session else -1 for s in samples]


def _balanced_order(samples: Sequence[PlannedSample], seed: int) -> list[int]:
    """Sample numbers so that any first part is balanced over people: everyone's first, then everyone's second ..."""
    rng = generator(seed, "cases")
    tie = rng.permutation(len(samples))
    rank: dict[int, int] = {}
    key: list[tuple[int, int, int]] = []
    for number in sorted(range(len(samples)), key=lambda i: int(tie[i])):
        turn = rank.get(samples[number].person, 0)
        rank[samples[number].person] = turn + 1
        key.append((turn, int(tie[number]), number))
    return [number for _, _, number in sorted(key)]


def _first_of_each(case_sample: Sequence[int], samples: Sequence[PlannedSample]) -> tuple[int, ...]:
    taken: dict[int, int] = {}
    chosen = []
    for case, sample in enumerate(case_sample):
        person = samples[sample].person
        if taken.get(person, 0) < MASKED_PER_PERSON:
            taken[person] = taken.get(person, 0) + 1
            chosen.append(case)
    return tuple(chosen)


def consent_counts(samples: Sequence[Sample]) -> dict[str, int]:
    """How many samples state which consent."""
    names, counts = np.unique([s.consent.value for s in samples], return_counts=True)
    return {str(name): int(count) for name, count in zip(names, counts, strict=True)}
