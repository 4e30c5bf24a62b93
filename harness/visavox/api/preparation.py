"""From a suite file to everything that is fixed before a run: data, plan, policy, judges, seal."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from visavox.core.config import FolderEditor, Suite, artifact_digest, code_digest, parse_suite
from visavox.core.errors import ConfigError
from visavox.core.outputs_list import ListedOutput, read_outputs_list
from visavox.core.records import (
    JudgeCard,
)
from visavox.engine.environment import resolve_device
from visavox.engine.plan import Plan, make_plan
from visavox.evidence.seal import Seal
from visavox.policy.judge import plan_cells
from visavox.policy.load import LoadedPolicy, load_policy
from visavox.ports.dataset import Dataset, datasets
from visavox.ports.recogniser import Recogniser, recognisers

CASE_COLUMNS = ("case_id", "operation", "seed", "host_path", "donor_path", "subject_path")


def load_suite(path: str | Path, *, overrides: Sequence[str] = ()) -> Suite:
    """Reads a suite file; paths in it are relative to its folder.

    Args:
        path: the YAML file.
        overrides: ``a.b=c`` words, recorded in the resolved suite.

    Raises:
        ConfigError: naming every faulty key at once.
    """
    file = Path(path)
    try:
        text = file.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"read the suite {path}", found=str(error), todo="give the path of a YAML file") from error
    return parse_suite(text, base=file.resolve().parent, what=file.name, overrides=overrides)


class Prepared(NamedTuple):
    """A suite with everything that is fixed before the run."""

    suite: Suite
    dataset: Dataset
    plan: Plan
    policy: LoadedPolicy
    judges: tuple[Recogniser, ...]
    seal: Seal
    device: str


def prepare(suite: Suite, *, limit: int | None = None) -> Prepared:
    """Loads data, policy and judges, draws the plan and makes the seal; runs no model on any media.

    Raises:
        UsageError: the suite, manifest or policy has to change.
    """
    for spec in suite.recognisers:
        if spec.name not in recognisers:
            recognisers.get(spec.name)
    artifact = artifact_digest(suite.editor)
    policy = load_policy(suite.policy)
    dataset = datasets.get(suite.dataset.kind)(suite.dataset, suite.seed)
    plan = make_plan(suite, dataset, limit=limit, elsewhere=_elsewhere(suite))
    device = resolve_device(suite.execution.device)
    judges = tuple(recognisers.get(spec.name)(spec, device) for spec in suite.recognisers)
    _refuse_own_judges(suite, judges)
    seal = Seal(
        suite=suite.digest(),
        plan=plan.digest(),
        artifact=artifact,
        code=code_digest(suite.editor),
        dataset=dataset.digest,
        policy_id=policy.policy.id,
        policy=policy.digest,
        judges=tuple(_card(spec.name, judge) for spec, judge in zip(suite.recognisers, judges, strict=True)),
        cells=plan_cells(policy.policy, suite.editor.tool_class, [judge.id for judge in judges]),
        seed=suite.seed,
        smoke=limit is not None,
    )
    return Prepared(suite, dataset, plan, policy, judges, seal, device)


def _refuse_own_judges(suite: Suite, judges: Sequence[Recogniser]) -> None:
    own = {name.casefold() for name in suite.editor.trained_with}
    for spec, found in zip(suite.recognisers, judges, strict=True):
        shared = own & {name.casefold() for name in (spec.name, spec.id, *found.families)}
        if shared:
            raise ConfigError(
                f"let {found.id} judge {suite.editor.name}",
                found=f"editor.trained_with names {', '.join(sorted(shared))}: a network in its loss may not judge it",
                todo="use a recogniser of another family",
            )


def _card(name: str, found: Recogniser) -> JudgeCard:
    return JudgeCard(
        id=found.id,
        name=name,
        digest=found.digest,
        detector=found.detector,
        score=found.score,
        families=tuple(sorted(found.families)),
        training_overlap=found.training_overlap,
    )


def _elsewhere(suite: Suite) -> tuple[ListedOutput, ...] | None:
    """Outputs that name people instead of cases, for the editor ``folder``."""
    if not isinstance(suite.editor, FolderEditor):
        return None
    listed = read_outputs_list(Path(suite.editor.path))
    return listed.rows if listed.names_people else None


def case_rows(prepared: Prepared) -> list[tuple[str, ...]]:
    """The cases as the owner of the data runs them elsewhere: one row each, under ``CASE_COLUMNS``."""
    rows = []
    for case in prepared.plan.cases:
        where = {role.role: str(prepared.dataset.location(role.sample_id)) for role in case.roles}
        paths = (where.get(role, "") for role in ("host", "donor", "subject"))
        rows.append((case.id, case.operation.value, str(case.seed), *paths))
    return rows
