"""The semi-informed attacker: a back-end trained on outputs of other people scores every pair (STATISTICS 1 and 6).

People have folds 0, 1, 2. A trial of people in folds a and b is scored by the model fitted on the folds that contain
neither: both others where a = b, the one left where a != b. That makes six models. Scores are standardised by the mean
and standard deviation of their model's non-mated training scores, taken from training people whom the inner
cross-validation held out: on people it was fitted to, a back-end separates more than on anybody else, the more the
fewer they are, and standardising by that would raise the scores across folds, the threshold with them, and hide leaks.

Mated pairs lie within a fold, so the models of two folds score them, while two thirds of the non-mated pairs lie across
folds, scored by weaker models whose scores have other tails. The two are kinds of comparison of their own: a trial is
decided at the threshold of the non-mated pairs *within folds* (``SemiInformed.is_within_fold``). Measured without any
leak, that keeps the match rate at its FMR; one threshold for both does not (docs/studies/semi_informed.md).

Label permutation. Renaming people leaves every back-end as it is, so the derangement d0 pairs *recordings*: each
person's are split by chance into a probe side and a reference side, and a training class c is the probe side of c with
the reference side of d0(c). A back-end that has seen the people it scores has learned to make the probe side of i and
the reference side of d0(i) alike; one that has not cannot know d0. The trials are the non-mated pairs of a probe-side
and a reference-side recording: ``label_permutation_auc(..., derangement=d0)`` compares those of (i, d0(i)) with those
of other derangements. It turns red where a model was fitted to people it scores, or where labels reach scores by any
other way; it does not see one person under two names. Which back-end is refitted is what the true labels chose: with
permuted ones there is nothing to choose by. Where that is ``none`` throughout, nothing was learned that could leak.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from visavox.core.errors import UndefinedMetricError

from ..arrays import Bools, Floats, Ints, number_people, same_length
from .choice import Choice, LeaveOut, choose
from .models import CANDIDATES, Backend, Compare, fit
from .moments import as_templates

N_FOLDS, N_MODELS = 3, 6
TRAIN = -1
"""The fold of people who train and are never scored: with a training block there is one model, fitted on it."""
LEAST_PEOPLE = 2
"""In each training fold: a model needs two people to have non-mated training scores."""
DECIMALS = 6
"""Standardised scores are rounded like every stored score, so that equal outputs stay ties."""


class ModelChoice(NamedTuple):
    """One of the models.

    Attributes:
        folds: it was fitted on.
        choice: the back-end and how it was chosen.
    """

    folds: tuple[int, ...]
    choice: Choice

    @property
    def summary(self) -> str:
        """One line for a report."""
        found = self.choice
        block = "training block" if self.folds == (TRAIN,) else f"folds {' and '.join(map(str, self.folds))}"
        why = f"{found.criterion} {max(found.values):.3f}" if found.values else "nothing to choose by"
        return f"{block} ({found.n_recordings} outputs of {found.n_people} people): {found.name}, {why}"


class SemiInformed(NamedTuple):
    """Scores of a semi-informed attacker.

    Attributes:
        probe, reference: (m,) rows of the templates, probe < reference; under a derangement the probe is a recording of
            the probe side.
        score: (m,) standardised similarities.
        model: (m,) which of ``choices`` scored the pair.
        choices: the models.
    """

    probe: npt.NDArray[np.int32]
    reference: npt.NDArray[np.int32]
    score: Floats
    model: npt.NDArray[np.int8]
    choices: tuple[ModelChoice, ...]

    @property
    def is_within_fold(self) -> Bools:
        """(m,) pairs of one fold: the kind of the mated trials; its non-mated ones give their threshold."""
        across = np.array([len(found.folds) < N_FOLDS - 1 and found.folds != (TRAIN,) for found in self.choices])
        within: Bools = ~across[self.model]
        return within


class _Draws(NamedTuple):
    """Everything random, drawn in this order whatever the share, so that equal seeds give nested shares."""

    place: Ints
    is_probe: Bools
    models: list[np.random.Generator]


class _Outputs(NamedTuple):
    """Outputs that have a template: their row, template, person numbered from 0, training class, and fold."""

    row: Ints
    templates: Floats
    person: Ints
    label: Ints
    fold: Ints


class _Block(NamedTuple):
    """Training folds of one model, and whose pairs it scores: ``first`` with ``second``, or all within ``first``."""

    folds: tuple[int, ...]
    first: Ints
    second: Ints | None


class _Scored(NamedTuple):
    probe: Ints
    reference: Ints
    score: Floats
    model: Ints


def semi_informed_scores(
    templates: npt.ArrayLike,
    persons: npt.ArrayLike,
    folds: npt.ArrayLike,
    *,
    rng: np.random.Generator,
    share: float = 1.0,
    derangement: npt.ArrayLike | None = None,
    ok: npt.ArrayLike | None = None,
    candidates: Sequence[str] = CANDIDATES,
    own: Compare | None = None,
    leave_out: LeaveOut | None = None,
) -> SemiInformed:
    """Scores of all unordered pairs, each by a model that has seen neither of its people.

    Args:
        templates: (n, d) of outputs; rows that are not ``ok`` may hold anything.
        persons: (n,) integer labels.
        folds: (n,) 0, 1 or 2, one fold a person; or ``TRAIN`` for people who train one model and are never scored.
        rng: deals shares, sides and inner folds. Generators of equal state give nested shares.
        share: of each fold's people that may train, in (0, 1]; at least two do.
        derangement: (n_people,) d0 over the people with a template, ascending by label: fit to permuted labels; only
            non-mated pairs of a probe-side and a reference-side recording are scored.
        ok: (n,) bool, which outputs have a template; all if none is given.
        candidates: back-ends to choose from, the simplest first.
        own: the recogniser's comparison, what the back-end ``none`` is; plain cosine where it is not given.
        leave_out: (rows, rows) -> pairs that are no comparisons.

    Raises:
        UndefinedMetricError: labels or folds that do not fit, a person in two folds, fewer than two people in a
            training fold, templates that are not finite, a share outside (0, 1], or a derangement that is none.
    """
    if not 0.0 < share <= 1.0:
        raise UndefinedMetricError("a share of the training people was asked for", found=f"{share}", todo="in (0, 1]")
    outputs = _outputs(templates, persons, folds, ok)
    draws = _draw(rng, outputs.person)
    sides = None
    if derangement is not None:
        sides = draws.is_probe
        outputs = outputs._replace(label=permuted_classes(outputs.person, sides, derangement))
    may_train = _share_of(share, draws.place, outputs)
    parts: list[_Scored] = []
    choices: list[ModelChoice] = []
    for number, block in enumerate(_blocks(outputs.fold)):
        training = np.flatnonzero(may_train & np.isin(outputs.fold, block.folds))
        backend, choice = _fitted(outputs, training, draws.models[number], candidates, own, leave_out)
        choices.append(ModelChoice(block.folds, choice))
        parts.append(_scored(outputs, block, backend, choice, number, sides, leave_out))
    whole = _Scored(*(np.concatenate(column) for column in zip(*parts, strict=True)))
    order = np.lexsort((whole.reference, whole.probe))
    probe, reference = (column[order].astype(np.int32) for column in (whole.probe, whole.reference))
    return SemiInformed(probe, reference, whole.score[order], whole.model[order].astype(np.int8), tuple(choices))


def permuted_classes(persons: npt.ArrayLike, is_probe: npt.ArrayLike, derangement: npt.ArrayLike) -> Ints:
    """Training classes under a derangement: the probe side of c and the reference side of d0(c) are one.

    Args:
        persons: (n,) people numbered 0 .. n_people - 1.
        is_probe: (n,) bool, the side of each recording.
        derangement: (n_people,) d0.

    >>> permuted_classes([0, 0, 1, 1, 2, 2], [True, False] * 3, [1, 2, 0]).tolist()
    [0, 2, 1, 0, 2, 1]

    Raises:
        UndefinedMetricError: a derangement that is none.
    """
    people, drawn = np.asarray(persons, np.int64), np.asarray(derangement)
    everyone = np.arange(int(people.max()) + 1)
    if drawn.shape != everyone.shape or (np.sort(drawn) != everyone).any() or (drawn == everyone).any():
        raise UndefinedMetricError("a derangement of all people was asked for", found="an array that is none")
    return np.where(np.asarray(is_probe, np.bool_), people, np.argsort(drawn)[people])


def _outputs(
    templates: npt.ArrayLike, persons: npt.ArrayLike, folds: npt.ArrayLike, ok: npt.ArrayLike | None
) -> _Outputs:
    labels, places, every = np.asarray(persons), np.asarray(folds), np.asarray(templates)
    usable = np.ones(labels.shape, np.bool_) if ok is None else np.asarray(ok, np.bool_)
    same_length("people, folds and usable outputs", labels, places, usable)
    if every.ndim != 2 or len(every) != labels.size:
        raise UndefinedMetricError(
            f"{labels.size} templates were asked for, one row each", found=f"an array of shape {every.shape}"
        )
    rows = np.flatnonzero(usable)
    (people,), n_people = number_people(labels[rows])
    places = places[rows].astype(np.int64)
    _check_folds(people, places, n_people)
    return _Outputs(rows, as_templates(every[rows]), people, people, places)


def _check_folds(people: Ints, places: Ints, n_people: int) -> None:
    if not np.isin(places, (TRAIN, *range(N_FOLDS))).all():
        raise UndefinedMetricError("folds 0, 1 and 2 were asked for", found=f"folds {np.unique(places).tolist()}")
    of_person = np.zeros(n_people, np.int64)
    of_person[people] = places
    if (of_person[people] != places).any():
        raise UndefinedMetricError("one fold for each person was asked for", found="a person in two folds")
    training = (TRAIN,) if (places == TRAIN).any() else tuple(range(N_FOLDS))
    fewest = min(int(np.count_nonzero(of_person == fold)) for fold in training)
    if fewest < LEAST_PEOPLE or (of_person == TRAIN).all():
        raise UndefinedMetricError(
            "a semi-informed attacker was asked for",
            found=f"{n_people} people with outputs, {fewest} in the smallest training fold",
            todo=f"at least {LEAST_PEOPLE} people in each training fold, and people outside the training block",
        )


def _draw(rng: np.random.Generator, people: Ints) -> _Draws:
    """Order of people, side of each recording (half of everybody's, as near as it goes), a generator a model."""
    n_people = int(people.max()) + 1
    place, first_side, order = rng.permutation(n_people), rng.integers(0, 2, n_people), rng.permutation(people.size)
    by_person = order[np.argsort(people[order], kind="stable")]
    starts = np.searchsorted(people[by_person], np.arange(n_people))
    turn = np.empty(people.size, np.int64)
    turn[by_person] = np.arange(people.size) - starts[people[by_person]]
    return _Draws(place, (turn + first_side[people]) % 2 == 0, rng.spawn(N_MODELS))


def _share_of(share: float, place: Ints, outputs: _Outputs) -> Bools:
    """Whose outputs may train: in each fold the people first in the draw."""
    of_person = np.empty(place.size, np.int64)
    of_person[outputs.person] = outputs.fold
    is_chosen = np.zeros(place.size, np.bool_)
    for fold in np.unique(of_person):
        members = np.flatnonzero(of_person == fold)
        n_chosen = max(LEAST_PEOPLE, math.ceil(share * members.size - 1e-9))
        is_chosen[members[np.argsort(place[members])][:n_chosen]] = True
    chosen: Bools = is_chosen[outputs.person]
    return chosen


def _blocks(folds: Ints) -> Iterator[_Block]:
    """The six models, or the one of a training block."""
    if (folds == TRAIN).any():
        yield _Block((TRAIN,), np.flatnonzero(folds != TRAIN), None)
        return
    members = [np.flatnonzero(folds == fold) for fold in range(N_FOLDS)]
    for fold in range(N_FOLDS):
        one, other = (place for place in range(N_FOLDS) if place != fold)
        yield _Block((one, other), members[fold], None)
        yield _Block((fold,), members[one], members[other])


def _fitted(
    outputs: _Outputs,
    training: Ints,
    rng: np.random.Generator,
    candidates: Sequence[str],
    own: Compare | None,
    leave_out: LeaveOut | None,
) -> tuple[Backend, Choice]:
    """Chosen and fitted on these outputs, and on nothing else."""
    templates, rows = outputs.templates[training], outputs.row[training]
    person, label = outputs.person[training], outputs.label[training]
    left_out = None if leave_out is None else lambda first, second: leave_out(rows[first], rows[second])
    choice = choose(templates, person, rng, candidates=candidates, own=own, leave_out=left_out)
    if (label != person).any():
        choice = choose(templates, label, rng, candidates=(choice.name,), own=own, leave_out=left_out)
    return fit(choice.name, templates, label, own=own), choice


def _scored(
    outputs: _Outputs,
    block: _Block,
    backend: Backend,
    choice: Choice,
    number: int,
    sides: Bools | None,
    leave_out: LeaveOut | None,
) -> _Scored:
    """Every wanted pair of a block, standardised."""
    second = block.first if block.second is None else block.second
    if block.second is None:
        i, j = np.triu_indices(block.first.size, 1)
    else:
        i, j = (side.ravel() for side in np.indices((block.first.size, second.size)))
    one, other = block.first[i], second[j]
    wanted, is_swapped = np.ones(one.size, np.bool_), one > other
    if sides is not None:
        wanted = (sides[one] != sides[other]) & (outputs.person[one] != outputs.person[other])
        is_swapped = sides[other]
    probe, reference = (outputs.row[np.where(is_swapped, b, a)] for a, b in ((one, other), (other, one)))
    if leave_out is not None:
        wanted &= ~leave_out(probe, reference)
    raw = backend.score(outputs.templates[block.first], outputs.templates[second])[i[wanted], j[wanted]]
    score = np.round((raw - choice.non_mated_mean) / choice.non_mated_sd, DECIMALS) + 0.0  # + 0: no negative zero
    return _Scored(probe[wanted], reference[wanted], score, np.full(raw.size, number, np.int64))
