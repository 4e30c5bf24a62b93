"""Pretend people for the recogniser ``pixels``, and the texts of suites about them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from visavox.core.records import Sample
from visavox.core.terms import Modality

PEOPLE_PX = 32


def texture(person: int, image: int) -> np.ndarray:
    """A picture of a pretend person for the recogniser ``pixels``: a smooth texture of theirs plus a little noise."""
    own = np.random.default_rng([1, person]).normal(0, 1, (8, 8, 3))
    nuisance = np.random.default_rng([2, person, image]).normal(0, 0.25, (8, 8, 3))
    field = np.kron(own + nuisance, np.ones((PEOPLE_PX // 8, PEOPLE_PX // 8, 1)))
    return np.clip(128 + 40 * field, 0, 255).astype(np.uint8)


PIXELS_SUITE = """
name: {name}
editor: {editor}
dataset: {{kind: manifest, path: {manifest}}}
recognisers: [pixels]
assessments: {{identity_leak: {{}}}}
policy: baseline
seed: 7
"""

BASELINE = "{{kind: baseline, name: {name}, tool_class: anonymise}}"
PYTHON = (
    "{{kind: python, entry: {entry}, name: under-test, version: '1', operation: face-anonymisation,"
    " tool_class: anonymise, params: {params}}}"
)


LINKS_SUITE = """
name: {name}
editor: {{kind: python, entry: {entry}, name: under-test, version: '1', operation: {operation},
  tool_class: {tool_class}, params: {params}}}
dataset: {{kind: manifest, path: {manifest}}}
recognisers: [pixels]
assessments: {{identity_leak: {{}}, impersonation: {options}}}
policy: baseline
seed: 7
"""
"""A suite of a tool of any class, judged by both assessments."""


@dataclass(frozen=True)
class PlannedPeople:
    """A data set whose files are nowhere: planning reads none."""

    samples: tuple[Sample, ...]
    kind: str = "manifest"
    digest: str = "0" * 64
    n_merged_duplicates: int = 0
    licences: tuple[str, ...] = ()
    modality: Modality = Modality.FACE

    def read(self, sample_id: str) -> bytes:
        raise AssertionError("planning reads no media")

    def location(self, sample_id: str) -> Path:
        return Path("/nowhere") / sample_id
