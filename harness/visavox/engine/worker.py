"""The harness's side of the worker: starts, feeds, watches, ends and restarts the model under test.

A batch that crashes, hangs, runs out of memory, miscounts or raises is run again case by case in a new worker; the
guilty case alone is lost, after two tries of its own. A case's result that is no usable medium is ``invalid`` at once.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, TypeAlias

import psutil

from visavox.core.errors import ConfigError, EditorError, WorkerProtocolError
from visavox.core.records import FileLabelCodes
from visavox.core.terms import Outcome
from visavox.engine.ipc import Array, Channel, Message, get_labels, get_leaks, get_media, put_media
from visavox.engine.worker_main import EXIT_CONNECTION_LOST, MAX_BATCH
from visavox.ports.editor import EditRequest, Media

POLL_S = 0.1
STDERR_TAIL_BYTES = 2048
MAX_STDERR_BYTES = 16 << 20
_FIRST_BATCH_FACTOR = 4.0
_END_WAIT_S = 8.0
_DEATH_WAIT_S = 1.0
_SIGNALS = frozenset(signal.Signals)
_CRASHES = {signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS, signal.SIGFPE, signal.SIGILL}


@dataclass(frozen=True)
class EditorLimits:
    """What the model under test may use.

    Attributes:
        timeout_s: seconds for one case.
        load_timeout_s: seconds to load, and once more on top of a worker's first batch.
        memory_mb: resident memory of the whole process tree, in units of 2**20 bytes.
    """

    timeout_s: float
    load_timeout_s: float
    memory_mb: int


class CaseResult(NamedTuple):
    """What became of one case.

    Attributes:
        case_id: the request's.
        outcome: edited, refused, failed, timed_out or invalid.
        media: the edited image or sound; None unless edited.
        reason: what happened, in words; empty if edited. The same fault reads the same in every run.
        stderr_tail: at most 2 kB of what the model wrote last (standard output too); empty if edited.
        is_fault: whether the model broke down over this case (crash, time-out, memory, exception, miscount), twice.
        leaks: what the file of the output gives away; None if no file was there.
        labels: what the labels in it are worth; None alike.
    """

    case_id: str
    outcome: Outcome
    media: Media | None
    reason: str
    stderr_tail: str = ""
    is_fault: bool = False
    leaks: tuple[str, ...] | None = None
    labels: FileLabelCodes | None = None


class _Fault(NamedTuple):
    outcome: Outcome
    reason: str
    stderr_tail: str


class _OverMemoryError(Exception):
    pass


_Answer: TypeAlias = "list[CaseResult] | _Fault"


class EditorWorker:
    """The model under test in a supervised process, started when it is first needed and again when it was lost.

    Use it as a context manager, from the main thread: the kernel ends the worker when the thread that started it ends.

    Args:
        spec: the suite's ``editor`` block as JSON values, paths absolute.
        device: ``cpu`` or ``cuda``.
        limits: time and memory.
        scratch: a private folder; every worker process gets one below it, removed when it stops.
        stderr_path: file that the model's standard output and standard error are appended to; begun anew at 16 MiB.
    """

    def __init__(
        self, spec: Mapping[str, Any], *, device: str, limits: EditorLimits, scratch: Path, stderr_path: Path
    ) -> None:
        self._spec, self._device, self._limits = dict(spec), device, limits
        self._scratch, self._stderr_path = scratch, stderr_path
        self._process: _Process | None = None
        self._max_batch = 1
        self._first_batch_s: float | None = None

    def __enter__(self) -> EditorWorker:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def max_batch(self) -> int:
        """Requests per batch, as the editor declares it (at most 32); starts the worker if there is none.

        Raises:
            EditorError: if the editor cannot be loaded.
        """
        self._started()
        return self._max_batch

    def run_unit(self, requests: Sequence[EditRequest]) -> list[CaseResult]:
        """Edits the cases of one unit; one result per request, in the same order.

        No case makes it raise: a case that brings the model down is lost by itself, and said so in its result.

        Raises:
            EditorError: if the editor cannot be loaded, or the caller is not the main thread.
        """
        results: list[CaseResult] = []
        while len(results) < len(requests):
            batch = requests[len(results) : len(results) + self.max_batch]
            results.extend(self._run_batch(batch))
        return results

    def close(self) -> None:
        """Ends the worker and everything it has started; a second call does nothing."""
        if self._process is not None:
            self._process.end()
            self._process = None

    def _run_batch(self, batch: Sequence[EditRequest]) -> list[CaseResult]:
        if len(batch) > 1:
            answer = self._attempt(batch)
            if not isinstance(answer, _Fault):
                return answer
            self.close()
        return [self._run_alone(request) for request in batch]

    def _run_alone(self, request: EditRequest) -> CaseResult:
        answer = self._attempt([request])
        if isinstance(answer, _Fault):
            self.close()
            answer = self._attempt([request])
        if isinstance(answer, _Fault):
            return CaseResult(request.case_id, answer.outcome, None, answer.reason, answer.stderr_tail, True)
        return answer[0]

    def _attempt(self, batch: Sequence[EditRequest]) -> _Answer:
        """One try of one batch. After a fault that ended or may have spoilt the worker there is none any more."""
        process = self._started()
        since, begun = process.stderr_size(), time.monotonic()
        budget_s = self._limits.timeout_s * len(batch)
        deadline = begun + budget_s + (0.0 if process.warm else self._first_allowance_s())
        try:
            number = process.send_batch(batch, deadline)
            answer = _read_answer(process, batch, number, process.receive(deadline), since)
        except TimeoutError:
            fault = _Fault(Outcome.TIMED_OUT, f"timed out after {budget_s:g} s", process.stderr_tail(since))
        except _OverMemoryError:
            reason = f"used more than {self._limits.memory_mb} MB"
            fault = _Fault(Outcome.FAILED, reason, process.stderr_tail(since))
        except WorkerProtocolError as error:
            reason = "what passed was not the protocol: " + (error.found or error.asked)
            fault = _Fault(Outcome.FAILED, _clean(reason), process.stderr_tail(since))
        except (EOFError, OSError):
            reason = process.cause_of_death()
            fault = _Fault(Outcome.FAILED, reason, process.stderr_tail(since))
        else:
            if not process.warm and not isinstance(answer, _Fault):
                process.warm = True
                self._first_batch_s = max(self._first_batch_s or 0.0, time.monotonic() - begun)
            return answer
        self.close()
        return fault

    def _first_allowance_s(self) -> float:
        """Seconds on top of a worker's first batch: ``load_timeout_s`` until one first batch has been seen to end."""
        if self._first_batch_s is None:
            return self._limits.load_timeout_s
        return min(self._limits.load_timeout_s, _FIRST_BATCH_FACTOR * self._first_batch_s + 1.0)

    def _started(self) -> _Process:
        if self._process is None:
            process = _Process(self._limits, self._scratch, self._stderr_path)
            self._process = process
            try:
                self._max_batch = process.load(self._spec, self._device)
            except BaseException:
                self.close()
                raise
        return self._process


