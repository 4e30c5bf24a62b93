"""The assessment as two pure functions: tables of scores in, estimates out."""

from __future__ import annotations

import numpy as np
import pytest

from visavox.core.contracts import contract
from visavox.core.errors import LedgerError
from visavox.core.figures import AssessmentResult, Estimate, Instrument
from visavox.core.options import IdentityLeakOptions
from visavox.core.terms import Attacker, InstrumentState, Modality, Outcome, Support, ToolClass
from visavox.ports.assessment import (
    DETECTED,
    FALLBACK,
    NO_TEMPLATE,
    NOT_EDITED,
    AssessmentInput,
    Comparisons,
    JudgeView,
)
from visavox_assessments.identity_leak import IdentityLeak

N_IMAGES = 4
NOTHING = Comparisons(np.zeros(0, np.int32), np.zeros(0, np.int32), np.zeros(0, np.float32))


class World:
    """People with four recordings each; ``leak`` is the mean mated score of outputs against recordings."""

    def __init__(
        self, n_people: int = 60, leak: float = 0.0, seed: int = 0, tool_class: ToolClass = ToolClass.ANONYMISE
    ):
        self.rng = np.random.default_rng(seed)
        self.n = n_people * N_IMAGES
        self.person = np.repeat(np.arange(n_people), N_IMAGES).astype(np.int32)
        self.session = np.full(self.n, -1, np.int32)
        self.state = np.full(self.n, DETECTED, np.int8)
        self.sample_ok = np.ones(self.n, bool)
        self.tool_class = tool_class
        same = self.person[:, None] == self.person[None, :]

        def scores(mated_mean: float, spread: float = 0.1) -> np.ndarray:
            noise = self.rng.normal(0, spread, (self.n, self.n))
            return np.where(same, mated_mean + noise, noise).astype(np.float32)

        self.originals, self.outputs, self.pairs, self.masked = scores(0.8), scores(leak), scores(leak), scores(0.0)
        self.learned = {share: scores(leak) for share in ("", "_50", "_25")}
        self.permuted = scores(0.0)
        self.leaks: list[tuple[str, ...] | None] = [None] * self.n

    def table(self, name: str) -> Comparisons:
        if name == "original-repeated":  # one attempt
            return NOTHING
        learned = name.removeprefix("edited-edited.semi_informed")
        if name in {"original-original", "edited-edited"} or learned != name:
            is_original = name == "original-original"
            matrix = self.originals if is_original else self.pairs
            if learned != name:
                matrix = self.permuted if learned == "_permuted" else self.learned[learned]
            usable = self.sample_ok if is_original else self.state >= DETECTED
            reference, probe = np.triu_indices(self.n, 1)
            keep = usable[reference] & usable[probe]
            if learned == "_permuted":  # under permuted labels there are no mated pairs
                keep &= self.person[reference] != self.person[probe]
        else:
            matrix = self.outputs if name == "original-edited" else self.masked
            probe, reference = (part.ravel() for part in np.indices((self.n, self.n)))
            keep = (probe != reference) & self.sample_ok[reference] & (self.state[probe] >= DETECTED)
            if name == "original-masked":
                keep &= probe % N_IMAGES < 2
        probe, reference = probe[keep].astype(np.int32), reference[keep].astype(np.int32)
        return Comparisons(
            probe, reference, np.round(matrix[probe, reference].astype(np.float64), 6).astype(np.float32)
        )

    def assess(self) -> AssessmentResult:
        lost = int((self.state == NO_TEMPLATE).sum())
        judge = JudgeView(
            id="a",
            families=frozenset({"a"}),
            training_overlap="none",
            sample_ok=self.sample_ok,
            case_state=self.state,
            fta_reasons={"no face found": lost} if lost else {},
            table=self.table,
        )
        data = AssessmentInput(
            tool_class=self.tool_class,
            modality=Modality.FACE,
            contract=contract(self.tool_class),
            sample_person=self.person,
            sample_session=self.session,
            case_person=self.person,
            case_sample=np.arange(self.n, dtype=np.int32),
            second_person=np.full(self.n, -1, np.int32),
            second_sample=np.full(self.n, -1, np.int32),
            case_first=np.arange(self.n, dtype=np.int32),
            case_probe=np.zeros(self.n, bool),
            case_outcome=tuple(Outcome.FAILED if state == NOT_EDITED else Outcome.EDITED for state in self.state),
            case_leaks=tuple(self.leaks),
            judges=(judge,),
            fmrs=(1e-3,),
            competence=(1e-3, 0.15),
            limits={"subject_match_rate": 0.07},
            options=IdentityLeakOptions(),
            alpha=0.05,
            seed=1,
        )
        return IdentityLeak().assess(data)


