"""From a suite file to everything that is fixed before a run: data, plan, policy, judges, seal."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from visavox.core.config import FolderEditor, Suite, artifact_digest, code_digest, parse_suite
from visavox.core.errors import ConfigError
from visavox.core.outputs_list import ListedOutput, read_outputs_list
from visavox.core.records import (
    Cell,
    JudgeCard,
)
from visavox.engine.environment import resolve_device
from visavox.engine.plan import Plan, make_plan
from visavox.evidence.seal import Seal
from visavox.policy.judge import plan_cells
from visavox.policy.load import LoadedPolicy, load_policy
from visavox.ports.dataset import Dataset, datasets
from visavox.ports.recogniser import Recogniser, recognisers

CASE_COLUMNS = (
    "case_id",
    "operation",
    "seed",
    "host_path",
    "donor_path",
    "subject_path",
    "contributor_1_path",
    "contributor_2_path",
    "consent",
)


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
    except FileNotFoundError as error:
        raise ConfigError(
            f"read the suite {path}", found="there is no such file", todo="begin one: visavox init DIR"
        ) from error
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"read the suite {path}", found=str(error), todo="give the path of a YAML file") from error
    return parse_suite(text, base=file.resolve().parent, what=file.name, overrides=overrides)


class Outline(NamedTuple):
    """What a suite would run, known without loading a judge or an editor."""

    suite: Suite
    dataset: Dataset
    plan: Plan
    policy: LoadedPolicy
    cells: tuple[Cell, ...]


class Prepared(NamedTuple):
    """A suite with everything that is fixed before the run."""

    suite: Suite
    dataset: Dataset
    plan: Plan
    policy: LoadedPolicy
    judges: tuple[Recogniser, ...]
    seal: Seal
    device: str


def outline(suite: Suite, *, limit: int | None = None) -> Outline:
    """Loads data and policy and draws the plan.

    Raises:
        UsageError: the suite, manifest or policy has to change.
    """
    for spec in suite.recognisers:
        recognisers.get(spec.name)
    policy = load_policy(suite.policy)
    dataset = datasets.get(suite.dataset.kind)(suite.dataset, suite.seed)
    plan = make_plan(suite, dataset, limit=limit, elsewhere=_elsewhere(suite))
    claims = suite.impersonation.claims if suite.impersonation else ()
    cells = plan_cells(policy.policy, suite.editor.tool_class, [spec.id for spec in suite.recognisers], claims)
    return Outline(suite, dataset, plan, policy, cells)


def prepare(suite: Suite, *, limit: int | None = None) -> Prepared:
    """The outline with judges loaded and the seal made; runs no model on any media.

    Raises:
        UsageError: the suite, manifest or policy has to change.
        WeightsError: a judge's weights are absent or not the pinned ones.
    """
    artifact, code = artifact_digest(suite.editor), code_digest(suite.editor)
    known = outline(suite, limit=limit)
    device = resolve_device(suite.execution.device)
    judges = tuple(recognisers.get(spec.name)(spec, device) for spec in suite.recognisers)
    _refuse_own_judges(suite, judges)
    seal = Seal(
        suite=suite.digest(),
        plan=known.plan.digest(),
        artifact=artifact,
        code=code,
        dataset=known.dataset.digest,
        policy_id=known.policy.policy.id,
        policy=known.policy.digest,
        judges=tuple(_card(spec.name, judge) for spec, judge in zip(suite.recognisers, judges, strict=True)),
        cells=known.cells,
        seed=suite.seed,
        smoke=limit is not None,
    )
    return Prepared(suite, known.dataset, known.plan, known.policy, judges, seal, device)


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
        batching=str(getattr(found, "batching", "")),
    )


def _elsewhere(suite: Suite) -> tuple[ListedOutput, ...] | None:
    """Outputs that name people instead of cases, for the editor ``folder``."""
    if not isinstance(suite.editor, FolderEditor) or not Path(suite.editor.path).exists():
        return None  # the list may be made from the planned cases; a run asks for it
    listed = read_outputs_list(Path(suite.editor.path))
    return listed.rows if listed.names_people else None


def case_rows(known: Outline) -> list[tuple[str, ...]]:
    """The cases as the owner of the data runs them elsewhere: one row each, under ``CASE_COLUMNS``."""
    rows = []
    for case, consent in zip(known.plan.cases, known.plan.case_consent, strict=True):
        where = {role.role: str(known.dataset.location(role.sample_id)) for role in case.roles}
        paths = (where.get(column.removesuffix("_path"), "") for column in CASE_COLUMNS if column.endswith("_path"))
        rows.append((case.id, case.operation.value, str(case.seed), *paths, consent.value))
    return rows
