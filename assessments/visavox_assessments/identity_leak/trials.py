"""Which comparisons are trials of which attacker, and of which kind."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from visavox.core.terms import Attacker, Modality
from visavox.ports.assessment import (
    DETECTED,
    FALLBACK,
    NO_TEMPLATE,
    SEMI_INFORMED,
    AssessmentInput,
    Comparisons,
    Floats,
    Ints,
    JudgeView,
)
from visavox_assessments.attempts import outputs_against_originals
from visavox_assessments.estimates import NonMated

Mask = npt.NDArray[np.bool_]


class People(NamedTuple):
    """Who takes part in mated trials: the person asked about and, in a swap, the donors of the output(s)."""

    persons: Ints
    donors: Ints
    other_donors: Ints

    @property
    def seconds(self) -> Ints | None:
        """The donor of each trial's output; None where no trial has one."""
        return self.donors if self.donors.size and (self.donors >= 0).all() else None

    @property
    def thirds(self) -> Ints | None:
        """The donor of the other output of a pair; None where there is none."""
        return self.other_donors if self.other_donors.size and (self.other_donors >= 0).all() else None

    def at(self, chosen: Mask) -> People:
        """The trials chosen."""
        return People(*(column[chosen] for column in self))

    @classmethod
    def none(cls) -> People:
        """No trial."""
        return cls(*(np.zeros(0, np.int32) for _ in range(3)))

    @classmethod
    def joined(cls, parts: Sequence[People]) -> People:
        """Several lists of trials as one."""
        return cls(*(np.concatenate(columns).astype(np.int32) for columns in zip(*parts, strict=True)))


class Kind(NamedTuple):
    """Mated and non-mated comparisons of one kind.

    ``people`` are those of the mated ones; ``non_first`` and ``non_second`` those of the non-mated ones, and
    ``non_people`` holds the donors of the outputs among these. ``near`` marks the non-mated ones of an output with
    the others that it resembles most: for a PASS the threshold is read from the rest (docs/adr/0009).
    """

    name: str
    mated: Floats
    people: People
    non_mated: Floats
    non_first: Ints
    non_second: Ints
    non_people: People
    near: Mask
    n_people: int
    keys: npt.NDArray[np.int64] = np.zeros(0, np.int64)
    """Which comparison each mated one is: probe and reference as one number, the same in every run of a plan."""

    @property
    def persons(self) -> Ints:
        """People of the mated comparisons."""
        return self.people.persons

    @property
    def comparisons(self) -> NonMated:
        """What its threshold is read from."""
        return NonMated(self.name, self.non_mated, self.non_first, self.non_second, self.n_people)

    @property
    def without_nearest(self) -> Kind:
        """The same, its non-mated comparisons without those of each output's nearest others."""
        far = ~self.near
        return self._replace(
            non_mated=self.non_mated[far],
            non_first=self.non_first[far],
            non_second=self.non_second[far],
            non_people=self.non_people.at(far),
            near=np.zeros(int(far.sum()), bool),
        )


NEAREST_OTHERS = 2
"""People whose likeness to an output cannot raise the threshold by which a PASS is decided."""
LOOK_ALIKES = ("original-copy", "copy-any")
"""Kinds that hold look-alikes of strangers. Too few for a threshold of their own, they meet that of the others."""


class KindTrials(NamedTuple):
    """An attacker's trials.

    Attributes:
        kinds: with scores.
        missing: people of trials that have none (failure to acquire).
        betrayed: people of trials that need none: the output's file holds the unedited face.
    """

    kinds: tuple[Kind, ...]
    missing: People
    betrayed: People

    @property
    def largest(self) -> Kind | None:
        """The kind with the most mated comparisons."""
        return max(self.kinds, key=lambda kind: kind.mated.size, default=None)

    @property
    def whole(self) -> Kind | None:
        """The kind with the most mated comparisons, the look-alikes that were set apart from it among them again.

        Figures without a threshold have nothing to gain from setting them apart, and without them would say less than
        an attacker sees.
        """
        ordinary = KindTrials(tuple(k for k in self.kinds if k.name not in LOOK_ALIKES), self.missing, self.betrayed)
        apart = [kind for kind in self.kinds if kind.name in LOOK_ALIKES]
        most = ordinary.largest
        if most is None or not apart:
            return self.largest
        parts = (most, *apart)
        return Kind(
            name=most.name,
            mated=np.concatenate([part.mated for part in parts]),
            people=People.joined([part.people for part in parts]),
            non_mated=np.concatenate([part.non_mated for part in parts]),
            non_first=np.concatenate([part.non_first for part in parts]),
            non_second=np.concatenate([part.non_second for part in parts]),
            non_people=People.joined([part.non_people for part in parts]),
            near=np.concatenate([part.near for part in parts]),
            n_people=most.n_people,
        )