def find(result: AssessmentResult, name: str, attacker: Attacker | None) -> Estimate:
    (found,) = [e for e in result.estimates if (e.name, e.attacker) == (name, attacker)]
    return found


def instrument(result: AssessmentResult, name: str) -> list[Instrument]:
    return [item for item in result.instruments if item.name == name]


def test_a_clean_editor_is_at_chance_and_every_instrument_green() -> None:
    result = World().assess()
    for attacker in (Attacker.IGNORANT, Attacker.LAZY_INFORMED, Attacker.SEMI_INFORMED):
        assert find(result, "subject_match_rate", attacker).value < 0.01
        assert find(result, "auc", attacker).value == pytest.approx(0.5, abs=0.05)
    assert find(result, "fnmr_at_fmr_1e-3", Attacker.CONTROL).value < 0.01
    # a rise by more than one standard error makes saturation red in about one clean run of six
    instruments = [item for item in result.instruments if item.name != "saturation"]
    assert {item.state for item in instruments} == {InstrumentState.GREEN}
    assert {item.name for item in result.instruments} == {"control", "label_permutation", "background", "saturation"}
    checked = {item.attacker for item in instrument(result, "label_permutation")}
    assert checked == {Attacker.IGNORANT, Attacker.LAZY_INFORMED, Attacker.SEMI_INFORMED}
    assert not result.not_made


def test_the_rate_is_the_share_of_trials_above_the_kinds_own_threshold() -> None:
    """Brute force from the definition."""
    world = World(leak=0.35)
    found = find(world.assess(), "subject_match_rate", Attacker.IGNORANT)
    strangers = world.person[:, None] != world.person[None, :]
    lower = np.tril(np.round(world.originals.astype(np.float64), 6).astype(np.float32), -1)
    nearest = np.sort(np.where(strangers, lower + lower.T, -9).max(1))
    alike = nearest[int(np.ceil(0.99 * (world.n - 1)))]
    mated: dict[bool, list[float]] = {False: [], True: []}
    non: dict[bool, list[float]] = {False: [], True: []}
    far: list[float] = []
    for probe in range(world.n):
        row = np.round(world.outputs[probe].astype(np.float64), 6).astype(np.float32)
        is_alike = bool((row[strangers[probe]] >= alike).any())
        own = np.flatnonzero(~strangers[probe])
        mated[is_alike] += row[own[own != probe]].tolist()
        non[is_alike] += row[strangers[probe]].tolist()
        others = sorted(set(world.person[strangers[probe]].tolist()), key=lambda p: -row[world.person == p].max())
        far += [] if is_alike else [s for p in others[2:] for s in row[world.person == p].tolist()]
    threshold = min(s for s in sorted(set(non[False]))[-400:] if np.mean(np.asarray(non[False]) >= s) <= 1e-3)
    few = len(mated[True]) < 8 * (N_IMAGES - 1)
    assert few and mated[True]
    hits = [s >= threshold for s in mated[False] + mated[True]]
    assert found.n == len(hits)
    assert found.value == pytest.approx(np.mean(hits), abs=1e-12)
    assert found.lower < found.value < found.upper
    for_pass = min(s for s in sorted(set(far))[-400:] if np.mean(np.asarray(far) >= s) <= 1e-3)
    assert for_pass < threshold
    assert found.basis[0].p_high == pytest.approx(np.mean([s >= for_pass for s in mated[False] + mated[True]]))
    assert found.basis[0].p_low == pytest.approx(np.sum([s >= threshold for s in mated[False]]) / len(hits))


