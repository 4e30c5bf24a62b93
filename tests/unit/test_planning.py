"""The planner: its comparisons are a run's own, its needs hold in the product's intervals, its hint decides."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pretend import PlannedPeople
from scipy import special

from visavox.api.assessing import score_tables
from visavox.api.planning import RunPlan, plan_run
from visavox.api.preparation import Outline
from visavox.api.rehearsal import InventedScores, rehearse
from visavox.cli.plan_command import page
from visavox.core.config import parse_suite
from visavox.core.digest import sha256_bytes
from visavox.core.figures import AssessmentResult, Estimate, IntervalBasis
from visavox.core.records import Digest, EditRow, Output, RecogniserSpec, Sample
from visavox.core.report import CellDecision, DatasetSummary
from visavox.core.terms import Attacker, Modality, Outcome, Severity, Support, ToolClass, Verdict
from visavox.engine import tables
from visavox.engine.embed import cases_of_sets
from visavox.engine.folder import RunFolder
from visavox.engine.journal import Journal
from visavox.engine.plan import make_plan
from visavox.engine.progress import silent
from visavox.engine.score import LoadedSet, Scorer
from visavox.metrics import intervals, planning, power
from visavox.metrics.operating_points import threshold_at_fmr
from visavox.policy.judge import Facts, judge, plan_cells
from visavox.policy.load import load_policy
from visavox.policy.planner import Basis, CellForecast, forecast, people_for_support
from visavox.ports.assessment import DETECTED, MASKED, ORIGINAL, assessments
from visavox_datasets.manifest import assign_folds

SUITE = """
name: planned
editor: {{kind: python, entry: 'x:load', name: x, version: '1', operation: {operation}, tool_class: {tool_class}}}
dataset: {{kind: manifest, path: m.csv}}
recognisers: [{judges}]
assessments: {{identity_leak: {{}}, impersonation: {{{options}}}}}
policy: baseline
seed: 5
"""
OPERATIONS = {
    "anonymise": "face-anonymisation",
    "swap": "face-swap",
    "morph": "face-morph",
    "attribute": "face-attribute-editing",
}


def people(n: int, each: int, sessions: int = 0, modality: Modality = Modality.FACE) -> PlannedPeople:
    folds = assign_folds([(f"p{i:03}", "", False) for i in range(n) for _ in range(each)], 5)
    found = []
    for i in range(n):
        for k in range(each):
            digest = sha256_bytes(f"{i}/{k}".encode())
            session = f"s{k % sessions}" if sessions else None
            found.append(
                Sample(id=digest[:16], subject_id=f"p{i:03}", modality=modality, digest=digest,
                       fold=folds[f"p{i:03}"], session=session)
            )  # fmt: skip
    return PlannedPeople(tuple(sorted(found, key=lambda s: (s.subject_id, s.id))), modality=modality)


def known(
    tool_class: str, n: int, each: int = 4, *, judges: Sequence[str] = ("pixels",), options: str = "", sessions: int = 0
) -> Outline:
    text = SUITE.format(
        operation=OPERATIONS[tool_class], tool_class=tool_class, judges=", ".join(judges), options=options
    )
    suite, dataset, policy = (
        parse_suite(text, base=Path("/nowhere")),
        people(n, each, sessions),
        load_policy("baseline"),
    )
    cells = plan_cells(
        policy.policy, suite.editor.tool_class, judges, suite.impersonation.claims, modality=Modality.FACE
    )  # type: ignore[union-attr]
    return Outline(suite, dataset, make_plan(suite, dataset), policy, cells)


class Cosine:
    """A judge for templates drawn at random."""

    id = "pixels"

    def compare(self, references: np.ndarray, probes: np.ndarray) -> np.ndarray:
        return (references @ probes.T).astype(np.float32)


# ---------------------------------------------------------------- the rehearsal holds a run's own comparisons
@pytest.mark.parametrize(
    ("tool_class", "options", "sessions"),
    [("anonymise", "", 0), ("anonymise", "", 2), ("swap", "attempts: 2", 0), ("morph", "", 2), ("attribute", "", 0)],
)
def test_the_rehearsal_makes_the_comparisons_of_a_run(
    tool_class: str, options: str, sessions: int, tmp_path: Path
) -> None:
    outline = known(tool_class, 15, 3, options=options, sessions=sessions)
    suite, plan = outline.suite, outline.plan
    rows = {c.id: EditRow(case_id=c.id, outcome=Outcome.EDITED, outputs=(Output(digest="0" * 64),)) for c in plan.cases}
    wanted = score_tables(suite, {name: assessments.get(name)() for name, _ in suite.assessments})
    rng = np.random.default_rng(3)
    sets = {}
    for name, numbers in {ORIGINAL: list(range(len(plan.samples))), **cases_of_sets(plan, rows)}.items():
        vectors = rng.normal(size=(len(numbers), 6)).astype(np.float32)
        state = np.full(len(numbers), DETECTED, np.int8)
        found = tables.TemplateSet(vectors, np.ones(len(numbers), bool), state, ("",) * len(numbers))
        sets[name] = LoadedSet(found, np.asarray(numbers, np.int32))
    invented = InventedScores(plan, rows)
    with Journal(tmp_path / "journal.sqlite") as journal:
        scorer = Scorer(Cosine(), plan, sets, RunFolder(tmp_path), journal)  # type: ignore[arg-type]
        scorer.run(wanted, silent)
        for table in wanted:
            real, made = scorer.read(table), invented.table(table)
            if not table.backend.endswith("permuted"):  # of those a run keeps one side's with the other's
                pairs = [sorted(zip(t.probe.tolist(), t.reference.tolist(), strict=True)) for t in (real, made)]
                assert pairs[0] == pairs[1], table.name
            assert invented.most(table) >= real.score.size
            if tool_class == "anonymise" and not sessions and not table.backend.endswith("permuted"):
                assert invented.most(table) == real.score.size, table.name


def test_nothing_leaks_in_a_rehearsal_and_every_judge_says_the_same() -> None:
    outline = known("anonymise", 16, 4, judges=("pixels", "dlib"))
    found = rehearse(outline)
    rates = [e for r in found.results for e in r.estimates if e.name == "subject_match_rate"]
    leaks = [e for e in rates if e.attacker is not Attacker.CONTROL]
    assert leaks and all(e.value == 0.0 for e in leaks)
    assert {e.recogniser for e in leaks} == {"pixels", "dlib"}
    assert [c.cell for control in found.decision.controls for c in control.cells] == list(outline.cells)


# ---------------------------------------------------------------- what data sets can decide
@pytest.mark.parametrize(("n", "each", "is_made"), [(40, 4, True), (48, 3, True), (46, 3, False)])
def test_the_readmes_numbers_of_people_are_enough(n: int, each: int, is_made: bool) -> None:
    """README: before anything can pass 40 people with four pictures each, 48 with three."""
    outline = known("anonymise", n, each)
    cells = {
        (row.cell.control, row.cell.attacker): row
        for control in rehearse(outline).decision.controls
        for row in control.cells
    }
    semi = cells["BASE-SUBJECT", Attacker.SEMI_INFORMED]
    assert (semi.verdict is Verdict.PASS) == is_made, semi.reason
    assert cells["BASE-SUBJECT", Attacker.IGNORANT].verdict is Verdict.PASS


@pytest.fixture(scope="module")
def plan_of_24() -> RunPlan:
    return plan_run(known("anonymise", 24))


@pytest.fixture
def of_24(plan_of_24: RunPlan) -> dict[tuple[str, Attacker | None], CellForecast]:
    return {(found.control, found.attacker): found for found in plan_of_24.controls}


def test_24_people_cannot_pass_and_are_told_how_many_can(
    of_24: dict[tuple[str, Attacker | None], CellForecast],
) -> None:
    ignorant = of_24["BASE-SUBJECT", Attacker.IGNORANT]
    assert (ignorant.people, ignorant.trials, ignorant.support) == (24, 24 * 4 * 3, Support.FEW_PEOPLE)
    assert ignorant.statement.startswith("cannot PASS: needs 40 people, here 24; can FAIL from about")
    assert ignorant.passes_up_to is None
    semi = of_24["BASE-SUBJECT", Attacker.SEMI_INFORMED]
    assert semi.trials == 0 and semi.needs[0].people == 40
    assert semi.statement == "cannot PASS: needs 40 people, here 24; cannot FAIL"
    for found in of_24.values():
        needs = [need.people for need in found.needs if need.people is not None]
        assert needs == sorted(needs)


def test_the_page_fits_100_columns_and_says_what_the_json_says(plan_of_24: RunPlan) -> None:
    lines = [line.plain for line in page(plan_of_24)]
    assert max(map(len, lines)) <= 100
    text = "\n".join(lines)
    assert "BASE-SUBJECT semi_informed          -        -" in text
    assert "cannot PASS: needs 40 people, here 24; can FAIL from about" in text
    assert "the run would be INCONCLUSIVE" in text and "editor: 96 calls x its own time" in text
    again = json.loads(plan_of_24.model_dump_json(by_alias=True))
    assert again["schema"] == "visavox/plan/v1" and again["if_clean"] == "INCONCLUSIVE"
    assert [row["statement"] for row in again["controls"]] == [row.statement for row in plan_of_24.controls]


def test_29_speakers_can_fail_but_not_pass_at_the_fmr_of_voices() -> None:
    """STATISTICS 2: 8 to 39 people make figures and FAILs, no PASS."""
    text = SUITE.format(
        operation="voice-anonymisation", tool_class="anonymise", judges="resemblyzer, ubm", options=""
    ).replace("identity_leak: {}, impersonation: {}", "identity_leak: {attackers: [ignorant]}")
    suite, dataset = parse_suite(text, base=Path("/nowhere")), people(29, 3, modality=Modality.VOICE)
    policy = load_policy("baseline")
    cells = plan_cells(policy.policy, ToolClass.ANONYMISE, ["resemblyzer", "ubm"], modality=Modality.VOICE)
    found = rehearse(Outline(suite, dataset, make_plan(suite, dataset), policy, cells))
    assert found.decision.verdict is Verdict.INCONCLUSIVE
    rows = {
        (row.control, row.attacker): row for row in forecast(policy.policy, found.decision, Basis(found.results, 29))
    }
    row = rows["BASE-SUBJECT", Attacker.IGNORANT]
    assert row.support is Support.FEW_PEOPLE
    assert row.statement.startswith("cannot PASS: needs 40 people, here 29; can FAIL from about")
    thresholds = [
        e.operating_point for result in found.results for e in result.estimates if e.name == "subject_match_rate"
    ]
    assert {getattr(point, "target_fmr", None) for point in thresholds} == {0.01}


def test_the_bound_at_zero_is_the_intervals_own(of_24: dict[tuple[str, Attacker | None], CellForecast]) -> None:
    zeros, persons = np.zeros(24 * 12), np.repeat(np.arange(24), 12)
    own = intervals.bound_upper(intervals.rate_interval(zeros, persons).basis, 0.05)
    assert of_24["BASE-SUBJECT", Attacker.IGNORANT].upper_at_zero == pytest.approx(own, rel=1e-12)


def test_a_swap_without_consent_probes_cannot_pass_that_control() -> None:
    outline = known("swap", 15, 3, options="consent_probes: false")
    found = rehearse(outline)
    (probes,) = (
        row for row in forecast(outline.policy.policy, found.decision, Basis(found.results, 15))
        if row.control == "BASE-UNCONSENTED"
    )  # fmt: skip
    assert "no consent probe was run" in probes.statement and probes.needs == ()


def test_support_needs_people_and_comparisons() -> None:
    assert people_for_support(30, 10**6, 1e-3) == 40
    assert people_for_support(80, 10**6, 1e-3, full=True) == 160
    within_folds_of_three_each = people_for_support(30, 3 * 9 * 10 * 9 // 2, 1e-3)
    assert 46 <= within_folds_of_three_each <= 50


def test_counts_are_those_of_the_plan() -> None:
    outline = known("swap", 18, 3, options="attempts: 2")
    plan, counts = outline.plan, plan_run(outline, controls=False)
    assert counts.controls == () and counts.if_clean is None
    assert counts.work.model_calls == len(plan.cases)
    assert counts.counts.further_attempts == len(plan.first_attempts)
    sets = cases_of_sets(plan, {c.id: EditRow(case_id=c.id, outcome=Outcome.EDITED) for c in plan.cases})
    assert counts.work.embedded == len(plan.samples) + sum(len(cases) for cases in sets.values())
    assert counts.work.located == counts.work.embedded - len(sets[MASKED])
    assert {cost.what for cost in counts.costs if cost.amount is None} >= {"editor", "outputs"}


# ---------------------------------------------------------------- power
def case_e(k: int, m: int, rate: float, person: float, rng: np.random.Generator) -> float:
    """The product's upper bound for m recordings each, binormal scores, the threshold read from the same people."""
    first, second = (np.repeat(side, m * m) for side in np.triu_indices(k, 1))
    effect = np.sqrt(person) * rng.standard_normal(k)
    non = effect[first] + effect[second] + np.sqrt(1 - 2 * person) * rng.standard_normal(first.size)
    shift = special.ndtri(1 - 1e-3) - special.ndtri(1 - rate)
    own = np.sqrt(0.3) * rng.standard_normal(k)[:, None] + np.sqrt(0.7) * rng.standard_normal((k, m * (m - 1)))
    trials = intervals.Stratum(
        shift + own.ravel(), np.repeat(np.arange(k), m * (m - 1)), threshold_at_fmr(non, 1e-3).threshold, 1e-3,
        non, first, second,
    )  # fmt: skip
    return intervals.bound_upper(intervals.rate_at_threshold_interval([trials]).basis, 0.05)


