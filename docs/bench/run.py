"""The bench: each line of its table is a ratio of two sides measured in one run, turn by turn, each in its process.

python docs/bench/run.py [--short] [--device cpu] [--faces faces-small.csv --mobileface net.onnx] [--out bench.md]

Medians of interleaved rounds, so that other work on the machine falls on both sides; where that is much, `--clock cpu`
counts the processor time of each side instead (all its threads; of a run, the editor's process too; the cached stages
keep the clock on the wall). Peak memory is each process's own (resident, its inputs and libraries included). `--short`
runs the same code on little data in one process: it shows that both sides end with the same numbers, and its times and
memory mean nothing.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import math
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

HERE = Path(__file__).resolve().parent
KIT = Path(os.environ.get("VISAVOX_KIT") or HERE.parents[1].parent / "shared" / "data").resolve()
SHIPPED = HERE.parents[1] / "datasets" / "visavox_datasets" / "sets" / "people-100" / "manifest.csv"
MOBILEFACE = {"input_px": 112, "template": "arcface5", "mean": 127.5, "std": 128, "channel": "rgb"}
TARGETS = [1e-2, 1e-3, 1e-4, 1e-5, 1e-6]
SUITE = """
name: bench
editor: {editor}
dataset: {{kind: manifest, path: {faces}}}
recognisers: [{judges}]
assessments: {{identity_leak: {{}}, impersonation: {{}}}}
policy: baseline
seed: 7
execution: {{device: {device}, cache: true, overlap: {overlap}}}
"""

TIMED = (
    "{{kind: python, entry: {here}/timed_blur.py:load, name: blur, version: '1', operation: face-anonymisation,"
    " tool_class: anonymise, params: {{log: {log}}}}}"
)
"""Notes its own time; edits of a user's editor are never kept across runs."""
KEPT = "{kind: baseline, name: blur, tool_class: anonymise}"


class Times(NamedTuple):
    """Of one side: seconds of each round, peak MiB, and the numbers it ends with."""

    seconds: tuple[float, ...]
    peak_mib: float
    summary: tuple[float, ...]

    @property
    def median(self) -> float:
        return median(self.seconds)


class Line(NamedTuple):
    """One line: ``ratio`` of two times, ``goal`` as (sense, value), ``equal`` whether both ended with one result."""

    name: str
    sides: tuple[str, str]
    seconds: tuple[float, float]
    ratio: float
    goal: tuple[str, float] | None
    peaks_mib: tuple[float, float]
    equal: bool | None
    note: str = ""

    @property
    def is_met(self) -> bool | None:
        if self.goal is None:
            return None
        sense, value = self.goal
        return self.ratio >= value if sense == ">=" else self.ratio <= value


