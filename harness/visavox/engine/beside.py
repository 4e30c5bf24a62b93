"""One stage's work in a thread beside another stage's, so that a device does not wait for the other."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeAlias

Check: TypeAlias = Callable[[], None]
"""Called between two units of work; raises where the work has to end."""


def go_on() -> None:
    """The check of work that runs alone."""


class _StoppedError(Exception):
    """The other side has ended in an error, which is the one to tell."""


@contextmanager
def beside(work: Callable[[Check], None], *, name: str) -> Iterator[Check]:
    """Runs ``work`` in a thread while the block runs in this one; both have ended when the block is left.

    The first error of the two is raised, an interrupt too; the other side ends after the unit that it is at.

    Args:
        work: gets the check that it has to call between its units.
        name: of the thread.

    Yields:
        the check that the block has to call between its own.
    """
    stop = threading.Event()
    failures: list[BaseException] = []

    def stopped() -> None:
        if stop.is_set():
            raise _StoppedError

    def whole() -> None:
        try:
            work(stopped)
        except _StoppedError:
            pass
        except BaseException as error:  # noqa: BLE001 - raised where the block is
            failures.append(error)

    def failed() -> None:
        if failures:
            raise failures[0]

    thread = threading.Thread(target=whole, name=name)
    try:
        thread.start()  # interrupted in here, it may be running
        yield failed
        thread.join()
    except BaseException:
        stop.set()
        if thread.is_alive():
            thread.join()
        raise
    failed()
