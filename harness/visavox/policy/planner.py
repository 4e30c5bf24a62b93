"""The planner: what a data set can decide, control by control, before a model runs (STATISTICS 7).

It reads a rehearsal, in which nothing leaks: the judge's own decision says whether a PASS is possible at all, the
estimates say on how many people, trials and comparisons each cell rests. What a leak of some size would do is simulated
on that basis (``visavox.metrics.power``).
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, NamedTuple

from visavox.core.errors import UndefinedMetricError
from visavox.core.figures import AssessmentResult, Estimate, NoOperatingPoint, OperatingPoint
from visavox.core.records import Record
from visavox.core.report import Cell, CellDecision, Decision
from visavox.core.terms import Attacker, Direction, Severity, Support, Verdict
from visavox.metrics import power
from visavox.metrics.operating_points import FULL_PEOPLE, WEAK_PEOPLE, support

from .judge import bounds_of
from .records import Control, Policy

POWER = 0.8
ASSUMED_ICC = 0.2
NEAREST_OTHERS_ADD = 0.01
"""What the lower threshold of a PASS adds to a rate (docs/adr/0009); .3 to .7 % for 48 to 120 simulated people."""
OVER_PAIRS = frozenset({"bystander_match_difference"})
"""Differences whose trials are pairs of people; those of the others belong to one person."""
AGAINST_EVERYONE = frozenset({"any_bystander_match_difference", "bystander_drift"})
"""Differences whose chance rate grows with the number of people: a match with anyone at all."""


class Need(Record):
    """Test people, with as many recordings each as here, for a PASS with 80 % power at one true rate.

    Attributes:
        true_rate: the rate the tool really has; of a difference, the true difference.
        people: None where 20,000 are not enough.
    """

    true_rate: float
    people: int | None


class CellForecast(Record):
    """What the data set can decide of one control and attacker; alike for every judge.

    Attributes:
        people, trials: on which the figure rests; 0 where it cannot be made.
        people_in_threshold, non_mated: what its threshold rests on; None without one.
        support: of the threshold.
        upper_at_zero: the deciding bound where nothing leaks: no trial is a hit, output and input differ by chance.
        if_clean: the judge's verdict on a tool that leaks nothing, and its reason.
        needs: people for a PASS at a true rate of 0, a quarter and a half of the limit; empty where the figure cannot
            be foreseen.
        passes_up_to: the largest true rate that passes with 80 % power; None where not even 0 does.
        fails_from: the smallest true rate that fails with 80 % power; None where none does.
        statement: all this in a sentence.
    """

    control: str
    metric: str
    attacker: Attacker | None
    severity: Severity
    limit: float
    people: int = 0
    trials: int = 0
    people_in_threshold: int | None = None
    non_mated: int | None = None
    support: Support | None = None
    upper_at_zero: float | None = None
    if_clean: Verdict
    reason: str
    needs: tuple[Need, ...] = ()
    passes_up_to: float | None = None
    fails_from: float | None = None
    statement: str = ""


class Basis(NamedTuple):
    """Results of a rehearsal, and how many test people it had."""

    results: Sequence[AssessmentResult]
    n_people: int


def forecast(policy: Policy, decision: Decision, here: Basis, larger: Basis | None = None) -> tuple[CellForecast, ...]:
    """One forecast per control and attacker.

    Args:
        policy: whose controls are asked about.
        decision: the judge's, over the rehearsal ``here``.
        here: the rehearsal on the data set.
        larger: one with more people of the same kind, from which needs are scaled: few people's figures are noisy, or
            cannot be made at all.
    """
    controls = {control.id: control for control in policy.controls}
    gated = [c for c in decision.controls if c.severity is Severity.FAIL and controls[c.id].can_fail]
    planner = _Planner(policy, max(sum(len(c.cells) for c in gated), 1), here, larger)
    found: dict[tuple[str, Attacker | None, str | None], CellForecast] = {}
    for row in (row for control in decision.controls for row in control.cells):
        key = (row.cell.control, row.cell.attacker, row.cell.group)
        if key not in found:
            found[key] = planner.forecast(controls[row.cell.control], row)
    return tuple(found.values())


def people_for_support(people: int, non_mated: int, fmr: float, *, full: bool = False) -> int:
    """The least number of people with whom a threshold may support a PASS, comparisons growing with their square.

    Args:
        people, non_mated: so many people made so many comparisons.
        fmr: the target.
        full: the policy asks for full support, not weak.

    >>> people_for_support(30, 2160, 1e-3), people_for_support(177, 700_000, 1e-3, full=True)
    (40, 160)
    """
    enough = {Support.FULL} if full else {Support.FULL, Support.WEAK}
    size = FULL_PEOPLE if full else WEAK_PEOPLE
    while non_mated and support(size, int(non_mated * (size / people) ** 2), fmr) not in enough:
        size += 1
    return size


class _Planner(NamedTuple):
    """A policy, its gated cells (for Holm), and the rehearsals."""

    policy: Policy
    n_gated: int
    here: Basis
    larger: Basis | None

    def forecast(self, control: Control, row: CellDecision) -> CellForecast:
        """The forecast of one cell."""
        estimate, richest = _estimate(self.here.results, row.cell, control.fmr), self.larger or self.here
        facts: dict[str, Any] = {} if estimate is None else self._facts(control, row, estimate)
        found = _estimate(richest.results, row.cell, control.fmr)
        if found is not None:
            facts["needs"] = _needs(_model(self.policy, control, found, richest.n_people))
        made = CellForecast(
            control=control.id,
            metric=control.metric,
            attacker=row.cell.attacker,
            severity=control.severity,
            limit=control.tested_limit.value,
            if_clean=row.verdict,
            reason=row.reason,
            **facts,
        )
        return made.model_copy(update={"statement": _statement(made, control, self.here.n_people)})

    def _facts(self, control: Control, row: CellDecision, estimate: Estimate) -> dict[str, Any]:
        point, model = _point(estimate), _model(self.policy, control, estimate, self.here.n_people)
        facts: dict[str, Any] = {
            "people": estimate.n_subjects,
            "trials": estimate.n,
            "people_in_threshold": point and point.n_people,
            "non_mated": point and point.n_non_mated,
            "support": point and point.support,
        }
        if model is None:
            return facts
        return facts | {
            "upper_at_zero": bounds_of(estimate, self.policy.alpha).upper,
            "passes_up_to": model.passes_up_to() if row.verdict is Verdict.PASS else None,
            "fails_from": model.fails_from(self.policy.alpha / self.n_gated) if control.can_fail else None,
        }


def _estimate(results: Sequence[AssessmentResult], cell: Cell, fmr: float | None) -> Estimate | None:
    """The rehearsed estimate of a cell, at a control's own false match rate; else the first, at the policy's."""
    wanted = (cell.metric, cell.recogniser, cell.attacker, cell.group)
    every = (estimate for result in results for estimate in result.estimates)
    found = [e for e in every if (e.name, e.recogniser, e.attacker, e.group) == wanted]
    if fmr is not None:
        found = [e for e in found if (point := _point(e)) is not None and point.target_fmr == fmr]
    return found[0] if found else None


def _point(estimate: Estimate) -> OperatingPoint | None:
    point = estimate.operating_point
    return None if isinstance(point, NoOperatingPoint) else point


def _model(policy: Policy, control: Control, estimate: Estimate, n_people: int) -> _Rate | _Difference | None:
    """What a leak of some size would do to a figure; None where that cannot be foreseen."""
    if control.direction is not Direction.LOWER_IS_SAFER:
        return None
    if len(estimate.basis) == 2:
        return _Difference(policy, control, estimate, n_people)
    if len(estimate.basis) == 1 and estimate.basis[0].p_high == 0.0:
        return _Rate(policy, control, estimate, n_people)
    return None


def _needs(model: _Model | None) -> tuple[Need, ...]:
    if model is None:
        return ()
    rates = (0.0, model.limit / 4, model.limit / 2)
    return tuple(Need(true_rate=rate, people=model.needed(rate)) for rate in rates)


class _Model(ABC):
    """Power of one cell."""

    def __init__(self, policy: Policy, control: Control, estimate: Estimate, n_people: int) -> None:
        self.limit, self._alpha = control.tested_limit.value, policy.alpha
        point = _point(estimate)
        self._support = Support.FULL if point is None else point.support
        self._least = 2
        if point is not None:
            full = policy.min_support is Support.FULL
            people = people_for_support(point.n_people, point.n_non_mated, point.target_fmr, full=full)
            self._least = math.ceil(people * n_people / point.n_people)

    def needed(self, rate: float) -> int | None:
        """Test people for a PASS at a true rate; None where no number is enough."""
        try:
            return max(self._people(rate), self._least)
        except UndefinedMetricError:
            return None

    def passes_up_to(self) -> float | None:
        """The largest true rate that passes."""
        return power.largest_rate(lambda rate: self._shares(rate, self._alpha).passed, 0.0, self.limit, power=POWER)

    def fails_from(self, alpha: float) -> float | None:
        """The smallest true rate that fails."""
        if not self._may_fail():
            return None
        return power.smallest_rate(lambda rate: self._fails(rate, alpha), self.limit, self._highest(), power=POWER)

    def _fails(self, rate: float, alpha: float) -> float:
        return self._shares(rate, alpha).failed

    def _may_fail(self) -> bool:
        return self._support not in {Support.NONE, Support.FEW_PEOPLE}

    def _highest(self) -> float:
        return 0.99

    @abstractmethod
    def _people(self, rate: float) -> int:
        """Test people for a PASS at a true rate, whatever the support."""

    @abstractmethod
    def _shares(self, rate: float, alpha: float) -> power.Shares:
        """How often these people pass and fail at a true rate."""


class _Rate(_Model):
    """A rate that is 0 where nothing leaks."""

    def __init__(self, policy: Policy, control: Control, estimate: Estimate, n_people: int) -> None:
        super().__init__(policy, control, estimate, n_people)
        point = _point(estimate)
        self._has_stricter = estimate.stricter is not None
        self._test_people_each = n_people / estimate.n_subjects
        self._added = NEAREST_OTHERS_ADD if control.attackers else 0.0
        self._design = power.Design(
            people=estimate.n_subjects,
            trials=estimate.n,
            floor=estimate.n / estimate.basis[0].n_eff_high,
        )
        if point is not None:
            self._design = self._design._replace(non_mated=point.n_non_mated, fmr=point.target_fmr)

    def _people(self, rate: float) -> int:
        seen = rate + self._added
        people = power.people_to_pass(self._design, self.limit, seen, power=POWER, icc=ASSUMED_ICC, alpha=self._alpha)
        return math.ceil(people * self._test_people_each)

    def passes_up_to(self) -> float | None:
        found = power.largest_rate(
            lambda rate: self._shares(rate, self._alpha).passed, self._added, self.limit, power=POWER
        )
        return None if found is None else found - self._added

    def _shares(self, rate: float, alpha: float) -> power.Shares:
        return power.shares(self._design, self.limit, rate, icc=ASSUMED_ICC, alpha=alpha)

    def _may_fail(self) -> bool:
        return super()._may_fail() or (self._support is Support.FEW_PEOPLE and self._has_stricter)

    def _fails(self, rate: float, alpha: float) -> float:
        """On few people the FAIL has to stand at the threshold for a third of the FMR too."""
        if self._support is not Support.FEW_PEOPLE:
            return super()._fails(rate, alpha)
        strict = self._design._replace(fmr=self._design.fmr / 3)
        lower = power.rate_at_other_fmr(rate, self._design.fmr, strict.fmr)
        return power.shares(strict, self.limit, lower, icc=ASSUMED_ICC, alpha=alpha).failed


class _Difference(_Model):
    """A difference between output and unedited input that is 0 but for chance where nothing leaks."""

    def __init__(self, policy: Policy, control: Control, estimate: Estimate, n_people: int) -> None:
        super().__init__(policy, control, estimate, n_people)
        output, unedited = estimate.basis
        self._design = power.DifferenceDesign(
            people=n_people,
            sizes=(output.n_eff_high, unedited.n_eff_high),
            chance=0.5 * (output.p_high + unedited.p_high),
            over_pairs=control.metric in OVER_PAIRS,
            against_everyone=control.metric in AGAINST_EVERYONE,
        )

    def _people(self, rate: float) -> int:
        return power.people_to_pass_difference(self._design, self.limit, rate, power=POWER, alpha=self._alpha)

    def _shares(self, rate: float, alpha: float) -> power.Shares:
        return power.difference_shares(self._design, self.limit, rate, alpha=alpha)

    def _highest(self) -> float:
        return 0.99 - self._design.chance


def _statement(found: CellForecast, control: Control, n_people: int) -> str:
    if control.asks_detectors and not found.trials:
        return "not foreseen: marks and what detectors find are known after a run alone"
    if not control.can_fail:
        return f"{_pass_words(found, n_people)}; never FAILs"
    if found.fails_from is not None:
        return f"{_pass_words(found, n_people)}; can FAIL from about {_percent(found.fails_from)}"
    is_foreseen = found.upper_at_zero is not None or not found.trials
    return _pass_words(found, n_people) + (
        "; cannot FAIL" if is_foreseen else "; at which rate it FAILs is not foreseen"
    )


def _pass_words(found: CellForecast, n_people: int) -> str:
    least = found.needs[0].people if found.needs else None
    if found.if_clean is Verdict.PASS:
        if found.passes_up_to is None and least is not None and least > n_people:
            return f"may PASS if nothing leaks, with luck: needs {least} people, here {n_people}"
        if found.passes_up_to is None or found.passes_up_to < found.limit / 50:
            return "can PASS if nothing leaks"
        return f"can PASS up to a true rate of about {_percent(found.passes_up_to)}"
    if least is not None and least > n_people:
        return f"cannot PASS: needs {least} people, here {n_people}"
    return f"cannot PASS: {found.reason}"


def _percent(rate: float) -> str:
    return f"{100 * rate:.1f} %" if rate < 0.1 else f"{100 * rate:.0f} %"
