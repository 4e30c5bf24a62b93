"""The report of a run: its decision, and everything that stands beside it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from visavox.api.binding import registered
from visavox.api.clock import now, when
from visavox.api.preparation import (
    Outline,
    Prepared,
)
from visavox.core.cards import card
from visavox.core.config import BaselineEditor, HttpEditor, Suite
from visavox.core.figures import AssessmentResult, CaseLedger
from visavox.core.records import Digest
from visavox.core.report import (
    AttestationCard,
    Card,
    Clock,
    DatasetSummary,
    Decision,
    PolicySummary,
    Report,
    Subject,
    Waiver,
)
from visavox.core.terms import ControlKind, Modality, Obligation, Verified
from visavox.engine.environment import environment
from visavox.engine.plan import WITHHELD, consent_counts
from visavox.evidence.seal import Register
from visavox.policy.judge import Facts, judge
from visavox.policy.load import LoadedPolicy
from visavox.policy.records import Duties, Policy
from visavox.policy.run_verdict import independent_judges
from visavox.policy.waivers import load_waivers


def build_report(
    parts: Sequence[Prepared],
    results: tuple[AssessmentResult, ...],
    ledger: CaseLedger,
    sessions: Sequence[str],
    run_id: str,
    *,
    is_known: bool,
    attestations: tuple[AttestationCard, ...] = (),
) -> Report:
    """The report over all parts of a run; the judge decides here.

    Args:
        sessions: when each session of the run began.
        run_id: the run folder's own random id.
        is_known: figures were taken from an earlier run that was equal in everything.
    """
    suite, policy, seal = parts[0].suite, parts[0].policy, parts[0].seal
    dataset = whole_summary([dataset_summary(part) for part in parts], _people_of(parts))
    duties = Duties(seal.role, seal.public_opinion_attribute)
    facts = Facts(suite.editor.tool_class, results, seal.judges, dataset, seal.smoke, duties, attestations)
    decision = judge(policy.policy, seal.cells, facts)
    finished = now()
    earlier = Register().earlier(registered(seal, policy.policy, run_id, ""))
    return Report(
        suite_name=suite.name,
        suite=Digest(sha256=seal.suite),
        seal=Digest(sha256=seal.digest()),
        plan=Digest(sha256=seal.plan),
        smoke=seal.smoke,
        decision=decision,
        subject=_subject(parts),
        judges=seal.judges,
        detectors=seal.detectors,
        results=results,
        ledger=ledger,
        instruments=tuple(item for result in results for item in result.instruments),
        dataset=dataset,
        cards=_cards(suite),
        policy=policy_summary(policy),
        environment=environment(parts[0].device),
        limitations=_limitations(parts, dataset, results, decision),
        not_made=tuple(missing for result in results for missing in result.not_made),
        role=seal.role,
        public_opinion_attribute=seal.public_opinion_attribute,
        attestations=attestations,
        waivers=waivers_of(suite),
        clock=Clock(
            run=run_id,
            started=sessions[0],
            finished=finished,
            duration_s=round((when(finished) - when(sessions[0])).total_seconds(), 3),
            sessions=len(sessions),
            has_known_figures=is_known,
            earlier_runs=tuple(tuple(sorted(r.model_dump(mode="json").items())) for r in earlier),
        ),
    )


def waivers_of(suite: Suite) -> tuple[Waiver, ...]:
    """The waivers in the file that a suite names.

    Raises:
        EvidenceError: it cannot be read, or holds something that is no waiver.
    """
    return () if suite.waivers is None else load_waivers(Path(suite.waivers))


def _limitations(
    parts: Sequence[Prepared], dataset: DatasetSummary, results: tuple[AssessmentResult, ...], decision: Decision
) -> tuple[str, ...]:
    suite, seal = parts[0].suite, parts[0].seal
    lines = list(_of_the_policy(decision, parts[0].policy.policy))
    unstated = dict(dataset.consent).get("unstated", 0)
    if unstated:
        lines.append(f"consent is unstated for {unstated} of {dataset.n_test_samples} test samples")
    if dataset.n_withheld:
        lines.append(f"{dataset.n_withheld} samples were left out: their consent is refused or withdrawn")
    for part in parts:
        ids = {judge.id for judge in part.judges}
        if len(independent_judges(card for card in seal.judges if card.id in ids)) < 2:
            of = f" of {part.plan.modality.value}s" if len(parts) > 1 else ""
            lines.append(f"one family of judges{of} only: a leak that another recogniser sees may be missed")
        if any(sample < 0 for sample in part.plan.case_sample):
            lines.append("the outputs were made elsewhere and listed by person: some may have been left out")
    if "impersonation" not in dict(suite.assessments):
        lines.append("impersonation was not assessed: the suite leaves it out")
    if "detectability" not in dict(suite.assessments):
        lines.append("detectability was not assessed: the suite leaves it out")
    lines += _of_a_service(suite)
    lines += [line for result in results for line in result.limitations]
    return tuple(dict.fromkeys(line for line in lines if line))


def _of_the_policy(decision: Decision, policy: Policy) -> Iterator[str]:
    """What its controls rest on alone: numbers that no law sets, rules that were not read, mere statements."""
    limited = [control for control in decision.controls if control.limit is not None]
    chosen = [c.id for c in limited if c.limit and c.limit.set_by is Obligation.PROJECT_DEFAULT]
    if chosen:
        whose = "this policy: they are the project's choice" if len(chosen) == len(limited) else ", ".join(chosen)
        yield f"no law or standard sets the limits of {whose}"
    unread = [c.id for c in decision.controls if c.basis and all(b.verified is not Verified.PRIMARY for b in c.basis)]
    if unread:
        yield f"rules that were not read at their source stand behind {', '.join(unread)}: they warn, and never fail"
    stated = [control.id for control in decision.controls if control.kind is not ControlKind.TEST]
    if stated:
        yield f"attested by an organisation at most, and never tested, is what is stated of {', '.join(stated)}"
    for one in policy.not_measured:
        yield f"not measured by this version: {one.en}"


def policy_summary(policy: LoadedPolicy) -> PolicySummary:
    """The policy as a report names it."""
    one = policy.policy
    return PolicySummary(
        id=one.id,
        digest=Digest(sha256=policy.digest),
        version=one.version,
        title=one.title.en,
        title_zh=one.title.zh,
        jurisdiction=one.jurisdiction,
    )


def _of_a_service(suite: Suite) -> list[str]:
    """What a report of a service cannot bind to; nothing for other editors."""
    editor = suite.editor
    if not isinstance(editor, HttpEditor):
        return []
    host = urlsplit(editor.url).hostname
    if editor.version_header is None:
        states = (
            "it does not state its version with its answers (version_header), so a change during the run is not seen"
        )
    else:
        states = f"its answers all stated version {editor.version}, which is its own word"
    binds = "the artifact named in the suite" if editor.artifact else "the service's address and stated version"
    return [
        f"the editor is a service at {host}: the report binds to {binds}, and what answers there can change; {states}"
    ]


def _cards(suite: Suite) -> tuple[Card, ...]:
    """The cards of what took part; a plug-in of somebody else may have none."""
    found = [card("dataset", suite.dataset.kind), *(card("recogniser", spec.name) for spec in suite.recognisers)]
    found += [card("detector", spec.name) for spec in suite.detectors]
    if isinstance(suite.editor, BaselineEditor):
        found.append(card("baseline", suite.editor.name))
    return tuple(dict.fromkeys(one for one in found if one is not None))


def _subject(parts: Sequence[Prepared]) -> Subject:
    editor = parts[0].suite.editor
    return Subject(
        name=editor.name,
        version=editor.version,
        kind=editor.kind,
        tool_class=editor.tool_class,
        operation=editor.operation if len(parts) > 1 else parts[0].plan.operation,
        digest=Digest(sha256=parts[0].seal.artifact),
        trained_with=editor.trained_with,
    )


class _People(NamedTuple):
    """How many people there are over all parts, and how many of them are tested."""

    n_subjects: int
    n_test_subjects: int


def _people_of(parts: Sequence[Prepared]) -> _People:
    everyone: set[str] = set()
    tested: set[str] = set()
    for part in parts:
        names = {sample.id: sample.subject_id for sample in part.dataset.samples}
        everyone |= set(names.values())
        tested |= {names[sample.id] for sample in part.plan.samples}
    return _People(len(everyone), len(tested))


def whole_summary(parts: Sequence[DatasetSummary], people: _People) -> DatasetSummary:
    """The data set as a whole: what its parts say of it, each person counted once."""
    if len(parts) == 1:
        return parts[0]
    consent: Counter[str] = Counter()
    for part in parts:
        consent.update({name: int(str(count)) for name, count in part.consent})
    return parts[0].model_copy(
        update={
            "modality": None,
            "n_subjects": people.n_subjects,
            "n_test_subjects": people.n_test_subjects,
            "n_samples": sum(part.n_samples for part in parts),
            "n_test_samples": sum(part.n_test_samples for part in parts),
            "n_withheld": sum(part.n_withheld for part in parts),
            "consent": tuple(sorted(consent.items())),
            "sessions_stated": all(part.sessions_stated for part in parts),
            "parts": tuple(parts),
        }
    )


def dataset_summary(prepared: Outline | Prepared) -> DatasetSummary:
    """The data set as a report describes it."""
    dataset, plan = prepared.dataset, prepared.plan
    used = {sample.id for sample in plan.samples}
    return DatasetSummary(
        kind=dataset.kind,
        digest=Digest(sha256=dataset.digest),
        modality=Modality(dataset.modality),
        n_subjects=plan.n_people,
        n_samples=len(dataset.samples),
        n_test_subjects=plan.n_test_people,
        n_test_samples=len(plan.samples),
        n_merged_duplicates=dataset.n_merged_duplicates,
        n_withheld=sum(s.consent in WITHHELD for s in dataset.samples),
        consent=consent_counts([s for s in dataset.samples if s.id in used]),
        licences=dataset.licences,
        sessions_stated=all(sample.session >= 0 for sample in plan.samples),
    )
