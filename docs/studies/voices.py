"""Tables over finished runs of the voice baselines: what each attacker links, what the evidence is worth, the verdict.

python docs/studies/voices.py RUN_FOLDER ...   prints Markdown, one table a kind of figure

Match rates are the report's: of one kind of comparison, for outputs closer to strangers than nearly all unedited
recordings are (docs/adr/0009) are a kind of their own. The figures without a threshold are of all comparisons of an
attacker, computed here from the run's scores by the functions that a report's are made by; the EER is compared with
scikit-learn's ROC curve on the way. D_sys stands less the mean of its null, people re-paired at random.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow.parquet as pq
from sklearn.metrics import roc_curve

from visavox import gate
from visavox.core.figures import Estimate
from visavox.core.terms import Attacker
from visavox.metrics.curves import eer_interval
from visavox.metrics.disclosure import zebra
from visavox.metrics.disclosure_intervals import expected_disclosure_interval, min_cllr_interval
from visavox.metrics.intervals import bound_lower, bound_upper
from visavox.metrics.linkability import d_sys_null

RATES = ("subject_match_rate", "host_match_rate")
TABLES = {
    Attacker.CONTROL: "original-original",
    Attacker.IGNORANT: "original-edited",
    Attacker.LAZY_INFORMED: "edited-edited",
    Attacker.SEMI_INFORMED: "edited-edited.semi_informed",
}
IMPERSONATION = ("iapar", "riapar", "mmpmr", "prod_avg_mmpmr", "unconsented_donor_match_rate")


def percent(share: float) -> str:
    return f"{100 * share:.2f}"


def bounds(found: Estimate | None) -> str:
    """Value and one-sided bounds, in percent."""
    return "-" if found is None else f"{percent(found.value)} [{percent(found.lower)}, {percent(found.upper)}]"


def interval(found: Estimate | None, *, share: bool = False) -> str:
    """Value and two-sided interval."""
    if found is None:
        return "-"
    numbers = [percent(x) if share else f"{x:.3f}" for x in (found.value, found.low, found.high)]
    return f"{numbers[0]} [{numbers[1]}, {numbers[2]}]"


class AllPairs(NamedTuple):
    """Figures over all comparisons of one attacker, as the tables show them."""

    eer: str
    d_sys_excess: str
    min_cllr: str
    expected: str
    tag: str


def table(head: str, rows: Iterator[list[str]]) -> None:
    print(f"\n| {head} |\n" + "|---" * (head.count("|") + 1) + "|")
    for row in rows:
        print("| " + " | ".join(row) + " |")


class Run:
    """One run folder: its report, and its scores."""

    def __init__(self, folder: str) -> None:
        self.root = Path(folder)
        found = gate(folder)
        self.name, self.report, self.verdict = self.root.name, found.report, found.verdict.value
        plan = json.loads((self.root / "plan.json").read_text())
        self._of_sample = np.array([sample["person"] for sample in plan["samples"]])
        self._of_case = np.array(plan["case_person"])
        self._donor = np.array(plan["second_person"])

    def get(self, name: str, judge: str, attacker: Attacker | None = None) -> Estimate | None:
        for result in self.report.results:
            for e in result.estimates:
                if (e.name, e.recogniser, e.attacker) == (name, judge, attacker):
                    return e
        return None

    def match(self, judge: str, attacker: Attacker) -> Estimate | None:
        return next((e for name in RATES if (e := self.get(name, judge, attacker))), None)

    def set_apart(self, judge: str, attacker: Attacker) -> str:
        """The share of the mated comparisons that are look-alikes of strangers, in percent."""
        found = self.match(judge, attacker)
        strata = () if found is None else found.strata
        apart = sum(stratum.n for stratum in strata if "copy" in stratum.kind)
        return f"{100 * apart / max(sum(stratum.n for stratum in strata), 1):.0f}"

    def all_pairs(self, judge: str, attacker: Attacker) -> AllPairs | None:
        """Every comparison of the attacker's kind; None where it has no scores."""
        parts = sorted((self.root / "scores" / judge).glob(f"{TABLES[attacker]}-0*.parquet"))
        if not parts:
            return None
        rows = [pq.read_table(part) for part in parts]
        probe, reference, scores = (
            np.concatenate([part.column(name).to_numpy() for part in rows]) for name in ("probe", "reference", "score")
        )
        is_control, of_outputs = attacker is Attacker.CONTROL, attacker.value.endswith("informed")
        first = (self._of_case if of_outputs else self._of_sample)[reference]
        second = (self._of_sample if is_control else self._of_case)[probe]
        kept = np.isfinite(scores)
        if not is_control:  # what a donor's voice is in is neither mated nor non-mated
            donor = self._donor[probe]
            kept &= (donor < 0) | (donor != first)
            if of_outputs:
                other = self._donor[reference]
                kept &= (donor < 0) | ((donor != other) & (other != second))
        same = (first == second)[kept]
        first, second, scores = first[kept], second[kept], scores[kept].astype(np.float64)
        table = scores[same], first[same], scores[~same], first[~same], second[~same]
        return figures(*table, is_symmetric=attacker is not Attacker.IGNORANT)


