"""What the outputs' files give away beside the picture."""

from __future__ import annotations

from collections import Counter
from typing import NamedTuple

import numpy as np

from visavox.core.figures import Estimate
from visavox.core.terms import Outcome
from visavox.metrics import intervals
from visavox.ports.assessment import AssessmentInput

DISPLAY_ALPHA = 0.025
HARMLESS = frozenset({"unreadable"})
"""Findings that name no leak."""


class MetadataFigures(NamedTuple):
    estimates: tuple[Estimate, ...]
    limitations: tuple[str, ...]


def metadata_figures(data: AssessmentInput) -> MetadataFigures:
    """The share of the outputs' files that hold a position, a serial number, a name, an id or the unedited picture.

    Disclosed. An unedited picture also counts as a match for every attacker, whatever a recogniser says of the output.
    """
    edited = [i for i, outcome in enumerate(data.case_outcome) if outcome is Outcome.EDITED]
    looked = [i for i in edited if data.case_leaks[i] is not None]
    if not looked:
        return MetadataFigures(
            (), ("no file of the outputs was looked into: what files give away beside face or voice is not known",)
        )
    unseen = len(edited) - len(looked)
    limits = (f"{unseen} outputs came without a file; their metadata were not looked at",) if unseen else ()
    persons = data.case_person[np.asarray(looked)]
    if np.unique(persons).size < 2:
        return MetadataFigures((), (*limits, "one person alone has an output file: no share with metadata was made"))
    leaks = [tuple(code for code in data.case_leaks[i] or () if code not in HARMLESS) for i in looked]
    found = intervals.rate_interval([bool(codes) for codes in leaks], persons)
    counts = Counter(code for i in looked for code in data.case_leaks[i] or ())
    note = ", ".join(f"{code} {count}" for code, count in sorted(counts.items())) or "nothing found"
    estimate = Estimate(
        name="metadata_leak_rate",
        value=found.p,
        low=intervals.bound_lower(found.basis, DISPLAY_ALPHA),
        high=intervals.bound_upper(found.basis, DISPLAY_ALPHA),
        lower=intervals.bound_lower(found.basis, data.alpha),
        upper=intervals.bound_upper(found.basis, data.alpha),
        alpha=data.alpha,
        method="effective-size Clopper-Pearson (STATISTICS 3a)",
        n=found.n,
        n_eff=found.basis.n_eff_high,
        n_subjects=found.n_people,
        recogniser="",
        chance=0.0,
        basis=(found.basis,),
        note=f"outputs by finding: {note}",
    )
    return MetadataFigures((estimate,), limits)
