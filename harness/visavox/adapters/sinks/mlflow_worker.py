"""Sends one run to MLflow, in a process of its own: the harness can end it at any moment, which no thread allows.

It is started by its path and imports nothing of visavox: that a tracker is down is known in a tenth of a second.
Standard input: the job, JSON. Standard output: the answer, JSON: ``run_id`` and ``where``, or ``reason``. Everything
that MLflow prints goes to standard error. The kernel ends the process at its deadline even if the harness is gone.

A run is found again by the tag of its own id; metrics keep the time and step of the first sending, so a second one adds
no point. What a killed process left half-sent is completed the same way.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import sqlite3
import sys
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from itertools import islice
from tempfile import TemporaryDirectory
from typing import Any, TypeVar
from urllib.parse import unquote, urlsplit

T = TypeVar("T")
_METRICS_A_BATCH = 800
_PAIRS_A_BATCH = 100
_RUNS_A_SEARCH = 1000
_SQLITE = "sqlite:///"
_FINDERS = ("visavox.run", "visavox.assessment", "visavox.modality")


class NotSentError(Exception):
    """Why the run cannot be sent, in words for the user."""


def main() -> None:
    """Reads the job, sends it, answers, and ends."""
    do_job(_send)


def do_job(work: Callable[[Mapping[str, Any]], Mapping[str, Any]]) -> None:
    """Reads the job of this process, does it, answers, and ends without waiting for any thread of MLflow's."""
    answer = os.dup(1)
    os.dup2(2, 1)
    job = json.load(sys.stdin)
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_REAL, float(job["timeout_s"]))
    try:
        reply = work(job)
    except NotSentError as error:
        reply = {"reason": str(error)}
    except Exception as error:  # noqa: BLE001 - whatever tracker or registry do is a reason, never a crash
        reply = {"reason": one_line(error)}
    os.write(answer, json.dumps(reply).encode())
    os.close(answer)
    os._exit(0)


def one_line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return f"{type(error).__name__}: {lines[0] if lines else 'no message'}"


# ---------------------------------------------------------------- is anybody there: known before MLflow is imported
def probe(uri: str, timeout_s: float) -> None:
    """Finds out in a moment what MLflow would retry for minutes.

    Raises:
        NotSentError: nobody listens, or the SQLite file cannot be written.
    """
    parts = urlsplit(uri)
    if parts.scheme in {"http", "https"}:
        _probe_host(parts.scheme, parts.hostname or "", parts.port, timeout_s)
    elif uri.startswith("sqlite:"):
        _probe_sqlite(uri, timeout_s)


def _probe_host(scheme: str, host: str, port: int | None, timeout_s: float) -> None:
    if not host:
        raise NotSentError("the URI names no host")
    if urllib.request.getproxies().get(scheme) and not urllib.request.proxy_bypass(host):
        return
    try:
        socket.create_connection((host, port or {"http": 80, "https": 443}[scheme]), timeout=timeout_s).close()
    except OSError as error:
        raise NotSentError(f"nobody answers there: {error}") from error


def _probe_sqlite(uri: str, timeout_s: float) -> None:
    try:
        with closing(_sqlite(uri, timeout_s)) as store:
            store.execute("BEGIN IMMEDIATE")
            store.execute("CREATE TABLE visavox_probe (taken_back)")  # a read-only file lets a transaction begin
            store.execute("ROLLBACK")
    except sqlite3.Error as error:
        raise NotSentError(f"its SQLite file cannot be written: {error}") from error


def _sqlite(uri: str, timeout_s: float) -> sqlite3.Connection:
    path = unquote(uri.removeprefix(_SQLITE)) if uri.startswith(_SQLITE) else ""
    if not path or path.startswith(":memory:"):
        raise NotSentError("a SQLite URI is sqlite:///FILE, with a file to keep the runs in")
    is_uri = path.startswith("file:")
    name = path if is_uri else path.partition("?")[0]
    return sqlite3.connect(name, timeout=timeout_s, uri=is_uri, isolation_level=None)


# ---------------------------------------------------------------- sending
def _send(job: Mapping[str, Any]) -> dict[str, str]:
    probe(job["uri"], min(5.0, job["timeout_s"] / 2))
    try:
        from mlflow import MlflowClient
    except ImportError as error:
        todo = "pip install 'visavox[tracking]'"
        raise NotSentError(f"mlflow cannot be imported ({error}); {todo}") from error

    if job["uri"].startswith("sqlite:"):
        _furnish(job["uri"])
    client = MlflowClient(tracking_uri=job["uri"])
    experiment = _experiment(client, job["experiment"])
    known = _known_runs(client, experiment, job["run"])
    parent = _send_run(client, experiment, job["parent"], known, job["dataset"])
    for child in job["children"]:
        child["tags"]["mlflow.parentRunId"] = parent
        run_id = _send_run(client, experiment, child, known, job["dataset"])
        client.set_terminated(run_id, "FINISHED", child["end_ms"])
    for path, below in job["files"]:
        client.log_artifact(parent, path, below or None)
    client.set_terminated(parent, "FINISHED", job["parent"]["end_ms"])
    return {"run_id": parent, "where": _address(job["uri"], experiment, parent)}


