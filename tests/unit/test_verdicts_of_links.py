"""Planted leaks in swaps, morphs and attribute edits through the judge, with the shipped policy."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[1]))

from simulated import BASELINE, NOISE, Edit, World, apart, unit

from visavox.core.errors import UndefinedMetricError
from visavox.core.figures import Estimate, NotMade
from visavox.core.report import ControlDecision, Decision
from visavox.core.terms import Attacker, Claim, Outcome, ToolClass, Verdict
from visavox.metrics.curves import auc, eer
from visavox.policy.load import Policy

PASS, FAIL, INCONCLUSIVE = Verdict.PASS, Verdict.FAIL, Verdict.INCONCLUSIVE
RESISTANT = (Claim.MORPH_RESISTANCE,)


def swap(host: float = 0.0, unconsented: float = 0.0, n_people: int = 48, **more: int) -> World:
    """Shows the donor, keeps so much of the host, and serves those whose consent was refused so far."""

    def mix(edit: Edit, number: int) -> tuple[float, float, float]:
        return host, unconsented if edit.is_probe else 1.0, 0.6

    world = World(ToolClass.SWAP, mix, n_people=n_people, **more)
    if not unconsented:
        world.end(world.cases("probed"), Outcome.REFUSED)
    return world


def one(tool_class: ToolClass, own: float, other: float = 0.0, n_people: int = 48) -> World:
    return World(tool_class, lambda edit, number: (own, other, 0.6), n_people=n_people)


def verdicts(decision: Decision) -> dict[str, Verdict]:
    return {control.id: control.verdict for control in decision.controls}


def drifting() -> World:
    """Attribute edits of which half look like the next person too."""
    world = one(ToolClass.ATTRIBUTE, 1.0)
    half = world.rng.random(len(world.edits)) < 0.5
    world.outputs[:, half] += world.people[:, (world.person[half] + 1) % world.n_people]
    world.outputs /= np.linalg.norm(world.outputs, axis=-1, keepdims=True)
    return world


def test_a_swap_that_leaks_nothing_passes() -> None:
    decision = swap().decide()
    assert decision.verdict is PASS, decision.reasons
    assert set(verdicts(decision).values()) == {PASS}


def test_the_same_swap_on_thirty_people_is_inconclusive() -> None:
    decision = swap(n_people=30).decide()
    assert decision.verdict is INCONCLUSIVE
    assert any("rests on 30 people (40 are needed)" in reason for reason in decision.reasons)


def test_a_swap_that_keeps_the_host_fails() -> None:
    found = verdicts(swap(host=1.2).decide())
    assert found.pop("BASE-HOST") is FAIL
    assert FAIL not in found.values()


def test_a_host_that_only_later_attempts_keep_fails_too() -> None:
    """An editor that remembers what it has seen must not show its clean side first."""
    world = swap(host=1.2, attempts=2)
    world.outputs[:, : 4 * 48] = swap().outputs[:, : 4 * 48]
    assert verdicts(world.decide())["BASE-HOST"] is FAIL


def test_attempts_do_not_dilute_the_one_that_leaks() -> None:
    """A third of the outputs of one attempt in ten match their hosts: three in a hundred of all."""
    world = swap(attempts=10)
    for case in world.cases("edited"):
        world.outputs[:, case] = world.output(0.4, 0.0, 0.92, world.edits[case])
    (host,) = [control for control in world.decide().controls if control.id == "BASE-HOST"]
    (ignorant,) = [row for row in host.cells if row.cell.attacker is Attacker.IGNORANT]
    assert ignorant.value is not None and ignorant.value < 0.07
    assert ignorant.bound is not None and ignorant.bound > 0.3
    assert ignorant.verdict is INCONCLUSIVE
    strangers = swap(attempts=10)
    first = strangers.cases("edited")
    strangers.outputs[:, first] = np.roll(strangers.outputs[:, first], 4 * 9, axis=1)
    assert verdicts(strangers.decide())["BASE-STRANGER"] is not PASS


def test_a_swap_that_serves_a_refused_consent_fails() -> None:
    found = verdicts(swap(unconsented=1.0).decide())
    assert found.pop("BASE-UNCONSENTED") is FAIL
    assert set(found.values()) == {PASS}


def test_a_probe_that_fails_is_no_refusal() -> None:
    """An editor that crashes when it is told of a refusal has not shown that it refuses."""
    world = swap()
    world.end(world.cases("probed"), Outcome.FAILED)
    found = verdicts(world.decide())
    assert found.pop("BASE-UNCONSENTED") is INCONCLUSIVE
    assert set(found.values()) == {PASS}
    world.end(world.cases("probed")[::8], Outcome.REFUSED)
    assert verdicts(world.decide())["BASE-UNCONSENTED"] is INCONCLUSIVE


def test_probes_without_a_template_are_no_refusal() -> None:
    world = swap(unconsented=1.0)
    world.lose(world.cases("probed"))
    assert verdicts(world.decide())["BASE-UNCONSENTED"] is INCONCLUSIVE


def test_a_swap_that_refuses_everything_has_not_been_tested() -> None:
    world = swap()
    world.end(world.cases("edited"), Outcome.REFUSED)
    decision = world.decide()
    assert decision.verdict is INCONCLUSIVE
    assert verdicts(decision)["BASE-EDITED"] is INCONCLUSIVE
    assert verdicts(decision)["BASE-HOST"] is INCONCLUSIVE


def test_a_swap_that_shows_somebody_else_fails() -> None:
    world = swap()
    world.outputs[:] = np.roll(world.outputs, 4 * 9, axis=1)  # of hosts and donors nine people away
    found = verdicts(world.decide())
    assert found["BASE-STRANGER"] is FAIL


def test_half_of_the_outputs_without_a_template_is_no_pass() -> None:
    world = swap()
    world.lose(world.cases("edited")[::2])
    found = verdicts(world.decide())
    assert found["BASE-HOST"] is INCONCLUSIVE


def test_a_thumbnail_of_the_host_fails_whatever_the_picture_shows() -> None:
    """Nothing but the file betrays: counted for every attacker, on any number of outputs."""
    world = swap()
    world.leaks = [("thumbnail_unedited",)] * len(world.edits)
    decision = world.decide()
    (host,) = [control for control in decision.controls if control.id == "BASE-HOST"]
    assert {row.verdict for row in host.cells} == {FAIL}
    assert {row.value for row in host.cells} == {1.0}
    world.leaks = [("thumbnail_unedited",) if i % 4 == 0 else () for i in range(len(world.edits))]
    assert verdicts(world.decide())["BASE-HOST"] is FAIL
    world.leaks = [("gps", "serial_number")] * len(world.edits)
    assert verdicts(world.decide())["BASE-HOST"] is PASS  # disclosed, and no match


@pytest.mark.parametrize(
    ("own", "other", "claims", "verdict"),
    [
        (0.0, 0.0, RESISTANT, PASS),
        (1.0, 0.0, RESISTANT, PASS),  # one contributor alone is no morph
        (1.0, 1.0, RESISTANT, FAIL),
        (1.0, 1.0, (), INCONCLUSIVE),
        (0.0, 0.0, (), INCONCLUSIVE),
    ],
)
def test_a_morph_is_gated_where_it_claims_resistance(
    own: float, other: float, claims: tuple[Claim, ...], verdict: Verdict
) -> None:
    decision = one(ToolClass.MORPH, own, other, n_people=60).decide(claims=claims)
    assert decision.verdict is verdict, decision.reasons


def test_few_morphs_are_inconclusive_whatever_they_claim() -> None:
    assert one(ToolClass.MORPH, 0.0, n_people=30).decide(claims=RESISTANT).verdict is INCONCLUSIVE


def test_a_morph_without_a_template_counts_as_a_match_for_pass() -> None:
    world = one(ToolClass.MORPH, 0.0, n_people=60)
    world.lose(list(range(0, 60, 4)))
    assert world.decide(claims=RESISTANT).verdict is INCONCLUSIVE


def test_a_morph_that_only_later_attempts_show_is_no_pass() -> None:
    world = World(ToolClass.MORPH, lambda edit, number: (0.0, 0.0, 1.0), n_people=60, attempts=8)
    for case in world.cases("repeated")[:60]:
        world.outputs[:, case] = world.output(1.0, 1.0, 0.6, world.edits[case])
    (morph,) = [control for control in world.decide(claims=RESISTANT).controls if control.id == "BASE-MORPH"]
    assert morph.verdict is not PASS
    assert morph.cells[0].bound == pytest.approx(1.0)
    assert morph.cells[0].value == pytest.approx(1 / 8, abs=0.01)


def test_an_attribute_edit_that_stays_itself_passes() -> None:
    decision = one(ToolClass.ATTRIBUTE, 1.0, n_people=60).decide()
    assert decision.verdict is PASS, decision.reasons
    assert one(ToolClass.ATTRIBUTE, 1.0, n_people=30).decide().verdict is INCONCLUSIVE


def test_an_attribute_edit_that_loses_the_person_fails() -> None:
    assert verdicts(one(ToolClass.ATTRIBUTE, 0.0).decide())["BASE-STAYS"] is FAIL


def test_an_attribute_edit_that_drifts_to_somebody_else_fails() -> None:
    found = verdicts(drifting().decide())
    assert found["BASE-DRIFT"] is FAIL
    assert found["BASE-STAYS"] is PASS


def test_scores_that_are_no_numbers_end_the_run() -> None:
    """A recogniser that gives NaN is an error, never a verdict."""
    world = swap()
    world.outputs[0, 3] = np.nan
    with pytest.raises(UndefinedMetricError):
        world.decide()


@pytest.mark.parametrize("level", [0.6, 1.0])
def test_a_few_decoys_hide_no_leak(level: float) -> None:
    """One output in twenty looks like a stranger: it must not raise the threshold that the others are held to."""
    world = swap(host=0.8)
    cases = np.asarray(world.cases("edited"))
    for case in world.rng.choice(cases, cases.size // 20, replace=False):
        stranger = world.people[:, (world.edits[case].person + 20) % world.n_people]
        noise = world.noise(1)[:, 0]
        mixed = level * stranger + 0.6 * noise
        world.outputs[:, case] = mixed / np.linalg.norm(mixed, axis=-1, keepdims=True)
    (host,) = [control for control in world.decide().controls if control.id == "BASE-HOST"]
    assert host.verdict is FAIL
    assert all(row.value is not None and row.value > 0.15 for row in host.cells)


def test_decoys_alone_are_no_host_leak() -> None:
    """An output that shows a stranger does not show its host."""
    world = swap()
    for case in world.cases("edited")[::20]:
        world.outputs[:, case] = world.people[:, (world.edits[case].person + 20) % world.n_people]
    assert verdicts(world.decide())["BASE-HOST"] is PASS


@pytest.mark.parametrize(("own", "twin"), [(0.38, 0.52), (0.6, 0.8)])
def test_twins_hide_no_leak(own: float, twin: float) -> None:
    """Outputs of one person resemble each other; each has a twin of another host's that it resembles still more."""
    world = linked_outputs(own, None)
    assert verdicts(world.decide())["BASE-HOST"] is FAIL
    decision = linked_outputs(own, twin).decide()
    (host,) = [control for control in decision.controls if control.id == "BASE-HOST"]
    bounds = {row.cell.attacker: row.bound for row in host.cells}
    assert host.verdict is not PASS
    assert bounds[Attacker.LAZY_INFORMED] is not None and bounds[Attacker.LAZY_INFORMED] > 0.9


