"""From a figure and its interval to an estimate."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

from visavox.core.errors import UndefinedMetricError
from visavox.metrics import intervals
from visavox.metrics.mean_intervals import DISPLAY_ALPHA, MeanInterval
from visavox.metrics.rate_records import RateInterval

from .records import ScoreEstimate, ScoreNotMade
from .trials import Tags

NO_PEOPLE = "no interval: the file does not say whose the scores are, and trials that share people are not independent"
NO_SPREAD = "no interval: it is the same without each person, so that a jackknife sees no spread"
"""A width of 0 at complete separation would be a certainty that nobody has."""
NO_WIDTH = 1e-9
"""Rounding of one value summed in different orders."""

Found = ScoreEstimate | ScoreNotMade


class Options(NamedTuple):
    """What is asked of the figures."""

    is_llr: bool
    alpha: float


class Writer:
    """Makes estimates that bear the tags of their rows."""

    def __init__(self, tags: Tags, options: Options, note: str = "") -> None:
        self._tags, self._options, self._note = tags, options, note

    def made(
        self,
        name: str,
        figure: Callable[[], float],
        interval: Callable[[], RateInterval | MeanInterval] | None,
        *,
        n: int,
        n_subjects: int,
        method: str,
        **fields: Any,
    ) -> Found:
        """A figure with its interval; without the interval where that is undefined, not made where the figure is."""
        notes = [note for note in (self._note, fields.pop("note", "")) if note]
        try:
            value = figure()
        except UndefinedMetricError as error:
            return self.not_made(name, f"{error.asked}: {error.found}")
        ends: dict[str, Any] = {}
        if n_subjects == 0:
            notes.append(NO_PEOPLE)
        elif interval is not None:
            try:
                found = interval()
                if isinstance(found, MeanInterval) and found.standard_error < NO_WIDTH:
                    notes.append(NO_SPREAD)
                else:
                    ends = self._ends(found) | {"method": method}
            except UndefinedMetricError as error:
                notes.append(f"no interval: {error.asked}: {error.found}")
        return ScoreEstimate(
            name=name,
            value=value,
            n=n,
            n_subjects=n_subjects or None,
            alpha=self._options.alpha,
            note="; ".join(notes),
            **self._tags._asdict(),
            **ends,
            **fields,
        )

    def _ends(self, found: RateInterval | MeanInterval) -> dict[str, Any]:
        if isinstance(found, MeanInterval):
            names = ("low", "high", "lower", "upper")
            ends = {name: getattr(found, name) for name in names if math.isfinite(getattr(found, name))}
            return ends | {"n_eff": float(found.n_people)}
        basis, alpha = found.basis, self._options.alpha
        return {
            "low": intervals.bound_lower(basis, DISPLAY_ALPHA),
            "high": intervals.bound_upper(basis, DISPLAY_ALPHA),
            "lower": intervals.bound_lower(basis, alpha),
            "upper": intervals.bound_upper(basis, alpha),
            "n_eff": basis.n_eff_high,
            "basis": (basis,),
        }

    def not_made(self, name: str, reason: str) -> ScoreNotMade:
        """What could not be made, and why."""
        return ScoreNotMade(name=name, reason=reason, **self._tags._asdict())
