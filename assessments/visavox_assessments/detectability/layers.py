"""What each layer of marks gives back to the assessment, and the shares that they are stated in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from visavox.core.figures import Estimate, NotMade, ResultTable
from visavox.core.terms import Direction
from visavox.metrics import intervals
from visavox.ports.assessment import Ints
from visavox_assessments.estimates import bounded

METHOD = "effective-size Clopper-Pearson (STATISTICS 3a)"
ALIVE, GONE, UNKNOWN = 1, 0, -1


class LayerResult(NamedTuple):
    """One layer of an output's marks.

    Attributes:
        alive: (n_cases,) ALIVE, GONE or UNKNOWN: whether the layer tells of the output that it is edited; None where
            nobody looked.
    """

    estimates: tuple[Estimate, ...] = ()
    not_made: tuple[NotMade, ...] = ()
    limitations: tuple[str, ...] = ()
    tables: tuple[ResultTable, ...] = ()
    alive: npt.NDArray[np.int8] | None = None


def share(
    name: str,
    found: Sequence[bool | None],
    persons: Ints,
    alpha: float,
    *,
    direction: Direction = Direction.HIGHER_IS_SAFER,
    note: str = "",
) -> Estimate | NotMade:
    """The share of outputs of which something holds, clustered by people.

    Args:
        found: of each output; None where it is not known: it counts as not held at the lower end, as held at the upper.
        persons: of each output.
    """
    unknown = sum(one is None for one in found)
    if np.unique(persons).size < 2:
        return NotMade(name=name, recogniser="", reason="fewer than two people have such an output")
    if unknown == len(found):
        return NotMade(name=name, recogniser="", reason=note or "it is known of no output")
    low = intervals.rate_interval([one is True for one in found], persons)
    high = intervals.rate_interval([one is not False for one in found], persons)
    known = [one for one in found if one is not None]
    return bounded(
        name,
        "",
        None,
        sum(known) / len(known),
        (intervals.imputed(low, high) if unknown else low.basis,),
        alpha,
        n=len(found),
        n_subjects=low.n_people,
        n_failed=unknown,
        method=METHOD,
        direction=direction,
        note=note,
    )
