"""Studies of the intervals: errors of the one-sided bounds, coverage of the two-sided interval, cases a to e."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
from populations import comparisons, latent_correlation, non_mated, sizes, successes
from scipy import special

from visavox.metrics import curves, intervals, operating_points
from visavox.metrics import effective_size as es

Row = dict[str, Any]
SLACK = 1e-12


def errors(truth: float, lower: np.ndarray, upper: np.ndarray, low: np.ndarray, high: np.ndarray) -> Row:
    """err_up: upper bound below the truth (false PASS); err_lo: lower bound above it; cover: of the 95 % interval."""
    return {
        "err_up": float((upper < truth - SLACK).mean()),
        "err_lo": float((lower > truth + SLACK).mean()),
        "cover": float(((low <= truth + SLACK) & (high >= truth - SLACK)).mean()),
        "width": float(np.median(high - low)),
        "runs": int(upper.size),
    }


def ends(p: Any, n_eff: Any, df: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """lower, upper at .05; low, high at .025."""
    return (
        es.lower_bounds(p, n_eff, df, 0.05),
        es.upper_bounds(p, n_eff, df, 0.05),
        es.lower_bounds(p, n_eff, df, 0.025),
        es.upper_bounds(p, n_eff, df, 0.025),
    )


def case_a(runs: int, people: tuple[int, ...] = (20, 40, 80, 160)) -> list[Row]:
    """The acceptance grid of rates clustered by person."""
    rows = []
    designs = itertools.product(("bb", "pn"), (False, True))
    for seed, ((model, unequal), k, m, rate, icc) in enumerate(
        itertools.product(designs, people, (4, 10, 20), (0.02, 0.07, 0.2), (0.0, 0.05, 0.1, 0.2))
    ):
        rng = np.random.default_rng([1, seed])
        trials = sizes(rng, runs, k, m, unequal)
        hits = successes(rng, model, rate, icc, trials)
        data = es.clustered(hits, trials)
        lower, upper, low, high = ends(data.p, data.n / data.deff, data.df)
        variance = es.person_variance(hits - data.p[:, None] * trials, data.n, k)
        bare = data.n / es.design_effect(data.p, data.n, variance, 1.0)
        unfloored = es.upper_bounds(data.p, bare, data.df, 0.025) - es.lower_bounds(data.p, bare, data.df, 0.025)
        rows.append(
            {"model": model, "unequal": unequal, "people": k, "trials": m, "rate": rate, "icc": icc}
            | errors(rate, lower, upper, low, high)
            | {"width_ratio": float(np.median(high - low) / np.median(unfloored))}
        )
    return rows


def zero_rule(people: tuple[int, ...] = (20, 40, 80, 160)) -> list[Row]:
    """Exact: P(no event | true rate = the bound for no event), which must not exceed .05."""
    rows = []
    nodes, weights = np.polynomial.hermite_e.hermegauss(120)
    weights = weights / weights.sum()
    for k, m, icc in itertools.product(people, (4, 10, 20), (0.0, 0.05, 0.1, 0.2, 0.3, 0.4)):
        data = es.clustered(np.zeros(k), np.full(k, m))
        upper = float(es.upper_bounds(data.p, data.n / data.deff, data.df, 0.05))
        if icc == 0:
            beta_binomial = probit = (1 - upper) ** (k * m)
        else:
            spread = (1 - icc) / icc
            none = special.betaln(upper * spread, m + (1 - upper) * spread)
            beta_binomial = float(np.exp(k * (none - special.betaln(upper * spread, (1 - upper) * spread))))
            latent = latent_correlation(upper, icc)
            shares = special.ndtr((special.ndtri(upper) + np.sqrt(latent) * nodes) / np.sqrt(1 - latent))
            probit = float((weights * (1 - shares) ** m).sum() ** k)
        rows.append(
            {"people": k, "trials": m, "icc": icc, "upper": upper, "err_bb": beta_binomial, "err_pn": probit}
            | {"upper_any_correlation": intervals.upper_any_correlation(k, 0.05)}
        )
    return rows


def summarise(truth: float, found: list[intervals.RateInterval]) -> Row:
    """Errors of many single intervals."""
    columns = np.array([[f.basis.p_low, f.basis.n_eff_low, f.basis.df] for f in found])
    return errors(truth, *ends(columns[:, 0], columns[:, 1], columns[:, 2]))


def case_b(runs: int, people: tuple[int, ...] = (20, 40, 80)) -> list[Row]:
    """FMR over pairs of people, 4 comparisons a pair, person and pair effects."""
    rows = []
    for k, rate, (person, pair) in itertools.product(
        people, (0.001, 0.02, 0.07), ((0.0, 0.0), (0.05, 0.2), (0.15, 0.2))
    ):
        rng = np.random.default_rng([2, k, int(1000 * rate), int(100 * person)])
        first, second = comparisons(k, 4)
        threshold, found = special.ndtri(1 - rate), []
        for _ in range(runs):
            effect = np.sqrt(person) * rng.standard_normal(k)
            scores = effect[first] + effect[second] + np.sqrt(1 - 2 * person - pair) * rng.standard_normal(first.size)
            scores += np.sqrt(pair) * np.repeat(rng.standard_normal(first.size // 4), 4)
            found.append(intervals.pair_rate_interval(scores >= threshold, first, second))
        rows.append({"people": k, "rate": rate, "person": person, "pair": pair} | summarise(rate, found))
    return rows


def case_c(runs: int, people: tuple[int, ...] = (20, 40, 80, 160)) -> list[Row]:
    """Donor x host on a circle, effects of the donor, the host or both."""
    rows = []
    effects = ((0.0, 0.0), (0.2, 0.0), (0.0, 0.2), (0.2, 0.2), (0.4, 0.1))
    for k, m, rate, (donors, hosts) in itertools.product(people, (4, 10), (0.02, 0.07, 0.2), effects):
        rng = np.random.default_rng([3, k, m, int(100 * rate), int(100 * donors), int(100 * hosts)])
        host = np.repeat(np.arange(k), m)
        donor = (host + np.tile(rng.choice(np.arange(1, k), m, replace=False), k)) % k
        latent = np.sqrt(donors) * rng.standard_normal((runs, k))[:, donor]
        latent += np.sqrt(hosts) * rng.standard_normal((runs, k))[:, host]
        latent += np.sqrt(1 - donors - hosts) * rng.standard_normal((runs, host.size))
        data = es.crossed(latent >= special.ndtri(1 - rate), donor, host, k)
        bounds = ends(data.p, data.n / data.deff, data.df)
        rows.append({"people": k, "trials": m, "rate": rate, "donor": donors, "host": hosts} | errors(rate, *bounds))
    return rows


def templates(rng: np.random.Generator, k: int, m: int, noise: float) -> tuple[np.ndarray, np.ndarray]:
    """Mated (all pairs of m samples) and non-mated (4 a pair of people) cosines; the noise differs by person."""
    centres = rng.standard_normal((k, 32))
    spread = noise * np.exp(0.25 * rng.standard_normal(k))
    samples = centres[:, None] + spread[:, None, None] * rng.standard_normal((k, m, 32))
    samples /= np.linalg.norm(samples, axis=2, keepdims=True)
    a, b = np.triu_indices(m, 1)
    mated = np.einsum("kad,kad->ka", samples[:, a], samples[:, b]).ravel()
    i, j = np.triu_indices(k, 1)
    crossed = [np.einsum("pd,pd->p", samples[i, c % m], samples[j, (c + 1) % m]) for c in range(4)]
    return mated, np.stack(crossed, 1).ravel()


def case_d(runs: int, people: tuple[int, ...] = (20, 40, 80), truth_people: int = 1000) -> list[Row]:
    """EER and AUC of cosines of 32 dimensions, 4 samples a person; truth from eight large populations."""
    rows = []
    for noise in (0.85, 1.4, 3.5):
        rng = np.random.default_rng([4, int(100 * noise)])
        large = [templates(rng, truth_people, 4, noise) for _ in range(8)]
        truths = {"eer": [curves.eer(*data).eer for data in large], "auc": [curves.auc(*data) for data in large]}
        for k in people:
            owner, (first, second) = np.repeat(np.arange(k), 6), comparisons(k, 4)
            found: dict[str, list[intervals.RateInterval]] = {"eer": [], "auc": []}
            for _ in range(runs):
                mated, non = templates(rng, k, 4, noise)
                found["eer"].append(curves.eer_interval(mated, owner, non, first, second))
                found["auc"].append(curves.auc_interval(mated, owner, non, first, second))
            for name, values in found.items():
                truth = float(np.mean(truths[name]))
                rows.append(
                    {"figure": name, "noise": noise, "truth": truth, "truth_se": float(np.std(truths[name]) / 8**0.5)}
                    | {"people": k}
                    | summarise(truth, values)
                )
    return rows


def stratum(rng: np.random.Generator, k: int, m: int, rate: float, icc: float, person: float, frozen: bool) -> Any:
    """m (m - 1) trials a person at the rate that the threshold of exactly FMR 1e-3 would give; m^2 a pair."""
    target = 1e-3
    shift = special.ndtri(1 - target) - special.ndtri(1 - rate)
    each = m * (m - 1)
    scores = np.sqrt(icc) * rng.standard_normal(k)[:, None] + np.sqrt(1 - icc) * rng.standard_normal((k, each))
    first, second = comparisons(k, m * m)
    scored = non_mated(rng, k, m * m, person)
    threshold = operating_points.threshold_at_fmr(scored, target).threshold
    owner = np.repeat(np.arange(k), each)
    return intervals.Stratum(shift + scores.ravel(), owner, threshold, target, scored, first, second, frozen=frozen)


def case_e(
    runs: int, people: tuple[int, ...] = (40, 80, 160), rates: tuple[float, ...] = (0.02, 0.07, 0.2, 0.5, 0.9)
) -> list[Row]:
    """A rate at the threshold for FMR 1e-3 estimated on the same people; beside it the same with it frozen."""
    rows = []
    for k, rate, icc, person in itertools.product(people, rates, (0.0, 0.2), (0.0, 0.05)):
        rng = np.random.default_rng([5, k, int(100 * rate), int(100 * icc), int(100 * person)])
        estimated, frozen = [], []
        for _ in range(runs if k < 160 else max(1, runs // 2)):
            data = stratum(rng, k, 4, rate, icc, person, frozen=False)
            estimated.append(intervals.rate_at_threshold_interval([data]))
            frozen.append(intervals.rate_at_threshold_interval([data._replace(frozen=True)]))
        ignored = summarise(rate, frozen)
        row = {"people": k, "rate": rate, "icc": icc, "person": person} | summarise(rate, estimated)
        row |= {"ignored_err_up": ignored["err_up"], "ignored_err_lo": ignored["err_lo"]}
        rows.append(row | {"people_factor": (row["width"] / ignored["width"]) ** 2})
    return rows


def case_e_strata(runs: int, people: tuple[int, ...] = (40, 80)) -> list[Row]:
    """Two kinds of comparison pooled, rates .05 and .4, each at its own estimated threshold."""
    rows = []
    for k, person in itertools.product(people, (0.0, 0.05)):
        rng = np.random.default_rng([6, k, int(100 * person)])
        found = [
            intervals.rate_at_threshold_interval(
                [stratum(rng, k, 4, 0.05, 0.2, person, False), stratum(rng, k, 4, 0.4, 0.2, person, False)]
            )
            for _ in range(runs)
        ]
        rows.append({"people": k, "person": person} | summarise(0.225, found))
    return rows
