"""Enrolment: one template a person, made of the recordings that did not go into the edit it is compared with."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from visavox.ports.assessment import Ints
from visavox.ports.recogniser import Vectors

from .plan import Plan


def enrolled(templates: Vectors) -> Vectors:
    """The mean of a person's normalised templates, (n, d) -> (d,), brought to their mean length.

    The length matters where templates are compared by a distance; a cosine does not see it.

    >>> enrolled(np.asarray([[2.0, 0.0], [0.0, 2.0]], np.float32)).tolist()
    [1.0, 1.0]
    """
    values = np.asarray(templates, np.float64)
    lengths = np.linalg.norm(values, axis=1)
    unit = values / np.where(lengths > 0, lengths, 1.0)[:, None]
    mean: Vectors = (unit.mean(axis=0) * lengths.mean()).astype(np.float32)
    return mean


class Inputs(NamedTuple):
    """Which samples went into a case, and which of a person's samples may serve as references for it.

    Attributes:
        first, second: (n_cases,) sample numbers, -1 where there is none or it is not known.
        sample_person, sample_session: (n_samples,) as in the plan.
    """

    first: Ints
    second: Ints
    sample_person: Ints
    sample_session: Ints

    @classmethod
    def of(cls, plan: Plan) -> Inputs:
        """From the plan."""
        return cls(
            np.asarray(plan.case_sample, np.int32),
            np.asarray(plan.second_sample, np.int32),
            np.asarray([s.person for s in plan.samples], np.int32),
            np.asarray([s.session for s in plan.samples], np.int32),
        )

    def of_case(self, case: int) -> tuple[int, ...]:
        """Sample numbers that went into a case."""
        return tuple(int(side[case]) for side in (self.first, self.second) if side[case] >= 0)

    def of_sample(self, sample: int) -> tuple[int, ...]:
        """An unedited probe is its own input."""
        return (int(sample),)

    def references_of(self, person: int, inputs: Sequence[int]) -> list[int]:
        """Samples of a person that are none of the inputs and share no stated session with one of the person's own."""
        own = np.flatnonzero(self.sample_person == person)
        sessions = {int(self.sample_session[s]) for s in inputs if self.sample_person[s] == person} - {-1}
        return [int(s) for s in own if s not in inputs and int(self.sample_session[s]) not in sessions]