THUMBNAIL_UNEDITED = "thumbnail_unedited"
"""A file's thumbnail shows the unedited picture, as ``visavox.media.metadata`` says it."""
LOOK_ALIKE_QUANTILE = 0.99
"""An output is a look-alike where it is closer to a stranger than this share of the unedited recordings are to any."""


def trials_of(data: AssessmentInput, judge: JudgeView, attacker: Attacker) -> KindTrials:
    """The trials of one attacker, by kind of comparison."""
    if attacker is Attacker.CONTROL:
        return _control(data, judge)
    if attacker is Attacker.IGNORANT:
        return _against_originals(data, judge, outputs_against_originals(data, judge), "edited", "fallback")
    if attacker is Attacker.SEMI_INFORMED:
        return output_pairs(data, judge, judge.table(f"edited-edited.{SEMI_INFORMED}"))
    return output_pairs(data, judge, judge.table("edited-edited"))


def presented_trials(data: AssessmentInput, judge: JudgeView) -> KindTrials:
    """Outputs against originals for whoever knows nothing of the edit: look-alikes are no kind of their own."""
    table = outputs_against_originals(data, judge)
    return _against_originals(data, judge, table, "edited", "fallback", apart=False)


def background_trials(data: AssessmentInput, judge: JudgeView) -> KindTrials:
    """What is not the face, or not speech, of outputs against originals: one kind, whatever was cropped."""
    label = "masked" if data.modality is Modality.FACE else "background"
    found = _against_originals(data, judge, judge.table("original-masked"), label, label)
    return found._replace(missing=People.none(), betrayed=People.none())


def ordinary_cases(data: AssessmentInput) -> Mask:
    """Cases that are neither a further attempt nor a consent probe."""
    first: Mask = (data.case_first == np.arange(data.case_first.size)) & ~data.case_probe
    return first


def betrayed_cases(data: AssessmentInput) -> Mask:
    """Cases whose output file holds the unedited picture: whoever has the file has the face."""
    return np.asarray([THUMBNAIL_UNEDITED in (leaks or ()) for leaks in data.case_leaks], bool)


def _look_alike_score(data: AssessmentInput, judge: JudgeView) -> float:
    """The score that one unedited recording in a hundred reaches with somebody else's (docs/adr/0009)."""
    table = judge.table("original-original")
    non = data.sample_person[table.reference] != data.sample_person[table.probe]
    nearest = np.full(data.sample_person.size, -np.inf)
    for side in (table.reference, table.probe):
        np.maximum.at(nearest, side[non], table.score[non])
    nearest = nearest[np.isfinite(nearest)]
    return float(np.quantile(nearest, LOOK_ALIKE_QUANTILE, method="higher")) if nearest.size else np.inf


def _look_alikes(
    data: AssessmentInput, judge: JudgeView, table: Comparisons, non_mated: Mask, *, is_symmetric: bool
) -> Mask:
    """Cases whose output resembles another person's recording (or output) too much: a kind of their own.

    A few of them fill the top of the non-mated scores, raise the threshold of everybody, and hide any leak of the rest.
    """
    copies = non_mated & (table.score >= _look_alike_score(data, judge))
    flagged = np.zeros(data.case_person.size, bool)
    flagged[table.probe[copies]] = True
    if is_symmetric:
        flagged[table.reference[copies]] = True
    return flagged


def _copies_among_outputs(data: AssessmentInput, judge: JudgeView) -> Mask:
    """Look-alikes by the recogniser's own scores, whatever back-end an attacker puts behind it."""
    table = judge.table("edited-edited")
    non = (data.case_person[table.reference] != data.case_person[table.probe]) & _apart(data, table)
    return _look_alikes(data, judge, table, non, is_symmetric=True)


