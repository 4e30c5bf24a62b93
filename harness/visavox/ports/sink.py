"""The door ``sink``: where a finished run is shown beside others.

A sink is a view. It is called when the report is on disk, takes everything from there and from the report, and never
decides anything; one that is down, slow or absent costs the run nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Protocol, TypeAlias

from visavox.core.config import Tracking
from visavox.core.registry import Registry

if TYPE_CHECKING:
    from visavox.core.report import Report


class SinkResult(NamedTuple):
    """What became of sending one run.

    Attributes:
        is_sent: the whole run is there.
        where: address of the run, else of the sink, without passwords.
        run_id: the sink's own id of the run; empty unless sent.
        reason: why it was not sent, in one line; where it was sent, a remark or nothing.
    """

    is_sent: bool
    where: str
    run_id: str = ""
    reason: str = ""

    def __str__(self) -> str:
        if not self.is_sent:
            return f"not sent to {self.where}: {self.reason}"
        return f"sent to {self.where} as run {self.run_id}" + (f" ({self.reason})" if self.reason else "")


class Sink(Protocol):
    """One place that finished runs are sent to."""

    def send(self, folder: Path, report: Report) -> SinkResult:
        """Sends the run in ``folder``, whose report is ``report``; the same run again is updated, never doubled.

        Never raises for a fault of the sink or of the way to it, and takes no longer than the suite's
        ``tracking.timeout_s`` and a few seconds.
        """
        ...


SinkFactory: TypeAlias = Callable[[Tracking], Sink]
"""(the suite's ``tracking``) -> sink."""

sinks: Registry[SinkFactory] = Registry("sinks")
"""Kinds of the suite's ``tracking.kind``: ``mlflow``."""
