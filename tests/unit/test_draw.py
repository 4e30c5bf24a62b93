"""The plan of swaps, morphs and attribute edits: ids, attempts, consent, smoke runs, media made elsewhere."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest
from pretend import PlannedPeople

from visavox.core.config import Suite, parse_suite
from visavox.core.digest import sha256_bytes
from visavox.core.errors import ConfigError
from visavox.core.outputs_list import ListedOutput
from visavox.core.records import Sample
from visavox.core.terms import Consent, Modality, Outcome
from visavox.engine.plan import SMOKE_PEOPLE, SMOKE_RECORDINGS, Plan, case_id, make_plan
from visavox_datasets.manifest import assign_folds

SUITE = """
name: drawn
editor: {{kind: python, entry: 'x:load', name: x, version: '1', operation: {operation}, tool_class: {tool_class}}}
dataset: {{kind: manifest, path: m.csv}}
recognisers: [pixels]
assessments: {{identity_leak: {{}}, impersonation: {{{options}}}}}
policy: baseline
seed: {seed}
"""
OPERATIONS = {"swap": "face-swap", "morph": "face-morph", "attribute": "face-attribute-editing"}


def people(n: int, each: int = 3, consent: Sequence[Consent] = (Consent.UNSTATED,), seed: int = 5) -> PlannedPeople:
    """``n`` people with ``each`` recordings; consent by recording, in turn."""
    folds = assign_folds([(f"p{i:03}", "", False) for i in range(n) for _ in range(each)], seed)
    found = []
    for i in range(n):
        for k in range(each):
            digest = sha256_bytes(f"{i}/{k}".encode())
            stated = consent[(i * each + k) % len(consent)]
            name = f"p{i:03}"
            found.append(
                Sample(id=digest[:16], subject_id=name, modality=Modality.FACE, digest=digest, fold=folds[name],
                       consent=stated)
            )  # fmt: skip
    return PlannedPeople(tuple(sorted(found, key=lambda s: (s.subject_id, s.id))))


def suite(tool_class: str = "swap", options: str = "", seed: int = 5, *overrides: str) -> Suite:
    text = SUITE.format(operation=OPERATIONS[tool_class], tool_class=tool_class, options=options, seed=seed)
    return parse_suite(text, base=Path("/nowhere"), overrides=overrides)


def plan(tool_class: str = "swap", n: int = 18, options: str = "", *overrides: str, limit: int | None = None) -> Plan:
    return make_plan(suite(tool_class, options, 5, *overrides), people(n), limit=limit)


def ids(found: Plan) -> list[str]:
    return [case.id for case in found.cases]


@pytest.mark.parametrize("tool_class", OPERATIONS)
@pytest.mark.parametrize("n", [6, 7, 9, 18])
def test_case_ids_are_distinct_whatever_the_attempts_and_probes(tool_class: str, n: int) -> None:
    """Six people make folds of two, where the same two meet again and again."""
    for seed in range(5):
        found = make_plan(suite(tool_class, "attempts: 3", seed), people(n, 2, seed=seed))
        assert len(set(ids(found))) == len(found.cases)
        assert len({case.seed for case in found.cases}) == len(found.cases)


def test_an_id_says_operation_recordings_in_their_roles_and_repeat() -> None:
    found = plan(options="attempts: 2")
    for number, case in enumerate(found.cases):
        roles = [
            (role.role, found.sample_digests[n]) for role, n in zip(case.roles, inputs(found, number), strict=True)
        ]
        told = [("consent", "refused")] if found.case_probe[number] else []
        repeat = 0 if found.case_first[number] == number else 1
        assert case.id == case_id(case.operation, [*roles, *told], repeat)
        assert [name for name, _ in roles] == ["host", "donor"]


def inputs(found: Plan, number: int) -> list[int]:
    return [n for n in (found.case_sample[number], found.second_sample[number]) if n >= 0]


def test_the_plan_says_who_plays_which_role() -> None:
    for tool_class in OPERATIONS:
        found = plan(tool_class)
        for number, case in enumerate(found.cases):
            numbers = inputs(found, number)
            assert [role.sample_id for role in case.roles] == [found.samples[n].id for n in numbers]
            persons = [found.case_person[number], found.second_person[number]]
            assert [found.samples[n].person for n in numbers] == [p for p in persons if p >= 0]
            assert (found.second_person[number] < 0) is (tool_class == "attribute")


def test_equal_input_gives_an_equal_plan_another_seed_another_draw() -> None:
    assert plan().digest() == plan().digest()
    other = make_plan(suite("swap", "", 6), people(18))
    pairs = [set(zip(p.case_sample, p.second_sample, strict=True)) for p in (plan(), other)]
    assert pairs[0] != pairs[1]


def test_attempts_have_the_inputs_of_the_first_and_seeds_of_their_own() -> None:
    found = plan(options="attempts: 3, consent_probes: false")
    assert len(found.cases) == 3 * 54
    assert found.first_attempts == list(range(54))
    for number, first in enumerate(found.case_first):
        assert first == number % 54
        assert found.cases[number].roles == found.cases[first].roles
    assert len({case.seed for case in found.cases}) == len(found.cases)


def test_probes_come_last_tell_of_a_refusal_and_are_no_attempts() -> None:
    found = plan(options="attempts: 2")
    probes = [n for n, is_probe in enumerate(found.case_probe) if is_probe]
    assert probes == list(range(108, 108 + 36))
    assert all(found.case_consent[n] is Consent.REFUSED for n in probes)
    assert all(found.case_first[n] == n for n in probes)
    assert not set(probes) & set(found.first_attempts)
    assert not set(probes) & set(found.masked)
    assert set(Counter(found.second_person[n] for n in probes).values()) == {2}


def test_no_probes_where_the_suite_does_not_want_them_or_nobody_is_a_donor() -> None:
    assert not any(plan(options="consent_probes: false").case_probe)
    for tool_class in ("morph", "attribute"):
        assert not any(plan(tool_class).case_probe)
    without = parse_suite(
        SUITE.format(operation="face-swap", tool_class="swap", options="", seed=5).replace(", impersonation: {}", ""),
        base=Path("/nowhere"),
    )
    assert not any(make_plan(without, people(18)).case_probe)


@pytest.mark.parametrize("tool_class", OPERATIONS)
def test_withheld_consent_never_takes_part(tool_class: str) -> None:
    stated = [Consent.GRANTED, Consent.REFUSED, Consent.GRANTED, Consent.GRANTED, Consent.WITHDRAWN, Consent.UNSTATED,
              Consent.GRANTED]  # fmt: skip
    dataset = people(21, 4, stated)
    withheld = {s.id for s in dataset.samples if s.consent in {Consent.REFUSED, Consent.WITHDRAWN}}
    found = make_plan(suite(tool_class), dataset)
    assert withheld
    assert not withheld & {s.id for s in found.samples}
    assert not withheld & {role.sample_id for case in found.cases for role in case.roles}


def test_the_editor_is_told_granted_only_where_everybody_granted() -> None:
    dataset = people(18, 3, [Consent.GRANTED, Consent.GRANTED, Consent.UNSTATED])
    consent = {s.id: s.consent for s in dataset.samples}
    for tool_class in OPERATIONS:
        found = make_plan(suite(tool_class), dataset)
        told = Counter()
        for case, word, is_probe in zip(found.cases, found.case_consent, found.case_probe, strict=True):
            everybody = {consent[role.sample_id] for role in case.roles} == {Consent.GRANTED}
            wanted = Consent.REFUSED if is_probe else Consent.GRANTED if everybody else Consent.UNSTATED
            assert word is wanted
            told[word] += 1
        assert told[Consent.GRANTED] and told[Consent.UNSTATED]


def test_a_smoke_run_is_as_long_as_it_was_asked_to_be() -> None:
    found = plan(limit=10)
    assert (len(found.cases), found.limit) == (10, 10)
    assert sum(found.case_probe) == 2  # at most one in five
    assert len(plan(limit=9, options="attempts: 2").cases) <= 9
    assert len(plan("morph", limit=5).cases) == 5


@pytest.mark.parametrize("tool_class", OPERATIONS)
def test_a_smoke_run_takes_its_own_people_and_some_others(tool_class: str) -> None:
    """The cases are those that a full plan drew, whatever is left out; inputs and references of their people stay."""
    dataset = people(60, 9)
    whole, found = (make_plan(suite(tool_class), dataset, limit=limit) for limit in (None, 12))
    assert (whole.n_test_people, len(whole.samples)) == (60, 540)
    each = Counter(sample.person for sample in found.samples)
    assert set(each.values()) == {SMOKE_RECORDINGS}
    own = {*found.case_person, *found.second_person} - {-1}
    assert own <= set(each) and len(each) == max(SMOKE_PEOPLE, len(own))
    assert (found.n_test_people, found.n_people) == (len(each), 60)
    assert set(found.samples) < set(whole.samples)
    drawn = {case.id: (case, person) for case, person in zip(whole.cases, whole.case_person, strict=True)}
    for number, (case, person) in enumerate(zip(found.cases, found.case_person, strict=True)):
        assert drawn[case.id] == (case, person)
        assert [role.sample_id for role in case.roles] == [found.samples[n].id for n in inputs(found, number)]
        assert [found.sample_digests[n][:16] for n in inputs(found, number)] == [r.sample_id for r in case.roles]


def test_a_smoke_run_of_every_case_leaves_no_input_out() -> None:
    found = make_plan(suite("attribute"), people(8, 6), limit=1000)
    assert len(found.cases) == len(found.samples) == 48


def test_the_cap_counts_attempts_and_probes() -> None:
    found = plan("swap", 18, "attempts: 3", "execution.max_cases=50")
    assert len(found.cases) <= 50
    assert sum(found.case_probe) == 10
    firsts = Counter(found.case_person[n] for n in found.first_attempts)
    assert sum(firsts.values()) == 13
    assert max(firsts.values()) == 1


@pytest.mark.parametrize(("n", "n_cases"), [(3, 0), (4, 1), (5, 2), (6, 3), (7, 5), (9, 9)])
def test_tiny_folds_of_morphs(n: int, n_cases: int) -> None:
    """PlannedPeople of one case come from one of three folds; two people make one pair, one makes none."""
    if not n_cases:
        with pytest.raises(ConfigError, match="no fold has two people"):
            plan("morph", n)
        return
    assert len(plan("morph", n).cases) == n_cases


def test_a_person_alone_in_a_fold_is_no_host_and_no_donor() -> None:
    found = plan("swap", 4, "consent_probes: false")
    assert found.n_test_people == 4
    assert len(found.cases) == 6
    assert len({*found.case_person, *found.second_person}) == 2


def elsewhere(rows: Sequence[tuple[int, int]]) -> list[ListedOutput]:
    return [
        ListedOutput(f"{n:016x}", Outcome.EDITED, Path(f"/{n}.png"), f"p{host:03}", f"p{donor:03}")
        for n, (host, donor) in enumerate(rows)
    ]


def test_outputs_made_elsewhere_name_host_and_donor() -> None:
    found = make_plan(suite(), people(18), elsewhere=elsewhere([(1, 2), (3, 4), (1, 5)]))
    assert (found.case_person, found.second_person) == ((1, 3, 1), (2, 4, 5))
    assert set(found.case_sample) == set(found.second_sample) == {-1}
    assert not any(found.case_probe)
    assert found.first_attempts == [0, 1, 2]
    one = make_plan(suite("attribute"), people(18), elsewhere=elsewhere([(1, 2)]))
    assert (one.case_person, one.second_person) == ((1,), (-1,))


@pytest.mark.parametrize(
    ("rows", "message"), [([(1, 1)], "one person in both roles"), ([(1, 99)], "people who are not in it")]
)
def test_outputs_made_elsewhere_need_two_people_of_the_data_set(rows: list[tuple[int, int]], message: str) -> None:
    with pytest.raises(ConfigError, match=message) as error:
        make_plan(suite(), people(18), elsewhere=elsewhere(rows))
    assert "p099" not in str(error.value)