def _near(table: Comparisons, non: Mask, other: Ints, *, reference_other: Ints | None = None) -> Mask:
    """Non-mated comparisons of outputs with the people they resemble most, ``NEAREST_OTHERS`` an output.

    Args:
        table: comparisons whose probes are outputs.
        non: which of them are non-mated.
        other: the person behind each reference.
        reference_other: the person behind each probe, where references are outputs too.
    """
    near = np.zeros(table.score.size, bool)
    if not non.any():
        return near
    sides = [(table.probe, other)]
    if reference_other is not None:
        sides.append((table.reference, reference_other))
    shape = (int(max(side.max() for side, _ in sides)) + 1, int(max(person.max() for _, person in sides)) + 1)
    best = np.full(shape, -np.inf, np.float32)
    for output, person in sides:
        np.maximum.at(best, (output[non], person[non]), table.score[non])
    k = min(NEAREST_OTHERS, shape[1])
    nearest = np.argsort(-best, axis=1, kind="stable")[:, :k]
    is_nearest = np.zeros(shape, bool)
    np.put_along_axis(is_nearest, nearest, True, axis=1)
    for output, person in sides:
        near |= is_nearest[output, person]
    return near & non


def _apart(data: AssessmentInput, table: Comparisons) -> Mask:
    """Pairs of outputs that share no donor, nor one's donor with the other's host."""
    first, second = data.case_person[table.reference], data.case_person[table.probe]
    donor, other = data.second_person[table.probe], data.second_person[table.reference]
    apart: Mask = (donor < 0) | ((donor != other) & (donor != first) & (other != second))
    return apart


def _same_session(data: AssessmentInput, one: Ints, other: Ints) -> Mask:
    first, second = (np.where(side >= 0, data.sample_session[side], -1) for side in (one, other))
    same: Mask = (first >= 0) & (first == second)
    return same


def _control(data: AssessmentInput, judge: JudgeView) -> KindTrials:
    table = judge.table("original-original")
    first, second = data.sample_person[table.reference], data.sample_person[table.probe]
    mated = (first == second) & ~_same_session(data, table.reference, table.probe)
    people = np.unique(data.sample_person[judge.sample_ok]).size
    nobody = np.full_like(second, -1)
    kind = _kind("original-original", table, mated, first != second, People(second, nobody, nobody), first, people)
    return KindTrials((kind,), People.none(), People.none())


def _against_originals(
    data: AssessmentInput, judge: JudgeView, table: Comparisons, found: str, cropped: str, *, apart: bool = True
) -> KindTrials:
    """A donor's recordings are neither mated nor non-mated: the output is meant to look like them.

    ``apart``: look-alikes of strangers are a kind of their own.
    """
    source = data.case_sample[table.probe]
    first, second = data.sample_person[table.reference], data.case_person[table.probe]
    donor = data.second_person[table.probe]
    mated = (first == second) & ~_same_session(data, table.reference, source)
    non = (first != second) & (first != donor)
    people = People(second, donor, np.full_like(donor, -1))
    betrayed = betrayed_cases(data)[table.probe]
    state = judge.case_state[table.probe]
    references = np.unique(data.sample_person[judge.sample_ok]).size
    kinds = []
    states = {found: (DETECTED,), cropped: (FALLBACK,)} if found != cropped else {found: (DETECTED, FALLBACK)}
    copies = _look_alikes(data, judge, table, non & apart, is_symmetric=False)[table.probe]
    near = _near(table, non, first)
    parts = [(f"original-{label}", np.isin(state, codes) & ~copies) for label, codes in states.items()]
    for name, wanted in (*parts, (LOOK_ALIKES[0], copies)):
        chosen = wanted & ~betrayed
        if chosen.any():
            n_people = min(np.unique(second[chosen]).size, references)
            kinds.append(_kind(name, table, mated & chosen, non & chosen, people, first, n_people, near=near))
    return KindTrials(tuple(kinds), _missing_references(data, judge), people.at(mated & betrayed))


