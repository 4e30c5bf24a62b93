"""The layer of watermarks: shares by the exact test, its null on unmarked media, what is alive."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from simulated import World

from visavox.core.options import DetectabilityOptions
from visavox.core.terms import Outcome, ToolClass
from visavox.ports.assessment import AssessmentInput
from visavox.ports.recogniser import FailureToAcquire
from visavox.ports.watermark import Decoded, MarkTest, WatermarkReadings
from visavox_assessments.detectability.watermark import watermark_layer

MESSAGE = tuple(int(bit) for bit in "01101001100101101100001101011010")


@pytest.fixture(scope="module")
def data() -> AssessmentInput:
    world = World(ToolClass.ANONYMISE, lambda edit, number: (0.0, 0.0, 1.0), n_people=20, each=4)
    return world.data(DetectabilityOptions())


def readings(data: AssessmentInput, *, p: float = 1.0, fair: bool = True, fpr: float = 0.01) -> WatermarkReadings:
    """Outputs whose bits are right with probability p; unmarked media with fair bits, or one pattern always."""
    rng, message = np.random.default_rng(4), np.asarray(MESSAGE)

    def bits(right: np.ndarray) -> Decoded:
        return Decoded(bits=tuple(int(b) for b in np.where(right, message, 1 - message)))

    outputs = [bits(rng.random(32) < p) for _ in data.case_outcome]
    unmarked = [bits((rng.random(32) < 0.5) if fair else np.arange(32) % 2 == 0) for _ in data.sample_person]
    return WatermarkReadings("ours", MarkTest(message=MESSAGE, fpr=fpr), tuple(outputs), tuple(unmarked))


def test_a_mark_is_found_and_unmarked_media_have_none(data: AssessmentInput) -> None:
    found = watermark_layer(data, readings(data))
    by_name = {e.name: e for e in found.estimates}
    assert by_name["watermark_detected_share"].value == by_name["watermark_whole_message_share"].value == 1.0
    assert by_name["watermark_false_alarm_share"].value < 0.05 and found.limitations == ()
    assert "24 of 32 bits" in by_name["watermark_detected_share"].note
    assert found.alive is not None and (found.alive == 1).all()
    rows = dict(found.tables[0].rows)  # type: ignore[arg-type]
    assert rows["capacity left, bits"] == 32 and rows["unmarked media read"] == 80


def test_a_worn_mark_is_found_in_fewer(data: AssessmentInput) -> None:
    found = watermark_layer(data, readings(data, p=0.7))
    by_name = {e.name: e.value for e in found.estimates}
    assert 0.1 < by_name["watermark_detected_share"] < 0.6 and by_name["watermark_whole_message_share"] == 0.0
    assert found.alive is not None and set(found.alive.tolist()) == {0, 1}


def test_a_decoder_that_prefers_a_pattern_is_told(data: AssessmentInput) -> None:
    (line,) = watermark_layer(data, readings(data, fair=False)).limitations
    assert "fair bits" in line


def test_what_cannot_be_read_is_neither_and_a_score_has_no_message(data: AssessmentInput) -> None:
    given = readings(data)
    lost = replace(given, of_outputs=(FailureToAcquire("too small"), *given.of_outputs[1:]))
    refused = replace(data, case_outcome=(*data.case_outcome[:-1], Outcome.REFUSED))
    found = watermark_layer(refused, lost)
    assert found.alive is not None and found.alive[[0, 1, -1]].tolist() == [-1, 1, -1]
    (detected,) = [e for e in found.estimates if e.name == "watermark_detected_share"]
    assert (detected.n, detected.n_failed) == (79, 1)
    scores = WatermarkReadings(
        "ours",
        MarkTest(threshold=0.5),
        tuple(Decoded(score=i % 2) for i in range(80)),
        tuple(Decoded(score=0.0) for _ in range(80)),
    )
    found = watermark_layer(data, scores)
    assert {e.name: e.value for e in found.estimates} == {
        "watermark_detected_share": 0.5,
        "watermark_false_alarm_share": 0.0,
    }
    assert found.tables == ()


def test_without_fair_bits_false_alarms_have_to_be_few_by_their_upper_bound(data: AssessmentInput) -> None:
    """4 of 80 are within what a test at an FPR of 10 % allows; where bits are no coins they are too many."""
    given = readings(data, fair=False, fpr=0.1)
    alarming = (*(Decoded(bits=MESSAGE) for _ in range(4)), *given.of_unmarked[4:])
    found = watermark_layer(data, replace(given, of_unmarked=alarming))
    (missing,) = [one for one in found.not_made if one.name == "watermark_detected_share"]
    assert "gives no fair bits on unmarked media" in missing.reason
    assert found.alive is not None and (found.alive == -1).all()


def test_a_decoder_that_was_not_tried_on_unmarked_media_is_not_believed(data: AssessmentInput) -> None:
    unread = tuple(FailureToAcquire("too small") for _ in data.sample_person)
    found = watermark_layer(data, replace(readings(data), of_unmarked=unread))
    (missing,) = [one for one in found.not_made if one.name == "watermark_detected_share"]
    assert "was not tried on unmarked media" in missing.reason
    assert not found.estimates and found.alive is not None and (found.alive == -1).all()
