"""Frozen records of a comparison of two runs: B, the newer one, against A, the baseline."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from pydantic import ConfigDict, Field

from .records import Digest, Rate, Record
from .terms import Attacker, Modality, Verdict

SCHEMA_ID = "visavox/comparison/v1"


class Change(StrEnum):
    """What is shown of a figure: at the comparison's alpha, by Holm over the gated ones."""

    WORSE = "worse"
    BETTER = "better"
    CHANGED = "changed"
    NOT_SHOWN = "not shown"


class RunSide(Record):
    """One of the two runs; ``subjects`` are not named anywhere in a comparison."""

    run: str
    name: str
    version: str
    subject: Digest
    policy: str
    policy_digest: Digest
    verdict: Verdict
    seal: Digest
    report: Digest
    finished: str
    visavox: str


class TrialsInBoth(Record):
    """The trials of a figure that both runs have, each decided at its own run's threshold.

    Attributes:
        n, n_people: trials and people; n_only_a, n_only_b: trials that one run alone has (no output, no template).
        correlation: of what each person adds to the two rates.
        to_match, from_match: trials that match in B alone, in A alone.
        near: those of them whose score lay, in both runs, between the thresholds at twice and at half the target FMR:
            within what the threshold itself is uncertain by.
        newly_leaking: people with a match in B and none in A, by their number in the plan; no_longer_leaking: the
            other way round.
        expected_by_chance: people who would have a match in B if all of them were false matches.
    """

    n: int
    n_people: int
    n_only_a: int
    n_only_b: int
    correlation: float
    to_match: int
    from_match: int
    near: int
    newly_leaking: tuple[int, ...]
    no_longer_leaking: tuple[int, ...]
    expected_by_chance: float


class FigureChange(Record):
    """One figure in both runs.

    Attributes:
        controls: ids of the controls that gate it; empty for a disclosed figure.
        a, b: its values; change: B - A; low, high: two-sided 95 % interval of the change.
        method: how the interval was made.
        p_value: two-sided, of a gated figure; what Holm's test takes.
        shown: of a gated figure by Holm; of a disclosed one whether its own interval leaves out 0.
        trials: where the trials of both runs are at hand.
        n_failed_a, n_failed_b: trials without a score, which stand in neither value.
    """

    assessment: str
    modality: Modality
    name: str
    recogniser: str
    attacker: Attacker | None = None
    group: str | None = None
    target_fmr: Rate | None = None
    controls: tuple[str, ...] = ()
    a: float
    b: float
    change: float
    low: float
    high: float
    method: str
    p_value: float | None = None
    shown: Change
    trials: TrialsInBoth | None = None
    n_failed_a: int = 0
    n_failed_b: int = 0


class NotCompared(Record):
    """A figure that a run lacks, or a gated one that both lack, and why; ``assessment`` is empty where none made it."""

    assessment: str
    modality: Modality
    name: str
    recogniser: str
    attacker: Attacker | None = None
    group: str | None = None
    controls: tuple[str, ...] = ()
    reason: str


class Comparison(Record):
    """What ``visavox compare`` writes; ``alpha`` is the family-wise error of Holm's test over the gated figures."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, populate_by_name=True)

    schema_id: str = Field(default=SCHEMA_ID, alias="schema")
    a: RunSide
    b: RunSide
    alpha: float
    n_people: int
    figures: tuple[FigureChange, ...]
    not_compared: tuple[NotCompared, ...] = ()
    remarks: tuple[str, ...] = ()

    @property
    def gated(self) -> tuple[FigureChange, ...]:
        """Figures that a control gates, in the order of the report."""
        return tuple(figure for figure in self.figures if figure.controls)

    @property
    def disclosed(self) -> tuple[FigureChange, ...]:
        """The others."""
        return tuple(figure for figure in self.figures if not figure.controls)

    def as_json(self) -> dict[str, Any]:
        """The comparison as JSON values."""
        return self.model_dump(mode="json", by_alias=True)


def comparison_schema() -> dict[str, Any]:
    """JSON Schema (2020-12) of a comparison."""
    schema = Comparison.model_json_schema(by_alias=True, mode="serialization")
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": SCHEMA_ID, **schema}