@pytest.mark.parametrize("person", [0.0, 0.05])
def test_with_the_planners_people_a_quarter_of_the_limit_passes(person: float) -> None:
    """STATISTICS 7: PASS in >= 75 % at limit / 4, by the judge's interval with the threshold's error in it."""
    m, limit, runs = 3, 0.07, 150
    design = power.Design(
        people=40, trials=40 * m * (m - 1), floor=1 + (m * (m - 1) - 1) * 0.2, non_mated=40 * 39 // 2 * m * m
    )
    needed = power.people_to_pass(design, limit, limit / 4)
    rng = np.random.default_rng(8)
    passed = np.mean([case_e(needed, m, limit / 4, person, rng) <= limit for _ in range(runs)])
    assert passed >= 0.75 - 2 * (0.75 * 0.25 / runs) ** 0.5
    assert planning.people_needed(limit, limit / 4, 0.2, m * (m - 1), runs=400) < needed


def test_without_a_threshold_it_is_case_a() -> None:
    design = power.Design(people=20, trials=80, floor=1.6)
    assert power.people_to_pass(design, 0.07, 0.0) == planning.people_needed(0.07, 0.0, 0.1, 4)
    assert power.people_to_pass(design, 0.07, 0.0175) == pytest.approx(
        planning.people_needed(0.07, 0.0175, 0.2, 4), rel=0.12
    )


