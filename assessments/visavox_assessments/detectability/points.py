"""What one detector finds of the outputs as they are: shares flagged, errors by species, ranking, calibration."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial

import numpy as np

from visavox.core.errors import UndefinedMetricError
from visavox.core.figures import Estimate, NotMade
from visavox.core.terms import Direction
from visavox.metrics.calibration_error import expected_calibration_error_interval
from visavox.metrics.curves import auc_interval, eer_interval
from visavox.metrics.detection import act_dcf_interval, min_dcf_interval
from visavox.metrics.detector_points import DetectorFold, detection_rates, usable_fpr
from visavox.metrics.disclosure_intervals import cllr_interval
from visavox.metrics.mean_intervals import MeanInterval
from visavox.metrics.presentation_attack import BPCER_POINTS, bpcer_at_apcer_interval
from visavox.metrics.rate_records import RateInterval
from visavox.ports.assessment import AssessmentInput
from visavox.ports.detection import Detection, DetectorView
from visavox_assessments.estimates import bounded, complement, displayed

from .folds import Pooled, folds, of_species, pooled, scored, species_of

RATE_METHOD = "effective-size Clopper-Pearson, the threshold's own uncertainty in it (STATISTICS 3e)"
RANK_METHOD = "linearised over people (STATISTICS 3)"
JACKKNIFE = "delete-one-person jackknife, for display"


def usable_target(of_folds: Sequence[DetectorFold]) -> float:
    """The FPR that every fold's bona fide media can speak of: 1 %, or 5 % of few.

    Raises:
        UndefinedMetricError: a fold has too few for either.
    """
    return max(usable_fpr(fold.calibration, fold.calibration_persons).fpr for fold in of_folds)


def detector_estimates(data: AssessmentInput, found: Detection, view: DetectorView) -> Iterator[Estimate | NotMade]:
    """Every figure of one detector on clean media; what cannot be made is named with its reason."""
    of_folds = folds(data, found, view, scored(found))
    yield from _shares(data, found, view, of_folds)
    yield from _ranking(data, view, of_folds)
    yield from _by_species(data, found, view, of_folds)
    if view.learns:
        yield from _calibration(data, view, of_folds)


def _shares(
    data: AssessmentInput, found: Detection, view: DetectorView, of_folds: Sequence[DetectorFold]
) -> Iterator[Estimate | NotMade]:
    try:
        target = usable_target(of_folds)
        rates = detection_rates(of_folds, target)
    except UndefinedMetricError as error:
        for name in ("tpr", "realised_fpr", "apcer"):
            yield NotMade(name=name, recogniser=view.id, reason=why_not(view, error))
        return
    note = f"at FPR {target:.0%}, thresholds of other people's bona fide media"
    tpr = of_rate(data, "tpr", view.id, rates.tpr, Direction.HIGHER_IS_SAFER, note)
    yield tpr
    yield of_rate(data, "realised_fpr", view.id, rates.fpr, Direction.NEITHER, f"asked for {target:.0%}")
    species = species_of(found)
    if len(species) < 2:
        passed = complement(tpr, name="apcer", attacker=None)
        yield passed.model_copy(update={"direction": Direction.LOWER_IS_SAFER})
        return
    every = []
    for one in species:
        try:
            own = detection_rates(folds(data, found, view, of_species(found, one)), target)
        except UndefinedMetricError as error:
            yield NotMade(name="apcer", recogniser=view.id, group=one, reason=why_not(view, error))
            continue
        share = of_rate(data, "tpr", view.id, own.tpr, Direction.HIGHER_IS_SAFER, note)
        flipped = complement(share, name="apcer", attacker=None)
        every.append(flipped.model_copy(update={"direction": Direction.LOWER_IS_SAFER, "group": one}))
    yield from every
    if len(every) == len(species):
        worst = max(every, key=lambda estimate: (estimate.upper, estimate.value))
        note = f"of {len(every)} species the one whose bound is worst: {worst.group}"
        yield worst.model_copy(update={"group": None, "note": note})


def _ranking(
    data: AssessmentInput, view: DetectorView, of_folds: Sequence[DetectorFold]
) -> Iterator[Estimate | NotMade]:
    def ranked(make: Callable[..., RateInterval]) -> RateInterval:
        scores = pooled(of_folds, standardised=True)
        return make(scores.attacks, scores.attack_persons, scores.bona_fide, scores.bona_fide_persons)

    for name, make, direction in (
        ("detector_auc", auc_interval, Direction.HIGHER_IS_SAFER),
        ("d_eer", eer_interval, Direction.LOWER_IS_SAFER),
    ):
        try:
            yield of_rate(data, name, view.id, ranked(make), direction, "", method=RANK_METHOD)
        except UndefinedMetricError as error:
            yield NotMade(name=name, recogniser=view.id, reason=why_not(view, error))


def _by_species(
    data: AssessmentInput, found: Detection, view: DetectorView, of_folds: Sequence[DetectorFold]
) -> Iterator[Estimate | NotMade]:
    """BPCER at fixed APCER of the worst species; and each species by models that saw none of it."""
    for name, target in BPCER_POINTS.items():
        yield _mean(data, name, view, partial(_bpcer, data, found, view, target))
    species = species_of(found)
    if not view.learns or len(species) < 2:
        return
    for one in species:
        for name, unseen in (("detector_auc", None), ("detector_auc_unseen", one)):
            try:
                scores = pooled(folds(data, found, view, of_species(found, one), unseen=unseen), standardised=True)
                area = auc_interval(scores.attacks, scores.attack_persons, scores.bona_fide, scores.bona_fide_persons)
            except UndefinedMetricError as error:
                reason = "in some fold the other species are too few to fit a model" if unseen else why_not(view, error)
                yield NotMade(name=name, recogniser=view.id, group=one, reason=reason)
                continue
            note = "fitted without any output of this species" if unseen else ""
            made = of_rate(data, name, view.id, area, Direction.HIGHER_IS_SAFER, note, method=RANK_METHOD)
            yield made.model_copy(update={"group": one})


def _bpcer(data: AssessmentInput, found: Detection, view: DetectorView, target: float) -> MeanInterval:
    parts = {}
    for one in species_of(found):
        parts[one or "outputs"] = pooled(folds(data, found, view, of_species(found, one)), standardised=True)
    if not parts:
        raise UndefinedMetricError(f"BPCER at an APCER of {target:g} was asked for", found="no output was scored")
    first = next(iter(parts.values()))
    return bpcer_at_apcer_interval(
        first.bona_fide,
        first.bona_fide_persons,
        {name: part.attacks for name, part in parts.items()},
        {name: part.attack_persons for name, part in parts.items()},
        target,
        alpha=data.alpha,
    )


def _calibration(
    data: AssessmentInput, view: DetectorView, of_folds: Sequence[DetectorFold]
) -> Iterator[Estimate | NotMade]:
    """What only log-odds have."""

    def log_odds() -> Pooled:
        return pooled(of_folds, standardised=False)

    def cllr() -> MeanInterval:
        found = log_odds()
        return cllr_interval(
            found.attacks, found.attack_persons, found.bona_fide, found.bona_fide_persons, None, alpha=data.alpha
        )

    def by_classes(make: Callable[..., MeanInterval], *, as_probabilities: bool = False) -> Callable[[], MeanInterval]:
        def made() -> MeanInterval:
            found = log_odds()
            classes = [found.bona_fide, found.attacks]
            if as_probabilities:
                classes = [0.5 * (1.0 + np.tanh(0.5 * scores)) for scores in classes]
            return make(classes[0], found.bona_fide_persons, classes[1], found.attack_persons, alpha=data.alpha)

        return made

    yield _mean(data, "cllr", view, cllr)
    yield _mean(data, "calibration_error", view, by_classes(expected_calibration_error_interval, as_probabilities=True))
    yield _mean(data, "min_dcf", view, by_classes(min_dcf_interval))
    yield _mean(data, "act_dcf", view, by_classes(act_dcf_interval))


def of_rate(
    data: AssessmentInput,
    name: str,
    detector: str,
    rate: RateInterval,
    direction: Direction,
    note: str,
    *,
    method: str = RATE_METHOD,
) -> Estimate:
    """A rate of one detector as an estimate that a policy can gate."""
    return bounded(
        name,
        detector,
        None,
        rate.p,
        (rate.basis,),
        data.alpha,
        n=rate.n,
        n_subjects=rate.n_people,
        method=method,
        direction=direction,
        note=note,
    )


def why_not(view: DetectorView, error: UndefinedMetricError) -> str:
    """Why a figure of a detector is not there: what was found, and what most media without a score lack."""
    reason = error.found or error.asked
    most = max(view.fta.items(), key=lambda pair: pair[1], default=None)
    return f"{reason}; {most[1]} media have no score: {most[0]}" if most else reason


def _mean(data: AssessmentInput, name: str, view: DetectorView, make: Callable[[], MeanInterval]) -> Estimate | NotMade:
    try:
        found = make()
    except UndefinedMetricError as error:
        return NotMade(name=name, recogniser=view.id, reason=why_not(view, error))
    return displayed(name, found, recogniser=view.id, method=JACKKNIFE)
