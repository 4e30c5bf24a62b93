"""The judge: three values, Holm, support, instruments, precedence; nothing missing ever passes."""

from __future__ import annotations

import pytest

from visavox.core.digest import sha256_bytes
from visavox.core.figures import (
    AssessmentResult,
    Estimate,
    Instrument,
    IntervalBasis,
    NotMade,
    OperatingPoint,
    StricterThreshold,
)
from visavox.core.records import Digest
from visavox.core.report import DatasetSummary, Decision, JudgeCard
from visavox.core.terms import Attacker, Claim, InstrumentState, Modality, Support, ToolClass, Verdict
from visavox.metrics.intervals import bound_lower, bound_upper
from visavox.policy.judge import Facts, judge, plan_cells
from visavox.policy.load import Policy, load_policy
from visavox.policy.run_verdict import independent_judges

POLICY = load_policy("baseline").policy
FEW, WEAK = Support.FEW_PEOPLE, Support.WEAK
ANONYMISE = ToolClass.ANONYMISE


def basis(p: float, n: float = 400.0, people: int = 60) -> IntervalBasis:
    return IntervalBasis(p_low=p, n_eff_low=n, p_high=p, n_eff_high=n, df=people - 1)


def estimate(
    name: str,
    p: float,
    *,
    recogniser: str = "a",
    attacker: Attacker | None = None,
    support: Support = WEAK,
    n: float = 400.0,
    stricter: float | None = None,
    fmr: float = 1e-3,
) -> Estimate:
    found = basis(p, n)
    point = OperatingPoint(
        recogniser=recogniser, kind="k", target_fmr=fmr, threshold=0.5, n_non_mated=9999, n_people=60, fmr=1e-3,
        fmr_low=0.0, fmr_high=2e-3, support=support,
    )  # fmt: skip
    return Estimate(
        name=name, value=p, low=0, high=1, lower=bound_lower(found, 0.05), upper=bound_upper(found, 0.05), method="m",
        n=400, n_eff=n, n_subjects=60, recogniser=recogniser, attacker=attacker, operating_point=point, basis=(found,),
        stricter=None if stricter is None else StricterThreshold(value=stricter, basis=(basis(stricter, n),)),
    )  # fmt: skip


def difference(p1: float, p2: float, recogniser: str = "a", name: str = "bystander_match_difference") -> Estimate:
    found = estimate(name, 0.0, recogniser=recogniser)
    return found.model_copy(update={"basis": (basis(p1, 20_000), basis(p2, 20_000)), "value": p1 - p2})


def stranger(p1: float = 0.1, p2: float = 0.1, recogniser: str = "a") -> Estimate:
    return difference(p1, p2, recogniser, "any_bystander_match_difference")


def edited(p: float = 0.0) -> AssessmentResult:
    found = (estimate("non_edited_share", p, recogniser=""), estimate("unchanged_share", 0.0, recogniser=""))
    return AssessmentResult(assessment="ledger", modality=Modality.FACE, estimates=found)


def leak(*estimates: Estimate, recogniser: str = "a", **more: object) -> AssessmentResult:
    own = (*estimates, difference(0.001, 0.001, recogniser), stranger(recogniser=recogniser))
    return AssessmentResult(assessment="identity_leak", modality=Modality.FACE, estimates=own, **more)  # type: ignore[arg-type]


def rates(
    ignorant: float, lazy: float, semi: float | None = None, *, name: str = "subject_match_rate", **kwargs: object
) -> tuple[Estimate, Estimate, Estimate]:
    """Match rates of the gated attackers; the semi-informed one's is the lazy-informed one's unless it is given."""
    found = {
        Attacker.IGNORANT: ignorant,
        Attacker.LAZY_INFORMED: lazy,
        Attacker.SEMI_INFORMED: lazy if semi is None else semi,
    }
    one, two, three = (estimate(name, p, attacker=a, **kwargs) for a, p in found.items())  # type: ignore[arg-type]
    return one, two, three


