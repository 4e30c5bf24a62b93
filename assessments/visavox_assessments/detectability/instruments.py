"""Checks of detection in this very run: nobody judged by a detector that knows them; no mere file format detected."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from visavox.core.errors import UndefinedMetricError
from visavox.core.figures import Instrument
from visavox.core.terms import InstrumentState, Verdict
from visavox.metrics.curves import auc_interval
from visavox.metrics.detector_points import detection_rates
from visavox.metrics.intervals import bound_lower
from visavox.metrics.rate_records import RateInterval
from visavox.ports.assessment import AssessmentInput
from visavox.ports.detection import CLEAN, Detection, DetectorView, KnownFakes

from .folds import folds, passed_where_missing, scored
from .format_cues import format_cue_instrument
from .points import usable_target

LEAST_AUC = 0.5
"""A detector trained elsewhere whose AUC on known fakes may be no more than this has shown nothing."""
MOST_FALSE_POSITIVES = 2.0
"""How many times the FPR asked for may be surely exceeded before a TPR says nothing."""
MOST_WITHOUT_CUES = 0.05
"""The share of outputs that may have no format cues: having none is a trace of the format by itself."""


def detector_instruments(data: AssessmentInput, found: Detection, view: DetectorView) -> list[Instrument]:
    """The instruments of one detector; each speaks of its cells alone."""
    made = [_apart(view), _format_cues(data, found, view), *_false_positives(data, found, view)]
    if not view.learns:
        made.append(_control(data, found, view))
    return made


def _apart(view: DetectorView) -> Instrument:
    """Whether no person was in two of the parts of a fold."""
    shared = sum(
        len((turn.fitted & turn.calibrated) | (turn.fitted & turn.judged) | (turn.calibrated & turn.judged))
        for turn in view.rotations
    )
    people = sum(len(turn.judged) for turn in view.rotations)
    return Instrument(
        name="people_apart",
        state=InstrumentState.RED if shared else InstrumentState.GREEN,
        protects=Verdict.PASS,
        recogniser=view.id,
        value=float(shared),
        detectable="one person in two parts of a fold",
        reason=f"{shared} people in two parts of a fold"
        if shared
        else f"{people} people, each judged by models of other people",
    )


def _false_positives(data: AssessmentInput, found: Detection, view: DetectorView) -> Iterator[Instrument]:
    """Whether the FPR that thresholds were set for is kept on the bona fide media judged: who flags all finds none."""
    try:
        of_folds = folds(data, found, view, scored(found))
        target = usable_target(of_folds)
        rate = detection_rates(of_folds, target).fpr
    except UndefinedMetricError:
        return  # then there is no TPR either
    lower, allowed = bound_lower(rate.basis, data.alpha), MOST_FALSE_POSITIVES * target
    yield Instrument(
        name="fpr_kept",
        state=InstrumentState.RED if lower > allowed else InstrumentState.GREEN,
        protects=Verdict.PASS,
        recogniser=view.id,
        value=rate.p,
        detectable=f"an FPR above {allowed:.0%}",
        reason=f"FPR {rate.p:.1%} (at least {lower:.1%}) on the bona fide media judged; {target:.0%} was asked for, "
        f"up to {allowed:.0%} is let pass",
    )


def _format_cues(data: AssessmentInput, found: Detection, view: DetectorView) -> Instrument:
    """The shared instrument under this detector's name."""
    samples = [n for n, cues in enumerate(found.sample_cues) if cues is not None]
    cases = [n for n, cues in enumerate(found.case_cues) if cues is not None]
    n_cases = int((found.case_rotation >= 0).sum())
    if len(cases) < n_cases * (1.0 - MOST_WITHOUT_CUES):
        return Instrument(
            name="format_cues",
            state=InstrumentState.NOT_ASSESSABLE,
            protects=Verdict.PASS,
            recogniser=view.id,
            detectable="nothing",
            reason=f"{n_cases - len(cases)} of {n_cases} outputs are too small, short or silent to have format cues",
        )
    instrument = format_cue_instrument(
        [cues for cues in found.sample_cues if cues is not None],
        [cues for cues in found.case_cues if cues is not None],
        data.sample_person[samples],
        data.case_person[cases],
        modality=data.modality,
    )
    return instrument.model_copy(update={"recogniser": view.id})


def _control(data: AssessmentInput, found: Detection, view: DetectorView) -> Instrument:
    """A detector trained elsewhere has to tell known fakes from this run's bona fide media before it is believed."""
    fakes, state, value = found.known_fakes, InstrumentState.NOT_ASSESSABLE, None
    reason = "the data set has no known fakes (label=fake): whether this detector works on such media is not known"
    if fakes is not None:
        try:
            area = _control_auc(data, found, view, fakes)
            lower, value = bound_lower(area.basis, data.alpha), area.p
            state = InstrumentState.GREEN if lower > LEAST_AUC else InstrumentState.RED
            reason = f"AUC {value:.3f} (at least {lower:.3f}) on {fakes.n} known fakes and this run's bona fide media"
        except UndefinedMetricError as error:
            reason = error.found or error.asked
    return Instrument(
        name="detector_control",
        state=state,
        protects=Verdict.PASS,
        recogniser=view.id,
        value=value,
        detectable=f"AUC not above {LEAST_AUC:g} on known fakes",
        reason=reason,
    )


def _control_auc(data: AssessmentInput, found: Detection, view: DetectorView, fakes: KnownFakes) -> RateInterval:
    scores = fakes.scores[view.id]
    kept = ~np.isnan(view.sample[CLEAN])
    attacks = passed_where_missing(scores, view.sample[CLEAN][kept])
    fresh = int(data.sample_person.max(initial=0)) + 1
    return auc_interval(attacks, fresh + np.arange(attacks.size), view.sample[CLEAN][kept], data.sample_person[kept])
