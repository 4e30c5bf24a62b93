"""Machine-readable marks taken together: a signed manifest in the file, a watermark in the medium.

Labels that people see or hear are no such mark, and a passive detector is none: it reads what nobody wrote.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np
import numpy.typing as npt

from visavox.core.figures import Estimate, NotMade
from visavox.core.terms import CredentialState, Outcome
from visavox.ports.assessment import AssessmentInput

from .layers import ALIVE, GONE, share

MARKED: Final = "marked_share"
DOUBLY_MARKED: Final = "doubly_marked_share"
_STATES: Final = {
    CredentialState.VALID: True,
    CredentialState.TRUSTED: True,
    CredentialState.INVALID: False,
    CredentialState.NOT_FOUND: False,
}


def marked_shares(data: AssessmentInput, watermark: npt.NDArray[np.int8] | None) -> Iterator[Estimate | NotMade]:
    """Shares of the outputs with a valid C2PA manifest or the tool's watermark, and with both.

    Args:
        watermark: (n_cases,) whether an output bears it; None where the suite names no decoder: nobody looked.
    """
    cases = [i for i, outcome in enumerate(data.case_outcome) if outcome is Outcome.EDITED]
    manifests = [_manifest(data, i) for i in cases]
    marks = [None if watermark is None else {ALIVE: True, GONE: False}.get(int(watermark[i])) for i in cases]
    persons = data.case_person[np.asarray(cases, int)]
    note = "" if watermark is not None else "the suite names no decoder of a watermark"
    if all(one is None for one in manifests):
        note = "; ".join(part for part in ("no output's file could be examined for a C2PA manifest", note) if part)
    pairs = list(zip(manifests, marks, strict=True))
    yield share(MARKED, [_either(*pair) for pair in pairs], persons, data.alpha, note=note)
    yield share(DOUBLY_MARKED, [_both(*pair) for pair in pairs], persons, data.alpha, note=note)


def _manifest(data: AssessmentInput, case: int) -> bool | None:
    codes = data.case_labels[case] if case < len(data.case_labels) else None
    return None if codes is None else _STATES.get(codes.c2pa)


def _either(one: bool | None, other: bool | None) -> bool | None:
    return True if True in {one, other} else None if None in {one, other} else False


def _both(one: bool | None, other: bool | None) -> bool | None:
    return False if False in {one, other} else None if None in {one, other} else True
