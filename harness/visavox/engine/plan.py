"""The plan: people, cases and work units, fixed before any model runs, free of names.

A person is a number here (their order in the data set); subject names stay with the data set.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from pydantic import SerializerFunctionWrapHandler, model_serializer

from visavox.core.config import DEFAULT_OPERATION, BaselineEditor, EditorSpec, Suite
from visavox.core.digest import sha256_bytes, sha256_json
from visavox.core.errors import ConfigError
from visavox.core.outputs_list import ListedOutput
from visavox.core.records import Case, Record, Role, Sample, Sha256
from visavox.core.seeding import child_seed
from visavox.core.terms import Consent, Modality, Operation, ToolClass
from visavox.ports.dataset import Dataset, OneModality

from .consent import Asked, PlannedConsent, ProbedCase, draw_probes, most_people, probes_of
from .draw import ROLES, Drawn, Member, balanced_order, draw

UNIT_SIZE = 32
MASKED_PER_PERSON = 2
WITHHELD = frozenset({Consent.REFUSED, Consent.WITHDRAWN})
SMOKE_PEOPLE = 20
"""A smoke run compares with so many people, or with those of its cases where they are more."""
SMOKE_RECORDINGS = 4
"""Recordings of each person in a smoke run; with 20 people a threshold at an FMR of 1e-3 can just be made."""


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
        cases: in the order in which they are edited: first attempts, further attempts, consent probes: first those in
            which the donor is said to refuse, then those of tokens.
        case_person, case_sample: who plays the first role (subject, host, contributor 1) with which sample; the sample
            is -1 for media made elsewhere.
        second_person, second_sample: the donor or contributor 2 in the same way; -1 where there is none.
        case_first: number of the first attempt of the same case.
        case_probe: the editor is told that the donor refused consent, or is sent a consent token that it must not
            serve; such a case counts in no figure of ordinary ones.
        case_consent: what the editor is told of the consent of the people in the case.
        case_species: what made each output, where a list of outputs made elsewhere tells; empty where none does.
        masked: numbers of the cases whose output is also compared with its face region masked.
        n_people: everyone in the data set; n_test_people: those with two or more recordings, outside ``train``.
        consent: of an editor that takes consent tokens; None, and left out of the digest, where it takes none.
        limit: cases asked for by a smoke run, else None. Its samples and test people are some of them only: those of
            its cases first.
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
    second_person: tuple[int, ...]
    second_sample: tuple[int, ...]
    case_first: tuple[int, ...]
    case_probe: tuple[bool, ...]
    case_consent: tuple[Consent, ...]
    case_species: tuple[str, ...] = ()
    masked: tuple[int, ...]
    limit: int | None = None
    sample_digests: tuple[Sha256, ...]
    consent: PlannedConsent | None = None

    @model_serializer(mode="wrap")
    def _without_nothing(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        value: dict[str, Any] = write(self)
        if self.consent is None:
            value.pop("consent", None)
        return value

    def digest(self) -> str:
        """SHA-256 of the plan's canonical JSON."""
        return sha256_json(self.model_dump(mode="json"))

    def units(self, n_items: int) -> list[range]:
        """Work units over ``n_items`` items: the unit of journal, retry and resume."""
        return [range(start, min(start + self.unit_size, n_items)) for start in range(0, n_items, self.unit_size)]

    def species(self, case: int) -> str:
        """What made the output of a case; empty where one tool makes them all."""
        return self.case_species[case] if self.case_species else ""

    @property
    def first_attempts(self) -> list[int]:
        """Numbers of the cases that are neither a further attempt nor a consent probe."""
        return [i for i, probe in enumerate(self.case_probe) if not probe and self.case_first[i] == i]

    @property
    def case_token_probe(self) -> tuple[str, ...]:
        """The probe of consent tokens that each case is; empty for all others."""
        names = [""] * len(self.cases)
        for found in self.consent.cases if self.consent else ():
            names[found.case] = found.probe
        return tuple(names)


