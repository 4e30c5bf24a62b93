"""The trials of a score file, whatever its layout."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import IntEnum, StrEnum
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from .rows import Rows, fault

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


class Layout(StrEnum):
    """The layouts of score files that are read."""

    SUBJECTS = "subjects"
    MATED = "mated"
    ATTACK_SCORES = "attack-scores"
    ASVSPOOF_CM = "asvspoof-cm"
    ASVSPOOF_SPK = "asvspoof-spk"
    ASVSPOOF_ASV = "asvspoof-asv"
    ASVSPOOF_2021 = "asvspoof-2021"
    ASVSPOOF_5 = "asvspoof-5"
    KALDI = "kaldi"
    KALDI_EER = "kaldi-eer"


class Label(IntEnum):
    """What a trial is."""

    MATED = 0
    NON_MATED = 1
    BONA_FIDE = 2
    ATTACK = 3


class Tags(NamedTuple):
    """Whose scores a row holds, where the file says."""

    recogniser: str = ""
    attacker: str | None = None
    group: str | None = None


class ScoreTrials(NamedTuple):
    """The trials of a score file, row by row.

    Attributes:
        layout: what it was read as.
        labels: (n,) ``Label`` of each.
        similarities: (n,) of a comparator, or None.
        attack_scores: (n,) of a detector, higher = more synthetic, or None.
        joint: (n,) of one score for verification and detection, higher = accept, or None.
        people: (n, 2) integers, -1 in the second column where a trial has one person; None where they are unknown.
        tags: distinct tags, and ``tag_of`` (n,) which one each row bears.
        n_unscored: trials of the second file that no score was found for.
        remarks: what a reader of the figures must know.
    """

    layout: Layout
    labels: npt.NDArray[np.int8]
    similarities: Floats | None = None
    attack_scores: Floats | None = None
    joint: Floats | None = None
    people: Ints | None = None
    tags: tuple[Tags, ...] = (Tags(),)
    tag_of: Ints | None = None
    n_unscored: int = 0
    remarks: tuple[str, ...] = ()


DETECTED = {"bonafide": Label.BONA_FIDE, "bona-fide": Label.BONA_FIDE, "spoof": Label.ATTACK}
VERIFIED = {"target": Label.MATED, "nontarget": Label.NON_MATED}
JOINT = {**VERIFIED, "spoof": Label.ATTACK}
NEGATED = "the file's detector scores are high for bona fide media: they were negated once, so that higher = synthetic"


def labels_of(rows: Rows, cells: Sequence[str], words: Mapping[str, Label]) -> npt.NDArray[np.int8]:
    """The labels that words stand for.

    Raises:
        EvidenceError: a word that is none, with its line.
    """
    try:
        return np.array([words[cell] for cell in cells], np.int8)
    except KeyError:
        row = next(i for i, cell in enumerate(cells) if cell not in words)
        known = ", ".join(sorted(words))
        raise fault(rows.path, rows.lines[row], f"the label {cells[row]!r}", f"labels here are {known}") from None


def numbered(columns: Sequence[Sequence[str]]) -> Ints:
    """(n, 2) people of one or two columns by number; -1 in the second where there is one column."""
    number: dict[str, int] = {}
    numbered = [np.array([number.setdefault(cell, len(number)) for cell in cells], np.int64) for cells in columns]
    second = numbered[1] if len(numbered) == 2 else np.full(numbered[0].size, -1, np.int64)
    return np.stack([numbered[0], second], axis=1)