@settings(max_examples=25, deadline=None)
@given(
    people=st.integers(8, 60),
    each=st.integers(1, 12),
    rate=st.floats(0.005, 0.06),
    non_mated=st.sampled_from([0, 3_000, 60_000]),
)
def test_power_grows_with_people_and_falls_with_the_rate(people: int, each: int, rate: float, non_mated: int) -> None:
    design = power.Design(people=people, trials=people * each, floor=1 + 0.2 * (each - 1), non_mated=non_mated)
    here = power.shares(design, 0.07, rate, runs=200)
    assert 0 <= here.failed <= 1 and 0 <= here.passed <= 1 and here.passed + here.failed <= 1
    # Shares of 200 runs climb in teeth: a lower rate or more people never lose more than three standard errors.
    assert power.shares(design, 0.07, rate / 2, runs=200).passed >= here.passed - 0.1
    assert power.shares(design.of(4 * people), 0.07, rate / 2, runs=200).passed >= here.passed - 0.1


def test_threshold_slope_is_the_derivative_of_the_binormal_rate() -> None:
    for rate in (0.002, 0.0175, 0.5, 0.9):
        step = 1e-5
        near = [power.rate_at_other_fmr(rate, 1e-3, 1e-3 * np.exp(h)) for h in (-step, step)]
        slope = float(np.diff(special.logit(near))[0]) / (2 * step)
        assert power.threshold_slope(rate, 1e-3) == pytest.approx(slope, rel=1e-4)