class _Entry(NamedTuple):
    """One case with the people in it; ``key`` tells which case its attempts belong to."""

    case: Case
    persons: tuple[int, int]
    samples: tuple[int, int]
    consent: Consent
    key: tuple[int, int | None, bool] | str
    is_probe: bool = False
    probed: ProbedCase | None = None


def make_plan(
    suite: Suite,
    dataset: Dataset,
    *,
    limit: int | None = None,
    elsewhere: Sequence[ListedOutput] | None = None,
    species: Mapping[str, str] | None = None,
    tokens: Asked | None = None,
) -> Plan:
    """Draws people, blocks and cases by the suite's seed (STATISTICS 1).

    Args:
        limit: cases of a smoke run.
        elsewhere: outputs that name the people who went in; each is a case, and these people are test people.
        species: what made the output of a case, by its id, where several generators did.
        tokens: of an editor that takes consent tokens; see ``visavox.engine.consent.asked_of``.

    Raises:
        ConfigError: if the tool class cannot be assessed by this version, or nobody can be tested.
    """
    operation = operation_on(suite.editor, dataset)
    editor = suite.editor.model_copy(update={"operation": operation})
    suite = suite.model_copy(update={"editor": editor})
    if editor.tool_class not in ROLES:
        raise ConfigError(
            f"assess a tool of the class {editor.tool_class.value}",
            found=f"this version assesses the classes {', '.join(name.value for name in ROLES)}",
            todo="no report is written for other classes, so that nothing passes unmeasured",
        )
    people = {name: number for number, name in enumerate(sorted({s.subject_id for s in dataset.samples}))}
    named = {name for row in elsewhere or () for name in (row.from_subject, row.to_subject)}
    _refuse_strangers(elsewhere or (), people, n_roles=len(ROLES[editor.tool_class]))
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
    at_most = min(suite.execution.max_cases, limit if limit is not None else suite.execution.max_cases)
    if elsewhere is None:
        probes = probes_of(tokens, suite)
        n_people = most_people(tokens, len(probes), at_most)
        entries = _drawn(suite, planned, tested, at_most - n_people * len(probes))
        if tokens is not None:
            entries += _token_probes(entries, sorted(people), tokens, suite, n_people)
    else:
        order = balanced_order([people[row.from_subject] for row in elsewhere], suite.seed)
        entries = [_listed(elsewhere[i], people, suite) for i in sorted(order[:at_most])]
    if not entries:
        raise ConfigError(
            f"draw cases of the class {editor.tool_class.value}",
            found="no fold has two people: the people of one case come from one of three folds",
            todo="six people or more are needed",
        )
    if limit is not None:
        kept = _looked_at(planned, entries, suite.seed)
        place = {number: at for at, number in enumerate(kept)} | {-1: -1}
        entries = [e._replace(samples=(place[e.samples[0]], place[e.samples[1]])) for e in entries]
        planned, tested = tuple(planned[i] for i in kept), [tested[i] for i in kept]
    firsts: dict[object, int] = {}
    case_first = tuple(firsts.setdefault(entry.key, number) for number, entry in enumerate(entries))
    ordinary = [n for n, entry in enumerate(entries) if not entry.is_probe and case_first[n] == n]
    return Plan(
        tool_class=editor.tool_class,
        operation=operation,
        modality=dataset.modality,
        dataset=dataset.digest,
        seed=suite.seed,
        n_people=len(people),
        n_test_people=len({s.person for s in planned}),
        samples=planned,
        cases=tuple(entry.case for entry in entries),
        case_person=tuple(entry.persons[0] for entry in entries),
        case_sample=tuple(entry.samples[0] for entry in entries),
        second_person=tuple(entry.persons[1] for entry in entries),
        second_sample=tuple(entry.samples[1] for entry in entries),
        case_first=case_first,
        case_probe=tuple(entry.is_probe for entry in entries),
        case_consent=tuple(entry.consent for entry in entries),
        case_species=tuple((species or {}).get(entry.case.id, "") for entry in entries) if species else (),
        masked=_first_of_each(ordinary, [entry.persons[0] for entry in entries]),
        limit=limit,
        sample_digests=tuple(s.digest for s in tested),
        consent=None if tokens is None or elsewhere is not None else _planned_consent(tokens, suite, entries),
    )


