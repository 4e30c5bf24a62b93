"""How a run tells what it is doing: one small record per finished unit."""

from __future__ import annotations

from typing import NamedTuple, Protocol


class Step(NamedTuple):
    """A stage's state after one more unit: ``done`` of ``total`` items."""

    stage: str
    done: int
    total: int


class Progress(Protocol):
    """Receives steps; must not raise."""

    def __call__(self, step: Step) -> None: ...


def silent(step: Step) -> None:
    """Says nothing."""
