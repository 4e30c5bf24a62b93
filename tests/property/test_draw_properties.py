"""Drawing cases: who meets whom, whatever the people, folds, caps and seeds (STATISTICS 1)."""

from __future__ import annotations

from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from visavox.core.terms import ToolClass
from visavox.engine.draw import PROBE_SHARE, PROBES_PER_PERSON, Drawn, Member, balanced_order, draw

PLENTY = 10_000
SEEDS = st.integers(0, 2**63 - 1)


@st.composite
def members(draw_: st.DrawFn, *, most_people: int = 14, most_samples: int = 4) -> list[Member]:
    """Samples of people in three folds of any size, in any order; some people have one sample, some folds nobody."""
    people = draw_(st.lists(st.tuples(st.integers(0, 2), st.integers(1, most_samples)), max_size=most_people))
    found = [Member(person, f"test-{fold}") for person, (fold, n) in enumerate(people) for _ in range(n)]
    return draw_(st.permutations(found))


def fold_sizes(samples: list[Member]) -> Counter[str]:
    return Counter(fold for _, fold in {(s.person, s.fold) for s in samples})


def swaps(samples: list[Member], seed: int, **more: int | bool) -> list[Drawn]:
    return draw(ToolClass.SWAP, samples, seed, **{"at_most": PLENTY, **more})  # type: ignore[arg-type]


@given(members(), SEEDS)
def test_every_sample_is_a_host_once_where_its_fold_has_somebody_else(samples: list[Member], seed: int) -> None:
    sizes = fold_sizes(samples)
    wanted = [number for number, sample in enumerate(samples) if sizes[sample.fold] > 1]
    assert sorted(case.first for case in swaps(samples, seed)) == wanted


@given(members(), SEEDS)
def test_the_donor_is_another_person_of_the_hosts_fold(samples: list[Member], seed: int) -> None:
    for case in swaps(samples, seed, probes=True):
        assert case.second is not None
        host, donor = samples[case.first], samples[case.second]
        assert host.person != donor.person
        assert host.fold == donor.fold


@given(members(), SEEDS)
def test_a_hosts_samples_have_different_donors_as_long_as_there_are_some(samples: list[Member], seed: int) -> None:
    sizes = fold_sizes(samples)
    donors: dict[int, Counter[int]] = {}
    for case in swaps(samples, seed):
        donors.setdefault(samples[case.first].person, Counter())[samples[case.second or 0].person] += 1
    fold_of = {s.person: s.fold for s in samples}
    for host, counts in donors.items():
        assert len(counts) == min(counts.total(), sizes[fold_of[host]] - 1)
        assert max(counts.values()) - min(counts.values()) <= 1


@given(members(), SEEDS)
def test_everyone_is_a_donor_about_equally_often(samples: list[Member], seed: int) -> None:
    """Hosts' first samples, second samples and so on each have every donor at most once."""
    counts = Counter(samples[case.second or 0].person for case in swaps(samples, seed))
    own = Counter(s.person for s in samples)
    for fold, size in fold_sizes(samples).items():
        people = [s.person for s in samples if s.fold == fold]
        most, least = max(own[p] for p in people), min(own[p] for p in people)
        if size > 1:
            assert all(least <= counts[p] <= most for p in people)


@given(members(), SEEDS)
def test_everyone_is_morphed_with_two_others(samples: list[Member], seed: int) -> None:
    sizes = fold_sizes(samples)
    drawn = draw(ToolClass.MORPH, samples, seed, at_most=PLENTY)
    pairs = [frozenset((samples[c.first].person, samples[c.second or 0].person)) for c in drawn]
    assert all(len(pair) == 2 for pair in pairs)
    assert len(set(pairs)) == len(pairs)
    assert all(samples[c.first].fold == samples[c.second or 0].fold for c in drawn)
    taken = Counter(person for pair in pairs for person in pair)
    for person, fold in {(s.person, s.fold) for s in samples}:
        assert taken[person] == {1: 0, 2: 1}.get(sizes[fold], 2)


@given(members(), SEEDS, st.sampled_from([ToolClass.ANONYMISE, ToolClass.ATTRIBUTE]))
def test_one_person_tools_get_every_sample_once(samples: list[Member], seed: int, tool: ToolClass) -> None:
    drawn = draw(tool, samples, seed, at_most=PLENTY, attempts=3, probes=True)
    assert drawn == [Drawn(number) for number in range(len(samples))]