def operation_on(editor: EditorSpec, dataset: Dataset) -> Operation:
    """What the editor does to the data set's media: what its suite states, where that is of their modality.

    Where faces and voices are mixed, one operation cannot state both; and a baseline's is a default. There it is what
    the tool class does to such media.

    Raises:
        ConfigError: the stated operation is of another modality, or the tool class has none on such media.
    """
    if editor.operation.modality is dataset.modality:
        return editor.operation
    found = DEFAULT_OPERATION.get((editor.tool_class, dataset.modality))
    if found is None or not (isinstance(editor, BaselineEditor) or isinstance(dataset, OneModality)):
        raise ConfigError(
            f"edit the {dataset.modality.value}s of the data set",
            found=f"the operation {editor.operation.value}",
            todo=f"state operation: {found.value}" if found else f"{editor.tool_class.value} has none on such media",
        )
    return found


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


def _drawn(suite: Suite, planned: Sequence[PlannedSample], tested: Sequence[Sample], at_most: int) -> list[_Entry]:
    options = suite.impersonation
    drawn = draw(
        suite.editor.tool_class,
        [Member(s.person, s.fold) for s in planned],
        suite.seed,
        at_most=at_most,
        attempts=options.attempts if options else 1,
        probes=bool(options and options.consent_probes),
    )
    return [_entry(one, suite, planned, tested) for one in drawn]


def _entry(drawn: Drawn, suite: Suite, planned: Sequence[PlannedSample], tested: Sequence[Sample]) -> _Entry:
    numbers = [drawn.first] if drawn.second is None else [drawn.first, drawn.second]
    roles = ROLES[suite.editor.tool_class]
    digests = [(role, tested[n].digest) for role, n in zip(roles, numbers, strict=True)]
    consent = Consent.REFUSED if drawn.is_probe else _least([tested[n].consent for n in numbers])
    told = [("consent", consent.value)] if drawn.is_probe else []
    identifier = case_id(suite.editor.operation, [*digests, *told], drawn.attempt)
    case = _case(
        identifier, tuple(Role(role=r, sample_id=tested[n].id) for r, n in zip(roles, numbers, strict=True)), suite
    )
    second = -1 if drawn.second is None else drawn.second
    persons = (planned[drawn.first].person, -1 if second < 0 else planned[second].person)
    key = (drawn.first, drawn.second, drawn.is_probe)
    return _Entry(case, persons, (drawn.first, second), consent, key, drawn.is_probe)


def _token_probes(
    entries: Sequence[_Entry], names: Sequence[str], tokens: Asked, suite: Suite, n_people: int
) -> list[_Entry]:
    """Ordinary cases asked for again with tokens that must not be served."""
    ordinary = [entry for entry in entries if not entry.is_probe]
    made: list[_Entry] = []
    for drawn in draw_probes([entry.persons for entry in ordinary], names, tokens, suite, n_people):
        base = ordinary[drawn.base]
        digests = [(role.role, role.sample_id) for role in base.case.roles]
        identifier = case_id(suite.editor.operation, [*digests, ("consent probe", drawn.probe.name)])
        probed = ProbedCase(
            case=len(entries) + len(made), probe=drawn.probe.name, token_of=drawn.token_of, other=drawn.other
        )
        case = _case(identifier, base.case.roles, suite)
        made.append(_Entry(case, base.persons, base.samples, Consent.REFUSED, identifier, True, probed))
    return made


