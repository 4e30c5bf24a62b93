"""The attacked system: enrolment by mean template, a threshold on bona fide comparisons, and how often it errs."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from scipy import special

from visavox.core.figures import Estimate, Instrument, NotMade, OperatingPoint
from visavox.core.terms import Attacker, InstrumentState, Support, Verdict
from visavox.metrics import intervals
from visavox.ports.assessment import AssessmentInput, Floats, Ints, JudgeView
from visavox_assessments.estimates import NonMated, bounded, complement, operating_point

METHOD = "effective-size Clopper-Pearson, threshold estimated on the same people (STATISTICS 3e)"
POWER = 0.8


class AttackedSystem(NamedTuple):
    """Bona fide comparisons with enrolled people.

    Attributes:
        non_mated: of other people.
        mated, persons: scores of unedited recordings against their own person, and that person.
        lost: people of unedited recordings without a template: the system rejects them.
    """

    non_mated: NonMated
    mated: Floats
    persons: Ints
    lost: Ints

    @classmethod
    def of(cls, data: AssessmentInput, judge: JudgeView) -> AttackedSystem:
        """From the table of unedited recordings against enrolled people."""
        table = judge.table("enrolled-original")
        probe, enrolled = data.sample_person[table.probe], table.reference
        own = probe == enrolled
        people = min(np.unique(probe).size, np.unique(enrolled).size)
        non = NonMated("enrolled-original", table.score[~own], probe[~own], enrolled[~own], int(people))
        return cls(non, table.score[own], probe[own], data.sample_person[~judge.sample_ok])

    def point(self, judge: JudgeView, fmr: float) -> OperatingPoint | None:
        """Its operating point; None where it rests on too little."""
        found = operating_point(judge, self.non_mated, fmr)
        if found is None or found.support is Support.NONE:
            return None
        missed = int((self.mated < found.threshold).sum()) + self.lost.size
        tried = self.mated.size + self.lost.size
        return found.model_copy(update={"fnmr": missed / tried}) if tried else found

    def stratum(self, point: OperatingPoint, scores: Floats, persons: Ints, others: Ints | None) -> intervals.Stratum:
        """Trials decided at the system's threshold."""
        return intervals.Stratum(
            scores=scores,
            persons=persons,
            seconds=others,
            threshold=point.threshold,
            target_fmr=point.target_fmr,
            non_mated=self.non_mated.scores,
            non_first=self.non_mated.first,
            non_second=self.non_mated.second,
        )

    def frr(self, data: AssessmentInput, judge: JudgeView, fmr: float) -> Estimate | NotMade:
        """False rejection rate of unedited recordings: FTA + (1 - FTA) FNMR (ISO/IEC 19795-1)."""
        point = self.point(judge, fmr)
        if point is None or self.mated.size == 0:
            return NotMade(name="frr", recogniser=judge.id, attacker=Attacker.CONTROL, reason=too_little(self, fmr))
        stratum = self.stratum(point, self.mated, self.persons, None)._replace(
            extra_hits=np.zeros(self.lost.size, np.int64), extra_persons=self.lost
        )
        found = intervals.rate_at_threshold_interval([stratum])
        accepted = bounded(
            "accepted",
            judge.id,
            Attacker.CONTROL,
            found.p,
            (found.basis,),
            data.alpha,
            n=found.n,
            n_subjects=found.n_people,
            method=METHOD,
            operating_point=point,
        )
        return complement(accepted, name="frr", attacker=Attacker.CONTROL)


def too_little(system: AttackedSystem, fmr: float) -> str:
    """Why there is no operating point."""
    return (
        f"a threshold at FMR {fmr:g} needs 8 people and {3 / fmr:.0f} bona fide non-mated comparisons with enrolled "
        f"people; there are {system.non_mated.n_people} people and {system.non_mated.scores.size}"
    )


def system_control(data: AssessmentInput, judge: JudgeView, system: AttackedSystem) -> Instrument:
    """Control: a system that rejects too many unedited recordings cannot support a PASS."""
    fmr, most = data.competence
    common = {"name": "system_control", "protects": Verdict.PASS, "recogniser": judge.id}
    found = system.frr(data, judge, fmr)
    if isinstance(found, NotMade):
        return Instrument(
            **common,
            state=InstrumentState.NOT_ASSESSABLE,
            detectable="nothing",
            reason=f"how often the attacked system rejects unedited recordings is not known: {found.reason}",
        )
    spread = math.sqrt(most * (1 - most) / found.n_eff) * float(special.ndtri(POWER))
    is_red = found.value > most
    return Instrument(
        **common,
        state=InstrumentState.RED if is_red else InstrumentState.GREEN,
        value=found.value,
        detectable=f"a system whose true rejection rate is {min(1.0, most + spread):.1%} or more",
        reason=(
            f"with {judge.id} the attacked system rejects {found.value:.1%} of the unedited recordings at FMR {fmr:g} "
            f"(95 % interval {found.low:.1%} to {found.high:.1%}); {most:.0%} are allowed"
            + (": it cannot support a PASS; an impersonation that it accepts still counts" if is_red else "")
        ),
    )
