"""Studies of the verdict: people needed, and how often the gate says PASS and FAIL at a known true rate."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
from populations import sizes, successes

from visavox.core.figures import IntervalBasis
from visavox.metrics import effective_size as es
from visavox.metrics import intervals, multiplicity, planning

Row = dict[str, Any]
SECTION_7 = {
    (0.07, 0.0): (18, 12, 18, 12, 18, 12),
    (0.07, 0.0175): (43, 29, 47, 31, 51, 37),
    (0.07, 0.035): (107, 65, 116, 71, 126, 91),
    (0.05, 0.0125): (60, 37, 65, 43, 77, 51),
    (0.01, 0.0): (126, 84, 126, 84, 126, 84),
    (0.01, 0.0025): (338, 207, 338, 224, 367, 243),
}
SECTION_7_SWAP = {(0.07, 0.0175): (57, 46), (0.07, 0.035): (120, 77), (0.05, 0.0125): (82, 62)}


def plan(limits: tuple[float, ...] = (0.07, 0.05, 0.01)) -> list[Row]:
    """People needed to PASS with 80 % power, beside the figures of the specification."""
    rows: list[Row] = []
    for (limit, rate), stated in SECTION_7.items():
        if limit in limits:
            for (icc, m), number in zip(itertools.product((0.0, 0.1, 0.2), (4, 10)), stated, strict=True):
                needed = planning.people_needed(limit, rate, icc, m)
                rows.append(
                    {"form": "person", "limit": limit, "rate": rate, "icc": icc, "trials": m, "people": needed}
                    | {"specification": number, "ratio": needed / number}
                )
    for (limit, rate), pair in SECTION_7_SWAP.items():
        if limit in limits:
            for m, number in zip((4, 10), pair, strict=True):
                needed = planning.people_needed_swap(limit, rate, m)
                rows.append(
                    {"form": "swap", "limit": limit, "rate": rate, "icc": "effects .2", "trials": m}
                    | {"people": needed, "specification": number, "ratio": needed / number}
                )
    return rows


def verdicts(
    rng: np.random.Generator,
    model: str,
    rate: float,
    icc: float,
    k: int,
    m: int,
    unequal: bool,
    limit: float,
    runs: int,
) -> tuple[float, float]:
    """Shares of PASS and of FAIL for one gated cell."""
    trials = sizes(rng, runs, k, m, unequal)
    data = es.clustered(successes(rng, model, rate, icc, trials), trials)
    size = data.n / data.deff
    passed = es.upper_bounds(data.p, size, data.df, 0.05) <= limit
    failed = es.lower_bounds(data.p, size, data.df, 0.05) > limit
    return float(passed.mean()), float(failed.mean())


def gate(runs: int, people: tuple[int, ...] = (20, 40, 80, 160), limits: tuple[float, ...] = (0.07, 0.02)) -> list[Row]:
    """At the limit: false PASS. At a quarter of it with the planner's people: PASS. At three times it: FAIL."""
    rows = []
    for seed, (limit, model, unequal, k, m, icc) in enumerate(
        itertools.product(limits, ("bb", "pn"), (False, True), people, (4, 10, 20), (0.0, 0.05, 0.1, 0.2))
    ):
        rng = np.random.default_rng([7, seed])
        passed, failed = verdicts(rng, model, limit, icc, k, m, unequal, limit, runs)
        rows.append(
            {"at": "limit", "limit": limit, "model": model, "unequal": unequal, "people": k, "trials": m}
            | {"icc": icc, "pass": passed, "fail": failed, "runs": runs}
        )
    for seed, (limit, model, m, icc) in enumerate(itertools.product(limits, ("bb", "pn"), (4, 10), (0.0, 0.1, 0.2))):
        rng = np.random.default_rng([8, seed])
        needed = planning.people_needed(limit, limit / 4, icc, m)
        for at, factor in (("limit / 4", 0.25), ("3 x limit", 3.0)):
            passed, failed = verdicts(rng, model, factor * limit, icc, needed, m, False, limit, runs)
            rows.append(
                {"at": at, "limit": limit, "model": model, "unequal": False, "people": needed, "trials": m}
                | {"icc": icc, "pass": passed, "fail": failed, "runs": runs}
            )
    return rows


def family(runs: int) -> list[Row]:
    """Eight gated cells, all exactly at the limit: how often Holm over their p-values says FAIL at all."""
    rows = []
    for icc in (0.0, 0.2):
        rng = np.random.default_rng([9, int(100 * icc)])
        any_fail = 0
        for _ in range(runs):
            trials = np.full((8, 80), 10)
            data = es.clustered(successes(rng, "bb", 0.07, icc, trials), trials)
            lowest = es.lower_bounds(data.p, data.n / data.deff, data.df, 0.05) > 0.07
            p_values = np.ones(8)  # a cell that does not miss at .05 has p > .05 and is never rejected
            for cell in np.flatnonzero(lowest):
                size = data.n[cell] / data.deff[cell]
                basis = IntervalBasis(
                    p_low=data.p[cell], n_eff_low=size, p_high=data.p[cell], n_eff_high=size, df=data.df
                )
                p_values[cell] = intervals.p_value_fail((basis,), 0.07)
            any_fail += bool(multiplicity.holm(p_values, 0.05).any())
        rows.append({"cells": 8, "people": 80, "trials": 10, "icc": icc, "any_fail": any_fail / runs, "runs": runs})
    return rows
