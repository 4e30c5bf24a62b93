"""The assessment over invented scores: what counts against whom, what is no layer, who is left out of a fit."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from simulated import World

from visavox.core.figures import AssessmentResult, Estimate, Instrument, ResultTable
from visavox.core.options import DetectabilityOptions
from visavox.core.terms import InstrumentState, Modality, ToolClass, Verdict
from visavox.engine.detection.models import Models
from visavox.engine.detection.parts import CASE, SAMPLE, Item
from visavox.engine.detection.stage import folds_of_people
from visavox.engine.plan import PlannedSample
from visavox.media.format_cues import CUES
from visavox.ports.assessment import AssessmentInput
from visavox.ports.detection import Detection, DetectorView, KnownFakes, RotationPeople
from visavox.ports.perturbation import Perturbation, Step
from visavox.ports.watermark import Decoded, MarkTest, WatermarkReadings
from visavox_assessments.detectability import Detectability

N_PEOPLE, EACH = 90, 4
N = N_PEOPLE * EACH
CHAIN, RUNG = 1, 2
"""Rows of the scores after the chain and after the ladder's only rung."""


def perturbation(name: str, strength: float | None) -> Perturbation:
    return Perturbation(
        name=name,
        modality=Modality.FACE,
        ladder="test",
        strength=strength,
        neutral=None,
        rung=1,
        steps=(Step(operation="blur", strength=1.0),),
        source="test",
    )


def given() -> AssessmentInput:
    world = World(ToolClass.ANONYMISE, lambda edit, number: (0.0, 0.0, 1.0), n_people=N_PEOPLE, each=EACH)
    return world.data(DetectabilityOptions())


def detection(data: AssessmentInput, *, shift: Sequence[float] = (4.0, 4.0, 4.0), noise: float = 0.0) -> Detection:
    """A detector that sees outputs ``shift`` above bona fide media as they are, after a chain and after a rung.

    Args:
        noise: what the chain adds to every score, bona fide or not.
    """
    rng = np.random.default_rng(7)
    n_cases, rows = len(data.case_person), len(shift)
    added = np.array([0.0, noise, 0.0])[:, None]
    people, of_case = data.sample_person % 3, data.case_person % 3
    sample = rng.normal(size=(rows, N)) + added
    calibration = np.full((3, rows, N), np.nan)
    for turn in range(3):
        own = people == (turn + 2) % 3
        calibration[turn][:, own] = rng.normal(size=(rows, own.sum())) + added
    everyone = [frozenset(np.flatnonzero(np.arange(N_PEOPLE) % 3 == fold).tolist()) for fold in range(3)]
    view = DetectorView(
        id="seer",
        learns=True,
        case=(rng.normal(size=(rows, n_cases)) + np.array(shift)[:, None] + added).astype(np.float32),
        sample=sample.astype(np.float32),
        calibration=calibration.astype(np.float32),
        case_unseen=np.full(n_cases, np.nan, np.float32),
        sample_unseen={},
        calibration_unseen={},
        rotations=tuple(RotationPeople(everyone[(t + 1) % 3], everyone[(t + 2) % 3], everyone[t]) for t in range(3)),
        fta={},
    )
    cues = rng.normal(size=(N + n_cases, len(CUES[Modality.FACE]))).astype(np.float32)
    return Detection(
        perturbations=(perturbation("chain", None), perturbation("blur/1", 1.0)),
        packs=(),
        sample_rotation=people.astype(np.int32),
        case_rotation=of_case.astype(np.int32),
        sample_perturbed=np.ones(N, bool),
        case_perturbed=np.ones(n_cases, bool),
        case_species=("",) * n_cases,
        detectors=(view,),
        sample_cues=tuple(cues[:N]),
        case_cues=tuple(cues[N:]),
        quality=np.tile(np.array([[1.0], [0.9], [0.3]], np.float32), (1, n_cases)),
        mark_alive=np.full((rows, n_cases), -1, np.int8),
    )


def assess(data: AssessmentInput, found: Detection) -> AssessmentResult:
    return Detectability().assess(replace(data, detection=found))


def with_view(found: Detection, **changes: Any) -> Detection:
    return replace(found, detectors=(replace(found.detectors[0], **changes),))


def estimate(result: AssessmentResult, name: str, group: str | None = None) -> Estimate:
    return next(e for e in result.estimates if (e.name, e.group) == (name, group))