class _Process:
    """One worker process: its guard, its connection, its folder and its output."""

    def __init__(self, limits: EditorLimits, scratch: Path, stderr_path: Path) -> None:
        if threading.current_thread() is not threading.main_thread():
            raise EditorError(
                "start the editor's worker",
                found="this is not the main thread; the kernel ends a worker with the thread that started it",
                todo="run the editor from the main thread",
            )
        self._limits, self._stderr_path = limits, stderr_path
        self._next_poll, self._sent = 0.0, 0
        self._tree: list[psutil.Process] = []
        self.warm = False
        scratch.mkdir(parents=True, exist_ok=True, mode=0o700)
        stderr_path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._folder = Path(tempfile.mkdtemp(prefix="worker-", dir=scratch))
        ours, theirs = socket.socketpair()
        command = [sys.executable, "-u", "-P", "-m", "visavox.engine.worker_main"]
        arguments = ["--fd", str(theirs.fileno()), "--harness", str(os.getpid())]
        with theirs, os.fdopen(os.open(stderr_path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600), "wb") as stderr:
            self._popen = subprocess.Popen(
                command + arguments,
                stdin=subprocess.DEVNULL,
                stdout=stderr,
                stderr=stderr,
                pass_fds=(theirs.fileno(),),
                start_new_session=True,
            )
        self._channel = Channel(ours)

    def load(self, spec: Mapping[str, Any], device: str) -> int:
        """Has the editor loaded; how many requests it takes at once."""
        since, limits = self.stderr_size(), self._limits
        deadline = time.monotonic() + limits.load_timeout_s
        order = {"spec": spec, "device": device, "scratch": str(self._folder), "timeout_s": limits.timeout_s}
        try:
            self._channel.send(order, deadline=deadline, watch=self._watch)
            body = self._channel.receive(deadline=deadline, watch=self._watch).body
        except TimeoutError:
            found = f"it was not ready after {limits.load_timeout_s:g} s"
        except _OverMemoryError:
            found = f"it used more than {limits.memory_mb} MB while it was loaded"
        except (EOFError, OSError):
            found = f"its process {self.cause_of_death()} while it was loaded"
        else:
            size = body.get("max_batch")
            if body.get("type") == "ready" and type(size) is int and 1 <= size <= MAX_BATCH:
                return size
            found = _clean(str(body.get("reason", "its worker answered nonsense")), 4000)
            if body.get("is_usage") is True:
                raise ConfigError(f"load the editor ({spec.get('kind')})", found=found)
            if "trace" in body:
                raise EditorError(
                    f"load the editor ({spec.get('kind')}: {_name(spec)})", found=found, todo=_trace(body)
                )
            raise EditorError(f"load the editor ({spec.get('kind')}: {_name(spec)})", found=found)
        tail = self.stderr_tail(since)
        raise EditorError(
            f"load the editor ({spec.get('kind')}: {_name(spec)})",
            found=found,
            todo=f"the last it wrote was:\n{tail}" if tail else "",
        )

    def send_batch(self, batch: Sequence[EditRequest], deadline: float) -> int:
        """Sends the requests; the batch's number."""
        arrays: list[Array] = []
        self._sent += 1
        body = {"number": self._sent, "requests": [_describe(request, arrays) for request in batch]}
        self._channel.send(body, arrays, deadline=deadline, watch=self._watch)
        return self._sent

    def receive(self, deadline: float) -> Message:
        return self._channel.receive(deadline=deadline, watch=self._watch)

    def _watch(self) -> None:
        """Every 0.1 s: the resident memory of the process tree, and the size of its output."""
        now = time.monotonic()
        if now < self._next_poll:
            return
        self._next_poll = now + POLL_S
        self._tree = list(_tree(self._popen.pid))
        if sum(_rss(process) for process in self._tree) > self._limits.memory_mb << 20:
            raise _OverMemoryError
        if self.stderr_size() > MAX_STDERR_BYTES:
            os.truncate(self._stderr_path, 0)

    def cause_of_death(self) -> str:
        """Why the connection ended, in words that follow "the case ..."."""
        try:
            code = self._popen.wait(_DEATH_WAIT_S)
        except subprocess.TimeoutExpired:
            code = EXIT_CONNECTION_LOST
        if code == EXIT_CONNECTION_LOST:
            return "closed its connection to the harness"
        if code >= 0:
            return f"ended with exit code {code}"
        name = signal.Signals(-code).name if -code in _SIGNALS else f"signal {-code}"
        return f"crashed with {name}" if -code in _CRASHES else f"was ended by {name}"

    def end(self) -> None:
        """Ends the process tree: the guard does it; if the guard is not able to, by hand."""
        self._channel.close()
        known = {process.pid: process for process in [*self._tree, *_tree(self._popen.pid)]}
        self._popen.terminate()
        try:
            self._popen.wait(_END_WAIT_S)
        except subprocess.TimeoutExpired:
            self._popen.kill()
            self._popen.wait()
        for process in known.values():
            with suppress(psutil.Error):
                process.kill()  # psutil knows a process by its start too: a reused id is spared
        shutil.rmtree(self._folder, ignore_errors=True)

    def stderr_size(self) -> int:
        return self._stderr_path.stat().st_size

    def stderr_tail(self, since: int) -> str:
        """At most the last 2 kB written after the file was ``since`` bytes long."""
        with self._stderr_path.open("rb") as stream:
            end = stream.seek(0, os.SEEK_END)
            start = max(end - STDERR_TAIL_BYTES, since if since <= end else 0)
            stream.seek(start)
            return stream.read(STDERR_TAIL_BYTES).decode("utf-8", "replace")