def _planned_consent(tokens: Asked, suite: Suite, entries: Sequence[_Entry]) -> PlannedConsent:
    if tokens.probes is None:
        return PlannedConsent(tokens=tokens.book.digest)
    return PlannedConsent(
        tokens=tokens.book.digest,
        probe_list=tokens.probes.name,
        version=tokens.probes.version,
        digest=tokens.probes.digest,
        probes=probes_of(tokens, suite),
        cases=tuple(entry.probed for entry in entries if entry.probed is not None),
    )


def _looked_at(planned: Sequence[PlannedSample], entries: Sequence[_Entry], seed: int) -> list[int]:
    """Numbers of the samples of a smoke run: all that go into cases, and a few recordings of a few people."""
    inputs = sorted({number for entry in entries for number in entry.samples} - {-1})
    order = balanced_order([sample.person for sample in planned], seed)
    involved = dict.fromkeys(person for entry in entries for person in entry.persons if person >= 0)
    people = [*involved, *(p for p in dict.fromkeys(planned[i].person for i in order) if p not in involved)]
    wanted = set(people[: max(SMOKE_PEOPLE, len(involved))])
    kept: dict[int, None] = {}
    taken: Counter[int] = Counter()
    for number in dict.fromkeys([*inputs, *order]):
        person = planned[number].person
        if number in inputs or (person in wanted and taken[person] < SMOKE_RECORDINGS):
            taken[person] += 1
            kept[number] = None
    return sorted(kept)


def _least(stated: Sequence[Consent]) -> Consent:
    """Granted where everyone in the case granted it; withheld consent was left out before."""
    return Consent.GRANTED if all(consent is Consent.GRANTED for consent in stated) else Consent.UNSTATED


def _listed(row: ListedOutput, people: Mapping[str, int], suite: Suite) -> _Entry:
    two = len(ROLES[suite.editor.tool_class]) == 2
    persons = (people[row.from_subject], people[row.to_subject] if two else -1)
    return _Entry(_case(row.case_id, (), suite), persons, (-1, -1), Consent.UNSTATED, row.case_id)


def _case(identifier: str, roles: tuple[Role, ...], suite: Suite) -> Case:
    return Case(
        id=identifier,
        roles=roles,
        operation=suite.editor.operation,
        params_digest=sha256_json(dict(suite.editor.params)),
        seed=child_seed(suite.seed, "case", identifier),
    )


def _refuse_strangers(elsewhere: Sequence[ListedOutput], people: Mapping[str, int], *, n_roles: int) -> None:
    """Everyone with a role must have recordings; in a swap or morph they must be two people."""
    for what, faulty in (
        (
            "people who are not in it",
            [
                number
                for number, row in enumerate(elsewhere, start=1)
                if any(name not in people for name in (row.from_subject, row.to_subject)[:n_roles])
            ],
        ),
        (
            "one person in both roles",
            [n for n, row in enumerate(elsewhere, start=1) if n_roles == 2 and row.from_subject == row.to_subject],
        ),
    ):
        if faulty:
            raise ConfigError(
                "find the people of the outputs' list in the data set",
                found=f"{len(faulty)} outputs are of {what}; the first is output {faulty[0]}",
                todo="add recordings of these people to the manifest, or leave the outputs out",
            )


def _session_numbers(samples: Sequence[Sample]) -> list[int]:
    names = {name: number for number, name in enumerate(sorted({s.session for s in samples if s.session}))}
    return [names[s.session] if s.session else -1 for s in samples]


def _first_of_each(cases: Sequence[int], persons: Sequence[int]) -> tuple[int, ...]:
    taken: dict[int, int] = {}
    chosen = []
    for case in cases:
        person = persons[case]
        if taken.get(person, 0) < MASKED_PER_PERSON:
            taken[person] = taken.get(person, 0) + 1
            chosen.append(case)
    return tuple(chosen)


def consent_counts(samples: Sequence[Sample]) -> dict[str, int]:
    """How many samples state which consent."""
    names, counts = np.unique([s.consent.value for s in samples], return_counts=True)
    return {str(name): int(count) for name, count in zip(names, counts, strict=True)}
