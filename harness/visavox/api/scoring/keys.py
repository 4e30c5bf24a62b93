"""Score files whose labels stand in a second file: Kaldi's and VoicePrivacy's trials, ASVspoof's keys."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import numpy as np

from .people import joined, spoken
from .rows import Rows, fault, finite
from .trials import DETECTED, JOINT, NEGATED, VERIFIED, Layout, ScoreTrials, labels_of, numbered

PHASES = {"eval", "progress", "hidden", "hidden_track"}


def kaldi(rows: Rows, trials: Rows | None, utt2spk: Rows | None) -> ScoreTrials:
    enrol, probe = rows.at(0), rows.at(1)
    if trials is None:
        rows.need_width(4, Layout.KALDI)
        label_at = 2 if rows.cells[0][2] in VERIFIED else 3
        cells, scores, n_unscored = rows.at(label_at), finite(rows, rows.at(5 - label_at)), 0
    else:
        rows.need_width(3, Layout.KALDI)
        scores = finite(rows, rows.at(2))
        cells, n_unscored = _looked_up(rows, trials, list(zip(enrol, probe, strict=True)))
    labels = labels_of(rows, cells, VERIFIED)
    if utt2spk is None:
        people, remarks = joined(rows, enrol, probe, labels)
    else:
        people, remarks = spoken(rows, utt2spk, enrol, probe, labels), ()
    if n_unscored:
        remarks = (*remarks, f"{n_unscored} trials have no score: they stand in no figure")
    return ScoreTrials(Layout.KALDI, labels, scores, people=people, n_unscored=n_unscored, remarks=remarks)


def _looked_up(rows: Rows, trials: Rows, keys: Sequence[tuple[str, str]]) -> tuple[list[str], int]:
    """The label of each score from the list of trials, and how many trials have no score."""
    trials.need_width(3, "a list of trials: enrol trial target|nontarget")
    known: dict[tuple[str, str], str] = {}
    for line, (enrol, probe, label) in zip(trials.lines, trials.cells, strict=True):
        if known.setdefault((enrol, probe), label) != label:
            raise fault(trials.path, line, f"{enrol} {probe} with two labels", "keep one")
    _every_key_known(rows, trials, keys, known)
    return [known[key] for key in keys], len(known) - len(set(keys))


def _every_key_known(rows: Rows, trials: Rows, keys: Sequence[Hashable], known: Mapping[Any, object]) -> None:
    """Every score has its label, and no trial two scores."""
    seen: set[Hashable] = set()
    for line, key in zip(rows.lines, keys, strict=True):
        if key in seen:
            raise fault(rows.path, line, "a trial that stands above already", "keep one score a trial")
        if key not in known:
            raise fault(rows.path, line, f"a trial that {trials.path} does not hold", "give the list it belongs to")
        seen.add(key)


def asvspoof_2021(rows: Rows, key: Rows) -> ScoreTrials:
    """Scores by utterance; the key names speaker and utterance first, label and phase further on."""
    rows.need_width(2, Layout.ASVSPOOF_2021)
    label_at = next((i for i, cell in enumerate(key.cells[0]) if i > 1 and cell in DETECTED), None)
    if label_at is None:
        raise fault(
            key.path, key.lines[0], "no bonafide or spoof in it", "give ASVspoof's key: speaker utterance ... label"
        )
    phase_at = next((i for i, cell in enumerate(key.cells[0]) if i > 1 and cell in PHASES), None)
    known = {cells[1]: cells for cells in key.cells}
    utterances = rows.at(0)
    _every_key_known(rows, key, utterances, known)
    scores = finite(rows, rows.at(1))
    kept = np.array([phase_at is None or known[u][phase_at] == "eval" for u in utterances], np.bool_)
    if not kept.any():
        raise fault(key.path, key.lines[0], "no scored utterance of the phase eval", "give the scores of that phase")
    labels = labels_of(rows, [known[u][label_at] for u in utterances], DETECTED)
    people = numbered([[known[u][0] for u in utterances]])
    wanted = sum(phase_at is None or cells[phase_at] == "eval" for cells in known.values())
    n_unscored = wanted - int(kept.sum())
    remarks = [NEGATED]
    if not kept.all():
        remarks.append(f"{int((~kept).sum())} scores of other phases than eval stand in no figure")
    if n_unscored:
        remarks.append(f"{n_unscored} utterances of the key have no score: they stand in no figure")
    return ScoreTrials(
        Layout.ASVSPOOF_2021,
        labels[kept],
        attack_scores=-scores[kept],
        people=people[kept],
        n_unscored=n_unscored,
        remarks=tuple(remarks),
    )


def asvspoof_5(rows: Rows, key: Rows) -> ScoreTrials:
    """Track 1: filename, cm-score; track 2 with spk, asv-score and sasv-score beside."""
    is_track_2 = {"spk", "asv-score", "sasv-score"} <= set(rows.header)
    key_of = ("spk", "filename") if is_track_2 else ("filename",)
    key.need((*key_of, "asv-label" if is_track_2 else "cm-label"))
    names, known_names = ([tuple(row) for row in zip(*map(r.column, key_of), strict=True)] for r in (rows, key))
    label_column = key.column("asv-label" if is_track_2 else "cm-label")
    known = dict(zip(known_names, label_column, strict=True))
    _every_key_known(rows, key, names, known)
    attack_scores = -finite(rows, rows.column("cm-score"))
    n_unscored = len(known) - len(names)
    remarks = [NEGATED] + [f"{n_unscored} trials of the key have no score: they stand in no figure"] * (n_unscored > 0)
    cells = [known[name] for name in names]
    if not is_track_2:
        people = None
        if "spk" in key.header:
            speaker = dict(zip(known_names, key.column("spk"), strict=True))
            people = numbered([[speaker[name] for name in names]])
        return ScoreTrials(
            Layout.ASVSPOOF_5,
            labels_of(rows, cells, DETECTED),
            attack_scores=attack_scores,
            people=people,
            n_unscored=n_unscored,
            remarks=tuple(remarks),
        )
    labels = labels_of(rows, cells, JOINT)
    people, more = joined(rows, rows.column("spk"), rows.column("filename"), labels)
    return ScoreTrials(
        Layout.ASVSPOOF_5,
        labels,
        finite(rows, rows.column("asv-score")),
        attack_scores,
        finite(rows, rows.column("sasv-score")),
        people,
        n_unscored=n_unscored,
        remarks=(*remarks, *more),
    )
