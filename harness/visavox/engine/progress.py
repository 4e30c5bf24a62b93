"""How a run tells what it is doing; the records lie with the doors, so that data sets can tell too."""

from __future__ import annotations

import threading

from visavox.ports.progress import Progress, Step, silent

__all__ = ["Progress", "Step", "one_at_a_time", "silent"]


def one_at_a_time(progress: Progress) -> Progress:
    """The same sink, called by one thread at a time."""
    turn = threading.Lock()

    def told(step: Step) -> None:
        with turn:
            progress(step)

    return told
