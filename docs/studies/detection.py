"""Do the bounds of TPR at an FPR cover, over three folds with thresholds read from other people? Writes detection.csv

python docs/studies/detection.py [RUNS]   one row a cell: people, recordings, spread between people, true TPR

Scores are normal; every person shifts both classes of their media by an effect of their own. The truth is the TPR at
the threshold that realises the FPR in the population, which no run knows.
"""

from __future__ import annotations

import csv
import itertools
import sys
from pathlib import Path

import numpy as np
from scipy.special import ndtri

from visavox.metrics.detector_points import DetectorFold, detection_rates
from visavox.metrics.intervals import bound_lower, bound_upper

HERE = Path(__file__).parent
FPR, ALPHA, EACH = 0.05, 0.05, 4
COLUMNS = ("people", "effect", "tpr", "runs", "mean", "above", "below")


def cell(people: int, effect: float, tpr: float, runs: int) -> dict[str, float]:
    """One-sided misses of the bounds over many runs."""
    rng = np.random.default_rng([people, int(100 * effect), int(1000 * tpr)])
    shift = ndtri(tpr) - ndtri(FPR)  # the total variance is one in either class
    above = below = 0
    values = []
    for _ in range(runs):
        own = rng.normal(0, effect**0.5, people)
        persons = np.repeat(np.arange(people), EACH)

        def scores(persons: np.ndarray = persons, own: np.ndarray = own) -> np.ndarray:
            return own[persons] + rng.normal(0, (1 - effect) ** 0.5, persons.size)

        bona_fide, attacks = scores(), scores() + shift
        folds = []
        for turn in range(3):
            judged, calibrating = persons % 3 == turn, persons % 3 == (turn + 2) % 3
            folds.append(
                DetectorFold(
                    attacks[judged],
                    persons[judged],
                    bona_fide[judged],
                    persons[judged],
                    bona_fide[calibrating],
                    persons[calibrating],
                )
            )
        found = detection_rates(folds, FPR).tpr
        values.append(found.p)
        above += bound_lower(found.basis, ALPHA) > tpr
        below += bound_upper(found.basis, ALPHA) < tpr
    return {
        "people": people,
        "effect": effect,
        "tpr": tpr,
        "runs": runs,
        "mean": round(float(np.mean(values)), 4),
        "above": above / runs,
        "below": below / runs,
    }


def main(runs: int) -> None:
    rows = [
        cell(people, effect, tpr, runs)
        for people, effect, tpr in itertools.product((48, 100, 200), (0.0, 0.2, 0.5), (0.3, 0.7, 0.9, 0.97))
    ]
    with (HERE / "detection.csv").open("w", newline="") as stream:
        writer = csv.DictWriter(stream, COLUMNS)
        writer.writeheader()
        writer.writerows(rows)
    for row in rows:
        print(*row.values())


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1000)
