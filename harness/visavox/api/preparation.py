"""From a suite file to everything that is fixed before a run: data, plan, policy, judges, seal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple, TypeVar

from visavox.api.detection import detector_cards, knows, load_detectors, load_label_listener, load_packs
from visavox.core.artifact import artifact_digest, code_digest
from visavox.core.config import FolderEditor, Suite, parse_suite
from visavox.core.digest import sha256_json
from visavox.core.errors import ConfigError
from visavox.core.outputs_list import ListedOutput, OutputsList, read_outputs_list
from visavox.core.report import Cell, JudgeCard
from visavox.core.terms import Consent, Modality
from visavox.engine.consent import asked_of, tell
from visavox.engine.detection import AnyDetector
from visavox.engine.environment import resolve_device
from visavox.engine.marks import LoadedWatermark, load_watermark
from visavox.engine.plan import Plan, make_plan
from visavox.evidence.seal import Seal
from visavox.policy.judge import plan_cells
from visavox.policy.load import LoadedPolicy, load_policy
from visavox.policy.records import Duties
from visavox.ports.dataset import Dataset, OneModality, datasets
from visavox.ports.perturbation import Pack
from visavox.ports.recogniser import Recogniser, recognisers
from visavox.ports.transcriber import Transcriber

T = TypeVar("T")

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
    except IsADirectoryError as error:
        raise ConfigError(
            f"read the suite {path}", found="it is a folder", todo=f"name the YAML file in it, as {file / 'suite.yaml'}"
        ) from error
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"read the suite {path}", found=str(error), todo="give the path of a YAML file") from error
    return parse_suite(text, base=file.resolve().parent, what=file.name, overrides=overrides)


class Outline(NamedTuple):
    """What a suite would run on one modality, known without loading a judge or an editor."""

    suite: Suite
    dataset: Dataset
    plan: Plan
    policy: LoadedPolicy
    cells: tuple[Cell, ...]


class Prepared(NamedTuple):
    """A suite with everything that is fixed before the run on one modality; ``seal`` is that of the whole run."""

    suite: Suite
    dataset: Dataset
    plan: Plan
    policy: LoadedPolicy
    judges: tuple[Recogniser, ...]
    seal: Seal
    device: str
    detectors: Mapping[str, AnyDetector] = MappingProxyType({})
    """Of the modality, by id, in the suite's order."""
    packs: tuple[Pack, ...] = ()
    watermark: LoadedWatermark | None = None
    label_listener: Transcriber | None = None
    """Hears the labels that are spoken in sounds."""


def outlines(suite: Suite, *, limit: int | None = None) -> tuple[Outline, ...]:
    """Loads data and policy and draws the plan of each modality of the data set.

    Raises:
        UsageError: the suite, manifest or policy has to change.
    """
    named = {spec.id: recognisers.modality(spec.name) for spec in suite.recognisers}
    policy = load_policy(suite.policy)
    dataset = datasets.get(suite.dataset.kind)(suite.dataset, suite.seed)
    found = [modality for modality in Modality if any(s.modality is modality for s in dataset.samples)]
    _refuse_unjudged(found, named)
    made, tokens = [], asked_of(suite)
    for modality in found:
        part = OneModality(dataset, modality) if len(found) > 1 else dataset
        listed = _listed(suite)
        elsewhere = _elsewhere(listed, part)
        plan = make_plan(suite, part, limit=limit, elsewhere=elsewhere, species=_species(listed), tokens=tokens)
        tell(suite, plan, part, tokens and tokens.book)  # too few tokens are found here
        judges = [name for name, of in named.items() if of is modality]
        cells = plan_cells(
            policy.policy,
            suite.editor.tool_class,
            judges,
            suite.claims,
            modality=modality,
            detectors=[spec.id for spec in suite.detectors if knows(spec, modality)],
            duties=Duties.of(suite),
        )
        made.append(Outline(suite, part, plan, policy, cells))
    return tuple(made)


def outline(suite: Suite, *, limit: int | None = None) -> Outline:
    """The outline of a suite whose data set has one modality.

    Raises:
        UsageError: the suite, manifest or policy has to change; the data set mixes modalities.
    """
    return _only(outlines(suite, limit=limit))


def plan_digest(plans: Sequence[Plan]) -> str:
    """Digest of the plan of each modality, as ``plan.json`` holds them."""
    return sha256_json(plan_json(plans))


def plan_json(plans: Sequence[Plan]) -> dict[str, Any]:
    """What ``plan.json`` holds: the plan, or, of several modalities, each by its name."""
    if len(plans) == 1:
        return plans[0].model_dump(mode="json")
    return {plan.modality.value: plan.model_dump(mode="json") for plan in plans}