@pytest.mark.parametrize("share", [0.02, 0.2])
def test_outputs_without_a_template_count_as_a_leak_for_pass_and_as_none_for_fail(share: float) -> None:
    world = World()
    lost = world.rng.random(world.n) < share
    world.state[lost] = NO_TEMPLATE
    found = find(world.assess(), "subject_match_rate", Attacker.IGNORANT)
    assert found.n_failed == lost.sum() * (N_IMAGES - 1)
    imputed = found.n_failed / (found.n + found.n_failed)
    assert found.upper > imputed
    at_least = (found.value * found.n + found.n_failed) / (found.n + found.n_failed)
    assert at_least - 1e-12 <= found.basis[0].p_high < at_least + 0.02  # at the lower threshold of a PASS
    assert found.basis[0].p_low == pytest.approx(found.value * found.n / (found.n + found.n_failed))
    pairs = find(world.assess(), "subject_match_rate", Attacker.LAZY_INFORMED)
    expected = sum(
        sum(1 for i in range(N_IMAGES) for j in range(i) if block[i] or block[j])
        for block in lost.reshape(-1, N_IMAGES)
    )
    assert pairs.n_failed == expected


def test_fallback_crops_are_decided_at_their_own_threshold() -> None:
    """Crops of masked faces all look alike; at the others' threshold they would match everybody."""
    world = World()
    cropped = world.person >= 20
    world.state[cropped] = FALLBACK
    world.outputs[cropped] += 2.0
    found = find(world.assess(), "subject_match_rate", Attacker.IGNORANT)
    assert {part.kind for part in found.strata} >= {"original-fallback"} or found.value < 0.01
    assert found.value < 0.01


