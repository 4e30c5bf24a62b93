"""Tables over finished runs of the baselines: who is betrayed, who is impersonated, the verdict, the wall time.

python docs/studies/baselines.py RUN_FOLDER ...   prints Markdown, one table a kind of figure
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from visavox import gate
from visavox.cli import EXIT_OF
from visavox.core.figures import Estimate
from visavox.core.report import Report
from visavox.core.terms import Attacker, ToolClass

MATCH_RATES = ("subject_match_rate", "host_match_rate")
JUDGED_FMR = 1e-3


def percent(share: float) -> str:
    return f"{100 * share:.2f}"


def rate(found: Estimate | None) -> str:
    """Value and one-sided bounds, in percent."""
    return "-" if found is None else f"{percent(found.value)} [{percent(found.lower)}, {percent(found.upper)}]"


def table(head: str, rows: Iterator[list[str]]) -> None:
    print(f"\n| {head} |\n" + "|---" * (head.count("|") + 1) + "|")
    for row in rows:
        print("| " + " | ".join(row) + " |")


class Figures:
    """Estimates of one report by name, judge and attacker."""

    def __init__(self, report: Report) -> None:
        self._found = {
            (e.name, e.recogniser, e.attacker): e
            for r in report.results
            for e in r.estimates
            if getattr(e.operating_point, "target_fmr", JUDGED_FMR) == JUDGED_FMR
        }

    def get(self, name: str, judge: str = "", attacker: Attacker | None = None) -> Estimate | None:
        return self._found.get((name, judge, attacker))

    def match(self, judge: str, attacker: Attacker) -> Estimate | None:
        return next((e for name in MATCH_RATES if (e := self.get(name, judge, attacker))), None)

    def map_cells(self) -> str:
        cells = sorted((name, e) for (name, _, _), e in self._found.items() if name.startswith("map_"))
        return ", ".join(f"{name[4:]} {percent(e.value)}" for name, e in cells)


def main(folders: list[str]) -> None:
    runs = []
    for folder in folders:
        result = gate(folder)
        runs.append((Path(folder).name, result.report, f"{result.verdict.value} ({EXIT_OF[result.verdict]})"))

    def leaks() -> Iterator[list[str]]:
        for name, report, verdict in runs:
            figures = Figures(report)
            for card in report.judges if report.subject.tool_class is not ToolClass.MORPH else ():
                eer = [figures.get("eer", card.id, attacker) for attacker in list(Attacker)[1:]]
                yield [
                    name,
                    card.id,
                    *(rate(figures.match(card.id, attacker)) for attacker in Attacker),
                    " / ".join("-" if e is None else percent(e.value) for e in eer),
                    rate(figures.get("bystander_match_difference", card.id)),
                    rate(figures.get("any_bystander_match_difference", card.id)),
                    verdict,
                    f"{report.clock.duration_s:.0f} s",
                ]

    def impersonations() -> Iterator[list[str]]:
        names = (
            "iapar",
            "riapar",
            "mmpmr",
            "prod_avg_mmpmr",
            "rmmr",
            "unconsented_donor_match_rate",
            "bystander_drift",
        )
        for name, report, verdict in runs:
            figures = Figures(report)
            for card in report.judges:
                found = [figures.get(figure, card.id) for figure in names]
                if any(found):
                    yield [name, card.id, *map(rate, found), verdict]

    def maps() -> Iterator[list[str]]:
        for name, report, _ in runs:
            if Figures(report).map_cells():
                yield [name, Figures(report).map_cells()]

    attackers = " | ".join(attacker.value for attacker in Attacker)
    table(
        f"run | judge | {attackers} | EER ign./lazy/semi | bystanders | anybody | verdict | wall",
        leaks(),
    )
    table(
        "run | judge | IAPAR | RIAPAR | MMPMR | ProdAvg | RMMR | unconsented donor | drift | verdict", impersonations()
    )
    table("run | MAP in %", maps())


if __name__ == "__main__":
    main(sys.argv[1:])
