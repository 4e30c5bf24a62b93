"""What a suite would run and what its data set can decide, before any model runs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from pydantic import Field

from visavox.core.config import Suite
from visavox.core.digest import sha256_bytes
from visavox.core.records import EditRow, Output, Pairs, Record, Sample
from visavox.core.report import Decision
from visavox.core.seeding import generator
from visavox.core.terms import AttestationVerdict, ControlKind, Modality, Outcome, Severity, Verdict
from visavox.engine.consent import asked_of
from visavox.engine.embed import cases_of_sets
from visavox.engine.plan import make_plan
from visavox.metrics.power import STRANGER_EFFECT
from visavox.policy.planner import ASSUMED_ICC, NEAREST_OTHERS_ADD, Basis, CellForecast, forecast
from visavox.policy.records import DETECTABILITY, Duties, Policy
from visavox.ports.assessment import MASKED, ScoreTable, assessments
from visavox.ports.dataset import Dataset

from .assessing import score_tables
from .attesting import attested, statements_asked
from .costs import WORDS, Cost, Work, disk, speeds, times
from .detection import detected_media, load_packs, n_perturbations
from .preparation import Outline, outline
from .rehearsal import InventedScores, judges_of, rehearse

MOST_SAMPLES = 1500
"""Larger data sets are rehearsed with part of their people."""
ENOUGH_PEOPLE = 80
"""Test people with whom a suite's figures can be made; smaller sets are rehearsed with copies of them as well."""


class Counts(Record):
    """Who and what takes part.

    Attributes:
        consent: of the people in the cases, probes left out.
        further_attempts, consent_probes, token_probes: cases among ``cases``.
        probe_list: of the probes of consent tokens: name and version.
    """

    people: int
    test_people: int
    recordings: int
    cases: int
    further_attempts: int
    consent_probes: int
    token_probes: int = 0
    probe_list: str = ""
    cells: int
    judges: tuple[str, ...]
    consent: Pairs


class AskedStatement(Record):
    """What an organisation has to attest under the policy, and what the suite has of it today."""

    control: str
    title: str
    severity: Severity
    verdict: AttestationVerdict
    reason: str


class RunPlan(Record):
    """A suite's plan in figures.

    Attributes:
        if_clean: the run's verdict on a tool that leaks nothing, and what forbids a PASS; None where the controls were
            not asked about.
        controls: what this data set can decide of each.
        rehearsed_people: test people of the rehearsal; fewer than ``counts.test_people`` in large data sets.
        assumptions: what the forecasts take for granted; ``unforeseen``: what may still stand between the tool and a
            PASS.
        attestations: what has to be attested beside the figures, and what of it there is.
    """

    schema_id: str = Field(default="visavox/plan/v1", alias="schema")
    suite: str
    modality: Modality
    tool_class: str
    policy: str
    seed: int
    counts: Counts
    work: Work
    costs: tuple[Cost, ...]
    rehearsed_people: int | None = None
    if_clean: Verdict | None = None
    reasons: tuple[str, ...] = ()
    controls: tuple[CellForecast, ...] = ()
    assumptions: tuple[str, ...] = ()
    unforeseen: tuple[str, ...] = ()
    attestations: tuple[AskedStatement, ...] = ()


def plan_run(known: Outline, *, controls: bool = True, like: Path | None = None) -> RunPlan:
    """People, cases, work, time, disk, and what the data set can decide; runs no model.

    Args:
        known: from ``outline``.
        controls: ask what can be decided (seconds); the counts alone are there at once.
        like: the folder of an earlier run, whose speeds are taken.

    Raises:
        EvidenceError: ``like`` holds no run.
        RunFolderError: its journal cannot be read.
    """
    work = _work(known)
    plan = RunPlan(
        suite=known.suite.name,
        modality=known.plan.modality,
        tool_class=known.suite.editor.tool_class.value,
        policy=known.policy.policy.id,
        seed=known.plan.seed,
        counts=_counts(known),
        work=work,
        costs=(*times(known, work, None if like is None else speeds(like)), *disk(known, work)),
        attestations=_statements(known),
    )
    return plan.model_copy(update=_decided(known)) if controls else plan


def _statements(known: Outline) -> tuple[AskedStatement, ...]:
    """What has to be attested of such a tool; what the suite says of itself counts."""
    suite, policy = known.suite, known.policy.policy
    found = statements_asked(
        policy,
        attested(suite, policy),
        duties=Duties.of(suite),
        tool_classes=[suite.editor.tool_class],
        modalities=[known.plan.modality],
    )
    return tuple(
        AskedStatement(
            control=one.control.id,
            title=one.control.title.en,
            severity=one.control.severity,
            verdict=one.card.verdict,
            reason=one.card.reason,
        )
        for one in found
    )


