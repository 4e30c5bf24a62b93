"""Distributions of comparison scores by link, for the reader's eye."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import numpy.typing as npt

from visavox.core.figures import Histogram
from visavox.core.terms import Attacker

BINS = 60


def link_histograms(
    recogniser: str,
    attacker: Attacker | None,
    kind: str,
    scores: Mapping[str, npt.NDArray[np.float32]],
    threshold: float | None,
) -> Iterator[Histogram]:
    """One histogram a link, over common equal bins."""
    shown = {link: values for link, values in scores.items() if values.size}
    if not shown:
        return
    low, high = (f(f(values) for values in shown.values()) for f in (min, max))
    edges = np.linspace(float(low), max(float(high), float(low) + 1e-6), BINS + 1)
    for link, values in shown.items():
        counts, _ = np.histogram(values, edges)
        yield Histogram(
            recogniser=recogniser,
            attacker=attacker,
            kind=kind,
            link=link,
            edges=tuple(round(float(edge), 6) for edge in edges),
            counts=tuple(int(count) for count in counts),
            threshold=threshold,
        )
