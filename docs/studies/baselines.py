"""One table over finished runs: match rates by judge and attacker, verdict, wall time.

python docs/studies/baselines.py RUN_FOLDER ...   prints Markdown
"""

from __future__ import annotations

import sys
from pathlib import Path

from visavox import gate
from visavox.cli import EXIT_OF
from visavox.core.records import Estimate, Report
from visavox.core.terms import Attacker

HEAD = "| run | judge | control | ignorant | lazy-informed | EER ign./lazy | crops | BASE-STRANGER | verdict | wall |"


def percent(share: float) -> str:
    return f"{100 * share:.2f}"


def rate(found: Estimate) -> str:
    """Value and one-sided bounds, in percent."""
    return f"{percent(found.value)} [{percent(found.lower)}, {percent(found.upper)}]"


def rows(name: str, report: Report, exit_code: int) -> list[str]:
    """One row a judge."""
    figures = {
        (e.name, e.recogniser, e.attacker): e
        for r in report.results
        for e in r.estimates
        if getattr(e.operating_point, "target_fmr", 1e-3) == 1e-3
    }
    crops = {t.recogniser: f"{t.fallback}/{t.edited}" for r in report.results for t in r.templates}
    lines = []
    for card in report.judges:
        match = [rate(figures["subject_match_rate", card.id, a]) for a in list(Attacker)[:3]]
        eers = " / ".join(percent(figures["eer", card.id, a].value) for a in list(Attacker)[1:3])
        stranger = rate(figures["any_bystander_match_difference", card.id, None])
        verdict = f"{report.decision.verdict.value} ({exit_code})"
        cells = [name, card.id, *match, eers, crops[card.id], stranger, verdict, f"{report.clock.duration_s:.0f} s"]
        lines.append("| " + " | ".join(cells) + " |")
    return lines


def main(folders: list[str]) -> None:
    print(HEAD)
    print("|---" * (HEAD.count("|") - 1) + "|")
    for folder in folders:
        result = gate(folder)
        print("\n".join(rows(Path(folder).name, result.report, EXIT_OF[result.verdict])))


if __name__ == "__main__":
    main(sys.argv[1:])