def _counts(known: Outline) -> Counts:
    plan = known.plan
    told = Counter(
        consent.value for consent, probe in zip(plan.case_consent, plan.case_probe, strict=True) if not probe
    )
    probes, tokens = sum(plan.case_probe), sum(map(bool, plan.case_token_probe))
    return Counts(
        people=plan.n_people,
        test_people=plan.n_test_people,
        recordings=len(plan.samples),
        cases=len(plan.cases),
        further_attempts=len(plan.cases) - probes - len(plan.first_attempts),
        consent_probes=probes - tokens,
        token_probes=tokens,
        probe_list=f"{plan.consent.probe_list} {plan.consent.version}" if plan.consent and tokens else "",
        cells=len(known.cells),
        judges=tuple(spec.id for spec in judges_of(known)),
        consent=dict(told),
    )


def _work(known: Outline) -> Work:
    """Counts by the tables that a run writes, every case edited."""
    plan, suite = known.plan, known.suite
    output = (Output(digest="0" * 64),)
    rows = {case.id: EditRow(case_id=case.id, outcome=Outcome.EDITED, outputs=output) for case in plan.cases}
    sets = {name: len(cases) for name, cases in cases_of_sets(plan, rows).items()}
    tables = score_tables(suite, {name: assessments.get(name)() for name, _ in suite.assessments})
    embedded = len(plan.samples) + sum(sets.values())
    sizes = {"original": len(plan.samples), **sets}
    scored = sum(1 if table.backend else len(plan.units(sizes[table.probes])) for table in tables)
    return Work(
        model_calls=len(plan.cases),
        embedded=embedded,
        located=embedded - sets[MASKED],
        comparisons=_comparisons(known, tables, rows),
        detected=detected_media(suite, plan),
        units={
            "edit": len(plan.units(len(plan.cases))),
            "embed": sum(len(plan.units(size)) for size in sizes.values()),
            "score": scored * len(judges_of(known)),
            **({"detect": 1 + n_perturbations(suite, plan.modality)} if detected_media(suite, plan) else {}),
        },
    )


def _comparisons(known: Outline, tables: tuple[ScoreTable, ...], rows: Mapping[str, EditRow]) -> int:
    invented = InventedScores(known.plan, dict(rows))
    return sum(invented.most(table) for table in tables)


def _decided(known: Outline) -> dict[str, object]:
    """What the rehearsals say of every control."""
    here = _part(known, MOST_SAMPLES)
    rehearsed = rehearse(here)
    copies = _copied(here)
    larger = None if copies is None else Basis(rehearse(copies).results, copies.plan.n_test_people)
    basis = Basis(rehearsed.results, here.plan.n_test_people)
    policy = known.policy.policy
    return {
        "rehearsed_people": here.plan.n_test_people,
        "if_clean": rehearsed.decision.verdict,
        "reasons": _reasons(rehearsed.decision, policy, known.suite),
        "controls": forecast(policy, rehearsed.decision, basis, larger),
        "assumptions": _assumptions(known),
        "unforeseen": _unforeseen(known),
    }


def _reasons(decision: Decision, policy: Policy, suite: Suite) -> tuple[str, ...]:
    """What forbids a PASS; statements that do not stand, and what only a run can show, as one line each."""
    stated = {c.id for c in decision.controls if c.kind is ControlKind.ATTESTATION}
    looked = {c.id for c in policy.controls if c.asks_detectors}
    others = [line for line in decision.reasons if line.partition(":")[0] not in stated | looked]
    kept = [line for line in others if not line.startswith(f"the policy requires {DETECTABILITY}")]
    open_ = [c for c in decision.controls if c.severity is Severity.FAIL and c.verdict is not Verdict.PASS]
    n_stated, n_looked = (sum(c.id in ids for c in open_) for ids in (stated, looked))
    n_foreseen = len(kept)
    if DETECTABILITY in policy.requires and DETECTABILITY not in dict(suite.assessments):
        kept.append(f"the policy requires {DETECTABILITY}, which the suite leaves out of its assessments")
    if n_stated:
        kept.append(f"{n_stated} statements that the policy asks for do not stand")
    if n_looked or n_foreseen < len(others):
        kept.append("what marks and detectors show is not foreseen: they are looked for in a run alone")
    return tuple(kept)


