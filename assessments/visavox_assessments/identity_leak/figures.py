"""Figures without a threshold: EER, AUC, D_sys, and of voices minCllr and ZEBRA; disclosed, never gated."""

from __future__ import annotations

from collections.abc import Iterator

from visavox.core.errors import UndefinedMetricError
from visavox.core.figures import Estimate, NotMade
from visavox.core.seeding import generator
from visavox.core.terms import Attacker, Direction, Modality
from visavox.metrics import curves as curve_metrics
from visavox.metrics import disclosure_intervals
from visavox.metrics.disclosure import zebra
from visavox.metrics.intervals import RateInterval
from visavox.metrics.linkability import d_sys_interval, d_sys_null
from visavox.metrics.mean_intervals import MeanInterval
from visavox.ports.assessment import AssessmentInput, Floats, Ints, JudgeView
from visavox_assessments.estimates import bounded, displayed

from .trials import Kind, KindTrials

METHOD = "effective-size Clopper-Pearson on the linearised statistic (STATISTICS 3d)"
JACKKNIFE = "delete-one-person jackknife"
FITTED = f"{JACKKNIFE}; fitted on these scores, it errs on the side of less privacy"


def curves(
    data: AssessmentInput, judge: JudgeView, attacker: Attacker, trials: KindTrials
) -> Iterator[Estimate | NotMade]:
    """EER, AUC and D_sys on the attacker's largest kind of comparison; of voices, VoicePrivacy's figures too.

    Kinds are not pooled, as each has a scale of its own; look-alikes that only a threshold sets apart are among them.
    For the control a low EER is a competent judge; for the others a high EER (50 % = no information) is safe, and one
    above 50 % is flagged.
    """
    kind = trials.whole
    names = (*_FIGURES, *_EVIDENCE) if data.modality is Modality.VOICE else tuple(_FIGURES)
    for name in names:
        if kind is None or kind.mated.size == 0 or kind.non_mated.size == 0:
            reason = "there are no mated or no non-mated comparisons"
            yield NotMade(name=name, recogniser=judge.id, attacker=attacker, reason=reason)
            continue
        try:
            yield (_FIGURES | _EVIDENCE)[name](data, judge, attacker, kind)
        except UndefinedMetricError as error:
            reason = f"{error.asked}: {error.found}"
            yield NotMade(name=name, recogniser=judge.id, attacker=attacker, reason=reason)


def _eer(data: AssessmentInput, judge: JudgeView, attacker: Attacker, kind: Kind) -> Estimate:
    found = curve_metrics.eer_interval(kind.mated, kind.persons, kind.non_mated, kind.non_first, kind.non_second)
    note = "; above 50 %: scores are inverted, read it as a leak" if found.p > 0.5 else ""
    return _linearised("eer", data, judge, attacker, kind, found, note)


def _auc(data: AssessmentInput, judge: JudgeView, attacker: Attacker, kind: Kind) -> Estimate:
    found = curve_metrics.auc_interval(kind.mated, kind.persons, kind.non_mated, kind.non_first, kind.non_second)
    return _linearised("auc", data, judge, attacker, kind, found)


def _linearised(
    name: str,
    data: AssessmentInput,
    judge: JudgeView,
    attacker: Attacker,
    kind: Kind,
    found: RateInterval,
    note: str = "",
) -> Estimate:
    return bounded(
        name,
        judge.id,
        attacker,
        found.p,
        (found.basis,),
        data.alpha,
        n=found.n,
        n_subjects=found.n_people,
        method=METHOD,
        chance=0.5,
        direction=Direction.NEITHER,
        note=f"on {kind.name} comparisons{note}",
    )


def _d_sys(data: AssessmentInput, judge: JudgeView, attacker: Attacker, kind: Kind) -> Estimate:
    table = _table(kind)
    found = d_sys_interval(*table, alpha=data.alpha)
    rng = generator(data.seed, "d_sys", judge.id, attacker.value)
    null = d_sys_null(*table, rng=rng, is_symmetric=attacker is not Attacker.IGNORANT)
    note = (
        f"; person-permutation null: mean {null.null_mean:.4f}, 95 % quantile {null.null_q95:.4f}, "
        f"p {null.p_value:.4f} ({null.n_null} permutations)"
    )
    return _jackknifed("d_sys", data, judge, attacker, kind, found, chance=null.null_mean, method=JACKKNIFE, note=note)


def _min_cllr(data: AssessmentInput, judge: JudgeView, attacker: Attacker, kind: Kind) -> Estimate:
    found = disclosure_intervals.min_cllr_interval(*_table(kind), alpha=data.alpha)
    return _jackknifed("min_cllr", data, judge, attacker, kind, found, chance=1.0)


def _zebra(data: AssessmentInput, judge: JudgeView, attacker: Attacker, kind: Kind) -> Estimate:
    """Expected disclosure; the tag is that of the worst case, a single score, which has no interval."""
    found = disclosure_intervals.expected_disclosure_interval(*_table(kind), alpha=data.alpha)
    worst = zebra(kind.mated, kind.non_mated)
    note = f"; worst case 10^{worst.worst_log10:.2f} (tag {worst.tag}): the strongest single score, without an interval"
    made = _jackknifed("zebra_expected", data, judge, attacker, kind, found, chance=0.0, note=note)
    return made.model_copy(update={"band": f"tag {worst.tag}"})


def _table(kind: Kind) -> tuple[Floats, Ints, Floats, Ints, Ints]:
    return kind.mated, kind.persons, kind.non_mated, kind.non_first, kind.non_second


def _jackknifed(
    name: str,
    data: AssessmentInput,
    judge: JudgeView,
    attacker: Attacker,
    kind: Kind,
    found: MeanInterval,
    *,
    chance: float,
    method: str = FITTED,
    note: str = "",
) -> Estimate:
    return displayed(
        name,
        found,
        recogniser=judge.id,
        method=method,
        n=kind.mated.size,
        attacker=attacker,
        chance=chance,
        note=f"on {kind.name} comparisons{note}",
    )


_FIGURES = {"eer": _eer, "auc": _auc, "d_sys": _d_sys}
_EVIDENCE = {"min_cllr": _min_cllr, "zebra_expected": _zebra}
"""VoicePrivacy's; of faces `visavox score` makes them: a jackknife over a million scores takes minutes."""
