"""Which comparisons are trials of which attacker, and of which kind."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from visavox.core.terms import Attacker
from visavox.ports.assessment import (
    DETECTED,
    FALLBACK,
    NO_TEMPLATE,
    AssessmentInput,
    Comparisons,
    Floats,
    Ints,
    JudgeView,
)

Mask = npt.NDArray[np.bool_]


class Kind(NamedTuple):
    """Mated and non-mated comparisons of one kind; ``persons`` number the people of the mated ones."""

    name: str
    mated: Floats
    persons: Ints
    non_mated: Floats
    non_first: Ints
    non_second: Ints
    n_people: int


class KindTrials(NamedTuple):
    """An attacker's trials: kinds with scores, and the people of trials that have none (failure to acquire)."""

    kinds: tuple[Kind, ...]
    missing_persons: Ints

    @property
    def largest(self) -> Kind | None:
        """The kind with the most mated comparisons."""
        return max(self.kinds, key=lambda kind: kind.mated.size, default=None)


def trials_of(data: AssessmentInput, judge: JudgeView, attacker: Attacker) -> KindTrials:
    """The trials of one attacker, by kind of comparison."""
    if attacker is Attacker.CONTROL:
        return _control(data, judge)
    if attacker is Attacker.IGNORANT:
        return _outputs_against_originals(data, judge, "original-edited", "edited", "fallback")
    return _output_pairs(data, judge)


def background_trials(data: AssessmentInput, judge: JudgeView) -> KindTrials:
    """Outputs with the face region masked against originals: one kind, whatever the crop."""
    found = _outputs_against_originals(data, judge, "original-masked", "masked", "masked")
    return found._replace(missing_persons=np.zeros(0, np.int32))


def _same_session(data: AssessmentInput, one: Ints, other: Ints) -> Mask:
    first, second = (np.where(side >= 0, data.sample_session[side], -1) for side in (one, other))
    same: Mask = (first >= 0) & (first == second)
    return same


def _control(data: AssessmentInput, judge: JudgeView) -> KindTrials:
    table = judge.table("original-original")
    first, second = data.sample_person[table.reference], data.sample_person[table.probe]
    mated = (first == second) & ~_same_session(data, table.reference, table.probe)
    people = np.unique(data.sample_person[judge.sample_ok]).size
    kind = _kind("original-original", table, mated, first, second, people)
    return KindTrials((kind,), np.zeros(0, np.int32))


def _outputs_against_originals(
    data: AssessmentInput, judge: JudgeView, table_name: str, found: str, cropped: str
) -> KindTrials:
    table = judge.table(table_name)
    source = data.case_sample[table.probe]
    first, second = data.sample_person[table.reference], data.case_person[table.probe]
    mated = (first == second) & ~_same_session(data, table.reference, source)
    state = judge.case_state[table.probe]
    references = np.unique(data.sample_person[judge.sample_ok]).size
    kinds = []
    states = {found: (DETECTED,), cropped: (FALLBACK,)} if found != cropped else {found: (DETECTED, FALLBACK)}
    for label, codes in states.items():
        chosen = np.isin(state, codes)
        if chosen.any():
            people = min(np.unique(second[chosen]).size, references)
            part = Comparisons(table.probe[chosen], table.reference[chosen], table.score[chosen])
            kinds.append(_kind(f"original-{label}", part, mated[chosen], first[chosen], second[chosen], people))
    return KindTrials(tuple(kinds), _missing_references(data, judge))


def _missing_references(data: AssessmentInput, judge: JudgeView) -> Ints:
    """One entry per trial that an output without a template would have had."""
    persons = []
    usable = np.flatnonzero(judge.sample_ok).astype(np.int32)
    for case in np.flatnonzero(judge.case_state == NO_TEMPLATE):
        source, person = data.case_sample[case], data.case_person[case]
        own = usable[(data.sample_person[usable] == person) & (usable != source)]
        n_trials = int((~_same_session(data, own, np.full_like(own, source))).sum())
        persons += [int(person)] * n_trials
    return np.asarray(persons, np.int32)


def _output_pairs(data: AssessmentInput, judge: JudgeView) -> KindTrials:
    table = judge.table("edited-edited")
    first, second = data.case_person[table.reference], data.case_person[table.probe]
    mated = (first == second) & ~_same_session(data, data.case_sample[table.reference], data.case_sample[table.probe])
    crops = (judge.case_state[table.reference] == FALLBACK).astype(np.int8) + (
        judge.case_state[table.probe] == FALLBACK
    )
    found_people = np.unique(data.case_person[judge.case_state == DETECTED]).size
    cropped_people = np.unique(data.case_person[judge.case_state == FALLBACK]).size
    kinds = []
    for code, (label, people) in enumerate(
        (
            ("edited-edited", found_people),
            ("edited-fallback", min(found_people, cropped_people)),
            ("fallback-fallback", cropped_people),
        )
    ):
        chosen = crops == code
        if chosen.any():
            part = Comparisons(table.probe[chosen], table.reference[chosen], table.score[chosen])
            kinds.append(_kind(label, part, mated[chosen], first[chosen], second[chosen], people))
    return KindTrials(tuple(kinds), _missing_pairs(data, judge))


def _missing_pairs(data: AssessmentInput, judge: JudgeView) -> Ints:
    """One entry per pair of one person's outputs of which at least one has no template."""
    persons = []
    edited = np.flatnonzero(judge.case_state >= NO_TEMPLATE).astype(np.int32)
    lost = np.flatnonzero(judge.case_state == NO_TEMPLATE)
    for person in np.unique(data.case_person[lost]):
        own = edited[data.case_person[edited] == person]
        i, j = np.triu_indices(own.size, 1)
        apart = ~_same_session(data, data.case_sample[own[i]], data.case_sample[own[j]])
        gone = (judge.case_state[own[i]] == NO_TEMPLATE) | (judge.case_state[own[j]] == NO_TEMPLATE)
        persons += [int(person)] * int((apart & gone).sum())
    return np.asarray(persons, np.int32)


def _kind(name: str, table: Comparisons, mated: Mask, first: Ints, second: Ints, people: int) -> Kind:
    """Splits a table; pairs of one person that are no trials (same session) are in neither part."""
    non = first != second
    return Kind(name, table.score[mated], second[mated], table.score[non], first[non], second[non], people)