def test_figures_without_a_threshold_are_of_all_pairs_look_alikes_among_them() -> None:
    world = linked_outputs(0.6, 0.8)
    estimates = {(e.name, e.attacker): e for e in world.identity_leak().estimates}
    cases = [int(case) for case in world.cases("edited")]
    vectors = unit(world.outputs[0, cases])
    pairs = [(i, j) for i in range(len(cases)) for j in range(i) if apart(world.edits[cases[i]], world.edits[cases[j]])]
    scores = np.asarray([vectors[i] @ vectors[j] for i, j in pairs])
    mated = np.asarray([world.edits[cases[i]].person == world.edits[cases[j]].person for i, j in pairs])
    found = estimates["eer", Attacker.LAZY_INFORMED]
    assert found.n == mated.sum()
    step = 1 / mated.sum()  # EER rules differ by one mated comparison
    assert found.value == pytest.approx(eer(scores[mated], scores[~mated]).eer, abs=step)
    assert estimates["auc", Attacker.LAZY_INFORMED].value == pytest.approx(auc(scores[mated], scores[~mated]), abs=2e-3)


def linked_outputs(own: float, twin: float | None) -> World:
    """Outputs of nobody: cosine ``own`` with those of the same host, ``twin`` with one output of another host."""
    world = swap()
    cases = np.asarray(world.cases("edited"))
    host = np.asarray([world.edits[case].person for case in cases])
    mated = host[:, None] == host[None, :]
    np.fill_diagonal(mated, False)
    twins = np.zeros_like(mated)
    if twin is not None:
        half = cases.size // 2
        twins[np.arange(half), np.arange(half) + half] = True  # 24 people further on the circle: no donor is shared
        twins |= twins.T
    rest = ~(mated | twins)
    np.fill_diagonal(rest, False)
    rng = np.random.default_rng(5)
    people = rng.normal(size=(world.n_people, world.outputs.shape[-1]))
    vectors = np.sqrt(own) * (people / np.linalg.norm(people, axis=1, keepdims=True))[host]
    noise = rng.normal(size=vectors.shape)
    vectors += np.sqrt(1 - own) * noise / np.linalg.norm(noise, axis=1, keepdims=True)
    for _ in range(400):  # gradient steps towards the cosines asked for
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        cosine = vectors @ vectors.T
        error = np.where(mated, cosine - own, 0.0) + np.where(twins, cosine - (twin or 0.0), 0.0)
        vectors = vectors - 0.25 * (error + np.where(rest, np.maximum(cosine - 0.3, 0.0), 0.0)) @ vectors
    world.outputs[0, cases] = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return world


