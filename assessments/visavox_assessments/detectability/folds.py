"""One detector's scores as the metrics take them: judged media, and other people's to set thresholds by."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from visavox.core.errors import UndefinedMetricError
from visavox.metrics.arrays import finite_scores
from visavox.metrics.detector_points import DetectorFold
from visavox.ports.assessment import AssessmentInput, Ints
from visavox.ports.detection import CLEAN, Detection, DetectorView

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]


class Chosen(NamedTuple):
    """Which media are looked at: (n_cases,) and (n_samples,) bool."""

    cases: Bools
    samples: Bools


class Pooled(NamedTuple):
    """Scores of all rotations.

    Attributes:
        attacks, bona_fide: (n,), (m,) attack scores of the media judged.
        attack_persons, bona_fide_persons: whose they are; of an output with two people the host.
    """

    attacks: Floats
    attack_persons: Ints
    bona_fide: Floats
    bona_fide_persons: Ints


def scored(found: Detection) -> Chosen:
    """Every medium that was given to a detector as it is."""
    return Chosen(found.case_rotation >= 0, found.sample_rotation >= 0)


def followed(found: Detection) -> Chosen:
    """Those that went through perturbations; all that were scored where there are none."""
    return Chosen(found.case_perturbed, found.sample_perturbed) if found.perturbations else scored(found)


def species_of(found: Detection) -> list[str]:
    """The species of the outputs scored, by name."""
    return sorted({name for name, turn in zip(found.case_species, found.case_rotation, strict=True) if turn >= 0})


def of_species(found: Detection, species: str) -> Chosen:
    """Outputs of one species as they are, and all bona fide media."""
    every = scored(found)
    return Chosen(every.cases & np.array([one == species for one in found.case_species], bool), every.samples)


def folds(
    data: AssessmentInput,
    found: Detection,
    view: DetectorView,
    chosen: Chosen,
    *,
    row: int = CLEAN,
    calibrated_on: int = CLEAN,
    unseen: str | None = None,
) -> list[DetectorFold]:
    """The folds of one detector.

    An output without a score counts as passed: whatever cannot be examined was not detected. A bona fide medium
    without one is left out; an infinite score is one, and no rate can be made of it.

    Args:
        row: the perturbation of the media judged.
        calibrated_on: that of the bona fide media that thresholds are read from; ``row`` re-calibrates.
        unseen: a species, judged by models that saw none of it; clean media alone.
    """
    has_seconds = bool((data.second_person[chosen.cases] >= 0).all())
    made = []
    for rotation in range(len(view.rotations)):
        judged = np.flatnonzero(chosen.cases & (found.case_rotation == rotation))
        if unseen is None:
            own, bona, others = view.case[row], view.sample[row], view.calibration[rotation, calibrated_on]
        else:
            judged = judged[np.array([found.case_species[case] == unseen for case in judged], bool)]
            own, bona, others = (
                view.case_unseen,
                view.sample_unseen[unseen],
                view.calibration_unseen[unseen][rotation],
            )
        samples = np.flatnonzero(chosen.samples & (found.sample_rotation == rotation) & ~np.isnan(bona))
        calibrating = np.flatnonzero(~np.isnan(others))
        bona_fide, calibration = bona[samples], others[calibrating]
        made.append(
            DetectorFold(
                attacks=passed_where_missing(own[judged], bona_fide, calibration),
                attack_persons=data.case_person[judged],
                bona_fide=bona_fide,
                bona_fide_persons=data.sample_person[samples],
                calibration=calibration,
                calibration_persons=data.sample_person[calibrating],
                attack_seconds=data.second_person[judged] if has_seconds else None,
            )
        )
    return made


def pooled(of_folds: Sequence[DetectorFold], *, standardised: bool) -> Pooled:
    """All folds' scores in one.

    Args:
        standardised: by mean and standard deviation of each fold's calibration, so that models fitted to other people
            share a scale; no score of the media judged goes into them.

    Raises:
        UndefinedMetricError: a fold whose calibration has fewer than two scores.
    """
    scales = [_scale(fold) if standardised else (0.0, 1.0) for fold in of_folds]
    pairs = list(zip(of_folds, scales, strict=True))
    return Pooled(
        np.concatenate([(np.asarray(fold.attacks, np.float64) - mean) / sd for fold, (mean, sd) in pairs]),
        np.concatenate([np.asarray(fold.attack_persons, np.int32) for fold in of_folds]),
        np.concatenate([(np.asarray(fold.bona_fide, np.float64) - mean) / sd for fold, (mean, sd) in pairs]),
        np.concatenate([np.asarray(fold.bona_fide_persons, np.int32) for fold in of_folds]),
    )


def _scale(fold: DetectorFold) -> tuple[float, float]:
    """Mean and standard deviation; of equal scores 1: then a fold has no scale, and needs none."""
    scores = finite_scores(fold.calibration, "bona fide").astype(np.float64)
    if scores.size < 2:
        raise UndefinedMetricError(
            "scores of several models were to share a scale",
            found=f"{scores.size} bona fide scores to set it by",
            todo="add people or recordings",
        )
    return float(scores.mean()), float(scores.std(ddof=1)) or 1.0


def passed_where_missing(attacks: npt.NDArray[np.float32], *others: npt.NDArray[np.float32]) -> Floats:
    """Outputs without a score below every score there is: never flagged."""
    values = attacks.astype(np.float64)
    known = np.concatenate([values[np.isfinite(values)], *(part.astype(np.float64) for part in others)])
    values[np.isnan(values)] = (known.min() if known.size else 0.0) - 1.0
    return values