def _missing_references(data: AssessmentInput, judge: JudgeView) -> People:
    """One entry per trial that an output without a template would have had."""
    cases: list[int] = []
    usable = np.flatnonzero(judge.sample_ok).astype(np.int32)
    for case in np.flatnonzero((judge.case_state == NO_TEMPLATE) & ~data.case_probe):
        source, person = data.case_sample[case], data.case_person[case]
        own = usable[(data.sample_person[usable] == person) & (usable != source)]
        n_trials = int((~_same_session(data, own, np.full_like(own, source))).sum())
        cases += [int(case)] * n_trials
    chosen = np.asarray(cases, np.int64)
    return People(data.case_person[chosen], data.second_person[chosen], np.full(chosen.size, -1, np.int32))


def output_pairs(data: AssessmentInput, judge: JudgeView, table: Comparisons) -> KindTrials:
    """Outputs among themselves. In a swap, pairs that share a donor, or one's donor with the other's host, are none."""
    first, second = data.case_person[table.reference], data.case_person[table.probe]
    donor, other = data.second_person[table.probe], data.second_person[table.reference]
    apart = _apart(data, table)
    same = _same_session(data, data.case_sample[table.reference], data.case_sample[table.probe])
    mated = (first == second) & ~same & apart
    non = (first != second) & apart
    people = People(second, donor, other)
    betrayed = betrayed_cases(data)
    has_betrayed = betrayed[table.reference] | betrayed[table.probe]
    copies = _copies_among_outputs(data, judge)
    is_cropped = judge.case_state == FALLBACK
    crops = is_cropped[table.reference].astype(np.int8) + is_cropped[table.probe]
    has_copy = copies[table.reference] | copies[table.probe]
    near = _near(table, non, first, reference_other=second)
    ordinary = ordinary_cases(data)
    found = _people(data, (judge.case_state == DETECTED) & ordinary & ~copies)
    cropped = _people(data, is_cropped & ordinary & ~copies)
    kinds = []
    for name, wanted, n_people in (
        ("edited-edited", ~has_copy & (crops == 0), found),
        ("edited-fallback", ~has_copy & (crops == 1), min(found, cropped)),
        ("fallback-fallback", ~has_copy & (crops == 2), cropped),
        (LOOK_ALIKES[1], has_copy, _people(data, copies)),
    ):
        chosen = wanted & ~has_betrayed
        if chosen.any():
            kinds.append(_kind(name, table, mated & chosen, non & chosen, people, first, n_people, near=near))
    return KindTrials(tuple(kinds), _missing_pairs(data, judge), people.at(mated & has_betrayed))


def _people(data: AssessmentInput, cases: Mask) -> int:
    return int(np.unique(data.case_person[cases]).size)


def _missing_pairs(data: AssessmentInput, judge: JudgeView) -> People:
    """One entry per pair of one person's outputs of which at least one has no template."""
    parts = [People.none()]
    ordinary = ordinary_cases(data)
    edited = np.flatnonzero((judge.case_state >= NO_TEMPLATE) & ordinary).astype(np.int32)
    lost = np.flatnonzero((judge.case_state == NO_TEMPLATE) & ordinary)
    for person in np.unique(data.case_person[lost]):
        own = edited[data.case_person[edited] == person]
        i, j = np.triu_indices(own.size, 1)
        one, other = own[i], own[j]
        donors = data.second_person[one], data.second_person[other]
        apart = ~_same_session(data, data.case_sample[one], data.case_sample[other])
        apart &= (donors[0] < 0) | (donors[0] != donors[1])
        gone = (judge.case_state[one] == NO_TEMPLATE) | (judge.case_state[other] == NO_TEMPLATE)
        parts.append(People(np.full(i.size, person, np.int32), *donors).at(apart & gone))
    return People.joined(parts)


def _kind(
    name: str,
    table: Comparisons,
    mated: Mask,
    non: Mask,
    people: People,
    first: Ints,
    n_people: int,
    *,
    near: Mask | None = None,
) -> Kind:
    """Splits a table; pairs that are neither mated nor non-mated (same session, donors) are in neither part.

    The people of a kind are those of its smallest part: of either side, and of the mated comparisons.
    """
    tried = np.unique(people.persons[mated]).size
    return Kind(
        name,
        table.score[mated],
        people.at(mated),
        table.score[non],
        first[non],
        people.persons[non],
        people.at(non),
        np.zeros(int(non.sum()), bool) if near is None else near[non],
        min(n_people, tried or n_people),
        (table.probe[mated].astype(np.int64) << 32) | table.reference[mated],
    )
