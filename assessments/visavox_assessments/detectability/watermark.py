"""The layer of the tool's watermark: how many outputs bear it, what is left of its message, and whether the test holds.

The exact test takes each bit of an unmarked medium for a fair coin. That is itself tested on the unedited test samples,
which bear no mark: decoders are known that prefer some bits at some places. Where it does not hold, the realised rate
of false alarms has to be low by its upper bound; where marks are found without a mark, nothing is said of the outputs.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from visavox.core.errors import UndefinedMetricError
from visavox.core.figures import Estimate, NotMade, ResultTable
from visavox.core.terms import Direction, Outcome
from visavox.metrics.watermark import NullTest, bits_needed, capacity_bits, null_test
from visavox.ports.assessment import AssessmentInput
from visavox.ports.watermark import MarkTest, WatermarkReadings

from .layers import UNKNOWN, LayerResult, share

DETECTED: Final = "watermark_detected_share"
FALSE_ALARMS: Final = "watermark_false_alarm_share"
WHOLE: Final = "watermark_whole_message_share"
NULL_ALPHA: Final = 0.001
MOST_ALARMS: Final = 0.05
"""Of unmarked media that a score may take for marked; of bits the test's own FPR."""


def watermark_layer(data: AssessmentInput, found: WatermarkReadings) -> LayerResult:
    """Shares of outputs that bear the mark, of unmarked media taken for marked, and of outputs with every bit right."""
    test = found.test
    cases = [i for i, outcome in enumerate(data.case_outcome) if outcome is Outcome.EDITED]
    read = [test.bears_mark(found.of_outputs[i]) for i in cases]
    alive = np.full(len(data.case_outcome), UNKNOWN, np.int8)
    for i, one in zip(cases, read, strict=True):
        alive[i] = UNKNOWN if one is None else int(one)
    how = f"{found.id}, {_rule(test)}"
    figures: list[Estimate | NotMade] = (
        [share(DETECTED, read, data.case_person[np.asarray(cases, int)], data.alpha, note=how)] if cases else []
    )
    unmarked = [test.bears_mark(one) for one in found.of_unmarked]
    alarms = share(FALSE_ALARMS, unmarked, data.sample_person, data.alpha, direction=Direction.LOWER_IS_SAFER, note=how)
    figures.append(alarms)
    null = _null(found) if test.message else None
    fault = _fault(test, null, alarms)
    if fault:
        figures = [*(_unmade(one, fault) for one in figures if one.name == DETECTED), alarms]
        alive = np.full(len(data.case_outcome), UNKNOWN, np.int8)
    if test.message and cases:
        matches = [test.matches(found.of_outputs[i]) for i in cases]
        whole = [None if one is None else bool(one.all()) for one in matches]
        every = share(WHOLE, whole, data.case_person[np.asarray(cases, int)], data.alpha, note=how)
        figures.append(_unmade(every, fault) if fault else every)
    return LayerResult(
        estimates=tuple(one for one in figures if isinstance(one, Estimate)),
        not_made=tuple(one for one in figures if isinstance(one, NotMade)),
        limitations=_limits(null, fault),
        tables=(_table(data, found, cases, null),) if test.message else (),
        alive=alive,
    )


def false_alarm_rule(found: WatermarkReadings) -> tuple[float, bool]:
    """Of unmarked media, the share that may be taken for marked; and whether it has to be low by its upper bound."""
    null = _null(found) if found.test.message else None
    return (found.test.fpr if found.test.message else MOST_ALARMS), _is_unfair(null)


def _rule(test: MarkTest) -> str:
    if test.threshold is not None:
        return f"score from {test.threshold:g} on"
    n = len(test.message)
    return f"{bits_needed(n, test.fpr)} of {n} bits, FPR {test.fpr:g} by the exact test"


def _null(found: WatermarkReadings) -> NullTest | None:
    matches = [one for one in map(found.test.matches, found.of_unmarked) if one is not None]
    try:
        return null_test(matches)
    except UndefinedMetricError:
        return None


def _fault(test: MarkTest, null: NullTest | None, alarms: Estimate | NotMade) -> str:
    """Why the decoder is not believed: where there is no mark it finds one, or nobody can say that it does not."""
    if isinstance(alarms, NotMade):
        return f"was not tried on unmarked media: {alarms.reason}"
    found = f"finds a mark in {alarms.value:.1%} of the unmarked media ({alarms.lower:.1%} to {alarms.upper:.1%}"
    allowed = test.fpr if test.message else MOST_ALARMS
    if alarms.lower > allowed:
        return f"{found}; {allowed:.0%} may)"
    if _is_unfair(null) and alarms.upper > MOST_ALARMS:
        return f"gives no fair bits on unmarked media, and {found}; {MOST_ALARMS:.0%} may then)"
    return ""


def _is_unfair(null: NullTest | None) -> bool:
    return null is not None and null.p_value < NULL_ALPHA


def _limits(null: NullTest | None, fault: str) -> tuple[str, ...]:
    if fault:
        return (f"the watermark's decoder {fault}",)
    if null is not None and _is_unfair(null):
        return (
            f"the watermark's decoder does not give fair bits on unmarked media (p = {null.p_value:.1e}): the FPR that "
            "its exact test promises does not hold, its realised rate of false alarms does",
        )
    return ()


def _unmade(figure: Estimate | NotMade, fault: str) -> NotMade:
    seen = f"; it finds one in {figure.value:.1%} of the outputs" if isinstance(figure, Estimate) else ""
    return NotMade(name=figure.name, recogniser="", reason=f"the decoder {fault}{seen}")


def _table(data: AssessmentInput, found: WatermarkReadings, cases: Sequence[int], null: NullTest | None) -> ResultTable:
    n = len(found.test.message)
    matches = [one for one in (found.test.matches(found.of_outputs[i]) for i in cases) if one is not None]
    accuracy = float(np.mean(matches)) if matches else None
    rows: list[tuple[str, int | float | str | None]] = [
        ("bits of the message", n),
        ("bits that have to match", bits_needed(n, found.test.fpr)),
        ("outputs read", len(matches)),
        ("bit accuracy on outputs", accuracy),
        ("capacity left, bits", None if accuracy is None else capacity_bits(accuracy, n)),
    ]
    if null is not None:
        rows += [
            ("unmarked media read", null.n_media),
            ("bits matched on unmarked media", null.match_share),
            ("fair bits on unmarked media, p", null.p_value),
            ("of it, match too often or too seldom, p", null.p_bias),
            ("of it, media differ, p", null.p_media),
            ("of it, places differ, p", null.p_positions),
        ]
    return ResultTable(name="watermark", title=f"Watermark, {found.id}", columns=("What", "Value"), rows=tuple(rows))