def _furnish(uri: str) -> None:
    """Gives an empty SQLite file MLflow's tables, all in one transaction.

    MLflow itself makes them in a hundred steps; killed in between, it leaves a store that it can never open again.
    """
    from mlflow import MlflowClient

    with closing(_sqlite(uri, 20.0)) as store:
        if _has_tables(store):
            return
        with TemporaryDirectory() as folder:
            MlflowClient(tracking_uri=f"{_SQLITE}{folder}/new.db").search_experiments(max_results=1)
            with closing(sqlite3.connect(f"{folder}/new.db")) as made:
                statements = list(made.iterdump())[1:-1]  # without its own BEGIN and COMMIT
        store.execute("BEGIN IMMEDIATE")
        if not _has_tables(store):  # another process may have been faster
            for statement in statements:
                store.execute(statement)
        store.execute("COMMIT")


def _has_tables(store: sqlite3.Connection) -> bool:
    return bool(store.execute("SELECT count(*) FROM sqlite_master").fetchone()[0])


def _experiment(client: Any, name: str) -> str:
    from mlflow.exceptions import MlflowException

    found = client.get_experiment_by_name(name)
    if found is None:
        try:
            return str(client.create_experiment(name))
        except MlflowException:
            found = client.get_experiment_by_name(name)  # another process was faster
            if found is None:
                raise
    if found.lifecycle_stage == "deleted":
        raise NotSentError(f"the experiment {name!r} was deleted there; restore it, or name another")
    return str(found.experiment_id)


def _known_runs(client: Any, experiment: str, run: str) -> dict[tuple[str, ...], str]:
    """MLflow's ids of what was sent of this run before."""
    found = client.search_runs([experiment], f"tags.`visavox.run` = '{run}'", max_results=_RUNS_A_SEARCH)
    return {_own(item.data.tags): item.info.run_id for item in reversed(found)}


def _own(tags: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(tags.get(key, "") for key in _FINDERS)


def _send_run(
    client: Any,
    experiment: str,
    run: Mapping[str, Any],
    known: Mapping[tuple[str, ...], str],
    dataset: Mapping[str, str],
) -> str:
    """Creates the run, or takes the one there is, and sends it all but the files; its id."""
    from mlflow.entities import Metric, Param, RunTag

    params = dict(run["params"])
    run_id = known.get(_own(run["tags"]), "")
    if run_id:
        for key in client.get_run(run_id).data.params:
            params.pop(key, None)  # a param is written once
    else:
        finders = {key: run["tags"][key] for key in (*_FINDERS, "mlflow.parentRunId") if key in run["tags"]}
        made = client.create_run(experiment, start_time=run["start_ms"], tags=finders, run_name=run["name"])
        run_id = str(made.info.run_id)
    at_ms = run["end_ms"] or 0
    metrics = [Metric(key, value, at_ms, 0) for key, value in run["metrics"].items()]
    for some in _batches(metrics, _METRICS_A_BATCH):
        client.log_batch(run_id, metrics=some)
    for pairs in _batches([Param(key, value) for key, value in params.items()], _PAIRS_A_BATCH):
        client.log_batch(run_id, params=pairs)
    for tags in _batches([RunTag(key, value) for key, value in run["tags"].items()], _PAIRS_A_BATCH):
        client.log_batch(run_id, tags=tags)
    _send_dataset(client, run_id, dataset)
    return run_id


def _send_dataset(client: Any, run_id: str, dataset: Mapping[str, str]) -> None:
    """What ``mlflow.log_input`` does, without an active run."""
    from mlflow.entities import Dataset, DatasetInput, InputTag

    context = InputTag("mlflow.data.context", "assessment")
    client.log_inputs(run_id, [DatasetInput(Dataset(**dataset), [context])])


def _batches(items: Sequence[T], size: int) -> Iterator[list[T]]:
    rest = iter(items)
    while some := list(islice(rest, size)):
        yield some


def _address(uri: str, experiment: str, run_id: str) -> str:
    if urlsplit(uri).scheme not in {"http", "https"}:
        return uri
    return f"{uri.rstrip('/')}/#/experiments/{experiment}/runs/{run_id}"


if __name__ == "__main__":
    main()
