"""Progress on standard error: bars with rate and time left on a terminal, plain lines elsewhere, JSON on request.

``--progress jsonl`` writes one JSON object a line and nothing else there. ``event`` says what it is:

- ``step``: ``stage`` (``render people``, ``edit``, ``embed SET``, ``score JUDGE TABLE``), ``done`` of ``total`` items.
- ``remark``: ``text``, what happened beside: a run that takes another's place, after the report was written tracking
  or a form that could not be rendered.
- ``report``: ``verdict``, and the paths ``report`` (report.json) and ``html``; always the last line of a whole run.
- ``error``: ``text`` and ``exit_code``; the last line of a run that ended without a report.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from visavox.ports.progress import Progress as Sink
from visavox.ports.progress import Step, listening, silent

from .console import console

PLAIN_EVERY_S = 10.0
"""Plain lines of one stage are so far apart."""
PLAIN_BRIEF_S = 1.0
"""A stage that is over sooner gets no plain line."""


@contextmanager
def progress(mode: str) -> Iterator[Sink]:
    """A sink for the run's steps; it also hears of what data sets do while they are loaded."""
    terminal = console(err=True)
    with ExitStack() as stack:
        sink: Sink
        if mode == "jsonl":
            sink = _json_step
        elif mode == "auto" and terminal.is_terminal:
            sink = _BarSink(stack.enter_context(_bars(terminal)))
        elif mode == "none":
            sink = silent
        else:
            sink = _PlainSink()
        stack.enter_context(listening(sink))
        yield sink


def _json_step(step: Step) -> None:
    json_line("step", **step._asdict())


def json_line(event: str, **fields: str | int) -> None:
    """One line of ``--progress jsonl``."""
    click.echo(json.dumps({"event": event, **fields}, ensure_ascii=False), err=True)


def _bars(terminal: Console) -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=terminal,
    )


class _Rate:
    """Items per second of a stage since its first step in this process."""

    def __init__(self, step: Step) -> None:
        self._at, self._done = time.monotonic(), step.done

    def per_second(self, step: Step) -> float:
        passed = time.monotonic() - self._at
        return (step.done - self._done) / passed if passed > 0 else 0.0


def _pace(per_second: float) -> str:
    """Items a second, or seconds an item where one takes longer than two.

    >>> _pace(8.0), _pace(0.04)
    ('8.0/s', '25 s each')
    """
    return f"{per_second:.1f}/s" if per_second >= 0.5 else f"{1 / per_second:.0f} s each"


class _BarSink:
    def __init__(self, bars: Progress) -> None:
        self._bars = bars
        self._tasks: dict[str, tuple[int, _Rate]] = {}

    def __call__(self, step: Step) -> None:
        if step.stage not in self._tasks:
            task = int(self._bars.add_task(step.stage, total=step.total, rate=""))
            self._tasks[step.stage] = (task, _Rate(step))
        task, rate = self._tasks[step.stage]
        speed = rate.per_second(step)
        text = _pace(speed) if speed else ""
        self._bars.update(task, completed=step.done, total=step.total, rate=text)  # type: ignore[arg-type]


class _PlainSink:
    """A line when a stage is finished, and of a long one now and then; none of a stage that is over at once."""

    def __init__(self) -> None:
        self._last = time.monotonic()
        self._begun: dict[str, float] = {}
        self._said: dict[str, float] = {}
        self._rates: dict[str, _Rate] = {}

    def __call__(self, step: Step) -> None:
        now = time.monotonic()
        if step.stage not in self._begun:  # the first step comes after the first unit, that of 0 items before it
            self._begun[step.stage] = self._said[step.stage] = now if step.done == 0 else self._last
            self._rates[step.stage] = _Rate(step)
        self._last = now
        if step.done >= step.total:
            if now - self._begun[step.stage] >= PLAIN_BRIEF_S:
                click.echo(f"{step.stage}: {step.done} in {now - self._begun[step.stage]:.0f} s", err=True)
        elif now - self._said[step.stage] >= PLAIN_EVERY_S:
            self._said[step.stage] = now
            speed = self._rates[step.stage].per_second(step)
            left = f", {_pace(speed)}, about {(step.total - step.done) / speed:.0f} s left" if speed else ""
            click.echo(f"{step.stage}: {step.done}/{step.total}{left}", err=True)
