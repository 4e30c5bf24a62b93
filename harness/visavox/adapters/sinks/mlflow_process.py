"""MLflow in a process of its own: one job in, one answer out, killed at its deadline.

MLflow's HTTP retries go on for minutes, and a thread cannot be stopped.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

_SQLITE = "sqlite:///"
_AFTER_DEADLINE_S = 2.0
_KILL_WAIT_S = 5.0
_ENVIRONMENT = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_ENABLE_SYSTEM_METRICS_LOGGING": "false",
    "GIT_PYTHON_REFRESH": "quiet",
}
_DEFAULTS = {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "3"}
"""Only where the user has set nothing."""


def absolute_uri(uri: str) -> str:
    """The URI with a relative SQLite path made absolute: ``visavox track`` may be called from another folder."""
    path = uri.removeprefix(_SQLITE)
    if not uri.startswith(_SQLITE) or not path or path.startswith(("/", "file:", ":memory:", "?")):
        return uri
    try:
        return f"{_SQLITE}{Path.cwd() / path}"
    except OSError:  # the present folder is gone: MLflow will say so
        return uri


def home_of(uri: str) -> Path | None:
    """The folder MLflow works in: the SQLite file's, so that ``mlruns`` with the artifacts comes to lie beside it."""
    path = uri.removeprefix(_SQLITE).partition("?")[0].removeprefix("file:")
    parent = Path(path).parent
    return parent if uri.startswith(_SQLITE) and path.startswith("/") and parent.is_dir() else None


def answer_of(
    worker: Path, job: Mapping[str, Any], timeout_s: float, *, home: Path | None, late: str
) -> dict[str, str]:
    """The worker's answer; at the deadline it is killed with all that it started.

    Args:
        worker: the file that the process runs; it reads the job from standard input, JSON, and writes its answer.
        home: the folder it works in.
        late: the reason given where it was too slow.
    """
    process = subprocess.Popen(
        [sys.executable, "-P", str(worker)],
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
        return {"reason": late}
    except BaseException:
        _kill(process)
        raise
    if process.returncode == -signal.SIGALRM:
        return {"reason": late}
    try:
        answer = json.loads(out)
    except ValueError:
        last = err.decode("utf-8", "replace").strip().rpartition("\n")[2]
        return {"reason": f"MLflow's process ended with {process.returncode}: {last}"}
    return {str(key): str(value) for key, value in answer.items()}


def _kill(process: subprocess.Popen[bytes]) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    with suppress(subprocess.TimeoutExpired):
        process.wait(_KILL_WAIT_S)
    for stream in (process.stdin, process.stdout, process.stderr):
        if stream is not None:
            with suppress(OSError):
                stream.close()