def card(name: str, *families: str) -> JudgeCard:
    return JudgeCard(
        id=name, name=name, digest=sha256_bytes(name.encode()), detector="d", score="cosine",
        families=families or (name,),
        training_overlap="none",
    )  # fmt: skip


DATA = DatasetSummary(
    kind="manifest", digest=Digest(sha256="0" * 64), modality=Modality.FACE, n_subjects=60, n_samples=240,
    n_test_subjects=60, n_test_samples=240, consent={"unstated": 240},
)  # fmt: skip


def decide(
    *results: AssessmentResult,
    judges: tuple[JudgeCard, ...] = (card("a"),),
    policy: Policy = POLICY,
    smoke: bool = False,
    tool_class: ToolClass = ANONYMISE,
    claims: tuple[Claim, ...] = (),
) -> Decision:
    cells = plan_cells(policy, tool_class, [j.id for j in judges], claims, modality=Modality.FACE)
    return judge(policy, cells, Facts(tool_class, results, judges, DATA, smoke))


def test_all_within_the_limits_passes() -> None:
    assert decide(leak(*rates(0.02, 0.02)), edited()).verdict is Verdict.PASS


def test_nothing_measured_is_inconclusive_never_pass() -> None:
    decision = decide()
    assert decision.verdict is Verdict.INCONCLUSIVE
    assert all(c.verdict is Verdict.INCONCLUSIVE for c in decision.controls)


def test_no_control_for_the_tool_class_is_inconclusive() -> None:
    policy = POLICY.model_copy(
        update={"controls": tuple(c for c in POLICY.controls if ToolClass.ATTRIBUTE not in c.tool_classes)}
    )
    assert decide(leak(*rates(0, 0)), edited(), policy=policy, tool_class=ToolClass.ATTRIBUTE).verdict is (
        Verdict.INCONCLUSIVE
    )


@pytest.mark.parametrize("absent", [Attacker.IGNORANT, Attacker.LAZY_INFORMED, Attacker.SEMI_INFORMED])
def test_one_missing_cell_is_inconclusive(absent: Attacker) -> None:
    decision = decide(leak(*(e for e in rates(0.02, 0.02) if e.attacker is not absent)), edited())
    assert decision.verdict is Verdict.INCONCLUSIVE
    assert "nothing in this run measured it" in " ".join(decision.reasons)


def test_an_estimate_not_made_says_why() -> None:
    (ignorant, _, semi) = rates(0.02, 0.02)
    missing = NotMade(
        name="subject_match_rate", recogniser="a", attacker=Attacker.LAZY_INFORMED, reason="too few people"
    )
    decision = decide(leak(ignorant, semi, not_made=(missing,)), edited())
    assert decision.verdict is Verdict.INCONCLUSIVE
    assert "too few people" in " ".join(decision.reasons)


def test_one_leaking_attacker_fails_all() -> None:
    assert decide(leak(*rates(0.2, 0.02)), edited()).verdict is Verdict.FAIL
    assert decide(leak(*rates(0.02, 0.2, 0.02)), edited()).verdict is Verdict.FAIL
    assert decide(leak(*rates(0.02, 0.02, 0.2)), edited()).verdict is Verdict.FAIL


def test_between_the_bounds_is_inconclusive() -> None:
    assert decide(leak(*rates(0.02, 0.06)), edited()).verdict is Verdict.INCONCLUSIVE
    assert decide(leak(*rates(0.02, 0.08)), edited()).verdict is Verdict.INCONCLUSIVE


def test_pass_is_decided_by_the_bound_not_the_point() -> None:
    """The same rate passes on many effective trials and not on few."""
    assert decide(leak(*rates(0.05, 0.05, n=4000.0)), edited()).verdict is Verdict.PASS
    assert decide(leak(*rates(0.05, 0.05, n=200.0)), edited()).verdict is Verdict.INCONCLUSIVE


