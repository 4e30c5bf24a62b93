"""The sink ``mlflow``: one parent run with a child an assessment, in any store that MLflow writes to.

MLflow runs in a process of its own (``mlflow_worker``) that is killed at ``tracking.timeout_s``: its HTTP retries go on
for minutes, and a thread cannot be stopped. Nothing that happens there reaches the run: the outcome is a
``SinkResult``, kept in ``tracking.json`` for ``visavox track``.

References: mlflow.org/docs, Tracking; its REST API (keys of at most 250 characters, 1000 metrics a batch, digests of
at most 36).
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from visavox.core.config import Tracking
from visavox.core.report import Report
from visavox.ports.sink import SinkResult

from .mlflow_process import absolute_uri, answer_of, home_of
from .mlflow_runs import run_content
from .tracking_file import Delivery, remember, without_user

_WORKER = Path(__file__).resolve().with_name("mlflow_worker.py")
_REASON_CHARACTERS = 400
_COMPLETED = "what is there already is completed by sending it again"


def build(tracking: Tracking) -> MlflowSink:
    """The sink of a suite's ``tracking``."""
    return MlflowSink(tracking)


class MlflowSink:
    """Sends finished runs to one experiment of one MLflow store.

    Args:
        tracking: where to; a relative SQLite path is below the present folder.
    """

    def __init__(self, tracking: Tracking) -> None:
        self._tracking = tracking.model_copy(update={"uri": absolute_uri(tracking.uri)})

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
        limit_s = self._tracking.timeout_s
        late = f"not done after {limit_s:g} s (tracking.timeout_s); {_COMPLETED}"
        return answer_of(_WORKER, job, limit_s, home=home_of(self._tracking.uri), late=late)

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


def _tidy(reason: str) -> str:
    plain = without_user(" ".join(reason.split()))
    return plain if len(plain) <= _REASON_CHARACTERS else plain[: _REASON_CHARACTERS - 1] + "…"
