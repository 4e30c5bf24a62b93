"""Whether two runs may be compared: the same people, cases, seed, judges and operating points; the model may differ."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from visavox.api.gate_evidence import Evidence
from visavox.core.digest import sha256_json
from visavox.core.errors import EvidenceError
from visavox.core.terms import Modality
from visavox.engine.plan import Plan

_SHOWN = 16
_EACH_ONCE = frozenset({"people", "sessions", "folds"})
"""Columns of a plan's samples that name the same thing many times; how many things there are is what is told."""


def refuse_incomparable(a: Evidence, b: Evidence) -> None:
    """Raises EvidenceError, listing every difference, where a change could come from something else than the model."""
    found = list(differences(a, b))
    if found:
        raise EvidenceError(
            f"compare {a.folder.root} with {b.folder.root}",
            found="they are not comparable:\n" + "\n".join(f"  - {line}" for line in found),
            todo="run both models with the same suite, all but `editor`",
        )


def differences(a: Evidence, b: Evidence) -> Iterator[str]:
    """What differs between the two besides the model, one line each."""
    for what, one, other in (
        ("tool class", a.report.subject.tool_class.value, b.report.subject.tool_class.value),
        ("operation", a.report.subject.operation.value, b.report.subject.operation.value),
        ("smoke run", _yes(a.seal.smoke), _yes(b.seal.smoke)),
        ("seed", a.seal.seed, b.seal.seed),
        ("data set", a.seal.dataset[:_SHOWN], b.seal.dataset[:_SHOWN]),
        ("modalities", _words(a.plans), _words(b.plans)),
        ("alpha of the policy", a.policy.alpha, b.policy.alpha),
        ("assessments", _assessments(a), _assessments(b)),
    ):
        if one != other:
            yield f"{what}: {one} against {other}"
    for modality in (one for one in Modality if one in a.plans and one in b.plans):
        yield from _points(a, b, modality)
        yield from _plans(a.plans[modality], b.plans[modality], f"{modality.value}s")
    yield from _cards("judge", _digests(a.seal.judges), _digests(b.seal.judges))
    yield from _cards("detector", _digests(a.seal.detectors), _digests(b.seal.detectors))
    yield from _cards(
        "pack of perturbations",
        {name: digest for name, _, digest in a.seal.perturbations},
        {name: digest for name, _, digest in b.seal.perturbations},
    )


def _yes(is_so: bool) -> str:
    return "yes" if is_so else "no"


def _words(plans: Mapping[Modality, Plan]) -> str:
    return " and ".join(sorted(modality.value for modality in plans))


def _assessments(run: Evidence) -> str:
    """Their names, and a digest of their options."""
    asked = {name: run.suite.options(name).model_dump(mode="json") for name, _ in run.suite.assessments}
    return f"{', '.join(sorted(asked))} ({sha256_json(asked)[:8]})"


def _points(a: Evidence, b: Evidence, modality: Modality) -> Iterator[str]:
    one, other = a.policy.modality(modality), b.policy.modality(modality)
    if one.fmr != other.fmr:
        yield f"operating point of {modality.value}s: FMR {one.fmr:g} against {other.fmr:g}"
    if one.utility_floors != other.utility_floors:
        yield f"utility floors of {modality.value}s differ"


def _plans(a: Plan, b: Plan, what: str) -> Iterator[str]:
    """People, folds and cases; case ids are made from samples, so that they tell."""
    columns: dict[str, tuple[Any, Any]] = {
        "test samples": ([s.id for s in a.samples], [s.id for s in b.samples]),
        "people": ([s.person for s in a.samples], [s.person for s in b.samples]),
        "sessions": ([s.session for s in a.samples], [s.session for s in b.samples]),
        "folds": ([s.fold for s in a.samples], [s.fold for s in b.samples]),
        "cases": ([(c.id, c.seed) for c in a.cases], [(c.id, c.seed) for c in b.cases]),
        "people of the cases": ((a.case_person, a.second_person), (b.case_person, b.second_person)),
    }
    for name, (one, other) in columns.items():
        if one != other:
            sizes = tuple(len(set(rows) if name in _EACH_ONCE else rows) for rows in (one, other))
            yield f"{name} ({what})" + (f": {sizes[0]} against {sizes[1]}" if sizes[0] != sizes[1] else " differ")


def _digests(cards: Any) -> dict[str, str]:
    return {card.id: card.digest for card in cards}


def _cards(what: str, a: Mapping[str, str], b: Mapping[str, str]) -> Iterator[str]:
    for name in sorted({*a, *b}):
        if a.get(name) != b.get(name):
            one, other = (found.get(name, "absent")[:_SHOWN] for found in (a, b))
            yield f"{what} {name}: {one} against {other}"