def table(result: AssessmentResult, name: str) -> ResultTable:
    return next(one for one in result.tables if one.name == name)


def instrument(result: AssessmentResult, name: str) -> Instrument:
    return next(item for item in result.instruments if item.name == name)


def test_rates_are_decided_fold_by_fold_at_other_people_s_thresholds() -> None:
    data = given()
    found = detection(data, shift=(2.0, 2.0, 2.0))
    view = found.detectors[0]
    flagged = []
    for turn in range(3):
        others = np.sort(view.calibration[turn, 0][np.isfinite(view.calibration[turn, 0])])
        threshold = others[int(np.ceil(0.95 * others.size))]  # at most 5 % of 120 reach it
        flagged.append(view.case[0][data.case_person % 3 == turn] >= threshold)
    result = assess(data, found)
    assert estimate(result, "tpr").value == pytest.approx(np.concatenate(flagged).mean())
    assert "FPR 5%" in estimate(result, "tpr").note
    assert estimate(result, "apcer").value == pytest.approx(1 - estimate(result, "tpr").value)
    assert estimate(result, "apcer").upper == pytest.approx(1 - estimate(result, "tpr").lower)


def test_a_model_s_own_scale_ranks_nothing() -> None:
    """Each fold's scores shifted and stretched: the rates and the ranking stay."""
    data = given()
    found = detection(data, shift=(1.5, 1.5, 1.5))
    view = found.detectors[0]
    scale, offset = np.array([1.0, 5.0, 0.2]), np.array([0.0, 40.0, -3.0])
    case = view.case * scale[data.case_person % 3] + offset[data.case_person % 3]
    sample = view.sample * scale[data.sample_person % 3] + offset[data.sample_person % 3]
    calibration = view.calibration * scale[:, None, None] + offset[:, None, None]
    stretched = with_view(
        found, case=case.astype("f4"), sample=sample.astype("f4"), calibration=calibration.astype("f4")
    )
    first, second = assess(data, found), assess(data, stretched)
    for name in ("tpr", "realised_fpr", "detector_auc", "d_eer"):
        assert estimate(second, name).value == pytest.approx(estimate(first, name).value, abs=2e-3)