class Process:
    """One side, waiting for its turn."""

    def __init__(self, name: str, settings: dict[str, Any]) -> None:
        threads = str(settings["threads"])
        env = {**os.environ, "OMP_NUM_THREADS": threads, "OPENBLAS_NUM_THREADS": threads, "OMP_WAIT_POLICY": "PASSIVE"}
        command = [sys.executable, str(HERE / "sides.py"), name, json.dumps(settings)]
        self._name, self._process = (
            name,
            subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=env),
        )

    def answer(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise SystemExit(f"bench: the side {self._name} ended with code {self._process.wait()}")
        return dict(json.loads(line))

    def turn(self) -> dict[str, Any]:
        assert self._process.stdin is not None
        print("go", file=self._process.stdin, flush=True)
        return self.answer()

    def end(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()


class Here:
    """One side in this very process: for the short form, which judges no time and no memory."""

    def __init__(self, name: str, settings: dict[str, Any]) -> None:
        import sides

        self._side, self._turn = sides.SIDES[name](settings), sides.turn

    def answer(self) -> dict[str, Any]:
        return {"ready": True}

    def turn(self) -> dict[str, Any]:
        return self._turn(self._side)

    def end(self) -> None:
        pass


def measure(names: Sequence[str], settings: dict[str, Any], rounds: int) -> list[Times]:
    """The sides in turn, ``rounds`` times."""
    sides: list[Process | Here] = []
    for name in names:  # set up one after the other: two at once would disturb nobody but take more memory
        sides.append((Here if settings["short"] else Process)(name, settings))
        sides[-1].answer()
    answers: list[list[dict[str, Any]]] = [[] for _ in sides]
    for _ in range(rounds):
        for side, found in zip(sides, answers, strict=True):
            found.append(side.turn())
    for side in sides:
        side.end()
    return [
        Times(tuple(a[settings["clock"]] for a in found), max(a["peak_mib"] for a in found), tuple(found[0]["summary"]))
        for found in answers
    ]


def are_equal(one: Sequence[float], other: Sequence[float], tolerance: float) -> bool | None:
    if not (one and other):
        return None
    return len(one) == len(other) and all(
        math.isclose(a, b, abs_tol=tolerance) for a, b in zip(one, other, strict=True)
    )


class Bench:
    """Lines of the table, made one after another."""

    def __init__(self, asked: argparse.Namespace, scratch: Path) -> None:
        self.asked, self.scratch = asked, scratch
        self.images, self.rounds = (3, 1) if asked.short else (asked.images, asked.rounds)
        self.base = {
            "device": asked.device,
            "threads": asked.threads,
            "faces": str(asked.faces),
            "images": self.images,
            "seed": 11,
            "warm_up": True,
            "short": asked.short,
            "clock": asked.clock,
        }

    def say(self, text: str) -> None:
        print(f"bench: {text}", file=sys.stderr, flush=True)

    def judges(self) -> dict[str, dict[str, Any]]:
        found: dict[str, dict[str, Any]] = {"dlib": {}}
        if self.asked.mobileface.is_file():
            found["onnx_face"] = pinned(self.asked.mobileface) | MOBILEFACE
        return found if self.asked.short else {"facenet-vggface2": pinned(self.made_facenet()), **found}

    def made_facenet(self) -> Path:
        """A weight file of facenet-pytorch's layout, random: it costs what the trained one costs."""
        path = self.scratch / "made-facenet.pt"
        if not path.exists():
            code = (
                "import sys, torch, facenet_pytorch as f; torch.manual_seed(1);"
                "torch.save(f.InceptionResnetV1(classify=True, num_classes=8631).state_dict(), sys.argv[1])"
            )
            subprocess.run([sys.executable, "-c", code, str(path)], check=True)
        return path

    def embedding(self) -> list[Line]:
        """Bare forward passes over the harness; then the README's loop over the harness."""
        lines = []
        for judge, params in self.judges().items():
            self.say(f"embedding, {judge}")
            settings = {**self.base, "judge": judge, "params": params}
            ours, bare = measure(("embed-harness", "embed-bare"), settings, self.rounds)
            goal = (">=", 0.85)
            if judge == "dlib":
                lines.append(self.line("embed, dlib", "harness", "its ResNet alone", ours, bare, None, 1e-5))
                settings["points"] = True
                ours, bare = measure(("embed-harness", "embed-bare"), settings, self.rounds)
                lines.append(self.line("... both its models", "harness", "points and ResNet", ours, bare, goal, 1e-5))
            else:
                lines.append(self.line(f"embed, {judge}", "harness", "bare forward pass", ours, bare, goal, 1e-5))
        settings = {**self.base, "judge": "dlib", "params": {}}
        if self.asked.short:
            return lines
        self.say("locating")
        ours, bare = measure(("locate-harness", "locate-bare"), settings, self.rounds)
        lines.append(self.line("locate, MTCNN", "harness", "bare forward passes", ours, bare, None, 0))
        self.say("facenet-pytorch's loop")
        settings = {**self.base, "judge": "facenet-vggface2", "params": pinned(self.made_facenet())}
        ours, loop = measure(("files-harness", "files-readme"), settings, self.rounds)
        lines.append(
            self.line("files to templates, FaceNet", "harness", "README's loop", ours, loop, (">=", 1.4), 2e-2)
        )
        return lines

    def line(
        self, name: str, ours: str, theirs: str, a: Times, b: Times, goal: tuple[str, float] | None, tolerance: float
    ) -> Line:
        """Theirs over ours where more is better (>=), ours over theirs where less is (<=)."""
        is_gain = goal is None or goal[0] == ">="
        pairs = zip(a.seconds, b.seconds, strict=True)
        ratio = median(y / x if is_gain else x / y for x, y in pairs)
        peaks = (a.peak_mib, b.peak_mib)
        return Line(
            name, (ours, theirs), (a.median, b.median), ratio, goal, peaks, are_equal(a.summary, b.summary, tolerance)
        )

    def scoring(self) -> list[Line]:
        """All pairs against the product of their tiles, and against scikit-learn over the same scores."""
        n, smaller = (400, 400) if self.asked.short else (20_000, 10_000)
        lines = []
        self.say(f"all pairs of {n} templates")
        settings = {**self.base, "templates": n, "fmrs": allowed_targets(n)}
        ours, bare = measure(("pairs-harness", "pairs-bare"), settings, self.rounds)
        name = f"all pairs, {n:,} templates, FMR to {min(allowed_targets(n)):g}"
        lines.append(self.line(name, "exact figures", "product of the tiles", ours, bare, ("<=", 2.0), 0))
        lines.append(
            Line(
                "... its peak memory, MiB",
                ("all pairs", "goal"),
                (0.0, 0.0),
                ours.peak_mib,
                ("<=", 1024.0),
                (ours.peak_mib, 0.0),
                None,
            )
        )
        self.say(f"scikit-learn over all pairs of {smaller} templates")
        settings = {**self.base, "templates": smaller, "fmrs": allowed_targets(smaller)}
        ours, roc = measure(("pairs-harness", "pairs-roc"), settings, 1 if self.asked.short else 3)
        name = f"all pairs, {smaller:,} templates ({smaller * (smaller - 1) // 2:,} scores)"
        lines.append(
            self.line(name, "exact figures, product included", "roc_curve of the scores", ours, roc, (">=", 15.0), 1e-6)
        )
        return lines

    def slope(self) -> list[Line]:
        """Seconds from few to many templates, and the slope in logarithms (2 where time goes as the pairs)."""
        sizes = [100, 200, 400] if self.asked.short else [1000, 2000, 5000, 10_000, 20_000]
        seconds = []
        last = 0.0
        for n in sizes:
            self.say(f"slope, {n} templates")
            settings = {**self.base, "templates": n, "fmrs": allowed_targets(n)}
            (found,) = measure(("pairs-harness",), settings, 1 if n > 5000 else self.rounds)
            seconds.append(found.median)
            last = found.peak_mib
        x, y = ([math.log(v) for v in values] for values in (sizes, seconds))
        mx, my = sum(x) / len(x), sum(y) / len(y)
        slope = sum((a - mx) * (b - my) for a, b in zip(x, y, strict=True)) / sum((a - mx) ** 2 for a in x)
        note = ", ".join(f"{n:,}: {s:.2f} s" for n, s in zip(sizes, seconds, strict=True))
        ends = (f"{sizes[-1]:,}", f"{sizes[0]:,}")
        return [Line("all pairs, log-log slope", ends, (seconds[-1], seconds[0]), slope, None, (last, 0.0), None, note)]

    def whole_runs(self) -> list[Line]:
        """A suite on photographs: overhead over the models' time; and, with one cache, second run against first."""
        timed, firsts, seconds = [], [], []
        for number in range(self.asked.runs):
            self.say(f"whole runs, {number + 1} of {self.asked.runs}")
            cache = self.scratch / f"cache-{number}"
            timed.append(self.whole_run(self.scratch / f"cold-{number}", self.scratch / f"timed-{number}", TIMED))
            firsts.append(self.whole_run(cache, self.scratch / f"first-{number}", KEPT))
            seconds.append(self.whole_run(cache, self.scratch / f"second-{number}", KEPT))
        equal = all(a["figures"] == b["figures"] for a, b in zip(firsts, seconds, strict=True))
        models = [sum(run["models"].values()) for run in timed]
        walls, first_walls = ([run["seconds"] for run in runs] for runs in (timed, firsts))
        peaks = (max(run["peak_mib"] for run in timed), max(run["worker_peak_mib"] for run in timed))
        note = ", ".join(
            f"{key} {median(r['models'].get(key, 0.0) for r in timed):.1f} s" for key in timed[0]["models"]
        )
        second_walls = [run["seconds"] for run in seconds]
        first_cpu, second_cpu = ([run["cpu"] for run in runs] for runs in (firsts, seconds))
        first_stages, second_stages = ([run["cached_stages"] for run in runs] for runs in (firsts, seconds))

        def row(
            name: str, sides: tuple[str, str], a: list[float], b: list[float], goal: float | None, note: str = ""
        ) -> Line:
            ratio = median(x / y for x, y in zip(a, b, strict=True))
            return Line(name, sides, (median(a), median(b)), ratio, ("<=", goal) if goal else None, peaks, equal, note)

        return [
            row("overhead of a run", ("whole run", "models, loading included"), walls, models, 1.15, note),
            row("second identical run", ("second", "first"), second_walls, first_walls, 0.05),
            row("... in processor time", ("second", "first"), second_cpu, first_cpu, 0.05),
            row(
                "... the stages that are cached", ("second", "first"), second_stages, first_stages, 0.05, "edit, embed"
            ),
        ]

    def whole_run(self, cache: Path, out: Path, editor: str) -> dict[str, Any]:
        log = self.scratch / f"{cache.name}.log"
        log.unlink(missing_ok=True)
        judges = ", ".join(
            json.dumps({"name": name, "id": name, **params}) if params else name
            for name, params in self.judges().items()
            if not name.startswith("facenet")
        )
        suite = self.scratch / f"{cache.name}.yaml"
        suite.write_text(
            SUITE.format(
                editor=editor.format(here=HERE, log=log) if editor is TIMED else editor,
                faces=self.asked.whole,
                judges=judges,
                device=self.asked.device,
                # beside each other the harness's threads cannot be told apart by processor time
                overlap="false" if self.asked.clock == "cpu" else "auto",
            )
        )
        threads = str(self.asked.threads)
        env = {
            **os.environ,
            "OMP_NUM_THREADS": threads,
            "OMP_WAIT_POLICY": "PASSIVE",
            "VISAVOX_BENCH_CLOCK": self.asked.clock,
            "XDG_CACHE_HOME": str(cache),
            "XDG_DATA_HOME": str(self.scratch / "data"),
            "PYTHONPYCACHEPREFIX": str(self.scratch / "bytecode"),  # as installed: no run compiles what another has
        }
        env.pop("PYTHONDONTWRITEBYTECODE", None)
        command = [sys.executable, str(HERE / "whole_run.py"), str(suite), str(out), str(log)]
        started = time.perf_counter()
        done = subprocess.run(command, capture_output=True, text=True, env=env, check=False)
        if done.returncode:
            raise SystemExit(f"bench: a whole run failed\n{done.stderr}")
        found = json.loads(done.stdout.splitlines()[-1])
        return {**found, "seconds": found["cpu"] if self.asked.clock == "cpu" else time.perf_counter() - started}


def allowed_targets(n: int) -> list[float]:
    """Targets that the rule of 3 allows over about n (n - 4) / 2 non-mated pairs."""
    return [target for target in TARGETS if target * n * (n - 4) / 2 >= 3]


def pinned(path: Path) -> dict[str, str]:
    return {"path": str(path), "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}


def words(line: Line) -> list[str]:
    goal = "" if line.goal is None else f"{line.goal[0]} {line.goal[1]:g}"
    met = {True: "met", False: "MISSED", None: ""}[line.is_met]
    equal = {True: "yes", False: "NO", None: ""}[line.equal]
    seconds = "" if line.seconds == (0.0, 0.0) else f"{line.seconds[0]:.2f} / {line.seconds[1]:.2f}"
    peaks = " / ".join(f"{peak:.0f}" if peak else "-" for peak in line.peaks_mib)
    ratio = f"{line.ratio:.0f}" if line.ratio >= 100 else f"{line.ratio:.2f}"
    return [line.name, f"{line.sides[0]} / {line.sides[1]}", seconds, ratio, goal, met, peaks, equal]


def table(lines: Sequence[Line]) -> str:
    heads = ["what", "sides", "seconds, median", "ratio", "goal", "", "peak MiB", "same result"]
    rows = [heads, ["---"] * len(heads), *map(words, lines)]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def surroundings(asked: argparse.Namespace) -> str:
    from importlib.metadata import version

    packages = ", ".join(f"{name} {version(name)}" for name in ("numpy", "torch", "onnxruntime", "scikit-learn"))
    load = " ".join(f"{value:.1f}" for value in os.getloadavg())
    when = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    return (
        f"{when}; Python {platform.python_version()}, {packages}; device {asked.device}, {os.cpu_count()} cores, "
        f"{asked.threads} thread(s) a side, {asked.clock} time; load {load}"
    )


def main(words: Sequence[str] | None = None) -> list[Line]:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--short", action="store_true", help="seconds instead of minutes; its times mean nothing")
    parser.add_argument("--device", default="cpu", choices=("cpu", "cuda"))
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--clock", default="wall", choices=("wall", "cpu"), help="cpu: where others use the machine")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--images", type=int, default=64, help="photographs to embed")
    parser.add_argument("--runs", type=int, default=1, help="pairs of whole runs")
    parser.add_argument("--faces", type=Path, default=KIT / "faces-small.csv", help="manifest of photographs")
    parser.add_argument("--whole", type=Path, default=KIT / "faces-medium.csv", help="manifest of the whole runs")
    parser.add_argument("--mobileface", type=Path, default=KIT / "weights" / "mobilefacenet_arcface_128.onnx")
    parser.add_argument("--only", default="embedding,scoring,slope,whole_runs")
    parser.add_argument("--out", type=Path, help="also write the table there")
    asked = parser.parse_args(words)
    asked.mobileface = asked.mobileface.resolve()
    asked.faces, asked.whole = (  # people who do not exist: as fast as others
        manifest.resolve() if manifest.is_file() else SHIPPED for manifest in (asked.faces, asked.whole)
    )
    parts = [part for part in asked.only.split(",") if not (asked.short and part == "whole_runs")]
    before = surroundings(asked)
    lines: list[Line] = []
    with tempfile.TemporaryDirectory(prefix="visavox-bench-") as scratch:
        bench = Bench(asked, Path(scratch))
        for part in parts:
            lines += getattr(bench, part)()
    notes = [f"{line.name}: {line.note}" for line in lines if line.note]
    text = "\n".join([table(lines), "", *notes, before, ""])
    print(text)
    if asked.out:
        asked.out.write_text(text)
    return lines


if __name__ == "__main__":
    main()
