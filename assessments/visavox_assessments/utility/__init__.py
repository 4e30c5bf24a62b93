"""Utility: what an edit leaves of the media, beside what it hides.

Question
    Is the output still of use? White noise, a grey picture and silence betray nobody: a tool that destroys what it is
    given would pass every other assessment.

Threat model
    None: nobody attacks. A tool that buys safety with destruction is found out.

Trials
    One comparison of each first attempt's output with its own unedited input (of a swap, the host's). Faces: PSNR,
    SSIM, and the distance of five landmarks over that of the eyes. Voices: STOI, SI-SDR, correlation of F0, duration
    ratio, PESQ where it is installed; sample by sample where the lengths agree within 5 %. Where the suite names a
    speech recogniser, the word error rate: against the data set's text, else against what it hears in the input.

Estimates
    The mean of each figure over people, each counted by the mean of their outputs: disclosed, no limit can bind it.
    An output without the figure is not in the mean. below_utility_floor_share: the share of outputs that miss a floor
    of the policy, or have no such figure though their input has; a policy can gate it. Without floors it is not made.

What it cannot show
    That people or machines can use the output: that a face looks natural, that words are understood. A figure close to
    the input's says so; a figure far from it may only say that the edit did its work: a replaced face keeps no pixel.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import numpy as np

from visavox.core.contracts import Contract
from visavox.core.figures import AssessmentResult, Estimate, NotMade
from visavox.core.terms import Modality
from visavox.core.utility_figures import FIGURES, UtilityFigure
from visavox.metrics.mean_intervals import mean_interval
from visavox.ports.assessment import AssessmentInput, CaseFigures, Ints, ScoreTable
from visavox_assessments.estimates import displayed

from .floors import below_floor_share

METHOD = "mean of the people's means, Student's t over people"
_LIMITATIONS = {
    Modality.FACE: "utility says how near a picture is to its input, not whether a person finds it natural",
    Modality.VOICE: "utility says how near a voice is to its input, not whether a person finds it natural",
}
_UNHEARD = "no word error rate was made: that the words of an output are understood, STOI alone speaks for"


class Utility:
    """See the module's text."""

    name = "utility"
    needs_utility = True

    def comparisons(self, contract: Contract, options: Any) -> tuple[ScoreTable, ...]:
        """None: outputs are compared with their inputs, not templates with templates."""
        return ()

    def assess(self, data: AssessmentInput) -> AssessmentResult:
        """The mean of every figure over people, and the share of outputs below the policy's floors."""
        found = [*_means(data), below_floor_share(data)]
        is_unheard = data.modality is Modality.VOICE and UtilityFigure.WORD_ERROR_RATE not in data.case_utility
        limitations = (_UNHEARD if is_unheard else _LIMITATIONS.get(data.modality, ""),)
        return AssessmentResult(
            assessment=self.name,
            modality=data.modality,
            estimates=tuple(item for item in found if isinstance(item, Estimate)),
            not_made=tuple(item for item in found if isinstance(item, NotMade)),
            limitations=tuple(line for line in limitations if line),
        )


def _means(data: AssessmentInput) -> Iterator[Estimate | NotMade]:
    for figure, by_case in data.case_utility.items():
        yield _mean(data, figure, by_case)


def _mean(data: AssessmentInput, figure: UtilityFigure, by_case: CaseFigures) -> Estimate | NotMade:
    cases: Ints = np.flatnonzero(np.isfinite(by_case.values)).astype(np.int32)
    people, of_person = np.unique(data.case_person[cases], return_inverse=True)
    if people.size < 2:
        why = _missing(by_case) or "no output with a known unedited input"
        return NotMade(name=figure.value, recogniser="", reason=f"{people.size} people have it ({why})")
    sums = np.bincount(of_person, by_case.values[cases].astype(np.float64))
    facts = FIGURES[figure]
    found = mean_interval(sums / np.bincount(of_person), alpha=data.alpha, minimum=facts.lowest, maximum=facts.highest)
    return displayed(
        figure.value,
        found,
        recogniser="",
        method=METHOD,
        n=int(cases.size),
        n_failed=sum(1 for reason in by_case.reasons if reason),
        note="; ".join(part for part in (by_case.method, _equal(by_case), _missing(by_case)) if part),
    )


def _equal(by_case: CaseFigures) -> str:
    """Outputs that equal their input, where the figure has no end."""
    n = int(np.isinf(by_case.values).sum())
    return f"{n} outputs equal their input and are not in the mean" if n else ""


def _missing(by_case: CaseFigures) -> str:
    counts = Counter(reason for reason in by_case.reasons if reason)
    return ", ".join(f"missing {count}: {reason}" for reason, count in sorted(counts.items()))