def test_an_output_that_cannot_be_scored_counts_as_passed() -> None:
    data = given()
    found = detection(data)
    case = found.detectors[0].case.copy()
    case[0, ::4] = np.nan
    result = assess(data, with_view(found, case=case, fta={"too small": N // 4}))
    assert estimate(result, "tpr").value == pytest.approx(0.75, abs=0.02)
    assert estimate(result, "detector_auc").value < 0.77


def test_a_detector_that_flags_whatever_is_noisy_is_no_layer() -> None:
    data = given()
    result = assess(data, detection(data, shift=(4.0, 0.0, 4.0), noise=10.0))
    after = {row[0]: row for row in table(result, "perturbed_seer").rows}
    assert after["chain"][1] == 1.0 and after["chain"][3] == 1.0  # all outputs, and all bona fide media
    layers = {row[0]: row for row in table(result, "layers").rows}
    assert float(layers["as they are"][1] or 0) > 0.95 and float(layers["chain"][1] or 0) < 0.1
    assert estimate(result, "one_layer_alive_after_chains_share").value < 0.1


def test_the_cost_of_laundering_is_the_mildest_that_leaves_nothing_and_spares_the_output() -> None:
    data = given()
    both = table(assess(data, detection(data, shift=(4.0, -5.0, -5.0))), "laundering")
    assert [row[0] for row in both.rows] == ["chain"]  # the rung kills too, and leaves a likeness of .3
    none = table(assess(data, detection(data, shift=(4.0, 4.0, -5.0))), "laundering")
    assert none.rows == () and "1 kill at a higher cost" in none.note
    bare = table(assess(data, detection(data, shift=(-5.0, -5.0, -5.0))), "laundering")
    assert bare.rows == () and "nothing to launder" in bare.note


def test_layers_are_counted_never_averaged() -> None:
    """A watermark on the even outputs, a detector that sees the first half: no output counts twice for one layer."""
    data = given()
    n = len(data.case_person)
    found = detection(data, shift=(0.0, 0.0, 0.0))
    case = np.where(np.arange(n) < n // 2, 20.0, -20.0).astype(np.float32)
    marks = np.tile((np.arange(n) % 2 == 0).astype(np.int8), (3, 1))
    mark = MarkTest(threshold=0.5)
    unmarked = tuple(Decoded(score=0.0) for _ in data.sample_person)
    read = tuple(Decoded(score=float(one)) for one in marks[0])
    data = replace(data, watermark=WatermarkReadings("vendor", mark, read, unmarked))
    result = assess(data, replace(with_view(found, case=np.tile(case, (3, 1))), mark_alive=marks))
    assert estimate(result, "one_layer_alive_share").value == pytest.approx(0.75, abs=0.01)
    assert estimate(result, "two_layers_alive_share").value == pytest.approx(0.25, abs=0.01)
    unread = np.where(marks == 0, -1, marks).astype(np.int8)
    doubtful = assess(data, replace(with_view(found, case=np.tile(case, (3, 1))), mark_alive=unread))
    (basis,) = estimate(doubtful, "one_layer_alive_share").basis
    assert (basis.p_low, basis.p_high) == (pytest.approx(0.75, abs=0.01), 1.0)


def test_a_decoder_that_finds_its_mark_everywhere_is_not_believed() -> None:
    data = given()
    everywhere = tuple(Decoded(score=1.0) for _ in data.sample_person)
    readings = WatermarkReadings("vendor", MarkTest(threshold=0.5), everywhere, everywhere)
    found = replace(detection(data, shift=(-9.0, -9.0, -9.0)), mark_alive=np.ones((3, len(everywhere)), np.int8))
    result = assess(replace(data, watermark=readings), found)
    assert not any(e.name == "watermark_detected_share" for e in result.estimates)
    (missing,) = [one for one in result.not_made if one.name == "watermark_detected_share"]
    assert "100.0% of the unmarked media" in missing.reason
    assert estimate(result, "watermark_false_alarm_share").value == 1.0
    assert estimate(result, "one_layer_alive_share").value < 0.05


def test_a_decoder_that_says_one_to_everything_reads_no_message() -> None:
    data = given()
    ones = tuple(Decoded(bits=(1,) * 32) for _ in data.sample_person)
    result = assess(
        replace(data, watermark=WatermarkReadings("vendor", MarkTest((1,) * 32), ones, ones)), detection(data)
    )
    gone = {one.name for one in result.not_made}
    assert {"watermark_detected_share", "watermark_whole_message_share"} <= gone
    assert not gone & {one.name for one in result.estimates}


@pytest.mark.parametrize("doubt", ["format_cues", "detector_control", "people_apart"])
def test_a_detector_that_is_not_believed_is_no_layer(doubt: str) -> None:
    """The shares of layers bear no detector's name: its instruments hold them back all the same."""
    data = given()
    found = detection(data)
    if doubt == "format_cues":
        found = replace(found, case_cues=tuple(None if cues is None else cues + 5 for cues in found.case_cues))
    elif doubt == "detector_control":
        found = with_view(found, learns=False)
    else:
        known = RotationPeople(frozenset({1}), frozenset({2}), frozenset({1}))
        found = with_view(found, rotations=(known, *found.detectors[0].rotations[1:]))
    result = assess(data, found)
    assert estimate(result, "tpr").value > 0.95
    names = {"one_layer_alive_share", "one_layer_alive_after_chains_share"}
    assert names <= {one.name for one in result.not_made} and not names & {one.name for one in result.estimates}
    assert any(f"is a layer is not known: {doubt}" in line for line in result.limitations)
    assert table(result, "layers").rows[0][1:4] == (None, None, None)


def test_what_is_known_of_no_output_is_no_share() -> None:
    """No threshold after the chain: nobody knows how many outputs are still found, and 0 % is not printed."""
    data = given()
    found = detection(data)
    calibration = found.detectors[0].calibration.copy()
    calibration[:, CHAIN] = np.nan
    result = assess(data, with_view(found, calibration=calibration))
    assert "one_layer_alive_after_chains_share" in {one.name for one in result.not_made}
    assert table(result, "layers").rows[CHAIN][1:4] == (None, None, None)


def test_the_share_after_chains_says_whose_chains_they_are() -> None:
    """A suite may bring a pack so mild that it leaves everything: its name and digest stand beside the figure."""
    data = given()
    found = replace(detection(data), packs=(("mine", "3", "ab" * 32),))
    result = assess(data, found)
    assert "packs: mine 3 (abababababab)" in estimate(result, "one_layer_alive_after_chains_share").note
    assert [(pack.name, pack.version, pack.digest) for pack in result.packs] == [("mine", "3", "ab" * 32)]


def test_known_fakes_without_a_score_count_against_the_detector() -> None:
    data = given()
    scores = np.full(40, np.nan, np.float32)
    scores[:12] = 4.0
    found = replace(with_view(detection(data), learns=False), known_fakes=KnownFakes(40, {"seer": scores}))
    control = instrument(assess(data, found), "detector_control")
    assert control.state is InstrumentState.RED and control.value == pytest.approx(0.3, abs=0.01)


def test_an_infinite_score_of_a_bona_fide_medium_is_not_left_out() -> None:
    data = given()
    found = detection(data)
    calibration = found.detectors[0].calibration.copy()
    calibration[:, 0, ::7] = np.where(np.isnan(calibration[:, 0, ::7]), np.nan, np.inf)
    result = assess(data, with_view(found, calibration=calibration))
    gone = {one.name: one.reason for one in result.not_made}
    assert {"tpr", "apcer", "detector_auc", "d_eer"} <= gone.keys() and "NaN or infinite" in gone["tpr"]


def test_outputs_too_small_for_format_cues_are_not_taken_for_clean() -> None:
    data = given()
    found = detection(data)
    cues = tuple(one if n % 4 == 0 else None for n, one in enumerate(found.case_cues))
    item = instrument(assess(data, replace(found, case_cues=cues)), "format_cues")
    assert item.state is InstrumentState.NOT_ASSESSABLE and "270 of 360 outputs" in item.reason


def test_media_that_no_rate_is_of_are_counted() -> None:
    data = given()
    found = detection(data)
    turns, sample = found.case_rotation.copy(), found.detectors[0].sample.copy()
    turns[::10], sample[0, :5] = -1, np.nan
    lines = assess(data, replace(with_view(found, sample=sample), case_rotation=turns)).limitations
    assert any("36 of 360 first attempts' outputs were shown to no detector" in line for line in lines)
    assert "5 bona fide media have no score of seer and are left out" in lines
    assert not any("shown to no detector" in line or "left out" in line for line in assess(data, found).limitations)


def test_where_nothing_was_scored_nothing_is_said_and_nothing_breaks() -> None:
    """All outputs blank, or no three folds of people."""
    data = given()
    found = detection(data)
    nobody = replace(found, case_rotation=np.full(N, -1, np.int32), case_perturbed=np.zeros(N, bool))
    result = assess(data, nobody)
    assert not {"tpr", "apcer", "detector_auc", "bpcer10"} & {one.name for one in result.estimates}
    assert {"tpr", "apcer", "detector_auc", "bpcer10"} <= {one.name for one in result.not_made}
    assert any("360 of 360 first attempts' outputs were shown to no detector" in one for one in result.limitations)


def test_a_detector_that_flags_bona_fide_media_too_has_found_nothing() -> None:
    """Its thresholds come from scores that lie far below those of the people it judges."""
    data = given()
    found = detection(data)
    assert instrument(assess(data, found), "fpr_kept").state is InstrumentState.GREEN
    result = assess(data, with_view(found, calibration=found.detectors[0].calibration - 20))
    kept = instrument(result, "fpr_kept")
    assert estimate(result, "tpr").value == estimate(result, "realised_fpr").value == 1.0
    assert (kept.state, kept.protects, kept.recogniser) == (InstrumentState.RED, Verdict.PASS, "seer")
    assert "one_layer_alive_share" in {one.name for one in result.not_made}


def test_one_person_in_two_parts_of_a_fold_forbids_a_pass() -> None:
    data = given()
    found = detection(data)
    assert instrument(assess(data, found), "people_apart").state is InstrumentState.GREEN
    turns = found.detectors[0].rotations
    known = (turns[0]._replace(fitted=turns[0].fitted | {min(turns[0].judged)}), *turns[1:])
    red = instrument(assess(data, with_view(found, rotations=known)), "people_apart")
    assert (red.state, red.value, red.recogniser) == (InstrumentState.RED, 1.0, "seer")


@pytest.mark.parametrize(
    ("mean", "state"),
    [(3.0, InstrumentState.GREEN), (0.0, InstrumentState.RED), (None, InstrumentState.NOT_ASSESSABLE)],
)
def test_a_network_from_elsewhere_has_to_know_known_fakes(mean: float | None, state: InstrumentState) -> None:
    data = given()
    found = with_view(detection(data), learns=False)
    scores = np.random.default_rng(3).normal(mean or 0.0, 1.0, 40).astype(np.float32)
    fakes = None if mean is None else KnownFakes(40, {"seer": scores})
    assert instrument(assess(data, replace(found, known_fakes=fakes)), "detector_control").state.value == state


def test_of_several_species_the_worst_decides() -> None:
    data = given()
    n = len(data.case_person)
    species = tuple("easy" if i % 2 else "hard" for i in range(n))
    found = detection(data, shift=(0.0, 0.0, 0.0))
    case = np.where(np.arange(n) % 2 == 1, 20.0, found.detectors[0].case[0]).astype(np.float32)
    view = found.detectors[0]
    calibration = {name: view.calibration[:, 0] for name in ("easy", "hard")}
    high = np.full(N, 30.0, np.float32)  # the models that never saw "hard" take bona fide media for edited ones
    unseen = {"easy": view.sample[0], "hard": high}
    seen = with_view(
        found, case=np.tile(case, (3, 1)), case_unseen=case, sample_unseen=unseen, calibration_unseen=calibration
    )
    result = assess(data, replace(seen, case_species=species))
    assert estimate(result, "apcer", "easy").value == 0.0 and estimate(result, "apcer", "hard").value > 0.85
    assert estimate(result, "apcer").value == estimate(result, "apcer", "hard").value
    assert estimate(result, "detector_auc_unseen", "easy").value == 1.0
    assert estimate(result, "detector_auc_unseen", "hard").value == 0.0
    assert estimate(result, "detector_auc", "hard").value == pytest.approx(0.5, abs=0.05)


class Remembering:
    """A detector that learns nothing and remembers what it was given."""

    id, modality, digest = "remembering", Modality.FACE, "0" * 64

    def __init__(self) -> None:
        self.fitted: list[tuple[list[int], list[int]]] = []

    def describe(self, media: Sequence[Any]) -> list[Any]:
        return list(media)

    def fit_described(
        self, bona_fide: Any, edited: Any, *, bona_fide_persons: Any = (), edited_persons: Any = ()
    ) -> Any:
        self.fitted.append((list(bona_fide), list(edited)))
        return self

    def score_described(self, described: Sequence[Any]) -> list[float]:
        return [0.0 for _ in described]


def test_a_species_that_is_judged_unseen_is_left_out_of_the_fit_and_no_other() -> None:
    items = [Item(SAMPLE, n, n % 3, (n % 3,)) for n in range(6)]
    items += [Item(CASE, n, n % 3, (n % 3,), "a" if n < 6 else "b") for n in range(12)]
    detector = Remembering()
    with ThreadPoolExecutor(1) as pool:
        models = Models({"remembering": detector}, items, {"remembering": list(range(len(items)))}, pool)
        models.score([items[6]], [0], with_unseen=True)  # an output of species a, judged in rotation 0
    (bona_fide, edited), (_, without) = detector.fitted
    assert {items[n].rotation for n in (*bona_fide, *edited)} == {1}
    assert {items[n].species for n in edited} == {"a", "b"} and {items[n].species for n in without} == {"b"}


def test_where_there_is_one_species_without_a_name_nothing_is_left_out() -> None:
    items = [Item(SAMPLE, n, n % 3, (n % 3,)) for n in range(6)] + [Item(CASE, n, n % 3, (n % 3,)) for n in range(6)]
    detector = Remembering()
    with ThreadPoolExecutor(1) as pool:
        models = Models({"remembering": detector}, items, {"remembering": list(range(len(items)))}, pool)
        models.score(items, list(range(len(items))), with_unseen=True)
        assert models.fitted_people("remembering", 0) == {1}
    assert all(len(edited) == 2 for _, edited in detector.fitted) and len(detector.fitted) == 3


class Planned:
    """What of a plan tells folds."""

    def __init__(self, *folds: str) -> None:
        self.samples = [PlannedSample(id=f"{n:016x}", person=n, session=-1, fold=fold) for n, fold in enumerate(folds)]


def test_people_whom_a_list_of_outputs_makes_test_people_get_folds_too() -> None:
    found = folds_of_people(Planned("test-0", "test-1", "test-2", "cohort", "cohort", "cohort", "cohort"))  # type: ignore[arg-type]
    assert found == {0: 0, 1: 1, 2: 2, 3: 0, 4: 1, 5: 2, 6: 0}
