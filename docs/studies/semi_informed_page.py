"""The criteria of the semi-informed study, and the page that reports it."""

from __future__ import annotations

from typing import Any

from results import Criterion, line

__all__ = ["criteria", "line", "page"]

Tables = dict[str, list[dict[str, Any]]]


def criteria(tables: Tables) -> list[Criterion]:
    """What has to hold."""
    found = []
    if "planted" in tables:
        leaky = [row for row in tables["planted"] if row["signal"] in {0.4, 0.6, 2.0}]
        gain = min(row["auc"] - row["lazy_auc"] for row in leaky)
        found.append(
            Criterion("planted leak: AUC at least .1 above the lazy-informed", f"least {gain:.3f}", gain > 0.1)
        )
        times = min(row["match_1"] / max(row["lazy_match"], 1e-3) for row in leaky if row["signal"] in {0.6, 2.0})
        found.append(Criterion("strong planted leak: ten times the matches", f"least {times:.0f} times", times > 10))
    if "null" in tables:
        off = [(row["within"] - 1e-3) / row["within_se"] for row in tables["null"] if row["within_se"]]
        worst = max(off, default=0.0)
        found.append(Criterion("no leak: match rate <= FMR + 3 SE", f"largest {worst:+.1f} SE", worst <= 3))
        off = [abs(row["eer"] - 0.5) * row["mated"] ** 0.5 for row in tables["null"]]
        found.append(
            Criterion("no leak: EER .5 within 2.5 / sqrt(mated)", f"{max(off):.2f} / sqrt(mated)", max(off) <= 2.5)
        )
    if "permutation" in tables:
        sound, *fitted = tables["permutation"]
        learned = [row for row in fitted if not row["fitted to"].endswith("none")]
        least = min(row["red"] for row in learned)
        slack = 3 * (0.05 * 0.95 / sound["runs"]) ** 0.5
        found += [
            Criterion("label permutation: the protocol is green", f"red {sound['red']:.1%}", sound["red"] <= 0.01),
            Criterion(
                "label permutation: p < .05 in 5 % + 3 SE of the runs",
                f"{sound['p<.05']:.1%}",
                sound["p<.05"] <= 0.05 + slack,
            ),
            Criterion("label permutation: red where people scored have trained", f"least {least:.0%}", least >= 0.8),
        ]
    if "speed" in tables:
        most = max(row["cpu_s"] for row in tables["speed"])
        found.append(Criterion("six models, inner cross-validation included: under 60 s", f"{most:.1f} s", most < 60))
    return found


def table(rows: list[dict[str, Any]], columns: dict[str, str]) -> str:
    """A Markdown table; a column is a heading and a format of the row's values."""
    head = f"| {' | '.join(columns)} |\n|{'---|' * len(columns)}\n"
    return head + "\n".join("| " + " | ".join(form.format(**row) for form in columns.values()) + " |" for row in rows)


def page(tables: Tables, found: list[Criterion]) -> str:
    """The page, as Markdown."""
    parts = [HEAD, "| criterion | found | met |\n|---|---|---|"]
    parts[-1] += "".join(f"\n| {c.what} | {c.found} | {'yes' if c.is_met else '**no**'} |" for c in found)
    for name, (text, columns) in SECTIONS.items():
        if name in tables:
            rows = [_named(row) for row in tables[name]]
            parts.append(text.strip() + "\n\n" + table(rows, columns))
            if name == "outputs":
                parts.append(READING.strip())
    return "\n\n".join(parts) + "\n"


def _named(row: dict[str, Any]) -> dict[str, Any]:
    """Names that a format string can hold (no point, no <), and shares in percent."""
    named = {key.replace(".", "_").replace("<", "_"): value for key, value in row.items()}
    percent = {f"{key}_pc": f"{100 * value:.2f}" for key, value in named.items() if isinstance(value, float)}
    return named | percent


