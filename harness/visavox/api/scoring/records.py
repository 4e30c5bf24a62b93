"""What ``visavox score`` says of a file; the fields bear the names they have in a report."""

from __future__ import annotations

from visavox.core.figures import IntervalBasis
from visavox.core.records import Record
from visavox.core.terms import Direction, Support


class ScoreOperatingPoint(Record):
    """A threshold at a target FMR; None where no people are known.

    Attributes:
        threshold: accept iff score >= threshold.
        fmr, fmr_low, fmr_high: realised FMR with its two-sided 95 % interval.
        ties: no score reached the target; the threshold is the next float above the maximum.
    """

    target_fmr: float
    threshold: float
    fmr: float
    fmr_low: float | None = None
    fmr_high: float | None = None
    n_non_mated: int
    n_people: int | None = None
    support: Support | None = None
    ties: bool = False


class ScoreEstimate(Record):
    """One figure of a score file with its uncertainty.

    Attributes:
        value: a share in [0, 1] unless ``name`` says otherwise.
        low, high: two-sided 95 % interval; None where none was made, and ``note`` says why.
        lower, upper: one-sided bounds at ``alpha``.
        method: how the interval was made; empty where there is none.
        n: trials; n_eff: effective trials; n_subjects: people, None where unknown.
        chance: what scores that link nobody would show.
        band: ZEBRA's category of a worst case.
    """

    name: str
    value: float
    low: float | None = None
    high: float | None = None
    lower: float | None = None
    upper: float | None = None
    alpha: float = 0.05
    method: str = ""
    n: int
    n_eff: float | None = None
    n_subjects: int | None = None
    n_failed: int = 0
    group: str | None = None
    recogniser: str = ""
    attacker: str | None = None
    operating_point: ScoreOperatingPoint | None = None
    direction: Direction = Direction.LOWER_IS_SAFER
    chance: float | None = None
    basis: tuple[IntervalBasis, ...] = ()
    band: str = ""
    note: str = ""


class ScoreNotMade(Record):
    """A figure that could not be made, and why."""

    name: str
    recogniser: str = ""
    attacker: str | None = None
    group: str | None = None
    reason: str


class ScoreCounts(Record):
    """The trials of the file; ``n_unscored`` are those of the list of trials that have no score."""

    n_mated: int = 0
    n_non_mated: int = 0
    n_bona_fide: int = 0
    n_attacks: int = 0
    n_people: int | None = None
    n_unscored: int = 0


class ScoreReport(Record):
    """All figures of a score file."""

    file: str
    layout: str
    counts: ScoreCounts
    estimates: tuple[ScoreEstimate, ...]
    not_made: tuple[ScoreNotMade, ...]
    remarks: tuple[str, ...] = ()