def test_holm_guards_the_fail_side() -> None:
    """A p-value between alpha/m and alpha is no FAIL beside other cells that are far from failing."""
    policy = POLICY
    rate = next(p / 1000 for p in range(70, 200) if 0.02 < _p(p / 1000) < 0.045)
    decision = decide(leak(*rates(rate, 0.0)), edited(), policy=policy)
    assert decision.verdict is Verdict.INCONCLUSIVE
    alone = policy.model_copy(
        update={
            "controls": tuple(c.model_copy(update={"attackers": (Attacker.IGNORANT,)}) for c in policy.controls[:1])
        }
    )
    assert decide(leak(*rates(rate, 0.0)), edited(), policy=alone).verdict is Verdict.FAIL


def _p(rate: float) -> float:
    from visavox.metrics.intervals import p_value_fail

    return p_value_fail((basis(rate),), 0.07)


@pytest.mark.parametrize(("support", "verdict"), [(WEAK, Verdict.PASS), (FEW, Verdict.INCONCLUSIVE)])
def test_few_people_cannot_pass(support: Support, verdict: Verdict) -> None:
    assert decide(leak(*rates(0.01, 0.01, support=support)), edited()).verdict is verdict


def test_few_people_fail_only_where_the_stricter_threshold_agrees() -> None:
    assert decide(leak(*rates(0.3, 0.3, support=FEW, stricter=0.25)), edited()).verdict is Verdict.FAIL
    assert decide(leak(*rates(0.3, 0.3, support=FEW, stricter=0.05)), edited()).verdict is Verdict.INCONCLUSIVE
    assert decide(leak(*rates(0.3, 0.3, support=FEW)), edited()).verdict is Verdict.INCONCLUSIVE


def instrument(state: InstrumentState, protects: Verdict, recogniser: str = "a") -> Instrument:
    return Instrument(
        name="check", state=state, protects=protects, recogniser=recogniser, detectable="x", reason="because"
    )


@pytest.mark.parametrize(
    ("state", "protects", "rate", "verdict"),
    [
        (InstrumentState.RED, Verdict.PASS, 0.01, Verdict.INCONCLUSIVE),
        (InstrumentState.RED, Verdict.PASS, 0.3, Verdict.FAIL),  # a dull judge's leak still counts
        (InstrumentState.RED, Verdict.FAIL, 0.3, Verdict.INCONCLUSIVE),
        (InstrumentState.RED, Verdict.FAIL, 0.01, Verdict.PASS),
        (InstrumentState.NOT_ASSESSABLE, Verdict.FAIL, 0.01, Verdict.INCONCLUSIVE),
        (InstrumentState.NOT_ASSESSABLE, Verdict.PASS, 0.01, Verdict.INCONCLUSIVE),
        (InstrumentState.NOT_ASSESSABLE, Verdict.FAIL, 0.3, Verdict.FAIL),
        (InstrumentState.GREEN, Verdict.PASS, 0.01, Verdict.PASS),
    ],
)
def test_instruments(state: InstrumentState, protects: Verdict, rate: float, verdict: Verdict) -> None:
    result = leak(*rates(rate, rate), instruments=(instrument(state, protects),))
    assert decide(result, edited()).verdict is verdict


def test_no_number_of_people_is_promised_where_a_red_instrument_forbids_the_pass() -> None:
    """More people would bring the bound within the limit, and still nothing could pass."""

    def reason(rate: float, recogniser: str) -> str:
        red = instrument(InstrumentState.RED, Verdict.PASS, recogniser)
        decision = decide(leak(*rates(rate, rate), instruments=(red,)), edited())
        assert decision.verdict is Verdict.INCONCLUSIVE
        return decision.controls[0].cells[0].reason

    assert "people like these would decide it" in reason(0.06, "b")  # of another judge
    assert reason(0.06, "a").endswith("the limit 7.00 %; and no PASS while this stands: instrument check: because")
    assert "people like these would decide it" in reason(0.08, "a")  # a leak that it finds may still FAIL