def figures(
    mated: np.ndarray,
    persons: np.ndarray,
    non: np.ndarray,
    first: np.ndarray,
    second: np.ndarray,
    *,
    is_symmetric: bool,
) -> AllPairs:
    """Every figure without a threshold; ``is_symmetric``: each pair of outputs was compared once."""
    table = mated, persons, non, first, second
    found = eer_interval(*table)
    same = np.repeat([True, False], [mated.size, non.size])
    false, true, _ = roc_curve(same, np.concatenate([mated, non]), drop_intermediate=False)
    nearest = np.argmin(np.abs(false - (1 - true)))
    assert abs(found.p - (false[nearest] + 1 - true[nearest]) / 2) < 1e-9
    low, high = bound_lower(found.basis, 0.025), bound_upper(found.basis, 0.025)
    linked = d_sys_null(*table, rng=np.random.default_rng(7), is_symmetric=is_symmetric)
    cost, bits = min_cllr_interval(*table), expected_disclosure_interval(*table)
    return AllPairs(
        f"{percent(found.p)} [{percent(low)}, {percent(high)}]",
        f"{linked.d_sys - linked.null_mean:.3f} (p {linked.p_value:.3f})",
        f"{cost.value:.3f} [{cost.low:.3f}, {cost.high:.3f}]",
        f"{bits.value:.3f} [{bits.low:.3f}, {bits.high:.3f}]",
        zebra(mated, non).tag,
    )


def main(folders: list[str]) -> None:
    runs = [Run(folder) for folder in folders]

    made = {
        (run.name, card.id, attacker): pairs
        for run in runs
        for card in run.report.judges
        for attacker in Attacker
        if run.match(card.id, attacker) and (pairs := run.all_pairs(card.id, attacker)) is not None
    }

    def ladder() -> Iterator[list[str]]:
        for run in runs:
            for card in run.report.judges:
                for attacker in Attacker:
                    if (run.name, card.id, attacker) in made:
                        rate, pairs = run.match(card.id, attacker), made[run.name, card.id, attacker]
                        apart = run.set_apart(card.id, attacker)
                        yield [run.name, card.id, attacker.value, bounds(rate), apart, pairs.eer, pairs.d_sys_excess]

    def evidence() -> Iterator[list[str]]:
        for (run, judge, attacker), pairs in made.items():
            yield [run, judge, attacker.value, pairs.min_cllr, pairs.expected, pairs.tag]

    def impersonations() -> Iterator[list[str]]:
        for run in runs:
            for card in run.report.judges:
                found = [run.get(name, card.id) for name in IMPERSONATION]
                if any(found):
                    yield [run.name, card.id, *map(bounds, found)]

    def verdicts() -> Iterator[list[str]]:
        for run in runs:
            reasons = ", ".join(reason.split(":")[0] for reason in run.report.decision.reasons)
            ledger = run.report.ledger
            yield [run.name, run.verdict, f"{ledger.edited} of {ledger.attempted}", reasons]

    def utility() -> Iterator[list[str]]:
        for run in runs:
            for result in run.report.results:
                for e in result.estimates if result.assessment == "utility" else ():
                    yield [run.name, e.name, interval(e)]

    table("run | verdict | edited | because of", verdicts())
    table(
        "run | judge | attacker | match rate % [one-sided 95 %] | set apart % | EER % [95 %] | D_sys - null",
        ladder(),
    )
    table("run | judge | attacker | minCllr | ZEBRA expected, bit | tag", evidence())
    table("run | judge | IAPAR | RIAPAR | MMPMR | ProdAvg | unconsented donor", impersonations())
    if any(True for _ in utility()):
        table("run | utility | value [95 %]", utility())


if __name__ == "__main__":
    main(sys.argv[1:])
