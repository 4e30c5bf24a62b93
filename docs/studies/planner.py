"""The planner's number of people, held against the judge's own interval at a threshold read from the same people.

python docs/studies/planner.py            minutes; writes planner.csv and planner.md beside this file
python docs/studies/planner.py --short    about 20 s; fewer cells and runs, writes nothing

For each design (m recordings a person: m (m - 1) trials each, m^2 comparisons a pair of people, FMR 1e-3) the planner
names the people for a PASS at a quarter and at half of the limit. So many people are then simulated and judged by
``rate_at_threshold_interval``: normal scores of equal spread, mated ones shifted so that the true rate is met where the
FMR is exactly 1e-3; people differ by a correlation of the 0/1 trials (ICC) and, among strangers, by a person effect.
The planner assumes ICC .2 and a person effect of .05.
"""

from __future__ import annotations

import itertools
import os
import sys
import time
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")
sys.path.insert(0, str(Path(__file__).parent))

import numpy as np
from populations import comparisons, latent_correlation, non_mated
from scipy import special

from visavox.metrics import intervals, operating_points, planning, power

FMR = 1e-3
Row = dict[str, Any]


def design(m: int) -> power.Design:
    """m recordings a person, every output against the person's other recordings."""
    each = m * (m - 1)
    return power.Design(
        people=40, trials=40 * each, floor=1 + (each - 1) * 0.2, non_mated=40 * 39 // 2 * m * m, fmr=FMR
    )


def interval(
    rng: np.random.Generator, k: int, m: int, rate: float, icc: float, person: float
) -> intervals.RateInterval:
    """One simulated run of k people, by the product's case e."""
    latent = latent_correlation(rate, icc) if icc else 0.0
    shift = special.ndtri(1 - FMR) - special.ndtri(1 - rate)
    each = m * (m - 1)
    own = np.sqrt(latent) * rng.standard_normal(k)[:, None] + np.sqrt(1 - latent) * rng.standard_normal((k, each))
    first, second = comparisons(k, m * m)
    strangers = non_mated(rng, k, m * m, person)
    threshold = operating_points.threshold_at_fmr(strangers, FMR).threshold
    owner = np.repeat(np.arange(k), each)
    trials = intervals.Stratum(shift + own.ravel(), owner, threshold, FMR, strangers, first, second)
    return intervals.rate_at_threshold_interval([trials])


def shares(k: int, m: int, rate: float, limit: float, icc: float, person: float, runs: int) -> tuple[float, float]:
    """Shares of PASS and of FAIL."""
    rng = np.random.default_rng([11, k, m, round(1e4 * rate), round(100 * icc), round(100 * person)])
    found = [interval(rng, k, m, rate, icc, person).basis for _ in range(runs)]
    passed = np.mean([intervals.bound_upper(basis, 0.05) <= limit for basis in found])
    failed = np.mean([intervals.bound_lower(basis, 0.05) > limit for basis in found])
    return float(passed), float(failed)


def study(runs: int, designs: tuple[tuple[int, float], ...], iccs: tuple[float, ...]) -> list[Row]:
    """One row a cell; designs are (recordings a person, limit)."""
    rows = []
    for (m, limit), part in itertools.product(designs, (0.25, 0.5)):
        people = power.people_to_pass(design(m), limit, part * limit)
        given = planning.people_needed(limit, part * limit, 0.2, m * (m - 1))
        for icc, person in itertools.product(iccs, (0.0, 0.05)):
            passed, _ = shares(people, m, part * limit, limit, icc, person, runs)
            wrong, _ = shares(people, m, limit, limit, icc, person, runs)
            _, failed = shares(people, m, 3 * limit, limit, icc, person, runs)
            rows.append(
                {"recordings": m, "limit": limit, "rate": part * limit, "icc": icc, "person": person}
                | {"people_threshold_given": given, "people": people, "factor": people / given}
                | {"pass": passed, "pass_at_limit": wrong, "fail_at_3_limits": failed, "runs": runs}
            )
            print(rows[-1], flush=True)
    return rows


def page(rows: list[Row]) -> str:
    """The figures as a page."""
    quarter = [row for row in rows if row["rate"] < 0.3 * row["limit"]]
    half = [row for row in rows if row not in quarter]
    error = (0.06 * 0.94 / rows[0]["runs"]) ** 0.5
    mild = [row for row in rows if not row["person"]]
    lines = [
        "# The planner's number of people, checked with the threshold's error in it",
        "",
        "Written by `python docs/studies/planner.py`; the seeds are fixed. `visavox plan` asks"
        " `visavox.metrics.power`;",
        "the verdicts here are those of the judge's interval (STATISTICS 3e) on simulated people."
        " The planner assumes an",
        "intra-person correlation (ICC) of .2, as the judge does where the data say nothing, and a person effect",
        "of .05 on strangers' scores; with less of either more runs pass.",
        "",
        "| criterion | found |",
        "|---|---|",
        f"| PASS at limit / 4 with the planner's people, >= 75 % | {low(quarter, 'pass')}, {cells(quarter)} |",
        f"| the same at limit / 2 | {low(half, 'pass')}, {cells(half)} |",
        f"| both without a person effect among strangers | {low(mild, 'pass')}, {cells(mild)} |",
        f"| PASS at the limit itself, <= 6 % + 2 SE = {0.06 + 2 * error:.1%} | largest "
        f"{max(r['pass_at_limit'] for r in rows):.1%} |",
        f"| FAIL at three times the limit, >= 80 % | {low(rows, 'fail_at_3_limits')} |",
        f"| people, over the number for a given threshold | {min(r['factor'] for r in rows):.2f} to "
        f"{max(r['factor'] for r in rows):.2f} |",
        "",
        "| recordings | limit | true rate | people, threshold given | people | factor | ICC | person effect | PASS "
        "| PASS at the limit | FAIL at 3 x |",
        "|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {r['recordings']} | {r['limit']:.0%} | {r['rate']:.2%} | {r['people_threshold_given']} | {r['people']} | "
        f"{r['factor']:.2f} | {r['icc']:g} | {r['person']:g} | {r['pass']:.1%} | {r['pass_at_limit']:.1%} | "
        f"{r['fail_at_3_limits']:.1%} |"
        for r in rows
    ]
    return "\n".join(lines) + "\n"


def low(rows: list[Row], name: str) -> str:
    return f"smallest {min(row[name] for row in rows):.1%}"


def cells(rows: list[Row]) -> str:
    return f"{sum(row['pass'] >= 0.75 for row in rows)} of {len(rows)} cells reach 75 %"


def main() -> int:
    """Runs the study."""
    started = time.perf_counter()
    if "--short" in sys.argv[1:]:
        study(60, ((3, 0.07),), (0.2,))
        return 0
    rows = study(200, ((3, 0.07), (4, 0.07), (7, 0.07), (3, 0.05), (4, 0.05)), (0.2,))
    from run import write

    folder = Path(__file__).parent
    write(folder / "planner.csv", rows)
    (folder / "planner.md").write_text(page(rows), encoding="utf-8")
    print(f"{len(rows)} cells, {time.perf_counter() - started:.0f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
