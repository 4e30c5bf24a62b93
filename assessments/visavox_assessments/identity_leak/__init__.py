"""Identity leak: the links by which an output betrays someone.

Question
    Can an attacker who holds other recordings of a person tell that an output was made from them? Does an output
    resemble uninvolved people more than its unedited input did? Does an attribute edit stay recognisable?

Threat model
    *control* compares unedited with unedited recordings: is the judge competent here? *ignorant* compares outputs with
    unedited recordings. *lazy_informed* knows the editor, edits its own recordings and compares outputs with outputs.
    These use the recogniser as it is; *semi_informed* also fits a back-end (whitening, LDA, PLDA) to outputs of people
    whom it does not score. Where no face is found in an output, the attacker crops where the face stood in
    the input, which is public whenever the unedited scene is known; these comparisons are a kind of their own.

Trials
    One comparison of one output with one reference recording of the same person, never its own input; output pairs
    count once; nothing is pooled. Outputs of further attempts meet recordings too, but not each other. References come
    from another session where sessions are stated. Each trial is decided at the threshold for the target FMR among the
    test people's non-mated comparisons of its own kind; outputs that copy another person's recording or output are a
    kind of their own (docs/adr/0005). Kinds whose threshold rests on too little count like failures to acquire: as a
    leak for PASS, as none for FAIL. In a swap the person asked about is the host; recordings of the donor, and pairs of
    outputs that share a donor, are no trials. An output whose file holds the unedited picture as a thumbnail needs no
    score: it is a leak to every attacker.

Estimates
    subject_match_rate or, in a swap, host_match_rate (by attacker), subject_non_match_rate (attribute edits, at the
    bona fide threshold), bystander_match_difference, any_bystander_match_difference, eer, auc, d_sys, fnmr_at_fmr_*
    (unedited), background_match_rate, match_rate_spread (over judges), metadata_leak_rate, and for the semi-informed
    attacker the match rate with 25 and 50 % of its training people.

What it cannot show
    That a better recogniser, an attacker who trains a network on outputs, or a reversal of the edit finds nothing; that
    people unlike the test people are safe. A dull recogniser finds little: see the control.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from visavox.core.contracts import Contract
from visavox.core.figures import AssessmentResult, Curve, Estimate, Histogram, Instrument, NotMade
from visavox.core.names import rate_in_name
from visavox.core.terms import Attacker
from visavox.metrics.multiplicity import holm
from visavox.ports.assessment import EDITED, MASKED, ORIGINAL, REPEATED, AssessmentInput, JudgeView, ScoreTable
from visavox.ports.decided import DecidedTrials
from visavox_assessments.attempts import worst_of_attempts
from visavox_assessments.estimates import complement

from . import bystanders, charts, figures, instruments, metadata, rates, semi_informed
from .decided import decided_match_rate
from .ledger import template_ledger
from .trials import KindTrials, background_trials, presented_trials, trials_of

ORIGINALS = ScoreTable(ORIGINAL, ORIGINAL)
OUTPUTS = ScoreTable(EDITED, ORIGINAL)
LATER_OUTPUTS = ScoreTable(REPEATED, ORIGINAL)
OUTPUT_PAIRS = ScoreTable(EDITED, EDITED)
BACKGROUND = ScoreTable(MASKED, ORIGINAL)

_LIMITATIONS = (
    "no leaks of known strength were planted: how weak a leak the judges still find was not measured",
    "no figure by group of people (sex, age, skin tone) was made",
    "no attempt was made to reverse the edit, and no attacker trained a network of its own",
)


class IdentityLeak:
    """See the module's text."""

    name = "identity_leak"

    def comparisons(self, contract: Contract, options: Any) -> tuple[ScoreTable, ...]:
        """Originals among themselves, outputs against originals, masked outputs, and outputs among themselves."""
        if not contract.figures(self.name):
            return ()
        if match_rate_name(contract) is None:
            return (ORIGINALS, OUTPUTS, LATER_OUTPUTS)
        wanted = [ORIGINALS, OUTPUTS, LATER_OUTPUTS, BACKGROUND]
        if {Attacker.LAZY_INFORMED, Attacker.SEMI_INFORMED} & set(options.attackers):
            wanted.append(OUTPUT_PAIRS)
        if Attacker.SEMI_INFORMED in options.attackers:
            wanted += semi_informed.TABLES
        return tuple(wanted)

    def assess(self, data: AssessmentInput) -> AssessmentResult:
        """Estimates of every judge and attacker, the instruments of this run, and what was left out."""
        parts = [_Judged(data, judge) for judge in data.judges]
        backgrounds = [part.background for part in parts if part.background is not None]
        p_values = [found.p_value for found in backgrounds]
        red = holm(p_values, instruments.CHECKS_ALPHA).tolist() if p_values else []
        checks = [check for part in parts for check in part.instruments] + [
            instruments.background_check(found, bool(is_red)) for found, is_red in zip(backgrounds, red, strict=True)
        ]
        sessions = (
            ()
            if (data.sample_session >= 0).all()
            else ("same_session_possible: sessions are not stated, so references may share the input's session",)
        )
        files = metadata.metadata_figures(data)
        estimates = [*(e for part in parts for e in part.estimates), *files.estimates, *self._spread(data)]
        return AssessmentResult(
            assessment=self.name,
            modality=data.modality,
            estimates=tuple(estimates),
            not_made=tuple(m for part in parts for m in part.not_made),
            instruments=tuple(checks),
            templates=tuple(template_ledger(data, judge) for judge in data.judges),
            curves=tuple(c for part in parts for c in part.curves),
            histograms=tuple(h for part in parts for h in part.histograms),
            limitations=(
                *_LIMITATIONS,
                *sessions,
                *files.limitations,
                *(line for part in parts for line in part.limitations),
            ),
        )

    def decided(self, data: AssessmentInput) -> Iterator[DecidedTrials]:
        """The trials of each judge's and attacker's match rate, for a comparison with another run of the plan."""
        name = match_rate_name(data.contract)
        for judge in data.judges if name else ():
            for attacker in data.options.attackers:
                found = decided_match_rate(data, judge, attacker, trials_of(data, judge, attacker), str(name))
                if found is not None:
                    yield found

    def _spread(self, data: AssessmentInput) -> Iterator[Estimate]:
        """How far the judges are apart, by attacker."""
        if match_rate_name(data.contract) is not None:
            for attacker in data.options.attackers:
                found = rates.match_rate_spread(data, attacker)
                if found is not None:
                    yield found


