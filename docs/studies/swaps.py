"""Intervals of swaps and morphs: one-sided errors of cases c and e with two and three people a trial.

python docs/studies/swaps.py            half an hour of one core; writes swaps*.csv and swaps.md beside this file
python docs/studies/swaps.py --short    about 20 s; fewer runs, a smaller grid
python docs/studies/swaps.py --out DIR  write elsewhere
python docs/studies/swaps.py --page     no simulation: the page again from the tables

Every sample is a host once; its donor is drawn from the host's third of the people. Three figures of such a run, and
one of morphs (the plan itself spreads the donors evenly over people, which is easier):

    output     one decision per output                                        host, donor          4 a host
    reference  every output with the host's three other recordings            host, donor         12 a host
    pair       two outputs of one host with different donors                  host, donor, donor   6 a host
    morph      one decision per morph, everyone in two morphs                 two contributors     2 a person
"""

from __future__ import annotations

import argparse
import itertools
import os
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any, NamedTuple

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
sys.path.insert(0, str(Path(__file__).parent))

import numpy as np
import run
from intervals import ends, errors, summarise
from populations import comparisons, non_mated
from results import Criterion, column, line, table
from scipy import special

from visavox.metrics import effective_size as es
from visavox.metrics.intervals import RateInterval, Stratum, rate_at_threshold_interval
from visavox.metrics.operating_points import threshold_at_fmr

Row = dict[str, Any]
SAMPLES, TARGET = 4, 1e-3
DESIGNS = ("output", "reference", "pair", "morph")
PEOPLE, RATES, EFFECTS = (40, 80, 160), (0.02, 0.07, 0.2, 0.6), (0.0, 0.1, 0.2)
OUTPUT_EFFECT = {"output": 0.0, "reference": 0.1, "pair": 0.1, "morph": 0.0}
"""Share of the variance that belongs to an output, where it is in several trials."""
PERSON_EFFECT = 0.05
"""Of each of the two people of a non-mated comparison."""
MOST_COMPARISONS = 40_000
NEW_PLAN = 20
"""Runs that share one plan."""


class Trials(NamedTuple):
    """Trials of a plan: numbers of outputs (one or two a trial), and people (host, donor, other donor)."""

    outputs: tuple[np.ndarray, ...]
    people: tuple[np.ndarray, ...]


def swaps(rng: np.random.Generator, k: int) -> tuple[np.ndarray, np.ndarray]:
    """Host and donor of every output."""
    third = rng.permutation(k) % 3
    host = np.repeat(np.arange(k), SAMPLES)
    donor = np.empty_like(host)
    for one in range(3):
        members = np.flatnonzero(third == one)
        place = np.flatnonzero(third[host] == one)
        own = np.searchsorted(members, host[place])
        donor[place] = members[(own + rng.integers(1, members.size, place.size)) % members.size]
    return host, donor


def trials(rng: np.random.Generator, design: str, k: int) -> Trials:
    """The trials of a design: those of a fresh plan of swaps, or of morphs of neighbours on a circle."""
    if design == "morph":
        order = rng.permutation(k)
        return Trials((np.arange(k),), (order, np.roll(order, 1)))
    return trials_of(design, *swaps(rng, k))


def trials_of(design: str, host: np.ndarray, donor: np.ndarray) -> Trials:
    """The trials of a plan of swaps."""
    if design != "pair":
        output = np.repeat(np.arange(host.size), SAMPLES - 1 if design == "reference" else 1)
        return Trials((output,), (host[output], donor[output]))
    a, b = np.triu_indices(SAMPLES, 1)
    first = np.arange(0, host.size, SAMPLES)[:, None]
    one, other = (first + a).ravel(), (first + b).ravel()
    kept = donor[one] != donor[other]
    one, other = one[kept], other[kept]
    return Trials((one, other), (host[one], donor[one], donor[other]))


def latent(
    rng: np.random.Generator, design: str, data: Trials, k: int, donors: float, hosts: float, runs: int
) -> np.ndarray:
    """Standard normal scores (runs, trials): effects of the host, of each donor and of each output, and noise.

    The contributors of a morph have no roles: one effect a person.
    """
    output, left = OUTPUT_EFFECT[design], 1 - hosts
    of_host = rng.standard_normal((runs, k))
    scores = np.sqrt(hosts) * of_host[:, data.people[0]]
    of_donor = of_host if design == "morph" else rng.standard_normal((runs, k))
    of_output = rng.standard_normal((runs, k * SAMPLES))
    for role, made in zip(data.people[1:], data.outputs, strict=True):
        scores += np.sqrt(donors) * of_donor[:, role] + np.sqrt(output) * of_output[:, made]
        left -= donors + output
    scores += np.sqrt(left) * rng.standard_normal(scores.shape)
    return scores


