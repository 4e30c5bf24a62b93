"""Frozen records of figures: operating points, estimates, instruments and what an assessment returns.

Estimates carry no verdict; row-level data (scores, trials) are arrays or Parquet tables, never records.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from .records import Pairs, Rate, Record, Sha256
from .terms import Attacker, Direction, InstrumentState, Modality, Support, Verdict


class OperatingPoint(Record):
    """A threshold at a target FMR, for one kind of comparison, and what it rests on.

    Attributes:
        kind: the kind of comparison (``original-original``, ``original-edited`` ...).
        threshold: accept iff score >= threshold.
        fmr, fmr_low, fmr_high: realised FMR at the threshold with its two-sided 95 % interval.
        n_people: people of the smallest part used.
        fnmr: of the bona fide mated comparisons at the bona fide threshold; None where not measured.
        ties: no score reached the target; the threshold is the next float above the maximum.
    """

    recogniser: str
    kind: str
    target_fmr: float
    threshold: float
    n_non_mated: int
    n_people: int
    fmr: Rate
    fmr_low: Rate
    fmr_high: Rate
    fnmr: Rate | None = None
    support: Support
    ties: bool = False


class IntervalBasis(Record):
    """What an effective-size interval is computed from, at any alpha (STATISTICS 3).

    ``lower`` uses ``p_low`` with ``n_eff_low`` trials, ``upper`` uses ``p_high`` with ``n_eff_high``: the two differ
    only where failures to acquire are imputed. ``df`` = people - 1.
    """

    p_low: Rate
    n_eff_low: Annotated[float, Field(gt=0)]
    p_high: Rate
    n_eff_high: Annotated[float, Field(gt=0)]
    df: Annotated[int, Field(ge=1)]


class NoOperatingPoint(Record):
    """A figure without a threshold; written as an empty object."""


class Stratum(Record):
    """The trials of one kind of comparison within a figure.

    ``imputed``: the kind has too little support (or no template); its trials count as the unfavourable value for PASS
    and as the favourable one for FAIL, and ``hits`` says nothing.
    """

    kind: str
    n: int
    hits: int
    imputed: bool = False
    operating_point: OperatingPoint | NoOperatingPoint = NoOperatingPoint()


class StricterThreshold(Record):
    """The same rate at the threshold for f/3, which a FAIL on few people must survive (STATISTICS 2)."""

    value: float
    basis: tuple[IntervalBasis, ...] = ()


class Estimate(Record):
    """One figure with its uncertainty.

    Attributes:
        value: a share in [0, 1] unless ``name`` says otherwise.
        low, high: two-sided 95 % interval, for display.
        lower, upper: one-sided bounds at ``alpha``; these decide.
        method: how the interval was made.
        n: trials decided; n_eff: effective trials; n_subjects: people; n_failed: trials imputed.
        chance: what a tool that leaks nothing would show.
        upper_any_correlation: where hits are 0, the bound 1 - alpha**(1/people) that holds whatever the correlation.
        basis: one interval basis for a rate, two (output, unedited input) for a difference, none where never gated.
        strata: the kinds of comparison that make up the figure, each decided at its own threshold.
    """

    name: str
    value: float
    low: float
    high: float
    lower: float
    upper: float
    alpha: float = 0.05
    method: str
    n: int
    n_eff: float
    n_subjects: int
    n_failed: int = 0
    group: str | None = None
    recogniser: str
    attacker: Attacker | None = None
    operating_point: OperatingPoint | NoOperatingPoint = NoOperatingPoint()
    direction: Direction = Direction.LOWER_IS_SAFER
    chance: float | None = None
    upper_any_correlation: float | None = None
    basis: tuple[IntervalBasis, ...] = ()
    strata: tuple[Stratum, ...] = ()
    stricter: StricterThreshold | None = None
    band: str = ""
    """The band of a disclosed link, where the whole interval lies in one: ``<= 7 %``, ``7-20 %``, ``> 20 %``."""
    note: str = ""


class NotMade(Record):
    """An estimate that could not be made, and why; its control is INCONCLUSIVE."""

    name: str
    recogniser: str
    attacker: Attacker | None = None
    group: str | None = None
    reason: str


class Instrument(Record):
    """A check of the harness itself in this very run.

    Attributes:
        protects: the verdict that it guards: a red sensitivity check forbids PASS, a red specificity check FAIL.
        recogniser: the judge it speaks of; empty = all.
        detectable: the smallest leak it would have caught with 80 % power, in words with a number.
    """

    name: str
    state: InstrumentState
    protects: Verdict
    recogniser: str = ""
    attacker: Attacker | None = None
    value: float | None = None
    p_value: float | None = None
    detectable: str
    reason: str
    binds_limits_to: float = 1.0
    """It speaks only of controls whose limit is not above this."""


class Curve(Record):
    """A DET curve, thinned for drawing: equal lengths, FMR ascending."""

    recogniser: str
    attacker: Attacker | None = None
    kind: str
    fmr: tuple[Rate, ...]
    fnmr: tuple[Rate, ...]


class Histogram(Record):
    """Comparison scores of one link in equal bins.

    Attributes:
        link: ``mated``, ``non-mated``, ``output~host``, ``output~donor`` ...
        edges: one more than ``counts``; equal for all links that are drawn together.
        threshold: what decides these scores; None where nothing does.
    """

    recogniser: str
    attacker: Attacker | None = None
    kind: str
    link: str
    edges: tuple[float, ...]
    counts: tuple[int, ...]
    threshold: float | None = None


class ResultTable(Record):
    """A table of an assessment that is no list of estimates: rules by file, layers by chain.

    Attributes:
        name: for an anchor; title: for people.
        columns: heads; rows: cells, as many each; shares as fractions, None where there is nothing to say.
        shares: places of the columns that hold shares.
    """

    name: str
    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str | int | float | None, ...], ...]
    shares: tuple[int, ...] = ()
    note: str = ""

    @model_validator(mode="after")
    def _rectangular(self) -> ResultTable:
        if any(len(row) != len(self.columns) for row in self.rows):
            raise ValueError(f"table {self.name}: every row needs {len(self.columns)} cells")
        return self


class SurvivalPoint(Record):
    """One rung of a ladder of perturbations.

    Attributes:
        tpr, lower, upper: share of outputs flagged at the frozen threshold, with one-sided bounds at ``alpha``.
        realised_fpr: what that threshold flags of bona fide media that went the same way.
        tpr_recalibrated: at a threshold read from such bona fide media; None where there are too few.
    """

    strength: float
    tpr: Rate
    lower: Rate
    upper: Rate
    realised_fpr: Rate
    tpr_recalibrated: Rate | None = None


class Survival(Record):
    """Detection over a ladder of one operation, mildest first.

    Attributes:
        unit: what a strength counts.
        target_fpr: what the frozen threshold was set for on clean media.
        limit: the share below which the curve is said to have crossed; ``crossing`` says where, in words.
        area: mean share over the ladder's strengths.
    """

    detector: str
    ladder: str
    unit: str
    target_fpr: Rate
    limit: Rate
    points: tuple[SurvivalPoint, ...]
    crossing: str
    area: float | None = None


class TemplateLedger(Record):
    """Per recogniser: edited = scored + fta (fallback crops are scored). Each adds up or the run ends in an error."""

    recogniser: str
    edited: int
    scored: int
    fallback: int
    fta: int
    references: int
    references_without_template: int
    fta_reasons: Pairs = ()


class CaseLedger(Record):
    """attempted = edited + refused + failed + timed_out + invalid.

    Attributes:
        unchanged, blank, clipped: of the outputs, those that equal their input, show or sound nothing, and that the
            tool drove into clipping.
    """

    attempted: int = 0
    edited: int = 0
    refused: int = 0
    failed: int = 0
    timed_out: int = 0
    invalid: int = 0
    unchanged: int = 0
    blank: int = 0
    clipped: int = 0


class AppliedPack(Record):
    """A pack of perturbations that media went through; equal digests are equal in every parameter."""

    name: str
    version: str
    digest: Sha256


class AssessmentResult(Record):
    """Estimates without a verdict.

    Attributes:
        packs: of perturbations that its media went through, in their order.
    """

    assessment: str
    modality: Modality
    not_applicable: str = ""
    estimates: tuple[Estimate, ...] = ()
    not_made: tuple[NotMade, ...] = ()
    instruments: tuple[Instrument, ...] = ()
    templates: tuple[TemplateLedger, ...] = ()
    curves: tuple[Curve, ...] = ()
    histograms: tuple[Histogram, ...] = ()
    survivals: tuple[Survival, ...] = ()
    tables: tuple[ResultTable, ...] = ()
    packs: tuple[AppliedPack, ...] = ()
    limitations: tuple[str, ...] = ()
