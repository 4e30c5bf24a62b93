"""An honest, signed PASS, and the means to forge one: what a cheat with the folder and this program could write."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from pretend import PYTHON, texture

from visavox import load_suite, run
from visavox.api.gate_evidence import read_run
from visavox.api.gating import _again
from visavox.api.signing import sign
from visavox.core.digest import canonical_json, sha256_bytes, sha256_json
from visavox.core.resources import configs_dir
from visavox.core.terms import Verdict
from visavox.engine.folder import RunFolder
from visavox.evidence.keys import new_key
from visavox.evidence.seal import Register, RegisteredRun, parse_seal
from visavox.media.image import encode_png
from visavox.reporting.schema import report_bytes

ENTRY = Path(__file__).parent / "editors_under_test.py"
OTHER_RUN = "f" * 32
OWNED = """
  - id: ORG-COMPLAINTS
    title: {en: Complaints are handled}
    kind: attestation
    statement: {en: Complaints are answered within three days.}
    severity: fail
    tool_classes: [anonymise]
"""
SUITE = """
name: honest
editor: %s
dataset: {kind: manifest, path: people.csv}
recognisers: [pixels]
assessments: {identity_leak: {attackers: [ignorant, lazy_informed]}}
policy: ./policy.yaml
attestations: complaints.yaml
seed: 7
"""


@dataclass(frozen=True)
class Site:
    """A finished run that passes, and what lies beside it: model, keys, the policy, an attestation with evidence."""

    root: Path

    @property
    def run(self) -> Path:
        return self.root / "run"

    @property
    def model(self) -> Path:
        return self.root / "weights"

    @property
    def policy(self) -> Path:
        return self.root / "policy.yaml"

    def key(self, name: str) -> Path:
        """A private key; its public one lies beside it."""
        return self.root / name

    def public(self, name: str) -> Path:
        return self.root / f"{name}.pub"


@dataclass
class Scene:
    """A copy of the honest site, whose options may be changed together with its files."""

    site: Site
    options: dict[str, Any] = field(default_factory=dict)

    @property
    def run(self) -> Path:
        return self.site.run


def copied(honest: Site, root: Path) -> Scene:
    """A copy of the honest site; what a careful pipeline asks for is in its options."""
    for name in ("run", "weights"):
        shutil.copytree(honest.root / name, root / name)
    for file in honest.root.iterdir():
        if file.suffix in {".yaml", ".log", ".pub", ""} and file.is_file():
            shutil.copy(file, root)
    suite = root / "run" / "suite.yaml"
    suite.write_text(suite.read_text().replace(str(honest.root), str(root)))
    site = Site(root)
    options = {"policy": str(site.policy), "model": site.model, "max_age": timedelta(days=365)}
    return Scene(site, {**options, "trusted_keys": [site.public("assessor")]})


def honest_run(root: Path) -> Site:
    """Runs an editor that leaks nothing on 60 pretend people, signed by ``assessor``."""
    site = Site(root)
    rows = ["path,subject_id,modality,consent"]
    for person in range(60):
        for image in range(4):
            (root / f"{person}-{image}.png").write_bytes(encode_png(texture(person, image)))
            rows.append(f"{person}-{image}.png,person {person},face,granted")
    (root / "people.csv").write_text("\n".join(rows))
    for name in ("a.bin", "b/c.bin"):
        (site.model / name).parent.mkdir(parents=True, exist_ok=True)
        (site.model / name).write_bytes(name.encode())
    baseline = (configs_dir() / "policies" / "baseline.yaml").read_text()
    attackers = "attackers: [ignorant, lazy_informed, semi_informed]"
    site.policy.write_text(baseline.replace(attackers, "attackers: [ignorant, lazy_informed]").rstrip() + OWNED)
    (root / "complaints.log").write_text("ten, all answered")
    digest = hashlib.sha256((root / "complaints.log").read_bytes()).hexdigest()
    (root / "complaints.yaml").write_text(
        "policy: baseline\ncontrol: ORG-COMPLAINTS\nstatement: Complaints are answered within three days.\n"
        f"owner: Support\nevidence:\n  - {{path: complaints.log, sha256: {digest}}}\n"
        "date: '2026-01-02'\nexpires: '2099-12-31'\n"
    )
    editor = PYTHON.format(entry=f"{ENTRY}:load", params="{}").removesuffix("}") + ", artifact: weights}"
    (root / "suite.yaml").write_text(SUITE % editor)
    report = run(load_suite(root / "suite.yaml"), site.run)
    assert report.decision.verdict is Verdict.PASS, report.decision.reasons
    for name in ("assessor", "approver", "stranger"):
        new_key(site.key(name))
    sign(site.run, site.key("assessor"))
    return site


def alter(folder: Path, change: Callable[[Any], object], name: str = "report.json") -> None:
    """Changes one of a folder's JSON files in place."""
    value = json.loads((folder / name).read_bytes())
    change(value)
    (folder / name).write_bytes(canonical_json(value))