def at(fmr: float) -> Policy:
    return BASELINE.model_copy(update={"face": BASELINE.face.model_copy(update={"fmr": fmr})})


def stranger_of(world: World, fmr: float) -> ControlDecision:
    (found,) = [control for control in world.decide(at(fmr)).controls if control.id == "BASE-STRANGER"]
    return found


@pytest.mark.parametrize("fmr", [0.001, 0.01, 0.05])
def test_outputs_that_are_enrolled_people_fail_however_many_inputs_match_somebody(fmr: float) -> None:
    """At FMR 0.05 nearly every unedited input of 60 people matches somebody: there a difference says nothing."""
    clean = swap(n_people=60)
    assert stranger_of(clean, fmr).verdict is PASS
    clean.outputs[:] = np.roll(clean.outputs, 4 * 9, axis=1)
    assert stranger_of(clean, fmr).verdict is FAIL


def test_outputs_just_under_the_threshold_of_the_search_are_no_pass() -> None:
    """Alike enough to pass as one enrolled person at the bona fide threshold, not at that of an FPIR of 5 %."""
    world = swap(n_people=60)
    fmr = 0.01
    samples = world.samples[0]
    scores = samples @ samples.T
    apart = world.person[:, None] != world.person[None, :]
    loose = np.quantile(scores[apart], 1 - fmr)
    others = np.where(apart, scores, -1.0)[:, ::4]
    strict = np.quantile(others.max(axis=1), 0.95)
    assert loose < strict
    middle = (loose + 2 * strict) / 3
    rng = np.random.default_rng(3)
    for case in world.cases("edited"):
        nearest = samples[4 * ((world.edits[case].person + 20) % 60)]  # a first recording: the gallery's
        own = rng.normal(size=nearest.size)
        own -= (own @ nearest) * nearest
        world.outputs[:, case] = middle * nearest + np.sqrt(1 - middle**2) * own / np.linalg.norm(own)
    found = stranger_of(world, fmr)
    assert found.verdict is INCONCLUSIVE
    assert "of the unedited inputs match somebody at the bona fide threshold" in found.reason


