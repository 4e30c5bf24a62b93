"""Do the jackknife intervals of minCllr and of expected disclosure hold what they say?

python docs/studies/evidence.py [RUNS]     prints Markdown; people who share effects, Gaussian scores; minutes
"""

from __future__ import annotations

import sys
from typing import NamedTuple

import numpy as np

from visavox.metrics import disclosure, disclosure_intervals

FIGURES = {
    "minCllr": disclosure_intervals.min_cllr_interval,
    "expected disclosure": disclosure_intervals.expected_disclosure_interval,
}


class Design(NamedTuple):
    """People, mated comparisons each, comparisons of each pair of people, standard deviation of people's effects."""

    people: int
    mated: int
    pair: int
    effect: float


DESIGNS = (Design(20, 6, 2, 0.0), Design(40, 6, 2, 0.0), Design(40, 6, 2, 0.45), Design(80, 6, 1, 0.45))


def draw(design: Design, distance: float, rng: np.random.Generator) -> tuple[np.ndarray, ...]:
    """Scores of unit variance in either class, mated ones higher by ``distance``."""
    effects = design.effect * rng.standard_normal(design.people)
    owner = np.repeat(np.arange(design.people), design.mated)
    i, j = (np.repeat(side, design.pair) for side in np.triu_indices(design.people, 1))
    rest = np.sqrt(1 - design.effect**2)
    mated = distance + effects[owner] + rest * rng.standard_normal(owner.size)
    non_mated = (effects[i] + effects[j]) / np.sqrt(2) + rest * rng.standard_normal(i.size)
    return mated, owner, non_mated, i, j


def truths(distance: float) -> dict[str, float]:
    """The figures of the populations, from two million scores of either class."""
    rng = np.random.default_rng(9)
    mated, non_mated = rng.normal(distance, 1, 2_000_000), rng.normal(0, 1, 2_000_000)
    return {
        "minCllr": disclosure.min_cllr(mated, non_mated),
        "expected disclosure": disclosure.zebra(mated, non_mated).expected_bit,
    }


def main() -> None:
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    rng = np.random.default_rng(1)
    print("| figure | distance | people | effect | true | mean estimate | interval wholly below | wholly above |")
    print("|---" * 8 + "|")
    for distance in (0.5, 1.5, 2.5):
        true = truths(distance)
        for design in DESIGNS:
            tables = [draw(design, distance, rng) for _ in range(runs)]
            for name, interval in FIGURES.items():
                found = [interval(*table) for table in tables]
                below = np.mean([one.high < true[name] for one in found])
                above = np.mean([one.low > true[name] for one in found])
                print(
                    f"| {name} | {distance} | {design.people} | {design.effect} | {true[name]:.4f} | "
                    f"{np.mean([one.value for one in found]):.4f} | {below:.3f} | {above:.3f} |",
                    flush=True,
                )


if __name__ == "__main__":
    main()