@given(members(), SEEDS, st.integers(1, 60), st.integers(1, 4), st.booleans(), st.sampled_from(list(ToolClass)[:4]))
def test_a_cap_is_kept_and_balanced(
    samples: list[Member], seed: int, at_most: int, attempts: int, probes: bool, tool: ToolClass
) -> None:
    drawn = draw(tool, samples, seed, at_most=at_most, attempts=attempts, probes=probes)
    repeats = attempts if tool in {ToolClass.SWAP, ToolClass.MORPH} else 1
    assert len(drawn) <= max(at_most, repeats)  # one case with all its attempts at least
    firsts = [case for case in drawn if case.attempt == 0 and not case.is_probe]
    counts = Counter(samples[case.first].person for case in firsts)
    full = draw(tool, samples, seed, at_most=PLENTY, attempts=attempts)
    there = Counter(samples[case.first].person for case in full if case.attempt == 0)
    most = max(counts.values(), default=0)
    assert all(counts[person] >= min(there[person], most - 1) for person in there)


@given(members(), SEEDS, st.integers(1, 60), st.integers(1, 4))
def test_attempts_repeat_every_kept_case(samples: list[Member], seed: int, at_most: int, attempts: int) -> None:
    drawn = [c for c in swaps(samples, seed, at_most=at_most, attempts=attempts, probes=True) if not c.is_probe]
    by_attempt = {k: [c._replace(attempt=0) for c in drawn if c.attempt == k] for k in range(attempts)}
    assert all(cases == by_attempt[0] for cases in by_attempt.values())
    assert [c.attempt for c in drawn] == sorted(c.attempt for c in drawn)  # first attempts come first


@settings(max_examples=60)
@given(members(), SEEDS, st.integers(1, 400))
def test_consent_probes_are_few_distinct_and_two_a_donor(samples: list[Member], seed: int, at_most: int) -> None:
    drawn = swaps(samples, seed, at_most=at_most, probes=True)
    probes = [case for case in drawn if case.is_probe]
    assert drawn[len(drawn) - len(probes) :] == probes
    assert len(probes) <= at_most // PROBE_SHARE
    assert len(set(probes)) == len(probes)
    counts = Counter(samples[case.second or 0].person for case in probes)
    sizes = fold_sizes(samples)
    may = {s.person for s in samples if sizes[s.fold] > 1}
    assert set(counts) <= may
    assert max(counts.values(), default=0) <= PROBES_PER_PERSON
    if len(probes) < at_most // PROBE_SHARE:  # not cut off: everybody is asked about, twice unless two are alone
        assert set(counts) == may
        of_two = {s.person for s in samples if sizes[s.fold] == 2}
        assert all(counts[p] == (1 if p in of_two else PROBES_PER_PERSON) for p in may)
    if max(counts.values(), default=0) == PROBES_PER_PERSON:
        assert set(counts) == may  # everyone's first probe before anyone's second


@given(members(), SEEDS)
def test_probes_change_no_other_case(samples: list[Member], seed: int) -> None:
    with_probes = [c for c in swaps(samples, seed, probes=True) if not c.is_probe]
    assert with_probes == swaps(samples, seed)


@settings(max_examples=30)
@given(members(), SEEDS, st.sampled_from(list(ToolClass)[:4]))
def test_equal_seeds_draw_equal_cases(samples: list[Member], seed: int, tool: ToolClass) -> None:
    one, two = (draw(tool, list(samples), seed, at_most=25, attempts=2, probes=True) for _ in range(2))
    assert one == two


@given(st.lists(st.integers(0, 8), max_size=40), SEEDS)
def test_any_first_part_of_the_order_is_balanced_over_people(persons: list[int], seed: int) -> None:
    order = balanced_order(persons, seed)
    assert sorted(order) == list(range(len(persons)))
    own = Counter(persons)
    for end in range(len(order) + 1):
        taken = Counter(persons[i] for i in order[:end])
        most = max(taken.values(), default=0)
        assert all(taken[p] >= min(own[p], most - 1) for p in own)
