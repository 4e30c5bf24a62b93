"""How a run tells what it is doing: one small record per finished unit, to whoever listens."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
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


_LISTENER: ContextVar[Progress] = ContextVar("listener", default=silent)


@contextmanager
def listening(progress: Progress) -> Iterator[None]:
    """Within it, ``tell`` reaches ``progress``."""
    token = _LISTENER.set(progress)
    try:
        yield
    finally:
        _LISTENER.reset(token)


def tell(step: Step) -> None:
    """A step of work that is given no sink of its own: a data set that is rendered while it is loaded."""
    _LISTENER.get()(step)
