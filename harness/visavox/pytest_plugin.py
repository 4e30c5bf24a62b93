"""The fixture ``visavox_gate``: a release pipeline's own test fails where the gate gives no PASS.

def test_the_model_may_be_released(visavox_gate):
    visavox_gate("runs/1", policy="baseline", trusted_keys=["assessor.pub"])

Registered as a plug-in of pytest wherever visavox is installed, so nothing is imported before the fixture is used.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from visavox.api.gating import GateResult

_Path = str | Path


@pytest.fixture
def visavox_gate() -> Callable[..., GateResult]:
    """A function that gates a run: gives the result of a PASS, and fails the test with the reasons of all else."""
    return _gated


def _gated(
    out: _Path,
    *,
    policy: str | None = None,
    max_age: timedelta | None = None,
    model: _Path | None = None,
    attestation: _Path | None = None,
    trusted_keys: Sequence[_Path] = (),
    waivers: _Path | None = None,
    recompute: bool | None = None,
) -> GateResult:
    __tracebackhide__ = True
    from visavox.api.gate_outcome import gate_record
    from visavox.api.gating import gate
    from visavox.core.errors import VisavoxError
    from visavox.core.terms import Verdict
    from visavox.reporting.gate_forms import gate_lines

    outcome: GateResult | VisavoxError
    try:
        outcome = gate(
            out,
            policy=policy,
            max_age=max_age,
            model=None if model is None else Path(model),
            attestation=None if attestation is None else Path(attestation),
            trusted_keys=[Path(key) for key in trusted_keys],
            waivers=None if waivers is None else Path(waivers),
            recompute=recompute,
        )
    except VisavoxError as error:
        outcome = error
    if isinstance(outcome, VisavoxError) or outcome.verdict is not Verdict.PASS:
        record = gate_record(outcome)
        first = f"gate {out}: {record.outcome}: {record.reasons[0]}"  # all that pytest's summary shows
        pytest.fail("\n".join((first, *gate_lines(record))), pytrace=False)
    return outcome
