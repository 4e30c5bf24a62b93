"""The sink ``mlflow``: one parent run with a child an assessment, in any store that MLflow writes to.

MLflow runs in a process of its own (``mlflow_worker``) that is killed at ``tracking.timeout_s``: its HTTP retries go on
for minutes, and a thread cannot be stopped. Nothing that happens there reaches the run: the outcome is a
``SinkResult``, kept in ``tracking.json`` for ``visavox track``.

References: mlflow.org/docs, Tracking; its REST API (keys of at most 250 characters, 1000 metrics a batch, digests of
at most 36).
"""

from __future__ import annotations

import fcntl
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from visavox.core.config import Tracking
from visavox.core.report import Report
from visavox.ports.sink import SinkResult

from .mlflow_runs import run_content
from .tracking_file import Delivery, remember, without_user

_SQLITE = "sqlite:///"
_WORKER = Path(__file__).resolve().with_name("mlflow_worker.py")
_AFTER_DEADLINE_S = 2.0
_KILL_WAIT_S = 5.0
_REASON_CHARACTERS = 400
_ENVIRONMENT = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_ENABLE_SYSTEM_METRICS_LOGGING": "false",
    "GIT_PYTHON_REFRESH": "quiet",
}
_DEFAULTS = {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "3"}
"""Only where the user has set nothing."""


def build(tracking: Tracking) -> MlflowSink:
    """The sink of a suite's ``tracking``."""
    return MlflowSink(tracking)


class MlflowSink:
    """Sends finished runs to one experiment of one MLflow store.

    Args:
        tracking: where to; a relative SQLite path is below the present folder.
    """

    def __init__(self, tracking: Tracking) -> None:
        self._tracking = tracking.model_copy(update={"uri": _absolute(tracking.uri)})

    def send(self, folder: Path, report: Report) -> SinkResult:
        """Sends the run in ``folder``; the same run again is brought up to date, never doubled.

        Returns within ``timeout_s`` and a few seconds, and raises for nothing that the tracker, the network or the
        folder can do; the outcome is also in ``tracking.json``.
        """
        tracking = self._tracking
        try:
            with _alone(folder):
                answer = self._answer(folder, report)
        except Exception as error:  # noqa: BLE001 - tracking is a view: whatever happens, the run stands
            answer = {"reason": f"{type(error).__name__}: {error}"}
        where = without_user(answer.get("where") or tracking.uri)
        reason = _tidy(answer.get("reason", "" if "run_id" in answer else "MLflow's process gave no answer"))
        result = SinkResult(not reason, where, run_id="" if reason else answer["run_id"], reason=reason)
        return self._remembered(folder, result)

    def _answer(self, folder: Path, report: Report) -> dict[str, str]:
        job = {
            "uri": self._tracking.uri,
            "experiment": self._tracking.experiment,
            "timeout_s": self._tracking.timeout_s,
            **run_content(folder, report),
        }
        return _in_process(job, self._tracking.timeout_s, _home(self._tracking.uri))

    def _remembered(self, folder: Path, result: SinkResult) -> SinkResult:
        delivery = None
        if result.is_sent:
            delivery = Delivery(
                uri=without_user(self._tracking.uri),
                experiment=self._tracking.experiment,
                where=result.where,
                run_id=result.run_id,
                at=datetime.now(UTC).isoformat(timespec="seconds"),
            )
        try:
            remember(folder, self._tracking, delivery, result.reason)
        except (OSError, ValueError) as error:
            remark = f"tracking.json cannot be written: {getattr(error, 'strerror', None) or error}"
            return result._replace(reason="; ".join(part for part in (result.reason, remark) if part))
        return result


def _absolute(uri: str) -> str:
    """The URI with a relative SQLite path made absolute: ``visavox track`` may be called from another folder."""
    path = uri.removeprefix(_SQLITE)
    if not uri.startswith(_SQLITE) or not path or path.startswith(("/", "file:", ":memory:", "?")):
        return uri
    try:
        return f"{_SQLITE}{Path.cwd() / path}"
    except OSError:  # the present folder is gone: MLflow will say so
        return uri


def _home(uri: str) -> Path | None:
    """The folder MLflow works in: the SQLite file's, so that ``mlruns`` with the artifacts comes to lie beside it."""
    path = uri.removeprefix(_SQLITE).partition("?")[0].removeprefix("file:")
    parent = Path(path).parent
    return parent if uri.startswith(_SQLITE) and path.startswith("/") and parent.is_dir() else None


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Holds the run folder against a second sending at the same time, which could make the run twice.

    Raises:
        BlockingIOError: if there is one.
    """
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise BlockingIOError("this run is being sent by another process") from error
        yield
    finally:
        os.close(handle)


def _in_process(job: Mapping[str, Any], timeout_s: float, home: Path | None) -> dict[str, str]:
    """The worker's answer; at the deadline it is killed with all that it started."""
    process = subprocess.Popen(
        [sys.executable, "-P", str(_WORKER)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=home,
        env={**_DEFAULTS, **os.environ, **_ENVIRONMENT},
        start_new_session=True,
    )
    try:
        out, err = process.communicate(json.dumps(job).encode(), timeout=timeout_s + _AFTER_DEADLINE_S)
    except subprocess.TimeoutExpired:
        _kill(process)
        return {"reason": _late(timeout_s)}
    except BaseException:
        _kill(process)
        raise
    if process.returncode == -signal.SIGALRM:
        return {"reason": _late(timeout_s)}
    try:
        answer = json.loads(out)
    except ValueError:
        last = err.decode("utf-8", "replace").strip().rpartition("\n")[2]
        return {"reason": f"MLflow's process ended with {process.returncode}: {last}"}
    return {str(key): str(value) for key, value in answer.items()}


def _late(timeout_s: float) -> str:
    return (
        f"not done after {timeout_s:g} s (tracking.timeout_s); what is there already is completed by sending it again"
    )


def _kill(process: subprocess.Popen[bytes]) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    with suppress(subprocess.TimeoutExpired):
        process.wait(_KILL_WAIT_S)
    for stream in (process.stdin, process.stdout, process.stderr):
        if stream is not None:
            with suppress(OSError):
                stream.close()


def _tidy(reason: str) -> str:
    plain = without_user(" ".join(reason.split()))
    return plain if len(plain) <= _REASON_CHARACTERS else plain[: _REASON_CHARACTERS - 1] + "…"