def searched(world: World, fmr: float) -> Estimate | NotMade:
    """The share of outputs that match anyone, beyond the unedited inputs'."""
    result = world.identity_leak(at(fmr), attackers=("ignorant",))
    name = "any_bystander_match_difference"
    return next(found for found in (*result.estimates, *result.not_made) if found.name == name)


def resembling_strangers(world: World, share: float, cosine: float) -> World:
    """A share of the outputs lies so near to the first recording, the gallery's, of somebody uninvolved."""
    rng = np.random.default_rng(99)
    samples = world.samples[0]
    for case in world.cases("edited"):
        if rng.random() < share:
            stranger = samples[world.each * ((world.edits[case].person + 20) % world.n_people)]
            own = rng.normal(size=stranger.size)
            own -= (own @ stranger) * stranger
            world.outputs[:, case] = cosine * stranger + np.sqrt(1 - cosine**2) * own / np.linalg.norm(own)
    return world


def test_people_who_stand_in_the_data_twice_open_no_door() -> None:
    """With 4 of 60 people under two names, 5 % of the inputs find a score like their own: a search at that threshold
    sees nothing of outputs that lie far above the bona fide threshold of a stranger."""

    def world() -> World:
        found = swap(n_people=60)
        found.people[:, [30, 32]] = found.people[:, [0, 2]]
        found.samples = unit(found.people[:, found.person] + NOISE * found.noise(found.n))
        found.outputs = np.stack([found.output(0.0, 1.0, 0.6, edit) for edit in found.edits], axis=1)
        return found

    clean = searched(world(), 3e-3)
    assert isinstance(clean, Estimate)
    assert clean.upper <= 0.07
    leaky = searched(resembling_strangers(world(), 0.2, 0.55), 3e-3)
    assert isinstance(leaky, NotMade)
    assert "of the unedited inputs match somebody at the bona fide threshold" in leaky.reason


def test_where_nearly_all_inputs_match_somebody_outputs_are_held_against_the_nearer_half() -> None:
    """At the bona fide threshold 97 % of the inputs match: there it cannot be seen that half of the outputs do."""
    clean = searched(swap(n_people=60), 0.05)
    assert isinstance(clean, Estimate)
    assert clean.upper <= 0.07
    leaky = searched(resembling_strangers(swap(n_people=60), 0.5, 0.37), 0.05)
    assert isinstance(leaky, NotMade)
    assert "at a threshold below that of the search" in leaky.reason
