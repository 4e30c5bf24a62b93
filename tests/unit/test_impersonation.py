"""Impersonation and the links of swaps, morphs and attribute edits against brute force written from the definitions."""

from __future__ import annotations

import itertools
import math
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[1]))

from simulated import BASELINE, Edit, World, apart

from visavox.core.figures import AssessmentResult, Estimate
from visavox.core.terms import Attacker, Outcome, ToolClass
from visavox.ports.assessment import DETECTED, NO_TEMPLATE

FMR = 1e-2
AT_1_IN_100 = BASELINE.model_copy(update={"face": BASELINE.voice})
"""The same policy at a FMR that a handful of people supports."""


def mix(edit: Edit, number: int) -> tuple[float, float, float]:
    """Weights that vary from case to case, so that every rate lies well inside (0, 1)."""
    rng = np.random.default_rng([edit.person, edit.sample, edit.second + 1, number])
    return float(rng.uniform(0, 0.9)), float(rng.uniform(0, 0.9)) if edit.second >= 0 else 0.0, 0.9


def messy(tool_class: ToolClass, *, attempts: int = 1, judges: int = 1, seed: int = 3) -> World:
    """Sessions, recordings and outputs without a template, cases that were refused or failed."""
    world = World(tool_class, mix, n_people=24, attempts=attempts, judges=judges, seed=seed)
    world.session[:] = np.tile([0, 0, 1, 2], world.n_people)
    world.session[40:60] = -1
    for judge in range(judges):
        world.sample_ok[judge, world.rng.choice(world.n, 7, replace=False)] = False
        world.lose(world.rng.choice(len(world.edits), len(world.edits) // 12, replace=False), judge)
    cases = world.rng.permutation(len(world.edits))
    world.end(cases[:6], Outcome.REFUSED)
    world.end(cases[6:9], Outcome.FAILED)
    return world


def find(result: AssessmentResult, name: str, attacker: Attacker | None = None, judge: str = "judge-0") -> Estimate:
    (found,) = [e for e in result.estimates if (e.name, e.attacker, e.recogniser) == (name, attacker, judge)]
    return found


def scores(world: World, name: str, judge: int = 0) -> dict[tuple[int, int], float]:
    """Scores by (probe, reference), as stored."""
    table = world.table(judge, name)
    return {(int(p), int(r)): float(s) for p, r, s in zip(*table, strict=True)}


def threshold(non_mated: list[float], fmr: float = FMR) -> float:
    """The smallest score that at most a share ``fmr`` of the non-mated comparisons reaches."""
    ascending = np.sort(non_mated)
    matched = ascending.size - np.searchsorted(ascending, ascending, side="left")
    return float(ascending[matched <= fmr * ascending.size].min())


def bona_fide(world: World, judge: int = 0) -> tuple[float, float]:
    """Threshold and FNMR of a system that compares single recordings."""
    mated, non = [], []
    for (i, j), score in scores(world, "original-original", judge).items():
        if world.person[i] != world.person[j]:
            non.append(score)
        elif world.session[i] < 0 or world.session[i] != world.session[j]:
            mated.append(score)
    tau = threshold(non)
    return tau, float(np.mean([score < tau for score in mated]))


def system(world: World, judge: int = 0) -> tuple[float, float]:
    """Threshold and FRR of a system that enrols people by their mean template."""
    table = scores(world, "enrolled-original", judge)
    tau = threshold([score for (i, person), score in table.items() if world.person[i] != person])
    own = [score for (i, person), score in table.items() if world.person[i] == person]
    lost = int((~world.sample_ok[judge]).sum())
    return tau, (sum(score < tau for score in own) + lost) / (len(own) + lost)


def targets(world: World, edit: Edit) -> list[int]:
    return [edit.second] if world.tool_class is ToolClass.SWAP else [edit.second, edit.person]


def decided(world: World, names: tuple[str, ...]) -> Iterator[tuple[int, int, float | None]]:
    """(case, target, score), the score None for an output without a template."""
    tables = {name: scores(world, f"enrolled-{name}") for name in names}
    for name in names:
        for case in world.cases(name):
            for target in targets(world, world.edits[case]):
                if world.state[0, case] == NO_TEMPLATE:
                    yield case, target, None
                elif world.state[0, case] == DETECTED and (case, target) in tables[name]:
                    yield case, target, tables[name][case, target]


@pytest.mark.parametrize("tool_class", [ToolClass.SWAP, ToolClass.MORPH])
def test_iapar_riapar_and_frr(tool_class: ToolClass) -> None:
    world = messy(tool_class, attempts=2)
    result = world.impersonation(AT_1_IN_100)
    tau, frr = system(world)
    rows = list(decided(world, ("edited", "repeated")))
    accepted = [score >= tau for _, _, score in rows if score is not None]
    found = find(result, "iapar")
    assert 0.1 < found.value < 0.9
    assert found.value == pytest.approx(np.mean(accepted), abs=1e-12)
    assert (found.n, found.n_failed) == (len(accepted), len(rows) - len(accepted))
    assert found.operating_point.threshold == pytest.approx(tau, abs=1e-7)  # type: ignore[union-attr]
    assert find(result, "frr", Attacker.CONTROL).value == pytest.approx(frr, abs=1e-12)
    assert find(result, "riapar").value == pytest.approx(np.mean(accepted) + frr, abs=1e-12)
    # rejected for the lower end, accepted for the upper one
    (basis,) = found.basis
    assert basis.p_low == pytest.approx(sum(accepted) / len(rows))
    assert basis.p_high == pytest.approx((sum(accepted) + len(rows) - len(accepted)) / len(rows))


@pytest.mark.parametrize("tool_class", [ToolClass.SWAP, ToolClass.MORPH])
def test_any_of_k_attempts(tool_class: ToolClass) -> None:
    """Accepted if any attempt is; unknown if none is and one of them has no template."""
    world = messy(tool_class, attempts=3)
    result = world.impersonation(AT_1_IN_100)
    tau, _ = system(world)
    by_case: dict[tuple[int, int], list[float | None]] = {}
    for case, target, score in decided(world, ("edited", "repeated")):
        first = world.edits[case].first
        by_case.setdefault((case if first is None else first, target), []).append(score)
    hits = [any(s is not None and s >= tau for s in row) for row in by_case.values()]
    unknown = [not hit and None in row for hit, row in zip(hits, by_case.values(), strict=True)]
    assert sum(unknown) > 0
    found = find(result, "iapar_any_of_k")
    assert (found.n, found.n_failed) == (len(hits) - sum(unknown), sum(unknown))
    assert found.value == pytest.approx(sum(hits) / found.n, abs=1e-12)
    assert found.basis[0].p_high == pytest.approx((sum(hits) + sum(unknown)) / len(hits))
    assert found.value > find(result, "iapar").value


def probe_scores(world: World, case: int, person: int, judge: int = 0) -> list[float]:
    """Scores of an output with a person's recordings that did not go into it, nor share a session with one that did."""
    edit = world.edits[case]
    if world.state[judge, case] < DETECTED:
        return []
    return [
        round(float(world.outputs[judge, case] @ world.samples[judge, s]), 6)
        for s in world.usable(judge, person, world.inputs(edit))
    ]


def decisive(world: World) -> list[tuple[list[list[float]], bool]]:
    """For every output of every attempt: scores by person who went in, and whether each has some."""
    found = []
    for case in (*world.cases("edited"), *world.cases("repeated")):
        if world.state[0, case] >= NO_TEMPLATE:
            edit = world.edits[case]
            own = [probe_scores(world, case, person) for person in (edit.person, edit.second)]
            found.append((own, all(own)))
    return found


@pytest.mark.parametrize("tool_class", [ToolClass.SWAP, ToolClass.MORPH])
def test_mmpmr_prod_avg_and_rmmr(tool_class: ToolClass) -> None:
    world = messy(tool_class, attempts=2)
    result = world.impersonation(AT_1_IN_100)
    tau, fnmr = bona_fide(world)
    rows = decisive(world)
    complete = [own for own, whole in rows if whole]
    minmax = np.mean([min(max(row) for row in own) >= tau - 1e-7 for own in complete])
    prod = np.mean([np.prod([np.mean([s >= tau - 1e-7 for s in row]) for row in own]) for own in complete])
    found = find(result, "mmpmr")
    assert 0.02 < found.value < 0.98
    assert found.value == pytest.approx(minmax, abs=1e-12)
    assert (found.n, found.n_failed) == (len(complete), len(rows) - len(complete))
    hits, lost = round(minmax * len(complete)), len(rows) - len(complete)
    assert found.basis[0].p_low == pytest.approx(hits / len(rows))
    assert found.basis[0].p_high >= (hits + lost) / len(rows) - 1e-12  # of the worst of two attempts
    assert find(result, "prod_avg_mmpmr").value == pytest.approx(prod, abs=1e-12)
    assert prod <= minmax
    assert find(result, "rmmr").value == pytest.approx(minmax + fnmr, abs=1e-12)


@pytest.mark.parametrize("tool_class", [ToolClass.SWAP, ToolClass.MORPH])
def test_map_over_two_judges(tool_class: ToolClass) -> None:
    """MAP[r,c]: at least c judges accept at least r of R recordings of everyone; of a swap, of the donor."""
    world = messy(tool_class, judges=2)
    world.sample_ok[:] = True
    result = world.impersonation(AT_1_IN_100, probe_attempts=2)
    taus = [bona_fide(world, judge)[0] - 1e-7 for judge in range(2)]
    rows = []  # by output and judge: the scores with each of the people, none where the judge has no template
    for case in world.cases("edited"):
        if world.outcome[case] is Outcome.EDITED:
            people = targets(world, world.edits[case])
            seen = [world.state[judge, case] >= DETECTED for judge in range(2)]
            row = [[probe_scores(world, case, p, judge) for p in people] if seen[judge] else [] for judge in range(2)]
            if all(all(scores) for scores, ok in zip(row, seen, strict=True) if ok):
                rows.append(row)  # else a judge that sees the output knows one of the people by no recording
    attempts = min(2, *(len(scores) for row in rows for of_judge in row for scores in of_judge))
    counted = [
        [
            min((sum(s >= tau for s in scores[:attempts]) for scores in of_judge), default=0)
            for tau, of_judge in zip(taus, row, strict=True)
        ]
        for row in rows
    ]
    assert attempts == 2
    names = {e.name for e in result.estimates if e.name.startswith("map_")}
    assert names == {f"map_r{r}_c{c}" for r in range(1, attempts + 1) for c in (1, 2)}
    values = {}
    for r, c in itertools.product(range(1, attempts + 1), (1, 2)):
        share = np.mean([sum(accepted >= r for accepted in row) >= c for row in counted])
        values[r, c] = find(result, f"map_r{r}_c{c}", judge="").value
        assert values[r, c] == pytest.approx(share, abs=1e-12)
    assert all(values[r, 1] >= values[r, 2] for r in range(1, attempts + 1))
    assert 0 < values[1, 1] < 1


def test_unconsented_donors() -> None:
    world = messy(ToolClass.SWAP)
    probes = world.cases("probed")
    world.end(probes[::5], Outcome.REFUSED)
    world.end(probes[1::9], Outcome.TIMED_OUT)
    found = find(world.impersonation(AT_1_IN_100), "unconsented_donor_match_rate")
    tau, _ = system(world)
    table = scores(world, "enrolled-probed")
    hits = refused = lost = 0
    for case in probes:
        score = table.get((case, world.edits[case].second))
        refused += world.outcome[case] is Outcome.REFUSED
        hits += score is not None and score >= tau
        lost += score is None and world.outcome[case] is not Outcome.REFUSED
    assert min(hits, refused, lost) > 3
    assert (found.n, found.n_failed) == (len(probes) - lost, lost)
    assert found.value == pytest.approx(hits / (len(probes) - lost), abs=1e-12)
    assert found.basis[0].p_low == pytest.approx(hits / len(probes))
    assert found.basis[0].p_high == pytest.approx((hits + lost) / len(probes))
    assert f"of {len(probes)} probes {refused} were refused" in found.note


@pytest.mark.parametrize("tool_class", [ToolClass.SWAP, ToolClass.ATTRIBUTE])
def test_which_comparisons_of_an_ignorant_attacker_are_trials(tool_class: ToolClass) -> None:
    """The donor's recordings are neither mated nor non-mated; inputs and their sessions are no references."""
    world = messy(tool_class, attempts=1 if tool_class is ToolClass.ATTRIBUTE else 2)
    mated, non, lost = [], [], 0
    for case in (*world.cases("edited"), *world.cases("repeated")):
        edit = world.edits[case]
        for s in range(world.n):
            if not world.sample_ok[0, s] or s in world.inputs(edit):
                continue
            score = round(float(world.outputs[0, case] @ world.samples[0, s]), 6)
            same = world.session[s] >= 0 and world.session[s] == world.session[edit.sample]
            if world.person[s] == edit.person and not same:
                lost += world.state[0, case] == NO_TEMPLATE
                mated += [((case,), score)] if world.state[0, case] == DETECTED else []
            elif world.person[s] not in (edit.person, edit.second) and world.state[0, case] == DETECTED:
                non.append(((case,), score))
    name = "host_match_rate" if tool_class is ToolClass.SWAP else "subject_match_rate"
    found = find(world.identity_leak(AT_1_IN_100), name, Attacker.IGNORANT)
    alike = look_alike_score(world)
    apart_from = {case for (case,), score in non if score >= alike}
    assert 0 < len(apart_from) < 0.3 * len(world.edits)
    assert [part.kind for part in found.strata if not part.imputed] == ["original-edited", "original-copy"]
    assert found.strata[0].operating_point.n_non_mated == sum(not apart_from & {*c} for c, _ in non)  # type: ignore[union-attr]
    assert (found.n, found.n_failed) == (len(mated), lost)
    assert 0.05 < found.value < 0.95
    assert found.value == pytest.approx(np.mean(at_own_threshold(world, mated, non, apart_from)), abs=1e-12)


Trial = tuple[tuple[int, ...], float]
"""Outputs of a comparison, and its score."""


def look_alike_score(world: World) -> float:
    """What one unedited recording in a hundred reaches with a stranger's."""
    nearest = []
    for s in np.flatnonzero(world.sample_ok[0]):
        others = [r for r in np.flatnonzero(world.sample_ok[0]) if world.person[r] != world.person[s]]
        nearest.append(max(round(float(world.samples[0, s] @ world.samples[0, r]), 6) for r in others))
    nearest.sort()
    return nearest[math.ceil(0.99 * (len(nearest) - 1))] - 1e-7


def at_own_threshold(world: World, mated: list[Trial], non: list[Trial], look_alikes: set[int]) -> list[bool]:
    """Each mated trial at the threshold of its kind; look-alikes of fewer than 8 people at the others'."""
    plain, strange = ([score for cases, score in non if bool(look_alikes & {*cases}) is side] for side in (False, True))
    people = {world.edits[cases[-1]].person for cases, _ in mated if look_alikes & {*cases}}
    people_of_look_alikes = {world.edits[case].person for case in look_alikes}
    own = min(len(people), len(people_of_look_alikes)) >= 8 and len(strange) >= 300
    taus = (threshold(plain), threshold(strange) if own else threshold(plain))
    return [score >= taus[bool(look_alikes & {*cases})] - 1e-7 for cases, score in mated]


@pytest.mark.parametrize("tool_class", [ToolClass.SWAP, ToolClass.ATTRIBUTE])
def test_which_pairs_of_outputs_are_trials(tool_class: ToolClass) -> None:
    """Pairs that share a donor, or one's donor with the other's host, are none; nor are further attempts."""
    world = messy(tool_class, attempts=1 if tool_class is ToolClass.ATTRIBUTE else 2)
    mated, non, lost = [], [], 0
    for i, j in itertools.combinations([c for c in world.cases("edited") if world.state[0, c] >= NO_TEMPLATE], 2):
        one, other = world.edits[i], world.edits[j]
        same = world.session[one.sample] >= 0 and world.session[one.sample] == world.session[other.sample]
        if not apart(one, other) or (one.person == other.person and same):
            continue
        if NO_TEMPLATE in (world.state[0, i], world.state[0, j]):
            lost += one.person == other.person
            continue
        score = round(float(world.outputs[0, i] @ world.outputs[0, j]), 6)
        (mated if one.person == other.person else non).append(((i, j), score))
    alike = look_alike_score(world)
    apart_from = {case for cases, score in non if score >= alike for case in cases}
    name = "host_match_rate" if tool_class is ToolClass.SWAP else "subject_match_rate"
    result = world.identity_leak(AT_1_IN_100)
    for attacker in (Attacker.LAZY_INFORMED, Attacker.SEMI_INFORMED):
        found = find(result, name, attacker)
        kinds = ["edited-edited", "copy-any"] if apart_from else ["edited-edited"]
        assert [part.kind for part in found.strata if not part.imputed] == kinds
        assert found.strata[0].operating_point.n_non_mated == sum(not apart_from & {*c} for c, _ in non)  # type: ignore[union-attr]
        assert (found.n, found.n_failed) == (len(mated), lost)
        assert found.value == pytest.approx(np.mean(at_own_threshold(world, mated, non, apart_from)), abs=1e-12)


def involved(edit: Edit) -> set[int]:
    return {edit.person, edit.second}


@pytest.mark.parametrize("tool_class", [ToolClass.SWAP, ToolClass.MORPH, ToolClass.ATTRIBUTE])
def test_bystanders(tool_class: ToolClass) -> None:
    """Output and unedited inputs against the same recordings of the same uninvolved people.

    The policy sets no limit on matches with anyone, so nothing is asked below the threshold of their search.
    """
    controls = tuple(c for c in AT_1_IN_100.controls if c.metric != "any_bystander_match_difference")
    unlimited = AT_1_IN_100.model_copy(update={"controls": controls})
    world = messy(tool_class, attempts=1 if tool_class is ToolClass.ATTRIBUTE else 2)
    world.outputs[0] = (world.outputs[0] + 0.25 * world.people[0, (np.arange(len(world.edits)) + 11) % 24]).astype(
        float
    )
    world.outputs[0] /= np.linalg.norm(world.outputs[0], axis=1, keepdims=True)
    tau = bona_fide(world)[0] - 1e-7
    first_of = {int(world.person[s]): s for s in reversed(range(world.n)) if world.sample_ok[0, s]}
    output, unedited, best_output, best_unedited = [], [], [], []
    lost = 0
    imputed: dict[bool, list[bool]] = {False: [], True: []}  # by attempt, lost comparisons as matches
    for case in (*world.cases("edited"), *world.cases("repeated")):
        edit = world.edits[case]
        inputs = world.inputs(edit) if tool_class is ToolClass.MORPH else [edit.sample]
        if world.state[0, case] < NO_TEMPLATE or not all(world.sample_ok[0, s] for s in inputs):
            continue
        others = [s for s in range(world.n) if world.sample_ok[0, s] and world.person[s] not in involved(edit)]
        if world.state[0, case] == NO_TEMPLATE:
            lost += len(others)
            imputed[edit.first is None] += [True] * len(others)
            continue
        seen = {s: round(float(world.outputs[0, case] @ world.samples[0, s]), 6) >= tau for s in others}
        output += list(seen.values())
        imputed[edit.first is None] += list(seen.values())
        gallery = [s for s in others if s in first_of.values()]
        best_output.append(max(round(float(world.outputs[0, case] @ world.samples[0, s]), 6) for s in gallery))
        for source in inputs:
            same = {s: round(float(world.samples[0, source] @ world.samples[0, s]), 6) for s in others}
            unedited += [score >= tau for score in same.values()]
            best_unedited.append(max(same[s] for s in gallery))
    result = world.identity_leak(unlimited)
    found = find(result, "bystander_match_difference")
    assert (found.n, found.n_failed) == (len(output), lost)
    assert found.value == pytest.approx(np.mean(output) - np.mean(unedited), abs=1e-12)
    assert found.value > 0.003
    assert found.basis[0].p_high == pytest.approx(max(np.mean(hits) for hits in imputed.values() if hits))
    assert found.basis[0].p_low == pytest.approx(sum(output) / (len(output) + lost))
    anyone = find(result, "any_bystander_match_difference")
    allowed = [score for score in best_unedited if np.mean(np.asarray(best_unedited) >= score) <= 0.05]
    searched = max(tau, min(allowed) - 1e-7)
    assert searched > tau
    shares = [np.mean(np.asarray(scores) >= searched) for scores in (best_output, best_unedited)]
    assert anyone.value == pytest.approx(shares[0] - shares[1], abs=1e-12)


def test_drift() -> None:
    """Outputs that match their subject and somebody else, beyond what unedited inputs do."""

    def towards(edit: Edit, number: int) -> tuple[float, float, float]:
        return 0.8, 0.0, 0.7

    world = World(ToolClass.ATTRIBUTE, towards, n_people=24, seed=4)
    stranger = np.arange(len(world.edits)) % 24 == (world.person + 5) % 24
    world.outputs[0, stranger] += world.people[0, (world.person[stranger] + 5) % 24]
    drifting = world.rng.random(len(world.edits)) < 0.4
    world.outputs[0, drifting] += 0.9 * world.people[0, (world.person[drifting] + 3) % 24]
    world.outputs[0] /= np.linalg.norm(world.outputs[0], axis=1, keepdims=True)
    world.sample_ok[0, [0, 17, 50]] = False
    world.lose([5, 6, 70])
    world.end([8, 9], Outcome.FAILED)
    tau = bona_fide(world)[0] - 1e-7
    first_of = {int(world.person[s]): s for s in reversed(range(world.n)) if world.sample_ok[0, s]}

    def both(vector: np.ndarray, edit: Edit) -> bool:
        hit = {s: round(float(vector @ world.samples[0, s]), 6) >= tau for s in range(world.n) if world.sample_ok[0, s]}
        own = any(hit[s] for s in hit if world.person[s] == edit.person and s != edit.sample)
        return own and any(hit[s] for person, s in first_of.items() if person != edit.person)

    output, unedited, lost = [], [], 0
    for case, edit in enumerate(world.edits):
        if world.state[0, case] < NO_TEMPLATE or not world.sample_ok[0, edit.sample]:
            continue
        unedited.append(both(world.samples[0, edit.sample], edit))
        if world.state[0, case] == NO_TEMPLATE:
            lost += 1
        else:
            output.append(both(world.outputs[0, case], edit))
    found = find(world.impersonation(AT_1_IN_100), "bystander_drift")
    assert found.value == pytest.approx(np.mean(output) - np.mean(unedited), abs=1e-12)
    assert found.value > 0.15
    assert (found.n, found.n_failed, lost) == (len(output), 3, 3)
    assert found.basis[0].p_high == pytest.approx((sum(output) + lost) / (len(output) + lost))


def test_spread_over_judges_and_bands() -> None:
    world = World(ToolClass.SWAP, lambda edit, number: (0.0, 1.0, 0.6), n_people=24, judges=2)
    world.outputs[1] = np.roll(world.outputs[1], 40, axis=0)  # what the second judge sees is of other people
    result = world.impersonation(AT_1_IN_100)
    rates = [find(result, "iapar", judge=f"judge-{k}") for k in range(2)]
    assert rates[0].value == 1.0 and rates[0].band == "> 20 %"
    assert rates[1].value < 0.1
    (spread,) = [e for e in result.estimates if e.name == "iapar_spread"]
    assert spread.value == pytest.approx(rates[0].value - rates[1].value)
    assert "worst judge-0, best judge-1" in spread.note
    clean = World(ToolClass.SWAP, lambda edit, number: (0.0, 0.0, 1.0), n_people=60).impersonation()
    assert find(clean, "iapar").band == "<= 7 %"
    assert not [e for e in clean.estimates if e.name == "iapar_spread"]
