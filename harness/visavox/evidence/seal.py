"""The seal: policy, plan, judges, data and editor digests, written before the first model call."""

from __future__ import annotations

import fcntl
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from visavox.core.digest import canonical_json, sha256_json
from visavox.core.errors import EvidenceError
from visavox.core.records import Record, Sha256
from visavox.core.report import Cell, DetectorCard, JudgeCard
from visavox.core.resources import user_data_dir
from visavox.core.terms import DutyRole


class Seal(Record):
    """What may not change between the plan and the verdict.

    ``artifact`` is what the report binds to; ``code`` is the editor's own code, beside weights too; ``perturbations``
    are the packs that media go through on their way to a detector: name, version, digest; ``watermarks`` the digests of
    decoders; ``role`` and ``public_opinion_attribute`` whose duties bind.
    """

    suite: Sha256
    plan: Sha256
    artifact: Sha256
    code: Sha256
    dataset: Sha256
    policy_id: str
    policy: Sha256
    judges: tuple[JudgeCard, ...]
    detectors: tuple[DetectorCard, ...] = ()
    perturbations: tuple[tuple[str, str, Sha256], ...] = ()
    watermarks: tuple[Sha256, ...] = ()
    cells: tuple[Cell, ...]
    seed: int
    smoke: bool = False
    role: DutyRole = DutyRole.BOTH
    public_opinion_attribute: bool | None = None

    def as_json(self) -> dict[str, Any]:
        """The seal as JSON values; what older seals have not stays out where it says nothing: their digests stay."""
        values = self.model_dump(mode="json")
        for name in ("detectors", "perturbations", "watermarks"):
            if not values[name]:
                del values[name]
        for name, unsaid in (("role", DutyRole.BOTH.value), ("public_opinion_attribute", None)):
            if values[name] == unsaid:
                del values[name]
        for cell in values["cells"]:
            if cell["modality"] is None:
                del cell["modality"]
        return values

    def digest(self) -> str:
        """SHA-256 of the seal's canonical JSON."""
        return sha256_json(self.as_json())


def parse_seal(value: object) -> Seal:
    """A seal from JSON values.

    Raises:
        EvidenceError: if it is not one.
    """
    try:
        return Seal.model_validate(value)
    except ValidationError as error:
        raise EvidenceError("read the seal", found=str(error), todo="run again in a new folder") from error


class RegisteredRun(Record):
    """One line of the user's register of sealed runs.

    Attributes:
        run: the run folder's random id.
        policy: SHA-256 of the policy's text.
        rules: SHA-256 of what the policy means, its comments and layout left aside; empty in lines of older versions.
    """

    run: str
    seal: Sha256
    artifact: Sha256
    dataset: Sha256
    policy: Sha256
    smoke: bool
    at: str
    verdict: str = ""
    rules: str = ""

    @property
    def is_failed(self) -> bool:
        """A whole run that ended FAIL."""
        return self.verdict == "FAIL" and not self.smoke


class Register:
    """The user's register of sealed runs: shows who ran the same artifact until it passed.

    One JSON line per event, appended under a lock; a run has a line when it is sealed and one when it is judged.
    """

    def __init__(self, path: Path | None = None) -> None:
        self._path = path or user_data_dir() / "runs.jsonl"

    def append(self, run: RegisteredRun) -> None:
        """Adds one line."""
        with self._path.open("ab") as stream:
            fcntl.flock(stream, fcntl.LOCK_EX)
            stream.write(canonical_json(run.model_dump(mode="json")))
            stream.flush()

    def runs(self) -> list[RegisteredRun]:
        """The last line of each sealed run, oldest first; a FAIL stands, whatever is noted of that run afterwards.

        Raises:
            EvidenceError: if a line is no register line.
        """
        if not self._path.exists():
            return []
        last: dict[str, RegisteredRun] = {}
        for number, line in enumerate(self._path.read_text("utf-8").splitlines(), start=1):
            try:
                run = RegisteredRun.model_validate(json.loads(line))
            except ValueError as error:
                raise EvidenceError(
                    f"read line {number} of the register of runs {self._path}",
                    found=str(error),
                    todo="repair the line; earlier runs cannot be shown without it",
                ) from error
            if not (run.run in last and last[run.run].is_failed):
                last[run.run] = run
        return list(last.values())

    def earlier(self, run: RegisteredRun) -> list[RegisteredRun]:
        """Other runs of the same artifact, on whatever data, oldest first: other data must not hide a FAIL."""
        return [r for r in self.runs() if r.run != run.run and r.artifact == run.artifact]


def blocking(runs: Iterable[RegisteredRun], policy: str, rules: str = "") -> list[RegisteredRun]:
    """Runs of the same policy, in whatever words, that ended FAIL: they forbid taking a PASS of the same model."""
    return [run for run in runs if run.is_failed and (run.policy == policy or (rules and run.rules == rules))]
