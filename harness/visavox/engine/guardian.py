"""The guard between the harness and the model under test: when either ends, nothing of the model's is left running.

The worker forks once at its start. The parent half stays as the guard (standard library and psutil, a few MB); the
child half goes on to run the model. The guard is a *subreaper*: whatever the model starts, daemons included, becomes
the guard's child when its own parent ends, so the process tree can be measured and ended as a whole. It ends the tree
when the worker ends, when it is sent SIGTERM, and when the harness is gone (PR_SET_PDEATHSIG, and getppid once a
second where that does not exist); then it ends as the worker did, so that the harness reads the worker's own exit
status.

References: prctl(2), PR_SET_PDEATHSIG and PR_SET_CHILD_SUBREAPER.
"""

from __future__ import annotations

import ctypes
import os
import resource
import select
import signal
import sys
import time
from typing import NoReturn

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
_KILL_FOR_S = 5.0
_TICK_S = 1.0


def _prctl(option: int, value: int) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(option, value, 0, 0, 0)


def die_with_parent(parent: int, signum: int = signal.SIGKILL) -> None:
    """Has the kernel send this process ``signum`` when its parent ends; ends at once if ``parent`` is gone already.

    The kernel watches the *thread* that started this process: start it from the main thread.
    """
    _prctl(_PR_SET_PDEATHSIG, signum)
    if os.getppid() != parent:
        os._exit(1)


def split(harness: int) -> None:
    """Forks the guard off: returns in the worker only, which is the leader of a session of its own.

    Args:
        harness: process id of the harness, the parent of the calling process.
    """
    die_with_parent(harness)
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    guard = os.getpid()
    worker = os.fork()
    if worker:
        _guard(worker, harness)
    die_with_parent(guard)
    os.setsid()


def _guard(worker: int, harness: int) -> NoReturn:
    os.closerange(3, 256)  # the private descriptor above all: its other holder's end must be seen as its end
    stop: list[int] = []
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    signal.set_wakeup_fd(writer)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.signal(signal.SIGTERM, lambda *_: stop.append(1))
    die_with_parent(harness, signal.SIGTERM)
    status = _reap(worker)
    while status is None and not stop and os.getppid() == harness:
        if select.select([reader], [], [], _TICK_S)[0]:
            os.read(reader, 4096)
        status = _reap(worker)
    _end_descendants()
    _end_like(status)


def _reap(worker: int) -> int | None:
    """Takes the status of every ended child; the worker's, if it is among them."""
    found = None
    try:
        while (ended := os.waitpid(-1, os.WNOHANG))[0]:
            if ended[0] == worker:
                found = ended[1]
    except ChildProcessError:
        pass
    return found


def _end_descendants() -> None:
    import psutil

    own, until = psutil.Process(), time.monotonic() + _KILL_FOR_S
    while time.monotonic() < until:
        for child in own.children(recursive=True):
            try:
                child.kill()
            except psutil.Error:
                continue  # ended in between
        try:
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        except ChildProcessError:
            return
        time.sleep(0.005)


def _end_like(status: int | None) -> NoReturn:
    if status is not None and os.WIFSIGNALED(status):
        signum = os.WTERMSIG(status)
        if signum != signal.SIGKILL:
            signal.signal(signum, signal.SIG_DFL)
        os.kill(os.getpid(), signum)
        time.sleep(_TICK_S)  # the signal ends this process before
    os._exit(0 if status is None else os.waitstatus_to_exitcode(status))
