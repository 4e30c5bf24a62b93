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


LOOK_ALIKE_QUANTILE = 0.99
"""Above this quantile of the bona fide mated scores two recordings are more alike than one person's ever are."""


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


def _look_alike_score(data: AssessmentInput, judge: JudgeView) -> float:
    """The score above which two recordings are taken for copies."""
    table = judge.table("original-original")
    mated = table.score[data.sample_person[table.reference] == data.sample_person[table.probe]]
    return float(np.quantile(mated, LOOK_ALIKE_QUANTILE)) if mated.size else np.inf


def _look_alikes(
    data: AssessmentInput, judge: JudgeView, table: Comparisons, non_mated: Mask, *, is_symmetric: bool
) -> Mask:
    """Cases whose output is the copy of another person's recording (or output): a kind of their own.

    A few copies fill the top of the non-mated scores, raise the threshold of everybody, and hide any leak of the rest.
    """
    copies = non_mated & (table.score >= _look_alike_score(data, judge))
    flagged = np.zeros(data.case_person.size, bool)
    flagged[table.probe[copies]] = True
    if is_symmetric:
        flagged[table.reference[copies]] = True
    return flagged


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
    copies = _look_alikes(data, judge, table, first != second, is_symmetric=False)[table.probe]
    parts = [(f"original-{label}", np.isin(state, codes) & ~copies) for label, codes in states.items()]
    for name, chosen in (*parts, ("original-copy", copies)):
        if chosen.any():
            people = min(np.unique(second[chosen]).size, references)
            part = Comparisons(table.probe[chosen], table.reference[chosen], table.score[chosen])
            kinds.append(_kind(name, part, mated[chosen], first[chosen], second[chosen], people))
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
    copies = _look_alikes(data, judge, table, first != second, is_symmetric=True)
    is_cropped = judge.case_state == FALLBACK
    crops = is_cropped[table.reference].astype(np.int8) + is_cropped[table.probe]
    has_copy = copies[table.reference] | copies[table.probe]
    found = _people(data, (judge.case_state == DETECTED) & ~copies)
    cropped = _people(data, is_cropped & ~copies)
    kinds = []
    for name, chosen, people in (
        ("edited-edited", ~has_copy & (crops == 0), found),
        ("edited-fallback", ~has_copy & (crops == 1), min(found, cropped)),
        ("fallback-fallback", ~has_copy & (crops == 2), cropped),
        ("copy-any", has_copy, _people(data, copies)),
    ):
        if chosen.any():
            part = Comparisons(table.probe[chosen], table.reference[chosen], table.score[chosen])
            kinds.append(_kind(name, part, mated[chosen], first[chosen], second[chosen], people))
    return KindTrials(tuple(kinds), _missing_pairs(data, judge))


def _people(data: AssessmentInput, cases: Mask) -> int:
    return int(np.unique(data.case_person[cases]).size)


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
    """Splits a table; pairs of one person that are no trials (same session) are in neither part.

    The people of a kind are those of its smallest part: of either side, and of the mated comparisons.
    """
    non = first != second
    tried = np.unique(second[mated]).size
    return Kind(
        name, table.score[mated], second[mated], table.score[non], first[non], second[non], min(people, tried or people)
    )
