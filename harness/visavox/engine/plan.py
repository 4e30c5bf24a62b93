"""The plan: people, cases and work units, fixed before any model runs, free of names.

A person is a number here (their order in the data set); subject names stay with the data set.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from visavox.core.config import Suite
from visavox.core.digest import sha256_bytes, sha256_json
from visavox.core.errors import ConfigError
from visavox.core.outputs_list import ListedOutput
from visavox.core.records import Case, Record, Role, Sample, Sha256
from visavox.core.seeding import child_seed, generator
from visavox.core.terms import Consent, Modality, Operation, ToolClass
from visavox.ports.dataset import Dataset

UNIT_SIZE = 32
MASKED_PER_PERSON = 2
WITHHELD = frozenset({Consent.REFUSED, Consent.WITHDRAWN})


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
        cases: in the order in which they are edited.
        case_person: whose recording each one edits; ``case_sample``: which one, -1 for media made elsewhere.
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
    case_person: tuple[int, ...]
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


class _Drawn(NamedTuple):
    sample: int
    person: int
    case: Case


def make_plan(
    suite: Suite, dataset: Dataset, *, limit: int | None = None, elsewhere: Sequence[ListedOutput] | None = None
) -> Plan:
    """Draws people, blocks and cases by the suite's seed (STATISTICS 1).

    Args:
        limit: cases of a smoke run.
        elsewhere: outputs that name the person who went in; each is a case, and these people are test people.

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
    named = {row.from_subject for row in elsewhere or ()}
    _refuse_strangers(elsewhere or (), people)
    tested = _tested(dataset.samples, named, people)
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
    if elsewhere is None:
        order = _balanced_order([s.person for s in planned], suite.seed)
        drawn = [_draw(i, planned[i], tested[i], suite, params) for i in _first(order, suite, limit)]
    else:
        order = _balanced_order([people[row.from_subject] for row in elsewhere], suite.seed)
        drawn = [_listed(elsewhere[i], people, suite, params) for i in _first(order, suite, limit)]
    case_person = tuple(d.person for d in drawn)
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
        case_person=case_person,
        case_sample=tuple(d.sample for d in drawn),
        masked=_first_of_each(case_person),
        limit=limit,
        sample_digests=tuple(s.digest for s in tested),
    )


def case_id(operation: Operation, roles: Sequence[tuple[str, str]], repeat: int = 0) -> str:
    """First 16 hex digits of SHA-256 over (operation, role=sample digest ..., repeat).

    >>> case_id(Operation.FACE_ANONYMISATION, [("subject", "ab" * 32)])
    '1c2753fe190083f4'
    """
    text = "\n".join([operation.value, *(f"{role}={digest}" for role, digest in roles), str(repeat)])
    return sha256_bytes(text.encode())[:16]


def _tested(samples: Sequence[Sample], named: set[str], people: Mapping[str, int]) -> list[Sample]:
    """Test samples in a fixed order: bona fide, consent neither refused nor withdrawn, of people with two of them."""
    usable = [s for s in samples if not s.is_fake and s.consent not in WITHHELD]
    counts = Counter(s.subject_id for s in usable)
    chosen = [s for s in usable if s.subject_id in named or (s.fold.startswith("test") and counts[s.subject_id] > 1)]
    return sorted(chosen, key=lambda s: (people[s.subject_id], s.id))


def _draw(number: int, planned: PlannedSample, sample: Sample, suite: Suite, params: str) -> _Drawn:
    identifier = case_id(suite.editor.operation, [("subject", sample.digest)])
    roles = (Role(role="subject", sample_id=sample.id),)
    return _Drawn(number, planned.person, _case(identifier, roles, suite, params))


def _listed(row: ListedOutput, people: Mapping[str, int], suite: Suite, params: str) -> _Drawn:
    return _Drawn(-1, people[row.from_subject], _case(row.case_id, (), suite, params))


def _case(identifier: str, roles: tuple[Role, ...], suite: Suite, params: str) -> Case:
    seed = child_seed(suite.seed, "case", identifier)
    return Case(id=identifier, roles=roles, operation=suite.editor.operation, params_digest=params, seed=seed)


def _first(order: Sequence[int], suite: Suite, limit: int | None) -> list[int]:
    wanted = min(suite.execution.max_cases, len(order), limit if limit is not None else len(order))
    return sorted(order[:wanted])


def _refuse_strangers(elsewhere: Sequence[ListedOutput], people: Mapping[str, int]) -> None:
    unknown = [number for number, row in enumerate(elsewhere, start=1) if row.from_subject not in people]
    if unknown:
        raise ConfigError(
            "find the people of the outputs' list in the data set",
            found=f"{len(unknown)} outputs are from people who are not in it; the first is output {unknown[0]}",
            todo="add recordings of these people to the manifest, or leave the outputs out",
        )


def _session_numbers(samples: Sequence[Sample]) -> list[int]:
    names = {name: number for number, name in enumerate(sorted({s.session for s in samples if s.session}))}
    return [names[s.session] if s.session else -1 for s in samples]


def _balanced_order(persons: Sequence[int], seed: int) -> list[int]:
    """Item numbers so that any first part is balanced over people: everyone's first, then everyone's second ..."""
    tie = generator(seed, "cases").permutation(len(persons))
    turns: dict[int, int] = {}
    key: list[tuple[int, int, int]] = []
    for number in sorted(range(len(persons)), key=lambda i: int(tie[i])):
        turn = turns.get(persons[number], 0)
        turns[persons[number]] = turn + 1
        key.append((turn, int(tie[number]), number))
    return [number for _, _, number in sorted(key)]


def _first_of_each(case_person: Sequence[int]) -> tuple[int, ...]:
    taken: dict[int, int] = {}
    chosen = []
    for case, person in enumerate(case_person):
        if taken.get(person, 0) < MASKED_PER_PERSON:
            taken[person] = taken.get(person, 0) + 1
            chosen.append(case)
    return tuple(chosen)


def consent_counts(samples: Sequence[Sample]) -> dict[str, int]:
    """How many samples state which consent."""
    names, counts = np.unique([s.consent.value for s in samples], return_counts=True)
    return {str(name): int(count) for name, count in zip(names, counts, strict=True)}
