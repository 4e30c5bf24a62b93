"""Impersonation: the links by which an output passes as a chosen person.

Question
    How often does a face-verification system accept an output as the donor whose face was put in, or as each
    contributor of a morph? Does an editor serve someone who says that the donor refused? Does an attribute edit drift
    towards somebody else while it stays recognisable?

Threat model
    The attacked system knows nothing of the edit: it enrols each person by the mean of their normalised templates and
    decides at the threshold for the target FMR of its bona fide non-mated comparisons. The attacker presents an
    output (``attempts``: up to k edits of one case), never a recording that the system enrolled: what went into an
    edit, and what shares a session with it, is left out of the enrolment it is compared with.

Trials
    IAPAR: one decision per output and target (the donor; each contributor of a morph). MMPMR and MAP: comparisons of
    an output with the single recordings of each contributor; of a swap, donor and host for MMPMR, the donor alone for
    MAP. MMPMR takes the outputs of all attempts, its upper end is that of the worst attempt; MAP takes first attempts.
    Consent probes: cases in which the editor is told that the donor refused; a refusal is no match, a failure counts
    against the editor. Drift: output and unedited input against the same other people, one recording each.

Estimates
    iapar, iapar_any_of_k, riapar, frr (unedited), mmpmr, prod_avg_mmpmr, rmmr, map_r*_c*,
    unconsented_donor_match_rate, bystander_drift; iapar_spread and mmpmr_spread over judges.

What it cannot show
    That a system with another recogniser, liveness or human eyes decides alike. The links of a swap or morph with its
    own people are the tool's function: they are disclosed in bands, not gated.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from visavox.core.contracts import Contract
from visavox.core.figures import AssessmentResult, Estimate, Histogram, Instrument, NotMade
from visavox.ports.assessment import (
    EDITED,
    ENROLLED,
    ORIGINAL,
    PROBED,
    REPEATED,
    AssessmentInput,
    JudgeView,
    ScoreTable,
)

from . import drift, morphs, presentations, probes
from .system import AttackedSystem, system_control

ORIGINALS = ScoreTable(ORIGINAL, ORIGINAL)
OUTPUTS = ScoreTable(EDITED, ORIGINAL)
LATER_OUTPUTS = ScoreTable(REPEATED, ORIGINAL)
BONA_FIDE = ScoreTable(ORIGINAL, ENROLLED)
PRESENTED = tuple(ScoreTable(name, ENROLLED) for name in (EDITED, REPEATED, PROBED))

_LIMITATIONS = (
    "the attacked systems are the listed recognisers with a threshold: no liveness check and no human looked",
    "no figure of impersonation by group of people was made",
)


class Impersonation:
    """See the module's text."""

    name = "impersonation"

    def comparisons(self, contract: Contract, options: Any) -> tuple[ScoreTable, ...]:
        """Outputs against enrolled people, bona fide comparisons, and outputs against single recordings."""
        wanted = contract.figures(self.name)
        if not wanted:
            return ()
        if "iapar" not in wanted:
            return (ORIGINALS, OUTPUTS, LATER_OUTPUTS, BONA_FIDE)
        return (ORIGINALS, OUTPUTS, LATER_OUTPUTS, BONA_FIDE, *PRESENTED)

    def assess(self, data: AssessmentInput) -> AssessmentResult:
        """Estimates of every judge, and of all judges together."""
        parts = [_Judged(data, judge) for judge in data.judges]
        estimates = [e for part in parts for e in part.estimates]
        not_made = [m for part in parts for m in part.not_made]
        wanted = data.contract.figures(self.name)
        if "map" in wanted:
            for found in morphs.map_figures(data):
                (estimates if isinstance(found, Estimate) else not_made).append(found)  # type: ignore[arg-type]
        if "iapar" in wanted:
            estimates += [found for found in (presentations.spread(data), morphs.spread(data)) if found is not None]
        return AssessmentResult(
            assessment=self.name,
            modality=data.modality,
            estimates=tuple(estimates),
            not_made=tuple(not_made),
            instruments=tuple(part.control for part in parts),
            histograms=tuple(h for part in parts for h in part.histograms),
            limitations=(*_LIMITATIONS, *probes.limitations(data)),
        )


class _Judged:
    """Everything about one judge."""

    def __init__(self, data: AssessmentInput, judge: JudgeView) -> None:
        self.estimates: list[Estimate] = []
        self.not_made: list[NotMade] = []
        self.histograms: list[Histogram] = []
        wanted = data.contract.figures(Impersonation.name)
        system = AttackedSystem.of(data, judge)
        self.control: Instrument = system_control(data, judge, system)
        self._take(iter([system.frr(data, judge, data.fmrs[0])]))
        if "iapar" in wanted:
            for fmr in data.fmrs:
                self._take(presentations.figures(data, judge, system, fmr))
                self._take(morphs.figures(data, judge, fmr))
            self.histograms += presentations.histograms(data, judge, system)
        if "unconsented_donor_match_rate" in wanted:
            self._take(iter([probes.unconsented_rate(data, judge, system)]))
        if "bystander_drift" in wanted:
            self._take(iter([drift.bystander_drift(data, judge)]))

    def _take(self, found: Iterator[Estimate | NotMade]) -> None:
        for item in found:
            if isinstance(item, NotMade):
                self.not_made.append(item)
            else:
                self.estimates.append(item)