def reseal(folder: Path) -> None:
    """Makes every digest of a folder right again: plan and policy in the seal, all of them in the report."""
    alter(folder, lambda seal: seal.update(_found(folder)), "seal.json")
    seal = parse_seal(json.loads((folder / "seal.json").read_bytes()))

    def rebind(report: dict[str, Any]) -> None:
        report["seal"]["sha256"], report["plan"]["sha256"] = seal.digest(), seal.plan
        report["policy"]["digest"]["sha256"] = seal.policy

    alter(folder, rebind)


def _found(folder: Path) -> dict[str, str]:
    plan = json.loads((folder / "plan.json").read_bytes())
    return {"plan": sha256_json(plan), "policy": sha256_bytes((folder / "policy.yaml").read_bytes())}


def decide_again(folder: Path) -> Verdict:
    """Makes the decision that the altered evidence gives, by the harness itself, and writes it into the report."""
    found = read_run(folder)
    forged = found.report.model_copy(update={"decision": _again(found)})
    (folder / "report.json").write_bytes(report_bytes(forged))
    return forged.decision.verdict


def rescore(folder: Path, part: str, row: int, score: float) -> None:
    """Changes one score of a table."""
    path = folder / "scores" / "pixels" / part
    table = pq.read_table(path, partitioning=None)
    scores = table.column("score").to_pylist()
    scores[row] = score
    place = table.schema.get_field_index("score")
    changed = table.set_column(place, table.schema.field("score"), pa.array(scores, table.schema.field("score").type))
    pq.write_table(changed.replace_schema_metadata(table.schema.metadata), path)


def rejournal(folder: Path, statement: str, *values: str) -> None:
    """Runs one statement of SQL on a run's journal."""
    with sqlite3.connect(RunFolder(folder).journal) as journal:
        journal.execute(statement, values)
    journal.close()


def failed_before(scene: Scene, folder: Path | None = None, **other: str) -> None:
    """A FAIL of the same model and policy in the register, and nothing of it in the report."""
    seal = parse_seal(json.loads(((folder or scene.run) / "seal.json").read_bytes()))
    failed = RegisteredRun(
        run=OTHER_RUN,
        seal=seal.digest(),
        artifact=seal.artifact,
        dataset=seal.dataset,
        policy=seal.policy,
        smoke=False,
        at="2026-01-01T00:00:00.000+00:00",
        verdict="FAIL",
    )
    Register().append(failed.model_copy(update=other))


def failing(scene: Scene) -> None:
    """Turns the copy into a run that fails: its policy asks for outputs that equal their inputs."""
    _under(scene, '{op: ">=", value: 0.5, on: lower}')


def undecided(scene: Scene) -> None:
    """Turns the copy into a run that decides nothing: its policy's limit lies inside the interval."""
    _under(scene, '{op: "<=", value: 0.01}')


def tampered(scene: Scene) -> None:
    """Leaves a limitation out of the copy's report; its signature stays."""
    alter(scene.run, lambda report: report["limitations"].pop())


def _under(scene: Scene, limit: str) -> None:
    """As if it had been run under a policy with another limit on unchanged outputs."""
    path = scene.run / "policy.yaml"
    head, control, tail = path.read_text().partition("  - id: BASE-UNCHANGED\n")
    path.write_text(head + control + re.sub(r"limit: \{.*\}", f"limit: {limit}", tail, count=1))
    scene.site.policy.write_text(path.read_text())
    reseal(scene.run)
    decide_again(scene.run)
    (scene.run / "attestation.intoto.json").unlink()
    sign(scene.run, scene.site.key("assessor"))