def test_an_instrument_of_another_judge_does_not_speak_of_this_one() -> None:
    result = leak(*rates(0.01, 0.01), instruments=(instrument(InstrumentState.RED, Verdict.PASS, "b"),))
    assert decide(result, edited()).verdict is Verdict.PASS


def test_every_judge_must_pass() -> None:
    other = tuple(e.model_copy(update={"recogniser": "b"}) for e in rates(0.01, 0.06))
    result = leak(*rates(0.01, 0.01), *other, difference(0.001, 0.001, "b"), stranger(recogniser="b"))
    assert decide(result, edited(), judges=(card("a"), card("b"))).verdict is Verdict.INCONCLUSIVE


def test_two_networks_of_one_family_are_one_judge() -> None:
    policy = POLICY.model_copy(update={"min_judge_families": 2})
    other = tuple(e.model_copy(update={"recogniser": "b"}) for e in rates(0.01, 0.01))
    result = leak(*rates(0.01, 0.01), *other, difference(0.001, 0.001, "b"), stranger(recogniser="b"))
    same = (card("a", "facenet", "vgg"), card("b", "facenet"))
    apart = (card("a", "facenet"), card("b", "dlib"))
    assert decide(result, edited(), judges=same, policy=policy).verdict is Verdict.INCONCLUSIVE
    assert decide(result, edited(), judges=apart, policy=policy).verdict is Verdict.PASS
    undeclared = (card("a", "undeclared"), card("b", "undeclared"))
    assert decide(result, edited(), judges=undeclared, policy=policy).verdict is Verdict.INCONCLUSIVE
    twins = tuple(c.model_copy(update={"digest": "1" * 64}) for c in apart)
    assert decide(result, edited(), judges=twins, policy=policy).verdict is Verdict.INCONCLUSIVE


def test_a_signature_is_the_gate_s_to_ask_for() -> None:
    """A run is decided before anyone can sign it."""
    policy = POLICY.model_copy(update={"require_signature": True, "min_signers": 2})
    assert decide(leak(*rates(0.01, 0.01)), edited(), policy=policy).verdict is Verdict.PASS


def test_a_limit_stands_on_the_end_that_decides() -> None:
    from pydantic import ValidationError

    from visavox.core.report import Limit

    for op, on in (("<=", "lower"), (">=", "upper"), ("<=", "nonsense"), ("<", "upper")):
        with pytest.raises(ValidationError):
            Limit(op=op, value=0.1, on=on)  # type: ignore[arg-type]


def test_bystanders_beyond_the_limit_fail() -> None:
    result = AssessmentResult(
        assessment="identity_leak",
        modality=Modality.FACE,
        estimates=(*rates(0.01, 0.01), difference(0.05, 0.001), stranger()),
    )
    assert decide(result, edited()).verdict is Verdict.FAIL


def test_passing_as_somebody_else_more_often_than_the_input_fails() -> None:
    result = AssessmentResult(
        assessment="identity_leak",
        modality=Modality.FACE,
        estimates=(*rates(0.01, 0.01), difference(0.001, 0.001), stranger(0.9, 0.1)),
    )
    assert decide(result, edited()).verdict is Verdict.FAIL


def test_failing_to_edit_is_no_pass_and_no_fail() -> None:
    assert decide(leak(*rates(0.01, 0.01)), edited(0.5)).verdict is Verdict.INCONCLUSIVE


def test_consent_smoke_and_requirements() -> None:
    results = (leak(*rates(0.01, 0.01)), edited())
    assert decide(*results, smoke=True).verdict is Verdict.INCONCLUSIVE
    assert decide(*results, policy=POLICY.model_copy(update={"require_consent": True})).verdict is Verdict.INCONCLUSIVE
    wanting = POLICY.model_copy(update={"requires": ("identity_leak", "detectability")})
    assert decide(*results, policy=wanting).verdict is Verdict.INCONCLUSIVE
    absent = AssessmentResult(assessment="detectability", modality=Modality.FACE, not_applicable="no trial")
    assert decide(*results, absent, policy=wanting).verdict is Verdict.PASS


