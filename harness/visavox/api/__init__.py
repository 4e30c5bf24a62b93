"""Layer 5: composes the layers below into what a shell or Python calls.

from visavox import load_suite, run, gate
report = run(load_suite("suite.yaml"), out="runs/1")
gate("runs/1").verdict
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from .gating import GateResult, gate, read_report
    from .preparation import CASE_COLUMNS, Outline, Prepared, case_rows, load_suite, outline, outlines, prepare
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
    "outlines",
    "prepare",
    "read_report",
    "replay",
    "run",
]

_HOMES: Final = {
    **dict.fromkeys(("GateResult", "gate", "read_report"), ".gating"),
    **dict.fromkeys(("replay", "run"), ".running"),
}


def __getattr__(name: str) -> Any:
    """Loads what is asked for: a gate imports nothing of a run."""
    if name in __all__:
        return getattr(import_module(_HOMES.get(name, ".preparation"), __package__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