def prepare_all(suite: Suite, *, limit: int | None = None) -> tuple[Prepared, ...]:
    """The outlines with judges loaded and the one seal made; runs no model on any media.

    Raises:
        UsageError: the suite, manifest or policy has to change.
        WeightsError: a judge's weights are absent or not the pinned ones.
    """
    artifact, code = artifact_digest(suite.editor), code_digest(suite.editor)
    known = outlines(suite, limit=limit)
    device = resolve_device(suite.execution.device)
    judges = tuple(recognisers.get(spec.name)(spec, device) for spec in suite.recognisers)
    _refuse_own_judges(suite, judges)
    first = known[0]
    modalities = [one.plan.modality for one in known]
    detecting = {modality: load_detectors(suite, modality, device) for modality in modalities}
    packs = {modality: load_packs(suite, modality) for modality in modalities}
    marks = {
        modality: None if suite.watermark is None else load_watermark(suite.watermark, modality, device)
        for modality in modalities
    }
    seal = Seal(
        suite=suite.digest(),
        plan=plan_digest([one.plan for one in known]),
        artifact=artifact,
        code=code,
        dataset=first.dataset.digest,
        policy_id=first.policy.policy.id,
        policy=first.policy.digest,
        judges=tuple(_card(spec.name, judge) for spec, judge in zip(suite.recognisers, judges, strict=True)),
        detectors=tuple(card for of in modalities for card in detector_cards(suite, detecting[of])),
        perturbations=tuple(dict.fromkeys((p.name, p.version, p.digest) for of in modalities for p in packs[of])),
        watermarks=tuple(mark.decoder.digest for mark in marks.values() if mark is not None),
        cells=tuple(cell for one in known for cell in one.cells),
        seed=suite.seed,
        smoke=limit is not None,
        role=suite.role,
        public_opinion_attribute=suite.public_opinion_attribute,
    )
    return tuple(
        Prepared(
            suite,
            one.dataset,
            one.plan,
            one.policy,
            of_modality(judges, one.plan.modality),
            seal,
            device,
            detecting[one.plan.modality],
            packs[one.plan.modality],
            marks[one.plan.modality],
            load_label_listener(suite, one.plan.modality, device),
        )
        for one in known
    )


def prepare(suite: Suite, *, limit: int | None = None) -> Prepared:
    """What is fixed before the run of a suite whose data set has one modality.

    Raises:
        UsageError: the suite, manifest or policy has to change; the data set mixes modalities.
        WeightsError: a judge's weights are absent or not the pinned ones.
    """
    return _only(prepare_all(suite, limit=limit))


def of_modality(judges: Sequence[Recogniser], modality: Modality) -> tuple[Recogniser, ...]:
    """The recognisers of one modality."""
    return tuple(judge for judge in judges if judge.modality is modality)


def _only(parts: Sequence[T]) -> T:
    if len(parts) > 1:
        raise ConfigError(
            "take the data set as one of faces or of voices",
            found="it holds both",
            todo="`visavox run` assesses both in one report; here give a manifest of one of them",
        )
    return parts[0]


def _refuse_unjudged(found: Sequence[Modality], named: Mapping[str, Modality]) -> None:
    """Each modality needs a judge, and each judge its modality."""
    idle = [name for name, modality in named.items() if modality not in found]
    if idle:
        raise ConfigError(
            f"let {', '.join(idle)} judge",
            found=f"{'it judges' if len(idle) == 1 else 'they judge'} other media than the data set's "
            f"({', '.join(f'{one.value}s' for one in found)})",
            todo="leave it out, or name a recogniser of that kind: `visavox list recognisers`",
        )
    for modality in found:
        if modality not in named.values():
            raise ConfigError(
                f"assess the {modality.value}s of the data set",
                found=f"no recogniser of {modality.value}s is named",
                todo="add one to `recognisers` (`visavox list recognisers`), or leave these rows out",
            )


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


def _listed(suite: Suite) -> OutputsList | None:
    """The list of the editor ``folder``; None where it is yet to be made from the planned cases: a run asks for it."""
    if not isinstance(suite.editor, FolderEditor) or not Path(suite.editor.path).exists():
        return None
    return read_outputs_list(Path(suite.editor.path))


def _species(listed: OutputsList | None) -> dict[str, str]:
    """What made each output, where a list names more than one species."""
    found = {row.case_id: row.species or "unnamed" for row in listed.rows} if listed else {}
    return found if len(set(found.values())) > 1 else {}


def _elsewhere(listed: OutputsList | None, dataset: Dataset) -> tuple[ListedOutput, ...] | None:
    """Outputs that name people instead of cases."""
    if listed is None:
        return None
    if listed.names_people and isinstance(dataset, OneModality):
        raise ConfigError(
            "tell faces and voices apart in a list of outputs that names people",
            found="the data set holds both",
            todo="give one manifest and one list each for faces and voices",
        )
    return listed.rows if listed.names_people else None


def case_rows(known: Outline) -> list[tuple[str, ...]]:
    """The cases as the owner of the data runs them elsewhere: one row each, under ``CASE_COLUMNS``."""
    rows = []
    for case, told in zip(known.plan.cases, tell(known.suite, known.plan, known.dataset), strict=True):
        where = {role.role: str(known.dataset.location(role.sample_id)) for role in case.roles}
        paths = (where.get(column.removesuffix("_path"), "") for column in CASE_COLUMNS if column.endswith("_path"))
        said = Consent.UNSTATED.value if told.consent is None else told.consent
        rows.append((case.id, case.operation.value, str(case.seed), *paths, said))
    return rows