def test_the_policys_operating_point_is_judged_not_the_suites() -> None:
    strict = tuple(e.model_copy() for e in rates(0.3, 0.3, fmr=1e-2))
    assert decide(leak(*strict, *rates(0.01, 0.01)), edited()).verdict is Verdict.PASS
    assert decide(leak(*strict), edited()).verdict is Verdict.INCONCLUSIVE


def test_an_attribute_edit_cannot_pass_before_drift_is_measured() -> None:
    stays = estimate("subject_non_match_rate", 0.01)
    decision = decide(leak(stays), edited(), tool_class=ToolClass.ATTRIBUTE)
    assert decision.verdict is Verdict.INCONCLUSIVE
    assert any("BASE-DRIFT" in reason for reason in decision.reasons)


@pytest.mark.parametrize(
    ("state", "rate", "verdict"),
    [
        (InstrumentState.RED, 0.01, Verdict.INCONCLUSIVE),
        (InstrumentState.NOT_ASSESSABLE, 0.01, Verdict.INCONCLUSIVE),
        (InstrumentState.GREEN, 0.01, Verdict.PASS),
        (InstrumentState.RED, 0.3, Verdict.FAIL),
    ],
)
def test_an_instrument_of_one_attacker_speaks_of_that_attacker(
    state: InstrumentState, rate: float, verdict: Verdict
) -> None:
    check = instrument(state, Verdict.PASS).model_copy(update={"attacker": Attacker.SEMI_INFORMED})
    decision = decide(leak(*rates(0.01, 0.01, rate), instruments=(check,)), edited())
    assert decision.verdict is verdict
    (subject,) = [c for c in decision.controls if c.id == "BASE-SUBJECT"]
    assert [row.verdict for row in subject.cells] == [Verdict.PASS, Verdict.PASS, verdict]


def test_an_instrument_binds_only_limits_that_are_small_enough() -> None:
    """An attacker that is not saturated forbids a PASS at limits of 1 % or less."""
    check = instrument(InstrumentState.RED, Verdict.PASS).model_copy(update={"binds_limits_to": 0.01})
    decision = decide(leak(*rates(0.01, 0.01), instruments=(check,)), edited())
    by_control = {c.id: c.verdict for c in decision.controls}
    assert by_control["BASE-SUBJECT"] is Verdict.PASS
    assert by_control["BASE-BYSTANDER"] is Verdict.INCONCLUSIVE  # its limit is .01
    assert decision.verdict is Verdict.INCONCLUSIVE


CONTROLS = {
    ToolClass.ANONYMISE: {"BASE-SUBJECT", "BASE-BYSTANDER", "BASE-STRANGER", "BASE-UNCHANGED", "BASE-EDITED"},
    ToolClass.SWAP: {"BASE-HOST", "BASE-UNCONSENTED", "BASE-BYSTANDER", "BASE-STRANGER", "BASE-EDITED"},
    ToolClass.ATTRIBUTE: {"BASE-STAYS", "BASE-DRIFT", "BASE-BYSTANDER", "BASE-STRANGER", "BASE-EDITED"},
    ToolClass.MORPH: {"BASE-EDITED"},
}


@pytest.mark.parametrize("tool_class", CONTROLS)
def test_which_controls_bind_which_tool_class(tool_class: ToolClass) -> None:
    cells = plan_cells(POLICY, tool_class, ["a", "b"], modality=Modality.FACE)
    assert {cell.control for cell in cells} == CONTROLS[tool_class]
    claimed = plan_cells(POLICY, tool_class, ["a", "b"], [Claim.MORPH_RESISTANCE], modality=Modality.FACE)
    more = {cell.control for cell in claimed} - CONTROLS[tool_class]
    assert more == ({"BASE-MORPH"} if tool_class is ToolClass.MORPH else set())
    for control in POLICY.controls:
        own = [cell for cell in claimed if cell.control == control.id]
        judges = ("a", "b") if control.per_judge else ("",)
        wanted = {(r, a) for r in judges for a in control.attackers or (None,)} if own else set()
        assert {(cell.recogniser, cell.attacker) for cell in own} == wanted
        assert len(own) == len(wanted)