def match_rate_name(contract: Contract) -> str | None:
    """Name of the match rate with the person who must not be recognised; None where the contract knows none."""
    wanted = contract.figures(IdentityLeak.name)
    return next((name for name in rates.MATCH_RATES if name in wanted), None)


class _Judged:
    """Everything about one judge."""

    def __init__(self, data: AssessmentInput, judge: JudgeView) -> None:
        self._data, self._judge = data, judge
        self.estimates: list[Estimate] = []
        self.not_made: list[NotMade] = []
        self.instruments: list[Instrument] = []
        self.limitations: list[str] = []
        self.curves: list[Curve] = []
        self.histograms: list[Histogram] = []
        self.background: instruments.Background | None = None
        self._link = match_rate_name(data.contract)
        wanted = data.contract.figures(IdentityLeak.name)
        control = trials_of(data, judge, Attacker.CONTROL)
        self._untried(control)
        self._fnmr = self._control(control)
        for attacker in data.options.attackers if self._link else (Attacker.CONTROL,):
            trials = control if attacker is Attacker.CONTROL else trials_of(data, judge, attacker)
            self._attacker(attacker, trials)
        if "subject_non_match_rate" in wanted:
            pictures = replace(data, case_leaks=(None,) * len(data.case_leaks))  # a thumbnail keeps nobody recognisable
            outputs = presented_trials(pictures, judge)
            self._take(rates.non_match_rate(data, judge, outputs, control))
        if "bystander_match_difference" in wanted:
            for found in worst_of_attempts(data, lambda of: tuple(bystanders.bystander_figures(of, judge, control))):
                self._take(found)
        if self._link:
            trials = background_trials(data, judge)
            masked = rates.match_rate(data, judge, None, trials, data.fmrs[0], name="background_match_rate")
            self._take(masked)
            self.background = instruments.Background.of(judge.id, masked, data, self._link)
        self._overlap()

    def _attacker(self, attacker: Attacker, trials: KindTrials) -> None:
        data, judge = self._data, self._judge
        if self._link:
            self._match_rates(attacker, trials, self._link)
        for figure in figures.curves(data, judge, attacker, trials):
            self._take(figure)
        self.curves += charts.det_curves(judge.id, attacker, trials)
        self.histograms += charts.histograms(judge.id, attacker, trials, data.fmrs[0])
        if attacker is Attacker.SEMI_INFORMED:
            semi = semi_informed.figures(data, judge, trials, self._link or "")
            self.estimates += semi.estimates
            self.instruments += semi.instruments
        elif attacker is not Attacker.CONTROL:
            self.instruments.append(instruments.permutation_check(data, judge, attacker, trials))

    def _control(self, control: KindTrials) -> float | None:
        found = rates.match_rate(self._data, self._judge, Attacker.CONTROL, control, self._data.competence[0])
        self.instruments.append(instruments.competence_check(self._data, self._judge, found))
        if isinstance(found, NotMade):
            return None
        name = f"fnmr_at_fmr_{rate_in_name(self._data.competence[0])}"
        self._take(complement(found, name=name, attacker=Attacker.CONTROL))
        return 1.0 - found.value

    def _match_rates(self, attacker: Attacker, trials: KindTrials, name: str) -> None:
        for fmr in self._data.fmrs:
            found = self._match_rate(attacker, trials, fmr, name)
            if isinstance(found, Estimate):
                notes = [note for note in (found.note, *self._notes(attacker, found.value)) if note]
                found = found.model_copy(update={"note": "; ".join(notes)})
            self._take(found)

    def _match_rate(self, attacker: Attacker, trials: KindTrials, fmr: float, name: str) -> Estimate | NotMade:
        judge = self._judge
        if attacker is not Attacker.IGNORANT:
            return rates.match_rate(self._data, judge, attacker, trials, fmr, name=name)

        def make(data: AssessmentInput) -> tuple[Estimate | NotMade]:
            return (rates.match_rate(data, judge, attacker, trials_of(data, judge, attacker), fmr, name=name),)

        (found,) = worst_of_attempts(self._data, make)
        return found

    def _notes(self, attacker: Attacker, rate: float) -> Iterator[str]:
        """What stands beside a match rate."""
        if attacker is not Attacker.CONTROL and self._fnmr not in {None, 1.0}:
            corrected = min(1.0, rate / (1.0 - (self._fnmr or 0.0)))
            yield f"divided by (1 - FNMR of the unedited media): {corrected:.6f}"
        if attacker is Attacker.SEMI_INFORMED:
            yield semi_informed.chosen_backends(self._judge)

    def _take(self, found: Estimate | NotMade) -> None:
        if isinstance(found, NotMade):
            self.not_made.append(found)
        else:
            self.estimates.append(found)

    def _untried(self, control: KindTrials) -> None:
        people = np.unique(self._data.sample_person).size
        tried = np.unique(control.kinds[0].persons).size
        if tried < people:
            self.limitations.append(
                f"{self._judge.id}: {people - tried} of {people} test people have no mated comparison (one session, or "
                "no template) and say nothing"
            )

    def _overlap(self) -> None:
        if self._judge.training_overlap != "none":
            self.limitations.append(
                f"{self._judge.id}: overlap of its training people with the test people is "
                f"{self._judge.training_overlap}; its support counts as weak at most"
            )
