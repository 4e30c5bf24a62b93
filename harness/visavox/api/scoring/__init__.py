"""Figures with intervals for people who only have scores: ``visavox score``.

All scores of a file make threshold and rate; there are no folds. Nothing here loads a learning framework.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from visavox.core.errors import UsageError

from .figures import figures_of
from .layouts import detect, read_trials
from .records import ScoreCounts, ScoreEstimate, ScoreNotMade, ScoreOperatingPoint, ScoreReport
from .rows import one_class, read_rows
from .trials import Label, Layout, ScoreTrials, Tags
from .writer import Options

__all__ = [
    "Layout",
    "ScoreCounts",
    "ScoreEstimate",
    "ScoreNotMade",
    "ScoreOperatingPoint",
    "ScoreReport",
    "score_file",
]


def score_file(
    path: Path,
    *,
    layout: Layout | None = None,
    trials: Path | None = None,
    utt2spk: Path | None = None,
    is_llr: bool = False,
    alpha: float = 0.05,
) -> ScoreReport:
    """Every figure that a file of scores allows, with its interval where the file says whose the scores are.

    Args:
        path: text, CSV, TSV or Parquet.
        layout: what the file is in; None: found out from its header or words.
        trials: the file of the labels, where the layout keeps them apart (Kaldi's trials, ASVspoof's keys).
        utt2spk: Kaldi's list of speakers, for the layout ``kaldi``.
        is_llr: the scores are natural-log likelihood ratios, so that Cllr and actDCF mean something.
        alpha: of the one-sided bounds.

    Raises:
        EvidenceError: a file that is absent or unreadable, a row that does not fit, or trials of one kind alone.
        UsageError: a second file too many or too few, or alpha outside (0, .5).
    """
    if not 0 < alpha < 0.5:
        raise UsageError("one-sided bounds were asked for", found=f"alpha {alpha}", todo="alpha lies in (0, .5)")
    rows = read_rows(path)
    taken = layout or detect(rows)
    others = [None if other is None else read_rows(other) for other in (trials, utt2spk)]
    found = read_trials(rows, taken, trials=others[0], utt2spk=others[1])
    one_class(path, [_spoken(Label(int(label))) for label in np.unique(found.labels)], found.labels.size)
    made = [
        figure for tags, chosen in _parts(found) for figure in figures_of(found, tags, chosen, Options(is_llr, alpha))
    ]
    return ScoreReport(
        file=path.name,
        layout=taken.value,
        counts=_counts(found),
        estimates=tuple(figure for figure in made if isinstance(figure, ScoreEstimate)),
        not_made=tuple(figure for figure in made if isinstance(figure, ScoreNotMade)),
        remarks=found.remarks,
    )


def _spoken(label: Label) -> str:
    return label.name.lower().replace("_", "-")


def _parts(found: ScoreTrials) -> list[tuple[Tags, np.ndarray]]:
    """The rows of each recogniser and attacker together, then of each of their groups."""
    everything = np.ones(found.labels.size, np.bool_)
    if found.tag_of is None:
        return [(found.tags[0], everything)]
    parts: dict[Tags, list[int]] = {}
    for number, tags in enumerate(found.tags):
        parts.setdefault(tags._replace(group=None), []).append(number)
    for number, tags in enumerate(found.tags):
        if tags.group is not None:
            parts[tags] = [number]
    return [(tags, np.isin(found.tag_of, numbers)) for tags, numbers in parts.items()]


def _counts(found: ScoreTrials) -> ScoreCounts:
    n = [int((found.labels == label).sum()) for label in Label]
    people = None if found.people is None else int(np.unique(found.people[found.people >= 0]).size)
    return ScoreCounts(
        n_mated=n[Label.MATED],
        n_non_mated=n[Label.NON_MATED],
        n_bona_fide=n[Label.BONA_FIDE],
        n_attacks=n[Label.ATTACK],
        n_people=people,
        n_unscored=found.n_unscored,
    )
