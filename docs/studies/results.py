"""The acceptance criteria and the page that reports them."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

Tables = dict[str, list[dict[str, Any]]]


class Criterion(NamedTuple):
    """One acceptance criterion and what was found."""

    what: str
    found: str
    is_met: bool


def column(rows: list[dict[str, Any]], name: str, **wanted: Any) -> np.ndarray:
    return np.array([row[name] for row in rows if all(row[key] == value for key, value in wanted.items())], float)


def criteria(tables: Tables) -> list[Criterion]:
    """All criteria of STATISTICS 3 and 7."""
    found = []
    a = tables["case_a"]
    slack = short_slack(a)
    for side, name in (("upper", "err_up"), ("lower", "err_lo")):
        values = column(a, name)
        share = float((values <= 0.06 + 1e-9).mean())
        found.append(
            Criterion(f"a: {side} error <= .06 in >= 97 % of the cells", f"{share:.1%} of {values.size}", share >= 0.97)
        )
        found.append(
            Criterion(
                f"a: {side} error <= .08 in all cells",
                f"largest {values.max():.4f}, mean {values.mean():.4f}",
                bool(values.max() <= 0.08 + slack),
            )
        )
    cover = column(a, "cover")
    found.append(
        Criterion(
            "a: two-sided coverage >= 93.5 % in all cells",
            f"smallest {cover.min():.2%}",
            bool(cover.min() >= 0.935 - slack),
        )
    )
    wide = np.array([row["width_ratio"] for row in a if row["people"] >= 40])
    at_40 = float(np.median(wide))
    found.append(
        Criterion(
            "a: median width at >= 40 people <= 1.35 x the unfloored interval's",
            f"median over cells {at_40:.3f}; {(wide > 1.35).mean():.0%} of the cells above, largest {wide.max():.2f}",
            at_40 <= 1.35,
        )
    )
    zero = [row for row in tables["zero_rule"] if row["icc"] <= 0.2]
    worst = max(max(row["err_bb"], row["err_pn"]) for row in zero)
    found.append(Criterion("zero events: exact error <= .05 up to ICC .2", f"largest {worst:.4f}", worst <= 0.05))
    for name, label in (
        ("case_b", "b"),
        ("case_c", "c"),
        ("case_d", "d"),
        ("case_e", "e"),
        ("case_e_strata", "e, two strata"),
    ):
        rows = tables[name]
        up, lo, runs = column(rows, "err_up"), column(rows, "err_lo"), column(rows, "runs")
        margin = 0.08 + 2 * np.sqrt(0.08 * 0.92 / runs)
        text = f"upper mean {up.mean():.4f} max {up.max():.4f}; lower mean {lo.mean():.4f} max {lo.max():.4f}"
        found.append(
            Criterion(
                f"{label}: both one-sided errors <= .08 + 2 SE in all cells",
                text,
                bool((up <= margin).all() and (lo <= margin).all()),
            )
        )
    found += gate_criteria(tables)
    return found


def short_slack(rows: list[dict[str, Any]]) -> float:
    """The criteria of case a stand at 2,000 runs a cell; a short form is allowed three standard errors."""
    runs = float(rows[0]["runs"])
    return 0.0 if runs >= 2000 else 3 * float(np.sqrt(0.08 * 0.92 / runs))


def gate_criteria(tables: Tables) -> list[Criterion]:
    gate = tables["gate"]
    runs = float(gate[0]["runs"])
    false_pass, passed, failed = (
        column(gate, "pass", at="limit"),
        column(gate, "pass", at="limit / 4"),
        column(gate, "fail", at="3 x limit"),
    )
    allowed = 0.06 + 2 * np.sqrt(0.06 * 0.94 / runs)
    ratio = column(tables["plan"], "ratio")
    family = column(tables["family"], "any_fail")
    return [
        Criterion(
            "gate: false PASS at the limit <= .06 + 2 SE in every cell",
            f"largest {false_pass.max():.4f}, allowed {allowed:.4f}, {false_pass.size} cells",
            bool((false_pass <= allowed).all()),
        ),
        Criterion(
            "gate: PASS at limit / 4 with the planner's people >= 75 %",
            f"smallest {passed.min():.1%}",
            bool(passed.min() >= 0.75),
        ),
        Criterion("gate: FAIL at 3 x limit >= 80 %", f"smallest {failed.min():.1%}", bool(failed.min() >= 0.80)),
        Criterion(
            "gate: any FAIL over eight cells at the limit <= .06 + 2 SE (Holm)",
            f"largest {family.max():.4f}",
            bool(family.max() <= 0.06 + 2 * np.sqrt(0.06 * 0.94 / float(tables["family"][0]["runs"]))),
        ),
        Criterion(
            "planner: within 10 % of the table of STATISTICS 7",
            f"ratios {ratio.min():.2f} to {ratio.max():.2f}",
            bool(ratio.min() >= 0.9 and ratio.max() <= 1.1),
        ),
    ]


def line(criterion: Criterion) -> str:
    return f"{'met    ' if criterion.is_met else 'NOT MET'}  {criterion.what}: {criterion.found}"


def table(rows: list[dict[str, Any]], names: list[str]) -> list[str]:
    def cell(value: Any) -> str:
        return f"{value:.4g}" if isinstance(value, float) else str(value)

    return [
        "| " + " | ".join(names) + " |",
        "|" + "---|" * len(names),
        *("| " + " | ".join(cell(row[name]) for name in names) + " |" for row in rows),
    ]


def by_people(rows: list[dict[str, Any]]) -> list[str]:
    grouped = []
    for people in sorted({row["people"] for row in rows}):
        up, lo, cover = (column(rows, name, people=people) for name in ("err_up", "err_lo", "cover"))
        grouped.append(
            {"people": people, "cells": up.size, "upper mean": float(up.mean()), "upper max": float(up.max())}
            | {"lower mean": float(lo.mean()), "lower max": float(lo.max()), "least coverage": float(cover.min())}
        )
    return table(grouped, list(grouped[0]))


TITLES = {
    "case_a": "a. Rates clustered by person (the acceptance grid)",
    "case_b": "b. FMR over pairs of people",
    "case_c": "c. Donor x host",
    "case_d": "d. EER and AUC",
    "case_e": "e. Rate at a threshold estimated on the same people",
    "case_e_strata": "e. Two kinds of comparison pooled",
}


def page(tables: Tables, found: list[Criterion], *, short: bool) -> str:
    """The results as Markdown."""
    lines = ["# Simulation studies: results", ""]
    lines += [
        "Written by `make study` (`docs/studies/run.py`); seeds are fixed. Every figure uses the product's functions."
    ]
    lines += [
        "Upper error: share of runs whose one-sided 95 % upper bound lies below the truth (a false PASS where low is",
        "safe); lower error: the other side. Nominal .05.",
    ]
    lines += [
        "Maxima over many cells carry the Monte-Carlo noise upwards (SE of a 5 % error: .005 at 2,000 runs).",
    ]
    lines += ["", "**Short form: figures are coarse.**"] if short else []
    lines += ["", "## Acceptance criteria", "", "| criterion | found | met |", "|---|---|---|"]
    lines += [f"| {c.what} | {c.found} | {'yes' if c.is_met else '**NO**'} |" for c in found]
    for name, title in TITLES.items():
        lines += ["", f"## {title}", "", *by_people(tables[name])]
        if name == "case_e":
            up, lo = column(tables[name], "ignored_err_up"), column(tables[name], "ignored_err_lo")
            lines += [
                "",
                f"The threshold's uncertainty ignored: upper error up to {up.max():.3f}, lower up to {lo.max():.3f}.",
            ]
            lines += [
                "",
                "Factor on the people needed because the threshold is estimated, (width / width when frozen)^2:",
                "",
            ]
            factors = []
            for people in sorted({row["people"] for row in tables[name]}):
                low_rates = [
                    row["people_factor"] for row in tables[name] if row["people"] == people and row["rate"] <= 0.07
                ]
                every = column(tables[name], "people_factor", people=people)
                factors.append(
                    {
                        "people": people,
                        "rate <= 7 %": f"{min(low_rates):.2f} to {max(low_rates):.2f}",
                        "all rates": f"{every.min():.2f} to {every.max():.2f}",
                    }
                )
            lines += table(factors, list(factors[0]))
    lines += ["", "## No event at all", "", "Exact probability of no event when the true rate equals the bound.", ""]
    lines += table(
        [row for row in tables["zero_rule"] if row["trials"] == 10],
        ["people", "icc", "upper", "err_bb", "err_pn", "upper_any_correlation"],
    )
    lines += ["", "## People needed to PASS with 80 % power", "", *table(tables["plan"], list(tables["plan"][0]))]
    lines += ["", "## The gate with the planner's number of people", ""]
    lines += table(
        [row for row in tables["gate"] if row["at"] != "limit"],
        ["at", "limit", "model", "people", "trials", "icc", "pass", "fail"],
    )
    return "\n".join(lines) + "\n"