def swap(host: tuple[float, ...] = (0.01, 0.01, 0.01), unconsented: float | None = 0.0) -> tuple[AssessmentResult, ...]:
    told = () if unconsented is None else (estimate("unconsented_donor_match_rate", unconsented),)
    passed = AssessmentResult(assessment="impersonation", modality=Modality.FACE, estimates=told)
    return leak(*rates(*host, name="host_match_rate")), passed, edited()


@pytest.mark.parametrize(
    ("host", "unconsented", "verdict"),
    [
        ((0.01, 0.01, 0.01), 0.0, Verdict.PASS),
        ((0.2, 0.01, 0.01), 0.0, Verdict.FAIL),
        ((0.01, 0.01, 0.2), 0.0, Verdict.FAIL),
        ((0.01, 0.01, 0.01), 0.2, Verdict.FAIL),
        ((0.01, 0.01, 0.01), 0.06, Verdict.INCONCLUSIVE),
        ((0.01, 0.01, 0.01), None, Verdict.INCONCLUSIVE),  # nobody asked what it does without consent
    ],
)
def test_a_swap_is_judged_by_host_and_consent(
    host: tuple[float, ...], unconsented: float | None, verdict: Verdict
) -> None:
    assert decide(*swap(host, unconsented), tool_class=ToolClass.SWAP).verdict is verdict


@pytest.mark.parametrize(
    ("lost", "drift", "verdict"),
    [
        (0.01, 0.02, Verdict.PASS),
        (0.3, 0.02, Verdict.FAIL),
        (0.01, 0.4, Verdict.FAIL),
        (0.01, 0.14, Verdict.INCONCLUSIVE),
    ],
)
def test_an_attribute_edit_is_judged_by_staying_and_by_drift(lost: float, drift: float, verdict: Verdict) -> None:
    drifted = difference(0.05 + drift, 0.05, name="bystander_drift")
    wide = drifted.model_copy(update={"basis": (basis(0.05 + drift), basis(0.05))})
    passed = AssessmentResult(assessment="impersonation", modality=Modality.FACE, estimates=(wide,))
    decision = decide(leak(estimate("subject_non_match_rate", lost)), passed, edited(), tool_class=ToolClass.ATTRIBUTE)
    assert decision.verdict is verdict


@pytest.mark.parametrize(
    ("claims", "mmpmr", "verdict"),
    [
        ((), 0.9, Verdict.INCONCLUSIVE),  # a morph is for this: disclosed, and a PASS would say nothing
        ((), 0.0, Verdict.INCONCLUSIVE),
        ((Claim.MORPH_RESISTANCE,), 0.9, Verdict.FAIL),
        ((Claim.MORPH_RESISTANCE,), 0.06, Verdict.INCONCLUSIVE),
        ((Claim.MORPH_RESISTANCE,), 0.01, Verdict.PASS),
        ((Claim.MORPH_RESISTANCE,), None, Verdict.INCONCLUSIVE),
    ],
)
def test_a_morph_is_judged_only_where_it_claims_resistance(
    claims: tuple[Claim, ...], mmpmr: float | None, verdict: Verdict
) -> None:
    found = () if mmpmr is None else (estimate("mmpmr", mmpmr),)
    passed = AssessmentResult(assessment="impersonation", modality=Modality.FACE, estimates=found)
    decision = decide(leak(), passed, edited(), tool_class=ToolClass.MORPH, claims=claims)
    assert decision.verdict is verdict
    if not claims:
        assert any("no gated control of the policy asks a judge" in reason for reason in decision.reasons)


