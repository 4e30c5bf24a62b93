"""What a run need not compute because one equal to it in everything has: figures of a part, charts, inputs looked at.

Where ``execution.cache`` asks for it (off by default). The key of a part's figures names all that they follow from: the
seal (suite, plan, judges, data, policy, cells, seed), the part's plan and judges, what became of each case (outputs by
digest), the device, and the program itself (``surroundings``: its code and configuration, packages, Python, threads).
So nothing is found that this very program would not have computed, and one other sample, limit, option or line of code
finds nothing. A run that an earlier session began keeps nothing: another version may have made its scores. Scores are
biometric data, as templates are: 0700, bounded, opt-in.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from pydantic import TypeAdapter

from visavox.api.preparation import Prepared
from visavox.core.config import Suite
from visavox.core.digest import sha256_json
from visavox.core.figures import AssessmentResult
from visavox.core.records import EditRow
from visavox.engine.edit import check_inputs
from visavox.engine.folder import RunFolder
from visavox.engine.kept import Kept
from visavox.engine.surroundings import surroundings
from visavox.reporting.vega import drawn_once

_RESULTS = TypeAdapter(tuple[AssessmentResult, ...])
_OWN = ""  # the results' place among the files
Results = tuple[AssessmentResult, ...]


class KnownFigures:
    """The figures of one part of a run, with the files that its folder holds of them."""

    def __init__(self, prepared: Prepared, rows: Mapping[str, EditRow], folder: RunFolder) -> None:
        self._folder = folder
        execution = prepared.suite.execution
        # Of what is shown of media, or left in the folder to be looked at, nothing is kept here.
        is_asked = execution.cache and execution.retention == "scores" and not execution.worst_leaks
        self._kept = Kept("figures") if is_asked else None
        self._key = figures_key(prepared, rows) if is_asked else ""

    def take(self) -> Results | None:
        """The results, their files written into the folder; None where they are not known."""
        value = self._kept.get(self._key) if self._kept else None
        if value is None:
            return None
        head, _, data = value.partition(b"\n")
        sizes: dict[str, int] = json.loads(head)
        results, at = data[: sizes.pop(_OWN)], len(data) - sum(sizes.values())
        for name, size in sizes.items():
            self._folder.write(self._folder.root / name, data[at : at + size])
            at += size
        return _RESULTS.validate_json(results)

    def keep(self, results: Results) -> None:
        """Keeps them, and the folder's files."""
        if not self._kept:
            return
        root = self._folder.root
        values = {path.relative_to(root).as_posix(): path.read_bytes() for path in _files(self._folder)}
        values = {_OWN: _RESULTS.dump_json(results), **values}
        head = json.dumps({name: len(value) for name, value in values.items()})
        self._kept.put(self._key, head.encode() + b"\n" + b"".join(values.values()))


def figures_key(prepared: Prepared, rows: Mapping[str, EditRow]) -> str:
    """Digest of all that the figures of a part follow from."""
    return sha256_json(
        {
            "seal": prepared.seal.model_dump(mode="json"),
            "plan": prepared.plan.model_dump(mode="json"),
            "judges": [[judge.id, judge.digest, judge.detector] for judge in prepared.judges],
            "edits": [rows[case.id].model_dump(mode="json") for case in prepared.plan.cases],
            "device": prepared.device,
            "surroundings": surroundings(),
        }
    )


def _files(folder: RunFolder) -> list[Path]:
    """What stays in a run folder of its figures."""
    below = (folder.scores, folder.root / "utility", folder.root / "detection")
    return [folder.people, *sorted(path for place in below for path in place.rglob("*.parquet"))]


def look_at_inputs(prepared: Prepared) -> None:
    """``check_inputs``, unless this very program has looked at the same samples before.

    Raises:
        MediaError: see ``check_inputs``.
    """
    plan = prepared.plan
    if not prepared.suite.execution.cache:
        check_inputs(plan, prepared.dataset)
        return
    names = [[sample.id, digest] for sample, digest in zip(plan.samples, plan.sample_digests, strict=True)]
    key, kept = sha256_json([plan.modality.value, names, surroundings()]), Kept("inputs")
    if kept.get(key) is None:
        check_inputs(plan, prepared.dataset)
        kept.put(key, b"usable")


@contextmanager
def charts_drawn_once(suite: Suite) -> Iterator[None]:
    """Within it, a chart that an earlier run has drawn is not drawn again."""
    if not suite.execution.cache:
        yield
        return
    with drawn_once(Kept("charts")):
        yield
