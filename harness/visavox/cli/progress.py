"""Progress on standard error: bars with rate and time left on a terminal, plain lines elsewhere, JSON on request.

``--progress jsonl`` writes one JSON object a line and nothing else there. ``event`` says what it is:

- ``step``: ``stage`` (``edit``, ``embed JUDGE``, ``score JUDGE``), ``done`` of ``total`` items.
- ``remark``: ``text``, what happened after the report was written: tracking, a form that could not be rendered.
- ``report``: ``verdict``, and the paths ``report`` (report.json) and ``html``; always the last line of a whole run.
- ``error``: ``text`` and ``exit_code``; the last line of a run that ended without a report.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from visavox.engine.progress import Progress as Sink
from visavox.engine.progress import Step

from .console import console

PLAIN_EVERY_S = 10.0


@contextmanager
def progress(mode: str) -> Iterator[Sink]:
    """A sink for the run's steps."""
    terminal = console(err=True)
    if mode == "jsonl":
        yield lambda step: json_line("step", **step._asdict())
    elif mode == "auto" and terminal.is_terminal:
        with _bars(terminal) as bars:
            yield _BarSink(bars)
    elif mode == "none":
        yield lambda step: None
    else:
        yield _PlainSink()


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
        text = f"{speed:.1f}/s" if speed else ""
        self._bars.update(task, completed=step.done, total=step.total, rate=text)  # type: ignore[arg-type]


class _PlainSink:
    def __init__(self) -> None:
        self._rates: dict[str, _Rate] = {}
        self._said: dict[str, float] = {}

    def __call__(self, step: Step) -> None:
        now = time.monotonic()
        is_first = step.stage not in self._rates
        rate = self._rates.setdefault(step.stage, _Rate(step))
        if not (is_first or step.done >= step.total or now - self._said[step.stage] >= PLAIN_EVERY_S):
            return
        self._said[step.stage] = now
        speed = rate.per_second(step)
        left = f", {speed:.1f}/s, about {(step.total - step.done) / speed:.0f} s left" if speed else ""
        click.echo(f"{step.stage}: {step.done}/{step.total}{left}", err=True)