def _name(spec: Mapping[str, Any]) -> object:
    return spec.get("entry") or spec.get("name") or spec.get("path") or spec.get("argv") or ""


def _trace(body: Mapping[str, Any]) -> str:
    return "".join(f"{line}\n" for line in _clean(str(body["trace"]), 2000).splitlines()).rstrip()


def _tree(pid: int) -> Iterator[psutil.Process]:
    try:
        root = psutil.Process(pid)
        yield root
        yield from root.children(recursive=True)
    except psutil.Error:
        return  # ended in between


def _rss(process: psutil.Process) -> int:
    try:
        return int(process.memory_info().rss)
    except psutil.Error:
        return 0  # ended in between


def _describe(request: EditRequest, arrays: list[Array]) -> dict[str, Any]:
    return {
        "case_id": request.case_id,
        "operation": str(request.operation),
        "seed": request.seed,
        "media": {role: put_media(media, arrays) for role, media in request.media.items()},
        "consent": request.consent,
        "person": request.person,
        "params": dict(request.params),
    }


def _read_answer(process: _Process, batch: Sequence[EditRequest], number: int, message: Message, since: int) -> _Answer:
    """The answer to a batch.

    Raises:
        WorkerProtocolError: if it is none.
    """
    body = message.body
    if body.get("number") != number:
        raise WorkerProtocolError("read an answer", found=f"it is to batch {body.get('number')!r}, not {number}")
    try:
        if body["type"] == "error":
            return _Fault(Outcome(body["outcome"]), _clean(str(body["reason"])), process.stderr_tail(since))
        rows = [(Outcome(row["outcome"]), row, str(row.get("reason", ""))) for row in body["results"]]
        pairs = list(zip(batch, rows, strict=True))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise WorkerProtocolError("read an answer", found=f"{type(error).__name__}: {error}") from None
    results = []
    for request, (outcome, row, reason) in pairs:
        if outcome is Outcome.EDITED:
            media = get_media(row.get("media"), message.arrays)
            leaks, labels = get_leaks(row.get("leaks")), get_labels(row.get("labels"))
            results.append(CaseResult(request.case_id, outcome, media, "", leaks=leaks, labels=labels))
        else:
            results.append(CaseResult(request.case_id, outcome, None, _clean(reason), process.stderr_tail(since)))
    return results


def _clean(text: str, longest: int = 1000) -> str:
    """Text that can be written as UTF-8, with control characters replaced."""
    plain = text.encode("utf-8", "replace").decode()
    return "".join(c if c.isprintable() or c in "\n\t" else "?" for c in plain)[:longest]
