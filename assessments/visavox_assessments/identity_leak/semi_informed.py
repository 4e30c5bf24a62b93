"""The semi-informed attacker: is the back-end saturated, and does it know labels it was not told? (STATISTICS 6)"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from visavox.core.errors import UndefinedMetricError
from visavox.core.figures import Estimate, Instrument
from visavox.core.seeding import generator
from visavox.core.terms import Attacker, InstrumentState, Verdict
from visavox.metrics.backends import Saturation, saturation
from visavox.metrics.operating_points import threshold_at_fmr
from visavox.metrics.permutation import draw_derangement, label_permutation_auc
from visavox.ports.assessment import EDITED, NO_TEMPLATE, SEMI_INFORMED, AssessmentInput, JudgeView, ScoreTable

from . import rates
from .instruments import no_permutation, permutation_instrument
from .trials import KindTrials, ordinary_cases, output_pairs

SHARES = {0.25: f"{SEMI_INFORMED}_25", 0.5: f"{SEMI_INFORMED}_50", 1.0: SEMI_INFORMED}
PERMUTED = f"{SEMI_INFORMED}_permuted"
TABLES = tuple(ScoreTable(EDITED, EDITED, backend) for backend in (*SHARES.values(), PERMUTED))
UNSATURATED_FORBIDS_LIMITS_TO = 0.01


class SemiInformedFigures(NamedTuple):
    estimates: tuple[Estimate, ...]
    instruments: tuple[Instrument, ...]


def figures(data: AssessmentInput, judge: JudgeView, trials: KindTrials, link: str) -> SemiInformedFigures:
    """The saturation curve, the checks of the back-ends, and what was chosen."""
    by_share = {
        share: trials if share == 1.0 else output_pairs(data, judge, judge.table(f"edited-edited.{backend}"))
        for share, backend in SHARES.items()
    }
    estimates = []
    for share in (0.25, 0.5):
        name = f"{link}_at_{100 * share:.0f}_percent_of_training_people"
        found = rates.match_rate(data, judge, Attacker.SEMI_INFORMED, by_share[share], data.fmrs[0], name=name)
        if isinstance(found, Estimate):
            estimates.append(found)
    return SemiInformedFigures(
        tuple(estimates), (_saturation_check(data, judge, by_share), _permutation_check(data, judge))
    )


def chosen_backends(judge: JudgeView) -> str:
    """What the inner cross-validation chose, model by model."""
    return "back-ends: " + ("; ".join(judge.backends) or "none was fitted")


def _saturation_check(data: AssessmentInput, judge: JudgeView, by_share: dict[float, KindTrials]) -> Instrument:
    common = {
        "name": "saturation",
        "protects": Verdict.PASS,
        "recogniser": judge.id,
        "attacker": Attacker.SEMI_INFORMED,
        "binds_limits_to": UNSATURATED_FORBIDS_LIMITS_TO,
    }
    try:
        found, least = _saturation(data, by_share)
    except UndefinedMetricError as error:
        return Instrument(
            **common,
            state=InstrumentState.NOT_ASSESSABLE,
            detectable="nothing",
            reason=f"no saturation curve: {error.asked}: {error.found}",
        )
    curve = ", ".join(f"{rate:.2%} at {share:.0%}" for share, rate in zip(found.shares, found.rates, strict=True))
    return Instrument(
        **common,
        state=InstrumentState.RED if found.is_rising else InstrumentState.GREEN,
        value=found.rise,
        detectable=f"a rise of {least:.2%} or more from half of the training people to all",
        reason=(
            f"match rate {curve} of the training people; last step {found.rise:+.2%}, paired SE "
            f"{found.standard_error:.2%}"
            + (": attacker not saturated: a lower bound; no PASS at limits of 1 % or less" if found.is_rising else "")
        ),
    )


def _saturation(data: AssessmentInput, by_share: dict[float, KindTrials]) -> tuple[Saturation, float]:
    """The curve on the trials of the largest kind, and the rise it would have caught with 80 % power."""
    largest = by_share[1.0].largest
    if largest is None:
        raise UndefinedMetricError("a saturation curve was asked for", found="no trial of the semi-informed attacker")
    hits = {}
    for share, trials in by_share.items():
        kind = next((kind for kind in trials.kinds if kind.name == largest.name), None)
        if kind is None or kind.non_mated.size == 0 or kind.mated.size != largest.mated.size:
            raise UndefinedMetricError("a saturation curve was asked for", found=f"other trials at {share:.0%}")
        hits[share] = kind.mated >= threshold_at_fmr(kind.non_mated, data.fmrs[0]).threshold
    found = saturation(hits, largest.persons)
    return found, 1.84 * found.standard_error  # rise > SE with 80 % power: a true rise of (1 + .84) SE


def _permutation_check(data: AssessmentInput, judge: JudgeView) -> Instrument:
    """Label permutation with the back-ends refitted under one derangement of people."""
    attacker, table = Attacker.SEMI_INFORMED, judge.table(f"edited-edited.{PERMUTED}")
    if table.score.size == 0:
        return no_permutation(judge, attacker, "no back-end could be fitted to permuted people")
    people = np.unique(data.case_person[(judge.case_state > NO_TEMPLATE) & ordinary_cases(data)])
    first, second = (np.searchsorted(people, data.case_person[side]) for side in (table.probe, table.reference))
    try:
        found = label_permutation_auc(
            table.score,
            first,
            second,
            n_people=people.size,
            rng=generator(data.seed, "label_permutation", judge.id, attacker.value),
            derangement=draw_derangement(people.size, generator(data.seed, PERMUTED, judge.id)),
        )
    except UndefinedMetricError as error:
        return no_permutation(judge, attacker, f"{error.asked}: {error.found}")
    return permutation_instrument(judge, attacker, found, people.size, "of back-ends fitted to permuted people")
