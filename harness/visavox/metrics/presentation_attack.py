"""Errors of a detector of synthetic media, species by species: APCER, BPCER, BPCER10/20/100, D-EER.

Scores are attack scores: higher = more synthetic; a medium is flagged iff ``score >= threshold``. A *species* is one
way to make attacks (an editor, a generator); APCER is that of the species that passes most, never a mean.

Reference: ISO/IEC 30107-3:2023, clauses 13.2 and 13.3. Of morphs ISO/IEC 20059 calls the two MACER and BSCER.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from visavox.core.errors import UndefinedMetricError

from .arrays import Scores, finite_scores
from .curves import eer
from .mean_intervals import MeanInterval
from .operating_points import RULE_OF_3, check_target, meets_rule
from .score_tables import PeopledScores, ScoreCounts, counts_of, jackknife

BPCER_POINTS: Mapping[str, float] = {"bpcer10": 0.1, "bpcer20": 0.05, "bpcer100": 0.01}
"""APCER at which each is read."""


class SpeciesError(NamedTuple):
    """How much of one species passes as bona fide."""

    species: str
    apcer: float
    n_passed: int
    n: int


class PresentationErrors(NamedTuple):
    """Both error rates at one threshold.

    Attributes:
        apcer: of the species that passes most.
        worst_species: which that is; of equal ones the first by name.
        species: all of them, by name.
        bpcer: share of bona fide media flagged.
    """

    apcer: float
    worst_species: str
    species: tuple[SpeciesError, ...]
    bpcer: float
    n_flagged: int
    n_bona_fide: int
    threshold: float


class BpcerAtApcer(NamedTuple):
    """The lowest BPCER at which no species passes more often than the target.

    Attributes:
        bpcer: share of bona fide media with score >= threshold.
        threshold: the highest one with APCER <= target.
        apcer: realised, of the worst species.
    """

    bpcer: float
    threshold: float
    apcer: float


class DetectionEer(NamedTuple):
    """The detection equal error rate of the species that has the highest.

    Attributes:
        d_eer: (APCER + BPCER) / 2 where the two are closest.
        species: whose.
        threshold: of that point; infinite where only passing everything comes closest.
        is_above_half: the scores speak against the attack: a wrong sign, or a detector that learnt something else.
    """

    d_eer: float
    species: str
    threshold: float
    apcer: float
    bpcer: float
    is_above_half: bool


def presentation_errors(
    bona_fide: npt.ArrayLike, attacks: Mapping[str, npt.ArrayLike], threshold: float
) -> PresentationErrors:
    """APCER of each species and of the worst, and BPCER, at one threshold.

    Args:
        bona_fide: (n,) attack scores of bona fide media.
        attacks: attack scores by species.
        threshold: flag iff score >= threshold.

    >>> found = presentation_errors([0.1, 0.6], {"swap": [0.4, 0.9], "morph": [0.7, 0.8]}, 0.5)
    >>> found.apcer, found.worst_species, found.bpcer
    (0.5, 'swap', 0.5)

    Raises:
        UndefinedMetricError: no species, no scores of one of them or of bona fide media, or scores not finite.
    """
    negatives, species = finite_scores(bona_fide, "bona fide"), _species(attacks)
    rows = []
    for name, scores in species.items():
        passed = int(np.count_nonzero(scores < threshold))
        rows.append(SpeciesError(name, passed / scores.size, passed, scores.size))
    worst = max(rows, key=lambda row: row.apcer)
    flagged = int(np.count_nonzero(negatives >= threshold))
    return PresentationErrors(
        worst.apcer, worst.species, tuple(rows), flagged / negatives.size, flagged, negatives.size, threshold
    )


def bpcer_at_apcer(bona_fide: npt.ArrayLike, attacks: Mapping[str, npt.ArrayLike], target_apcer: float) -> BpcerAtApcer:
    """BPCER at the highest threshold whose APCER is at most a target: BPCER10, 20, 100 at .1, .05, .01.

    >>> bpcer_at_apcer([0.1, 0.3, 0.6], {"swap": [0.2] + [0.5] * 29}, 0.1).bpcer  # doctest: +ELLIPSIS
    0.333...

    Raises:
        UndefinedMetricError: as ``presentation_errors``, a target outside (0, 1), or a species with fewer than
            3 / target attacks (rule of 3).
    """
    negatives, species = finite_scores(bona_fide, "bona fide"), _species(attacks)
    _check_support(species, target_apcer)
    return _bpcer_of(counts_of(negatives, *species.values()), target_apcer)


def bpcer_at_apcer_interval(
    bona_fide: npt.ArrayLike,
    bona_fide_persons: npt.ArrayLike,
    attacks: Mapping[str, npt.ArrayLike],
    attack_persons: Mapping[str, npt.ArrayLike],
    target_apcer: float,
    *,
    alpha: float = 0.05,
) -> MeanInterval:
    """``bpcer_at_apcer`` with its delete-one-person jackknife, the threshold chosen anew each time.

    The threshold is an order statistic of few attacks, of which a jackknife makes too much or too little: for display.

    Args:
        bona_fide_persons: (n,) integer labels; attack_persons: the same by species.
        alpha: of the one-sided bounds.

    Raises:
        UndefinedMetricError: as ``bpcer_at_apcer``, fewer than three people, or one person who has all scores of a
            class.
    """
    species = _species(attacks)
    _check_support(species, target_apcer)
    classes = [PeopledScores("bona fide", bona_fide, (bona_fide_persons,))]
    classes += [PeopledScores(name, scores, (attack_persons[name],)) for name, scores in species.items()]
    return jackknife(tuple(classes), lambda counts: _bpcer_of(counts, target_apcer).bpcer, alpha=alpha)


def d_eer(bona_fide: npt.ArrayLike, attacks: Mapping[str, npt.ArrayLike]) -> DetectionEer:
    """The detection equal error rate: of each species by the argmin rule of ``curves.eer``, and of these the highest.

    >>> d_eer([0.1, 0.2], {"swap": [0.8, 0.9], "morph": [0.15, 0.9]}).species
    'morph'

    Raises:
        UndefinedMetricError: as ``presentation_errors``.
    """
    found = {name: eer(scores, bona_fide) for name, scores in _species(attacks).items()}
    worst = max(found, key=lambda name: found[name].eer)
    point = found[worst]
    return DetectionEer(point.eer, worst, point.threshold, point.fnmr, point.fmr, point.is_above_half)


def _species(attacks: Mapping[str, npt.ArrayLike]) -> dict[str, Scores]:
    if not attacks:
        raise UndefinedMetricError("errors by attack species were asked for", found="no species")
    return {name: finite_scores(attacks[name], name) for name in sorted(attacks)}


def _check_support(species: Mapping[str, Scores], target_apcer: float) -> None:
    check_target(target_apcer)
    few = [
        f"{scores.size} of {name!r}"
        for name, scores in species.items()
        if not meets_rule(RULE_OF_3, scores.size, target_apcer)
    ]
    if few:
        raise UndefinedMetricError(
            f"BPCER at APCER {target_apcer:g} was asked for",
            found=f"{', '.join(few)} as attacks; at least {RULE_OF_3 / target_apcer:.0f} of each needed (rule of 3)",
            todo="add attacks, or ask for a larger APCER",
        )


def _bpcer_of(counts: ScoreCounts, target_apcer: float) -> BpcerAtApcer:
    bona_fide, *passed = counts.below()
    apcer = np.max(passed, axis=0)
    place = int(np.count_nonzero(apcer <= target_apcer)) - 1  # APCER rises with the threshold, from 0
    return BpcerAtApcer(float(1.0 - bona_fide[place]), counts.threshold(place), float(apcer[place]))
