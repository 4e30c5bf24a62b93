"""Checks of the harness in this very run (STATISTICS 6): control, label permutation, background."""

from __future__ import annotations

import math
from typing import Final, NamedTuple

import numpy as np
from scipy import special

from visavox.core.errors import UndefinedMetricError
from visavox.core.figures import Estimate, Instrument, IntervalBasis, NotMade
from visavox.core.seeding import generator
from visavox.core.terms import Attacker, InstrumentState, Modality, Verdict
from visavox.metrics import intervals
from visavox.metrics.permutation import PermutationResult, label_permutation_auc
from visavox.ports.assessment import AssessmentInput, JudgeView

from .trials import KindTrials

CHECKS_ALPHA = 0.01
PERMUTATION_P = 0.001
POWER = 0.8
_INSTEAD = "; a PASS needs a judge in its place that misses fewer of these recordings"


def competence_check(data: AssessmentInput, judge: JudgeView, found: Estimate | NotMade) -> Instrument:
    """Control: a judge that misses too many unedited mated comparisons cannot support a PASS."""
    fmr, max_fnmr = data.competence
    common = {"name": "control", "protects": Verdict.PASS, "recogniser": judge.id}
    if isinstance(found, NotMade):
        return Instrument(
            **common,
            state=InstrumentState.NOT_ASSESSABLE,
            detectable="nothing",
            reason=f"the judge's FNMR on unedited media could not be measured: {found.reason}",
        )
    fnmr = 1.0 - found.value
    text = (
        f"{judge.id} misses {fnmr:.1%} of the unedited mated comparisons at FMR {fmr:g} "
        f"(95 % interval {1 - found.high:.1%} to {1 - found.low:.1%}); {max_fnmr:.0%} are allowed"
    )
    is_red = fnmr > max_fnmr
    spread = math.sqrt(max_fnmr * (1 - max_fnmr) / found.n_eff) * float(special.ndtri(POWER))
    return Instrument(
        **common,
        state=InstrumentState.RED if is_red else InstrumentState.GREEN,
        value=fnmr,
        detectable=f"a judge whose true FNMR is {min(1.0, max_fnmr + spread):.1%} or more",
        reason=text + (f": it cannot support a PASS; a leak that it finds still counts{_INSTEAD}" if is_red else ""),
    )


def permutation_check(data: AssessmentInput, judge: JudgeView, attacker: Attacker, trials: KindTrials) -> Instrument:
    """Label permutation: among comparisons of different people no attack may find a link."""
    kind = trials.largest
    if kind is None or kind.non_mated.size == 0:
        return no_permutation(judge, attacker, "there are no non-mated comparisons")
    people, numbered = np.unique(np.concatenate([kind.non_first, kind.non_second]), return_inverse=True)
    first, second = np.split(numbered, 2)
    try:
        found = label_permutation_auc(
            kind.non_mated,
            second,
            first,
            n_people=people.size,
            rng=generator(data.seed, "label_permutation", judge.id, attacker.value),
            is_symmetric=attacker is Attacker.LAZY_INFORMED,
        )
    except UndefinedMetricError as error:
        return no_permutation(judge, attacker, f"{error.asked}: {error.found}")
    return permutation_instrument(judge, attacker, found, people.size, "under permuted people")


def no_permutation(judge: JudgeView, attacker: Attacker, reason: str) -> Instrument:
    """A label permutation that could not be made."""
    return Instrument(
        name="label_permutation",
        protects=Verdict.FAIL,
        recogniser=judge.id,
        attacker=attacker,
        state=InstrumentState.NOT_ASSESSABLE,
        detectable="nothing",
        reason=reason,
    )


def permutation_instrument(
    judge: JudgeView, attacker: Attacker, found: PermutationResult, n_people: int, of: str
) -> Instrument:
    """Red where labels of people were found that nobody was told; ``of`` says what the AUC is of."""
    if not found.assessable:
        return no_permutation(judge, attacker, f"{n_people} people are too few to reach p < {PERMUTATION_P:g}")
    is_red = found.p_value < PERMUTATION_P
    return Instrument(
        name="label_permutation",
        protects=Verdict.FAIL,
        recogniser=judge.id,
        attacker=attacker,
        state=InstrumentState.RED if is_red else InstrumentState.GREEN,
        value=found.auc0,
        p_value=found.p_value,
        detectable=f"labels leaking into scores up to an AUC of {found.detectable_auc:.4f}",
        reason=(
            f"AUC {found.auc0:.4f} {of}, null mean {found.null_mean:.4f}, p {found.p_value:.4f}"
            + (": the scores know the labels; no FAIL can be stated" if is_red else "")
        ),
    )


_BIOMETRIC: Final = {Modality.VOICE: "speech"}
"""What is taken out of the recordings to hear or see their background; of pictures the face."""


class Background(NamedTuple):
    """The match rate without the face, or without the speech, and its p-value against the control's limit."""

    modality: Modality
    recogniser: str
    estimate: Estimate | NotMade
    limit: float
    p_value: float

    @classmethod
    def of(cls, recogniser: str, found: Estimate | NotMade, data: AssessmentInput, link: str) -> Background:
        """The finding compared with the strictest limit on the match rate of that name."""
        limit = data.limits.get(link, 1.0)
        p = 1.0 if isinstance(found, NotMade) else intervals.p_value_fail(found.basis, limit)
        return cls(data.modality, recogniser, found, limit, p)

    @property
    def without(self) -> str:
        """``without the face``, ``without the speech``."""
        return f"without the {_BIOMETRIC.get(self.modality, 'face')}"


def background_check(found: Background, is_red: bool) -> Instrument:
    """Background: people are matched by what is neither face nor speech, so a FAIL would not speak of these.

    It guards a FAIL alone: where recordings hold nothing but speech it cannot be made, and no PASS waits for it.
    """
    common = {"name": "background", "protects": Verdict.FAIL, "recogniser": found.recogniser}
    if isinstance(found.estimate, NotMade):
        return Instrument(
            **common,
            state=InstrumentState.NOT_ASSESSABLE,
            detectable="nothing",
            reason=f"the match rate {found.without} could not be measured: {found.estimate.reason}",
            binds_limits_to=0.0 if found.modality is Modality.VOICE else 1.0,
        )
    value = found.estimate.value
    return Instrument(
        **common,
        state=InstrumentState.RED if is_red else InstrumentState.GREEN,
        value=value,
        p_value=found.p_value,
        detectable=f"a match rate {found.without} of {_detectable(found.estimate.basis[0], found.limit):.1%} or more",
        reason=(
            f"{value:.2%} of the outputs match {found.without} (limit of the control {found.limit:.0%})"
            + (": the match does not come from it alone; no FAIL can be stated" if is_red else "")
        ),
    )


def _detectable(basis: IntervalBasis, limit: float) -> float:
    """The smallest true rate that would turn the check red in four of five runs of this effective size."""
    n = basis.n_eff_low
    for rate in np.linspace(limit, 1.0, 200):
        fewest = np.searchsorted(special.bdtr(np.arange(round(n) + 1.0), round(n), rate), 1 - POWER)
        hits = float(fewest) / max(round(n), 1)
        seen = basis.model_copy(update={"p_low": hits, "p_high": max(hits, basis.p_high)})
        if intervals.bound_lower(seen, CHECKS_ALPHA) > limit:
            return float(rate)
    return 1.0
