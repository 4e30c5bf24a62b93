"""One folder, one sealed run: what is written before it begins, and what may not differ when it goes on."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from visavox.api.clock import now
from visavox.api.preparation import (
    Prepared,
    plan_json,
)
from visavox.core.config import Suite
from visavox.core.digest import canonical_json, sha256_json, tree_files
from visavox.core.errors import RunFolderError, SuiteChangedError
from visavox.engine.folder import RunFolder
from visavox.engine.journal import Journal
from visavox.engine.store import Store
from visavox.evidence.seal import RegisteredRun, Seal, parse_seal
from visavox.policy.load import rules_digest
from visavox.policy.records import Policy


def registered(seal: Seal, policy: Policy, run_id: str, verdict: str) -> RegisteredRun:
    """What the register of runs notes of a run; without a verdict while it goes on."""
    return RegisteredRun(
        run=run_id,
        seal=seal.digest(),
        artifact=seal.artifact,
        dataset=seal.dataset,
        policy=seal.policy,
        smoke=seal.smoke,
        at=now(),
        verdict=verdict,
        rules=rules_digest(policy),
    )


def bind_folder(folder: RunFolder, parts: Sequence[Prepared]) -> None:
    """Writes suite, plan, policy and seal, or checks that a folder begun earlier holds the same.

    Raises:
        SuiteChangedError: naming what differs.
    """
    suite, seal = parts[0].suite, parts[0].seal
    if folder.seal.exists() and any(_has_edits(part) for part in folder.parts()):
        refuse_change(folder, suite, parse_seal(folder.read_json(folder.seal)), seal)
        return
    if not (folder.seal.exists() and parse_seal(folder.read_json(folder.seal)) == seal):
        for part in folder.parts():
            _forget_originals(part)
    folder.write(folder.suite, json.dumps(suite.as_json(), indent=2, ensure_ascii=False).encode() + b"\n")
    folder.write(folder.policy, parts[0].policy.text.encode())
    folder.write(folder.plan, canonical_json(plan_json([part.plan for part in parts])))
    _write_model_list(folder, suite, seal)
    folder.write(folder.seal, canonical_json(seal.as_json()))


def _write_model_list(folder: RunFolder, suite: Suite, seal: Seal) -> None:
    """The files of a model that is a folder, by name: a gate tells by it which of them differ."""
    artifact = suite.editor.artifact
    if artifact is None or not Path(artifact).is_dir():
        return
    files = tree_files(Path(artifact))
    if sha256_json(files) != seal.artifact:
        raise RunFolderError(
            f"seal the model {artifact}", found="it changed meanwhile", todo="leave it alone; run again"
        )
    folder.write(folder.model, canonical_json(files))


def _forget_originals(folder: RunFolder) -> None:
    """What was embedded of a run that ended before any edit, and whose place another one takes."""
    if folder.journal.exists():
        with Journal(folder.journal) as journal:
            journal.forget_units()
    Store(folder.templates).clear()


def _has_edits(folder: RunFolder) -> bool:
    if not folder.journal.exists():
        return False
    with Journal(folder.journal) as journal:
        return bool(journal.edits())


def refuse_change(folder: RunFolder, suite: Suite, old: Seal, new: Seal) -> None:
    """Raises SuiteChangedError, naming what differs, where two seals of one folder differ."""
    if old == new:
        return
    keys = [name for name in Seal.model_fields if getattr(old, name) != getattr(new, name)]
    if "suite" in keys:
        before = Suite.model_validate(folder.read_json(folder.suite)).comparable()
        keys = [*_differing(before, suite.comparable()), *(key for key in keys if key != "suite")]
    raise SuiteChangedError(
        f"continue the run in {folder.root}",
        found="since it was begun these changed: " + ", ".join(dict.fromkeys(keys)),
        todo="name a new folder with --out, or restore them",
    )


def _differing(old: object, new: object, path: str = "") -> list[str]:
    if isinstance(old, dict) and isinstance(new, dict):
        keys = sorted({*old, *new})
        return [d for k in keys for d in _differing(old.get(k), new.get(k), f"{path}.{k}" if path else str(k))]
    return [] if old == new else [path]