def stratum(scores: np.ndarray, people: tuple[np.ndarray, ...], threshold: float, non: Any = None) -> Stratum:
    """``non``: the non-mated scores and both their people; none: the threshold is given."""
    scored, first, second = ((), (), ()) if non is None else non
    return Stratum(
        scores=scores,
        persons=people[0],
        threshold=threshold,
        target_fmr=TARGET,
        non_mated=scored,
        non_first=first,
        non_second=second,
        frozen=non is None,
        seconds=people[1],
        thirds=people[2] if len(people) == 3 else None,
    )


def interval(design: str, one: Stratum) -> RateInterval:
    """The product's interval of a design."""
    return rate_at_threshold_interval([one], interchangeable=design == "morph")


def cells_of(design: str, effects: tuple[float, ...]) -> list[tuple[float, float]]:
    """Effects of donor and host; a morph's contributors have the same."""
    both = itertools.product(effects, effects)
    return [(donors, hosts) for donors, hosts in both if design != "morph" or donors == hosts]


def given(design: str, k: int, rate: float, donors: float, hosts: float, runs: int, seed: list[int]) -> Row:
    """Case c: the threshold is given."""
    rng = np.random.default_rng(seed)
    threshold, found = float(special.ndtri(1 - rate)), []
    for _ in range(0, runs, NEW_PLAN):
        data = trials(rng, design, k)
        scores = latent(rng, design, data, k, donors, hosts, NEW_PLAN)
        if design in {"output", "reference"}:
            some = es.crossed(scores >= threshold, data.people[1], data.people[0], k)
            found += [(p, n / deff, some.df) for p, n, deff in zip(some.p, some.n, some.deff, strict=True)]
        else:
            some_runs = [interval(design, stratum(row, data.people, threshold)).basis for row in scores]
            found += [(one.p_low, one.n_eff_low, one.df) for one in some_runs]
    columns = np.array(found)
    return errors(rate, *ends(columns[:, 0], columns[:, 1], columns[:, 2]))


