"""Layer 5: composes the layers below into what a shell or Python calls.

from visavox import load_suite, run, gate
report = run(load_suite("suite.yaml"), out="runs/1")
gate("runs/1").verdict
"""

from .gating import GateResult, gate, read_report
from .preparation import CASE_COLUMNS, Outline, Prepared, case_rows, load_suite, outline, prepare
from .running import replay, run

__all__ = [
    "CASE_COLUMNS",
    "GateResult",
    "Outline",
    "Prepared",
    "case_rows",
    "gate",
    "load_suite",
    "outline",
    "prepare",
    "read_report",
    "replay",
    "run",
]