def _assumptions(known: Outline) -> tuple[str, ...]:
    return (
        f"every case is edited, {WORDS[known.plan.modality].found}, every judge competent and untrained on these "
        "people",
        f"people differ with an intra-person correlation of {ASSUMED_ICC:g}; trials are spread evenly over them",
        "scores of outputs are spread like those of strangers, so that a rate moves with its threshold; of the "
        f"variance of strangers' scores each of the two people brings {STRANGER_EFFECT:g}",
        f"a match rate that has to pass counts {NEAREST_OTHERS_ADD:.0%} more: its threshold leaves out the nearest "
        "others of an output",
        "more people have as many recordings each as these; PASS and FAIL with 80 % power, in the suite's Holm family",
    )


def _unforeseen(known: Outline) -> tuple[str, ...]:
    competence = known.policy.policy.modality(known.plan.modality).competence
    lines = [
        f"a judge that misses more than {competence.max_fnmr:.0%} of your unedited comparisons at FMR "
        f"{competence.fmr:g} cannot support a PASS",
        f"cases that are not edited, and outputs without {WORDS[known.plan.modality].without}, count against the tool",
    ]
    judges = {spec.name for spec in known.suite.recognisers}
    if known.suite.dataset.kind == "synthetic-faces" and "dlib" in judges and competence.max_fnmr < 0.2:
        lines.append("dlib misses a fifth to a quarter of these synthetic people: nothing passes by it, good tools too")
    if known.suite.impersonation and known.suite.impersonation.attempts > 1:
        lines.append("the worst of several attempts decides a PASS")
    return (*lines, *_packs_left_out(known))


def _packs_left_out(known: Outline) -> list[str]:
    """Controls that ask for media after a pack of perturbations which the suite does not apply."""
    modality, bound = known.plan.modality, {cell.control for cell in known.cells}
    asking = [control for control in known.policy.policy.controls if control.packs and control.id in bound]
    applied = {pack.digest for pack in load_packs(known.suite, modality)} if asking else set()
    return [
        f"{control.id} asks what is left after the pack {pack.name} {pack.version} ({pack.digest[:12]}): this suite "
        "does not apply it, so it decides nothing"
        for control in asking
        for pack in control.packs
        if pack.modality in {None, modality} and pack.digest not in applied
    ]


class _OtherPeople:
    """A data set with other samples than it has: to plan with, never to read from."""

    def __init__(self, dataset: Dataset, samples: tuple[Sample, ...]) -> None:
        self.kind, self.digest, self.samples = dataset.kind, dataset.digest, samples
        self.n_merged_duplicates, self.licences = dataset.n_merged_duplicates, dataset.licences
        self.modality = dataset.modality
        self.read, self.location = dataset.read, dataset.location


def _with(known: Outline, samples: tuple[Sample, ...]) -> Outline:
    dataset = _OtherPeople(known.dataset, samples)
    asked = asked_of(known.suite)
    if asked is not None:
        asked = asked._replace(book=asked.book.as_if_of(sample.subject_id for sample in samples))
    return known._replace(dataset=dataset, plan=make_plan(known.suite, dataset, tokens=asked))


def _part(known: Outline, most: int) -> Outline:
    """The outline with as many people, drawn by the seed, as have ``most`` recordings; whole where it has no more."""
    if len(known.plan.samples) <= most or any(sample < 0 for sample in known.plan.case_sample):
        return known
    people = sorted({sample.subject_id for sample in known.dataset.samples})
    order = generator(known.suite.seed, "rehearsed people").permutation(len(people))
    counts = Counter(sample.subject_id for sample in known.dataset.samples)
    kept: set[str] = set()
    for number in order.tolist():
        if sum(counts[name] for name in kept) + counts[people[number]] > most:
            break
        kept.add(people[number])
    return _with(known, tuple(sample for sample in known.dataset.samples if sample.subject_id in kept))


def _copied(known: Outline) -> Outline | None:
    """The outline with copies of its people; None where they are enough, or for media made elsewhere."""
    if known.plan.n_test_people >= ENOUGH_PEOPLE or any(sample < 0 for sample in known.plan.case_sample):
        return None
    times = -(-ENOUGH_PEOPLE // known.plan.n_test_people)
    copies = []
    for number in range(times):
        for sample in known.dataset.samples:
            digest = sha256_bytes(f"{sample.digest}/{number}".encode())
            changed = {"id": digest[:16], "digest": digest, "subject_id": f"{sample.subject_id}/{number}"}
            copies.append(sample.model_copy(update=changed))
    return _with(known, tuple(sorted(copies, key=lambda sample: (sample.subject_id, sample.id))))


def plan_suite(suite: Suite, *, controls: bool = True, like: Path | None = None) -> RunPlan:
    """``plan_run`` of a suite.

    Raises:
        UsageError: the suite, manifest or policy has to change.
        EvidenceError: ``like`` holds no run.
        RunFolderError: its journal cannot be read.
    """
    return plan_run(outline(suite), controls=controls, like=like)