def of_voices(result: AssessmentResult, recogniser: str = "v") -> AssessmentResult:
    """The same of voices: by that judge, at their FMR."""
    found = []
    for one in result.estimates:
        point = one.operating_point.model_copy(update={"target_fmr": POLICY.voice.fmr})
        found.append(one.model_copy(update={"recogniser": one.recogniser and recogniser, "operating_point": point}))
    return result.model_copy(update={"modality": Modality.VOICE, "estimates": tuple(found)})


def of_both(
    *results: AssessmentResult, faces: Modality | None = Modality.FACE, voices: str = "v"
) -> tuple[Verdict, str]:
    """Verdict and reasons on faces judged by a, and voices judged by v unless ``voices`` is empty."""
    cells = [c.model_copy(update={"modality": faces}) for c in plan_cells(POLICY, ANONYMISE, ["a"], modality=FACE)]
    if voices:
        cells += plan_cells(POLICY, ANONYMISE, [voices], modality=Modality.VOICE)
    found = judge(POLICY, tuple(cells), Facts(ANONYMISE, results, (card("a"), card("v")), DATA, smoke=False))
    return found.verdict, " ".join(found.reasons)


FACE = Modality.FACE
CLEAN, LEAKY = leak(*rates(0.0, 0.0)), leak(*rates(0.9, 0.9))


def test_faces_and_voices_have_to_pass_both() -> None:
    good = (CLEAN, edited(), of_voices(CLEAN), of_voices(edited()))
    assert of_both(*good) == (Verdict.PASS, "")
    assert of_both(CLEAN, edited(), of_voices(LEAKY), of_voices(edited()))[0] is Verdict.FAIL
    assert of_both(*good[:2])[0] is Verdict.INCONCLUSIVE
    assert of_both(*good[2:])[0] is Verdict.INCONCLUSIVE
    verdict, reasons = of_both(*good, voices="")
    assert verdict is Verdict.INCONCLUSIVE
    assert "no gated control of the policy asks a judge of voices" in reasons


def test_a_cell_without_a_modality_is_not_judged_by_the_first_of_two() -> None:
    """Seals from before voices name none; one beside results of both would show the faces and hide the voices."""
    assert of_both(CLEAN, edited(), faces=None, voices="")[0] is Verdict.PASS
    hidden = of_voices(LEAKY, "a")
    verdict, reasons = of_both(CLEAN, edited(), hidden, of_voices(edited()), faces=None, voices="")
    assert verdict is Verdict.INCONCLUSIVE
    assert "no estimate was made" in reasons


def test_only_the_assessment_that_the_control_names_can_satisfy_it() -> None:
    other = AssessmentResult(assessment="somebody-elses", modality=FACE, estimates=rates(0.0, 0.0))
    assert decide(other, LEAKY, edited()).verdict is Verdict.FAIL
    without = CLEAN.model_copy(update={"estimates": CLEAN.estimates[3:]})
    assert decide(other, without, edited()).verdict is Verdict.INCONCLUSIVE


def test_two_figures_of_one_name_that_differ_are_none() -> None:
    assert decide(leak(*rates(0.0, 0.0), *rates(0.0, 0.0)), edited()).verdict is Verdict.PASS
    decision = decide(leak(*rates(0.0, 0.0), *rates(0.9, 0.9)), edited())
    assert decision.verdict is Verdict.INCONCLUSIVE
    assert "2 figures bear its name, and they differ" in " ".join(decision.reasons)


def test_judges_with_anything_in_common_are_one_family() -> None:
    assert len(independent_judges([card("a", "ge2e", "lstm")])) == 1  # two names of one judge
    assert len(independent_judges([card("a", "x", "weights-1"), card("b", "y", "weights-1")])) == 1
    assert len(independent_judges([card("a", "x", "weights-1"), card("b", "y", "weights-2")])) == 2