def test_a_difference_of_chances_scales_with_the_people() -> None:
    design = power.DifferenceDesign(people=30, sizes=(100.0, 100.0), chance=0.03, against_everyone=True)
    assert design.of(60).chance == pytest.approx(1 - 0.97**2)
    assert design.of(60).sizes == (200.0, 200.0)
    assert power.DifferenceDesign(30, (100.0, 90.0), 0.001, over_pairs=True).of(60).sizes == (400.0, 360.0)
    needed = power.people_to_pass_difference(design, 0.07, 0.0)
    assert power.difference_shares(design.of(needed), 0.07, 0.0).passed >= 0.8


def test_the_people_that_decide_are_the_least_that_do() -> None:
    found = intervals.rate_interval(np.arange(400) % 20 == 0, np.arange(400) // 10)

    def decides(basis: tuple[intervals.IntervalBasis, ...]) -> bool:
        return intervals.bound_upper(basis[0], 0.05) <= 0.07

    people_that_do = power.people_to_decide((found.basis,), decides, 40)
    assert people_that_do is not None and not decides((found.basis,))

    def of(people: int) -> bool:
        share = people / 40
        return decides((
            found.basis.model_copy(
                update={"n_eff_low": found.basis.n_eff_low * share, "n_eff_high": found.basis.n_eff_high * share,
                        "df": people - 1}
            ),
        ))  # fmt: skip

    assert of(people_that_do) and not of(people_that_do - 1)
    assert power.people_to_decide((found.basis,), lambda _: False, 40) is None


def test_a_spec_is_not_needed_to_plan() -> None:
    """A judge whose weights are absent can be planned with."""
    assert plan_run(known("anonymise", 6, judges=("facenet-vggface2",)), controls=False).counts.judges == (
        RecogniserSpec(name="facenet-vggface2", id="facenet-vggface2").id,
    )


def test_that_nothing_passes_by_dlib_on_synthetic_faces_is_said_beforehand() -> None:
    """A plan that ends in PASS would promise a newcomer what no run on the shipped people gives."""

    def said(judge: str, dataset: str) -> bool:
        text = SUITE.format(operation=OPERATIONS["anonymise"], tool_class="anonymise", judges=judge, options="")
        suite = parse_suite(text, base=Path("/nowhere"), overrides=[f"dataset={dataset}"])
        lines = plan_run(known("anonymise", 6, judges=(judge,))._replace(suite=suite)).unforeseen
        return any("dlib misses a fifth" in line and "nothing passes" in line for line in lines)

    assert said("dlib", "{kind: synthetic-faces}")
    assert not said("pixels", "{kind: synthetic-faces}")
    assert not said("dlib", "{kind: manifest, path: m.csv}")


@pytest.mark.parametrize(("packs", "is_named"), [("image-default", True), ("social-media", False)])
def test_a_pack_that_a_control_asks_for_and_the_suite_leaves_out_is_named(packs: str, is_named: bool) -> None:
    policy = load_policy("eu-ai-act-50")
    text = SUITE.format(operation=OPERATIONS["anonymise"], tool_class="anonymise", judges="pixels", options="")
    asked = f"impersonation: {{}}, detectability: {{perturbations: [{packs}]}}}}\ndetectors: [spectral]"
    suite = parse_suite(text.replace("impersonation: {}}", asked), base=Path("/nowhere"))
    cells = plan_cells(policy.policy, suite.editor.tool_class, ["pixels"], modality=Modality.FACE)
    lines = plan_run(known("anonymise", 6)._replace(suite=suite, policy=policy, cells=cells)).unforeseen
    assert (
        any("after the pack social-media 1 (02753cf6dbfc): this suite does not" in line for line in lines) is is_named
    )


# ---------------------------------------------------------------- an undecided run says how many people would decide it
def unchanged(rate: float, k: int, *, people_missing: float = 0.0, severity: Severity = Severity.FAIL) -> CellDecision:
    """The judge's decision on the unchanged outputs of k people, four each; the share missing counts both ways."""
    basis = IntervalBasis(
        p_low=rate, n_eff_low=4 * k / 1.3, p_high=rate + people_missing, n_eff_high=4 * k / 1.3, df=k - 1
    )
    estimate = Estimate(
        name="unchanged_share", value=rate, low=0.0, high=1.0, lower=0.0, upper=1.0, method="m", n=4 * k, n_eff=4 * k,
        n_subjects=k, recogniser="", basis=(basis,),
    )  # fmt: skip
    policy = load_policy("baseline").policy
    (control,) = [c for c in policy.controls if c.id == "BASE-UNCHANGED"]
    policy = policy.model_copy(update={"controls": (control.model_copy(update={"severity": severity}),)})
    results = (AssessmentResult(assessment="ledger", modality=Modality.FACE, estimates=(estimate,)),)
    dataset = DatasetSummary(
        kind="manifest", digest=Digest(sha256="0" * 64), modality=Modality.FACE, n_subjects=k, n_samples=4 * k,
        n_test_subjects=k, n_test_samples=4 * k, consent={"granted": 4 * k},
    )  # fmt: skip
    cells = plan_cells(policy, ToolClass.ANONYMISE, ["a"], modality=Modality.FACE)
    facts = Facts(ToolClass.ANONYMISE, results, (), dataset, smoke=False)
    return judge(policy, cells, facts).controls[0].cells[0]


@pytest.mark.parametrize(("rate", "verdict"), [(0.04, Verdict.PASS), (0.12, Verdict.FAIL)])
def test_the_hint_names_the_people_who_decide(rate: float, verdict: Verdict) -> None:
    here = unchanged(rate, 30)
    assert here.verdict is Verdict.INCONCLUSIVE
    found = re.search(r"; at this rate about (\d+) people like these would decide it, here 30$", here.reason)
    assert found is not None, here.reason
    assert unchanged(rate, int(found[1])).verdict is verdict
    assert unchanged(rate, int(found[1]) - 2).verdict is Verdict.INCONCLUSIVE


def test_where_no_number_of_people_decides_the_hint_says_so() -> None:
    assert unchanged(0.07, 30).reason.endswith("; at this rate no number of people would decide it")
    assert "; more people would not decide it: trials without" in unchanged(0.06, 30, people_missing=0.05).reason
    warned = unchanged(0.9, 30, severity=Severity.WARN)  # surely beyond, and a control that warns states no FAIL
    assert warned.verdict is Verdict.INCONCLUSIVE
    assert warned.reason.endswith("; at this rate no number of people would decide it")


def test_what_is_decided_needs_no_hint() -> None:
    for rate in (0.0, 0.6):
        assert "people like these" not in unchanged(rate, 40).reason


def test_a_large_data_set_is_rehearsed_in_part(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("visavox.api.planning.MOST_SAMPLES", 36)
    monkeypatch.setattr("visavox.api.planning.ENOUGH_PEOPLE", 2)
    plan = plan_run(known("anonymise", 20, 3))
    assert (plan.rehearsed_people, plan.counts.test_people, plan.work.model_calls) == (12, 20, 60)
    assert any("Rehearsed with 12 people" in line.plain for line in page(plan))
    edited = next(found for found in plan.controls if found.control == "BASE-EDITED")
    assert (edited.people, edited.trials) == (12, 36)