HEAD = """# The semi-informed attacker

Written by `docs/studies/semi_informed.py`; seeds are fixed. The attacker trains a back-end on outputs of people whom it
does not score (three folds), chooses it by inner cross-validation on them, and links outputs of one person. Rates are
shares of mated comparisons matched at FMR 1e-3."""

SECTIONS: dict[str, tuple[str, dict[str, str]]] = {
    "planted": (
        """## A leak that the recogniser's own comparison does not see

Templates of 128 dimensions, 4 outputs a person. People differ by *signal* along so many *axes*, a person's outputs by
1, and the edit adds a loud part along 8 directions, new in each output. *Rising*: share of the runs in which the match
rate rose by more than its paired standard error from 50 to 100 % of the training people.""",
        {
            "people": "{people}",
            "axes": "{axes}",
            "signal": "{signal}",
            "lazy AUC": "{lazy_auc:.3f}",
            "lazy match": "{lazy_match:.4f}",
            "AUC": "{auc:.3f}",
            "EER": "{eer:.3f}",
            "match, 25 %": "{match_0_25:.4f}",
            "50 %": "{match_0_5:.4f}",
            "100 %": "{match_1:.4f}",
            "rising": "{rising:.2f}",
            "back-ends": "{chosen}",
        },
    ),
    "null": (
        """## Nothing leaks: does the protocol make a leak?

The same without signal. The threshold is read from the non-mated pairs *within* folds, scored by the same models as the
mated ones. Beside it what two other rules would do: one threshold over *all* pairs, and the same after standardising
each model's scores by the people it was *fitted* to instead of held-out ones.""",
        {
            "people": "{people}",
            "dimensions": "{dims}",
            "unequal": "{unequal}",
            "back-ends": "{back_ends}",
            "runs": "{runs}",
            "mated": "{mated}",
            "match (SE)": "{within:.5f} ({within_se:.5f})",
            "all pairs": "{all:.5f} ({all_se:.5f})",
            "all, fitted": "{all_fitted:.5f} ({all_fitted_se:.5f})",
            "EER": "{eer:.4f}",
            "rising": "{rising:.3f}",
        },
    ),
    "permutation": (
        """## Label permutation

48 people, 64 dimensions, signal .6. *protocol*: the product. *everyone*: a back-end fitted to the people it scores, as
it would be if folds overlapped. `none` learns nothing, so nothing can leak through it.""",
        {
            "fitted to": "{fitted to}",
            "mean AUC_0": "{auc0:.4f}",
            "red (p < .001)": "{red:.3f}",
            "p < .05": "{p__05:.3f}",
            "p < .5": "{p__5:.3f}",
            "runs": "{runs}",
        },
    ),
    "speed": (
        "## Time\n\nOne call, one thread.",
        {"outputs": "{outputs}", "dimensions": "{dims}", "people": "{people}", "CPU s": "{cpu_s:.1f}"},
    ),
    "outputs": (
        """## Real outputs

Baselines on the real-data kit (medium: 96 people x 4; full: 177 people, 1,204 photographs), judged by dlib and
MobileFaceNet. Match rates in percent with one-sided 95 % bounds; every trial at the threshold of its own kind. EER of
the largest kind. *p*: label permutation.""",
        {
            "run": "{run}",
            "judge": "{judge}",
            "lazy-informed": "{lazy_pc} [{lazy_lower_pc}, {lazy_upper_pc}]",
            "semi-informed": "{semi_pc} [{semi_lower_pc}, {semi_upper_pc}]",
            "at 25 / 50 %": "{semi_0_25_pc} / {semi_0_5_pc}",
            "rise (SE)": "{rise_pc} ({rise_se_pc})",
            "rising": "{rising}",
            "EER lazy / semi": "{lazy_eer_pc} / {semi_eer_pc}",
            "p": "{p:.3f}",
            "back-ends": "{chosen}",
        },
    ),
}

READING = ""