def estimated(design: str, k: int, rate: float, effects: tuple[float, ...], runs: int, seed: list[int]) -> list[Row]:
    """Case e: the threshold for FMR 1e-3 is estimated on the same people; one row per pair of effects.

    All pairs of effects of a run share its plan and its non-mated scores (common random numbers).
    """
    rng = np.random.default_rng(seed)
    shift = float(special.ndtri(1 - TARGET) - special.ndtri(1 - rate))
    each = max(1, 640 // k)
    first, second = comparisons(k, each)
    cells = cells_of(design, effects)
    found: dict[tuple[float, float], list[RateInterval]] = {cell: [] for cell in cells}
    for number in range(runs):
        if number % NEW_PLAN == 0:
            data = trials(rng, design, k)
        scored = non_mated(rng, k, each, PERSON_EFFECT)
        threshold = threshold_at_fmr(scored, TARGET).threshold
        for cell in cells:
            scores = shift + latent(rng, design, data, k, *cell, 1)[0]
            one = stratum(scores, data.people, threshold, (scored, first, second))
            found[cell].append(interval(design, one))
    return [
        {"design": design, "threshold": "estimated", "people": k, "rate": rate, "donor": cell[0], "host": cell[1]}
        | summarise(rate, found[cell])
        for cell in cells
    ]


def cell_group(design: str, k: int, rate: float, effects: tuple[float, ...], runs: int) -> list[Row]:
    """All effects of one design, number of people and rate, thresholds given and estimated."""
    at, by = DESIGNS.index(design), int(1000 * rate)
    rows: list[Row] = []
    for donors, hosts in cells_of(design, effects):
        found = given(design, k, rate, donors, hosts, runs, [7, at, k, by, int(10 * donors), int(10 * hosts)])
        cell = {"people": k, "rate": rate, "donor": donors, "host": hosts}
        rows.append({"design": design, "threshold": "given"} | cell | found)
    return rows + estimated(design, k, rate, effects, runs, [8, at, k, by])


def compared(rng: np.random.Generator, design: str, k: int, host: np.ndarray, donor: np.ndarray) -> list[np.ndarray]:
    """People of the non-mated comparisons of outputs, no person twice: hosts and references first, then donors."""
    if design == "reference":
        output, other = (side.ravel() for side in np.indices((host.size, k)))
        roles = [host[output], other, donor[output]]
    else:
        one, two = np.triu_indices(host.size, 1)
        roles = [host[one], host[two], donor[one], donor[two]]
    apart = np.all([first != second for first, second in itertools.combinations(roles, 2)], axis=0)
    kept = np.flatnonzero(apart)
    if kept.size > MOST_COMPARISONS:
        kept = rng.choice(kept, MOST_COMPARISONS, replace=False)
    return [role[kept] for role in roles]


def unnamed(design: str, k: int, rate: float, hidden: float, runs: int) -> list[Row]:
    """Case e where the non-mated comparisons depend on the donors too: two people named, and all of them.

    An output (host, donor) with a recording of someone else: three people; two outputs: four. Effects of hosts and
    references as elsewhere, of each donor as given. Trials: effects .1 and .1.
    """
    rng = np.random.default_rng([9, DESIGNS.index(design), k, int(1000 * rate), int(100 * hidden)])
    shift = float(special.ndtri(1 - TARGET) - special.ndtri(1 - rate))
    found: dict[str, list[RateInterval]] = {"two": [], "all": []}
    for number in range(runs):
        if number % NEW_PLAN == 0:
            host, donor = swaps(rng, k)
            data = trials_of(design, host, donor)
            roles = compared(rng, design, k, host, donor)
        effect = rng.standard_normal(k)
        scored = np.sqrt(PERSON_EFFECT) * (effect[roles[0]] + effect[roles[1]])
        left = 1 - 2 * PERSON_EFFECT
        for role in roles[2:]:
            scored += np.sqrt(hidden) * effect[role]
            left -= hidden
        scored += np.sqrt(left) * rng.standard_normal(scored.size)
        threshold = threshold_at_fmr(scored, TARGET).threshold
        scores = shift + latent(rng, design, data, k, 0.1, 0.1, 1)[0]
        two = stratum(scores, data.people, threshold, (scored, roles[0], roles[1]))
        every = two._replace(non_thirds=roles[2], non_fourths=roles[3] if len(roles) == 4 else None)
        found["two"].append(rate_at_threshold_interval([two]))
        found["all"].append(rate_at_threshold_interval([every]))
    cell = {"design": design, "people": k, "rate": rate, "donor_effect": hidden}
    return [cell | {"named": name} | summarise(rate, intervals) for name, intervals in found.items()]


def simulate(short: bool, jobs: int) -> tuple[list[Row], list[Row]]:
    """Both tables; every group of cells has its own seed, so that the number of processes changes nothing."""
    people, rates, effects, runs = (
        (PEOPLE, RATES, EFFECTS, 1000) if not short else ((40,), (0.07, 0.6), (0.0, 0.2), 100)
    )
    hidden, some = ((0.0, 0.1), (0.07, 0.6)) if not short else ((0.1,), (0.07,))
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        named = [
            pool.submit(unnamed, *key, runs) for key in itertools.product(("reference", "pair"), people, some, hidden)
        ]
        groups = {
            key: pool.submit(cell_group, *key, effects, runs) for key in itertools.product(DESIGNS, people[::-1], rates)
        }
        for key, group in groups.items():
            group.result()
            print(*key, flush=True)
        rows = [row for key in itertools.product(DESIGNS, people, rates) for row in groups[key].result()]
        return rows, [row for one in named for row in one.result()]


def criteria(rows: list[Row]) -> list[Criterion]:
    """One per design and kind of threshold."""
    found = []
    for design, threshold in itertools.product(DESIGNS, ("given", "estimated")):
        up, lo, runs = (column(rows, name, design=design, threshold=threshold) for name in ("err_up", "err_lo", "runs"))
        margin = 0.08 + 2 * np.sqrt(0.08 * 0.92 / runs)
        text = f"upper mean {up.mean():.4f} max {up.max():.4f}; lower mean {lo.mean():.4f} max {lo.max():.4f}"
        found.append(
            Criterion(
                f"{design}, threshold {threshold}: both one-sided errors <= .08 + 2 SE in all {up.size} cells",
                text,
                bool((up <= margin).all() and (lo <= margin).all()),
            )
        )
    return found


def by_people(rows: list[Row]) -> list[str]:
    """Means and maxima over effects, a row per design, threshold, number of people and rate."""
    grouped: list[Row] = []
    keys = ("design", "threshold", "people", "rate")
    for key in sorted({tuple(row[name] for name in keys) for row in rows}, key=str):
        some = [row for row in rows if tuple(row[name] for name in keys) == key]
        up, lo, cover = (column(some, name) for name in ("err_up", "err_lo", "cover"))
        grouped.append(
            dict(zip(keys, key, strict=True))
            | {"upper mean": float(up.mean()), "upper max": float(up.max())}
            | {"lower mean": float(lo.mean()), "lower max": float(lo.max()), "least coverage": float(cover.min())}
        )
    order = {name: number for number, name in enumerate((*DESIGNS, "given", "estimated"))}
    grouped.sort(key=lambda row: (order[row["design"]], order[row["threshold"]], row["people"], row["rate"]))
    return table(grouped, list(grouped[0]))


def page(rows: list[Row], named: list[Row], found: list[Criterion], *, short: bool) -> str:
    """The results as Markdown."""
    runs = int(rows[0]["runs"])
    lines = ["# Intervals of swaps and morphs: results", ""]
    lines += ["Written by `docs/studies/swaps.py`; seeds are fixed, every interval is the product's."]
    error = (0.05 * 0.95 / runs) ** 0.5
    lines += [
        f"{runs:,} runs a cell (SE of a 5 % error: {error:.4f}). Every sample of {SAMPLES} a person is a host once;",
        "its donor is drawn from the host's third of the people (the plan spreads them evenly, which is easier).",
        "Effects of donor and host: 0, .1, .2 of the variance.",
        "",
        "- *output*: one decision per output, people host and donor.",
        "- *reference*: every output with the host's three other recordings; the output's effect is .1.",
        "- *pair*: two outputs of one host with different donors, three people a trial; each output's effect is .1.",
        "- *morph*: one decision per morph of two people, everyone in two; donor and host are the contributors, alike.",
        "- *threshold given*: case c. *estimated*: case e, FMR 1e-3 on the same people, person effects of .05.",
        "",
        "Upper error: the one-sided 95 % upper bound lies below the truth (a false PASS where low is safe).",
        "Lower error: the other side. Nominal .05.",
    ]
    lines += ["", "**Short form: figures are coarse.**"] if short else []
    lines += ["", "## Criteria", "", "| criterion | found | met |", "|---|---|---|"]
    lines += [f"| {c.what} | {c.found} | {'yes' if c.is_met else '**NO**'} |" for c in found]
    lines += ["", "## By design, people and rate", "", *by_people(rows)]
    worst = sorted((row for row in rows if max(row["err_up"], row["err_lo"]) > 0.06), key=lambda row: -row["err_up"])
    names = ["design", "threshold", "people", "rate", "donor", "host", "err_up", "err_lo", "cover"]
    lines += ["", f"## Cells with an error above .06: {len(worst)} of {len(rows)}", ""]
    lines += table(worst, names) if worst else ["None."]
    lines += [
        "",
        "## Who is named in the non-mated comparisons",
        "",
        "Case e. A non-mated comparison of an output with a recording of someone else (*reference*) depends on three",
        "people: host, donor, reference; one of two outputs (*pair*) on four: two hosts, two donors. Named to the",
        "interval: hosts and references alone (two), or all. `donor_effect`: each donor's share of the variance, the",
        f"others having .05. On the trials: donor .1, host .1. At most {MOST_COMPARISONS:,} comparisons.",
        "",
        *table(named, ["design", "people", "rate", "donor_effect", "named", "err_up", "err_lo", "cover", "width"]),
    ]
    return "\n".join(lines) + "\n"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--short", action="store_true", help="fewer runs, a smaller grid")
    parser.add_argument(
        "--out", type=Path, default=None, help="folder to write to; default: this one, none with --short"
    )
    parser.add_argument("--page", action="store_true", help="no simulation: the page again from the tables")
    parser.add_argument(
        "--jobs", type=int, default=os.cpu_count() or 1, help="processes; the results do not depend on it"
    )
    asked = parser.parse_args()
    folder: Path | None = asked.out or (None if asked.short else Path(__file__).parent)
    if asked.page and folder is not None:
        rows, named = run.read(folder / "swaps.csv"), run.read(folder / "swaps_named.csv")
    else:
        start = time.perf_counter()
        rows, named = simulate(asked.short, asked.jobs)
        print(f"{len(rows) + len(named)} rows, {time.perf_counter() - start:.0f} s", flush=True)
    found = criteria(rows)
    for criterion in found:
        print(line(criterion))
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
        run.write(folder / "swaps.csv", rows)
        run.write(folder / "swaps_named.csv", named)
        rows, named = run.read(folder / "swaps.csv"), run.read(folder / "swaps_named.csv")  # as whoever reads them
        (folder / "swaps.md").write_text(page(rows, named, criteria(rows), short=asked.short), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
