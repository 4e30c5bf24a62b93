"""One whole run in a process of its own, with the time its models took.

python docs/bench/whole_run.py SUITE OUT EDITOR-LOG     prints one line of JSON

Model time is what foreign networks take: loading the judges (torch included) and the editor, locating, embedding,
editing. All else is the harness: start-up, data set, supervision, files, scores, figures, report and its forms.
"""

from __future__ import annotations

import json
import os
import resource
import sqlite3
import sys
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

CLOCK = time.process_time if os.environ.get("VISAVOX_BENCH_CLOCK") == "cpu" else time.perf_counter


def timed(work: Callable[..., Any], spent: dict[str, float], what: str) -> Callable[..., Any]:
    def watched(*args: Any, **more: Any) -> Any:
        started = CLOCK()
        try:
            return work(*args, **more)
        finally:
            spent[what] += CLOCK() - started

    return watched


def main(suite: Path, out: Path, log: Path) -> None:
    from visavox.api import preparation, running

    spent: dict[str, float] = defaultdict(float)
    find = preparation.recognisers.get

    def watched_judge(name: str) -> Callable[..., Any]:
        build = timed(find(name), spent, "load judges")

        def make(*args: Any) -> Any:
            judge = build(*args)
            for stage in ("locate", "embed", "compare"):
                setattr(judge, stage, timed(getattr(judge, stage), spent, stage))
            return judge

        return make

    preparation.recognisers.get = watched_judge  # type: ignore[method-assign]
    preparation.resolve_device = timed(preparation.resolve_device, spent, "load judges")  # imports torch
    report = running.run(running_suite(suite), out)
    for line in log.read_text().splitlines() if log.exists() else ():
        what, seconds = line.split()
        spent[f"{what} the editor"] += float(seconds)
    with sqlite3.connect(out / "journal.sqlite") as journal:
        stages = journal.execute("SELECT stage, duration_s FROM units").fetchall()
    cached = sum(seconds for stage, seconds in stages if stage.startswith(("edit", "embed/")))
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    print(
        json.dumps(
            {
                "cpu": time.process_time() + children.ru_utime + children.ru_stime,
                "models": dict(spent),
                "cached_stages": cached,
                "verdict": report.decision.verdict.value,
                "figures": json.loads(report.model_dump_json(exclude={"clock"}))["results"],
                "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
                "worker_peak_mib": children.ru_maxrss / 1024,
            }
        )
    )


def running_suite(path: Path) -> Any:
    from visavox.api.preparation import load_suite

    return load_suite(path)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3]))