def test_recordings_of_one_session_are_no_trials() -> None:
    world = World()
    world.session[:] = np.tile([0, 0, 1, 1], world.n // N_IMAGES)
    found = find(world.assess(), "subject_match_rate", Attacker.IGNORANT)
    assert found.n == world.n * 2
    assert find(world.assess(), "subject_match_rate", Attacker.LAZY_INFORMED).n == world.n // N_IMAGES * 4


def test_people_who_were_never_tried_are_no_support() -> None:
    world = World()
    world.session[:] = 0
    world.session[: 18 * N_IMAGES] = np.tile([0, 1, 2, 3], 18)
    result = world.assess()
    found = find(result, "subject_match_rate", Attacker.IGNORANT)
    assert found.operating_point.n_people == 18  # type: ignore[union-attr]
    assert found.operating_point.support is Support.FEW_PEOPLE  # type: ignore[union-attr]
    assert any("42 of 60 test people have no mated comparison" in line for line in result.limitations)


def test_a_dull_judge_turns_the_control_red() -> None:
    world = World()
    world.originals[:] = world.rng.normal(0, 0.1, world.originals.shape)
    (control,) = instrument(world.assess(), "control")
    assert control.state is InstrumentState.RED
    assert "cannot support a PASS" in control.reason
    assert control.reason.endswith("a PASS needs a judge in its place that misses fewer of these recordings")


def test_matches_from_behind_the_face_turn_the_background_red() -> None:
    world = World(leak=0.8)
    world.masked[:] = world.outputs
    (background,) = instrument(world.assess(), "background")
    assert background.state is InstrumentState.RED


def test_labels_that_leak_into_scores_turn_the_permutation_red() -> None:
    """A harness that scored by the shuffled labels would be found: here the derangement itself is planted."""
    from visavox.core.seeding import generator
    from visavox.metrics.permutation import draw_derangement

    world = World()
    derangement = draw_derangement(60, generator(1, "label_permutation", "a", Attacker.IGNORANT.value))
    hit = world.person[None, :] == derangement[world.person][:, None]
    world.outputs[hit] += 0.1
    found = [i for i in instrument(world.assess(), "label_permutation") if i.attacker is Attacker.IGNORANT]
    assert found[0].state is InstrumentState.RED


def test_too_few_people_for_a_threshold_is_not_made_never_a_number() -> None:
    result = World(n_people=6).assess()
    assert not [e for e in result.estimates if e.name == "subject_match_rate"]
    assert {m.attacker for m in result.not_made if m.name == "subject_match_rate"} == set(Attacker)


def test_an_attribute_edit_that_loses_the_person_shows_it() -> None:
    stays, lost = (World(leak=leak, tool_class=ToolClass.ATTRIBUTE).assess() for leak in (0.8, 0.0))
    assert find(stays, "subject_non_match_rate", None).value < 0.01
    assert find(lost, "subject_non_match_rate", None).lower > 0.9


def test_an_attribute_edit_without_a_face_counts_as_lost_for_pass() -> None:
    world = World(leak=0.8, tool_class=ToolClass.ATTRIBUTE)
    world.state[::10] = FALLBACK
    found = find(world.assess(), "subject_non_match_rate", None)
    assert found.upper > 0.1
    assert found.lower < 0.01


def test_cases_that_were_not_edited_are_no_trials() -> None:
    world = World()
    world.state[::2] = NOT_EDITED
    found = find(world.assess(), "subject_match_rate", Attacker.IGNORANT)
    assert found.n == world.n // 2 * (N_IMAGES - 1)


def test_a_ledger_that_does_not_add_up_ends_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World()
    world.state[0] = NO_TEMPLATE
    real = JudgeView.__init__

    def forgets(self: JudgeView, **fields: object) -> None:
        real(self, **{**fields, "fta_reasons": {}})  # type: ignore[arg-type]

    monkeypatch.setattr(JudgeView, "__init__", forgets)
    with pytest.raises(LedgerError, match="add up"):
        world.assess()


def test_an_output_like_somebody_else_is_found() -> None:
    world = World()
    world.outputs[np.arange(world.n), (np.arange(world.n) + N_IMAGES) % world.n] = 0.9
    found = find(world.assess(), "any_bystander_match_difference", None)
    assert found.value > 0.2
    assert found.lower > 0.07


def betray(world: World, share: float = 0.3) -> np.ndarray:
    """The files of so many outputs hold the unedited picture as a thumbnail."""
    hit = world.rng.random(world.n) < share
    world.leaks = [("gps", "thumbnail_unedited") if is_hit else () for is_hit in hit]
    return hit


def test_an_unedited_thumbnail_is_a_match_to_every_attacker() -> None:
    world = World()
    hit = betray(world)
    result = world.assess()
    pairs = sum(
        sum(1 for i in range(N_IMAGES) for j in range(i) if block[i] or block[j]) for block in hit.reshape(-1, N_IMAGES)
    )
    wanted = {
        Attacker.IGNORANT: (int(hit.sum()) * (N_IMAGES - 1), world.n * (N_IMAGES - 1)),
        Attacker.LAZY_INFORMED: (pairs, world.n * (N_IMAGES - 1) // 2),
        Attacker.SEMI_INFORMED: (pairs, world.n * (N_IMAGES - 1) // 2),
    }
    for attacker, (betrayed, n) in wanted.items():
        found = find(result, "subject_match_rate", attacker)
        parts = {part.kind: part for part in found.strata}
        assert (parts["unedited face in the file"].n, parts["unedited face in the file"].hits) == (betrayed, betrayed)
        assert found.n == n
        assert found.value == pytest.approx(sum(part.hits for part in found.strata) / n)
        assert found.lower > 0.2
        assert found.basis[0].p_low <= found.value + 1e-12
        assert found.value - 1e-12 <= found.basis[0].p_high < found.value + 0.02
    assert find(result, "subject_match_rate", Attacker.CONTROL).value > 0.9


def test_a_betrayed_output_does_not_set_the_threshold_of_the_others() -> None:
    world = World()
    betray(world)
    for attacker in (Attacker.IGNORANT, Attacker.LAZY_INFORMED):
        before = find(World().assess(), "subject_match_rate", attacker).operating_point
        found = find(world.assess(), "subject_match_rate", attacker).operating_point
        assert found.n_non_mated < before.n_non_mated  # type: ignore[union-attr]


def test_outputs_that_are_all_betrayed_leak_altogether() -> None:
    world = World()
    betray(world, 1.1)
    result = world.assess()
    for attacker in (Attacker.IGNORANT, Attacker.LAZY_INFORMED, Attacker.SEMI_INFORMED):
        found = find(result, "subject_match_rate", attacker)
        assert found.value == 1.0 and found.lower > 0.9


def test_what_files_give_away_is_counted_over_the_files_there_were() -> None:
    world = World()
    codes = [("gps",), (), ("unreadable",), None]  # a position, nothing, an unreadable block, no file
    world.leaks = [codes[i % 4] for i in range(world.n)]
    result = world.assess()
    found = find(result, "metadata_leak_rate", None)
    assert (found.n, found.value) == (world.n * 3 // 4, pytest.approx(1 / 3))
    assert "gps 60" in found.note and "unreadable 60" in found.note
    assert any(f"{world.n // 4} outputs came without a file" in line for line in result.limitations)
    world.leaks = [None] * world.n
    result = world.assess()
    assert not [e for e in result.estimates if e.name == "metadata_leak_rate"]
    assert any("what files give away beside face or voice" in line for line in result.limitations)


def test_a_thumbnail_does_not_hide_that_an_attribute_edit_lost_the_person() -> None:
    """A person who shall stay recognisable is not betrayed by a thumbnail; its output still has to match."""
    world = World(leak=0.8, tool_class=ToolClass.ATTRIBUTE)
    lost = betray(world)
    world.outputs[lost] = world.rng.normal(0, 0.1, (int(lost.sum()), world.n))
    found = find(world.assess(), "subject_non_match_rate", None)
    assert found.n + found.n_failed == world.n * (N_IMAGES - 1)
    assert found.value == pytest.approx(lost.mean(), abs=0.02)
    assert found.lower > 0.1


def test_back_ends_that_know_permuted_labels_turn_the_semi_informed_check_red() -> None:
    from visavox.core.seeding import generator
    from visavox.metrics.permutation import draw_derangement

    world = World()
    derangement = draw_derangement(60, generator(1, "semi_informed_permuted", "a"))
    probe, reference = np.triu_indices(world.n, 1)[::-1]
    planted = derangement[world.person[probe]] == world.person[reference]
    world.permuted[probe[planted], reference[planted]] += 0.1
    checks = {i.attacker: i.state for i in instrument(world.assess(), "label_permutation")}
    assert checks == {
        Attacker.IGNORANT: InstrumentState.GREEN,
        Attacker.LAZY_INFORMED: InstrumentState.GREEN,
        Attacker.SEMI_INFORMED: InstrumentState.RED,
    }


def test_an_attacker_that_more_people_would_make_stronger_is_not_saturated() -> None:
    world = World()
    same = world.person[:, None] == world.person[None, :]
    world.learned[""] = (world.learned[""] + np.where(same, 0.35, 0.0)).astype(np.float32)
    (check,) = instrument(world.assess(), "saturation")
    assert check.state is InstrumentState.RED
    assert check.binds_limits_to == 0.01
    assert "not saturated" in check.reason


def test_back_ends_that_could_not_be_fitted_are_not_made() -> None:
    world = World()
    real = world.table
    world.table = lambda name: NOTHING if "semi_informed" in name else real(name)  # type: ignore[method-assign]
    result = world.assess()
    made = {e.attacker for e in result.estimates if e.name == "subject_match_rate"}
    assert made == {Attacker.CONTROL, Attacker.IGNORANT, Attacker.LAZY_INFORMED}
    assert Attacker.SEMI_INFORMED in {m.attacker for m in result.not_made if m.name == "subject_match_rate"}
    blind = {i.name for i in result.instruments if i.state is InstrumentState.NOT_ASSESSABLE}
    assert blind == {"saturation", "label_permutation"}
