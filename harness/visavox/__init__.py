"""Visavox: safety assessment of face- and voice-editing models.

>>> from visavox import load_suite, run, gate
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .api import GateResult, gate, load_suite, read_report, run

__all__ = ["GateResult", "gate", "load_suite", "read_report", "run"]


def __getattr__(name: str) -> Any:
    if name in __all__:
        from . import api

        return getattr(api, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
