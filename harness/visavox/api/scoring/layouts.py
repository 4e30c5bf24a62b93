"""Score files as people have them: which layout a file is in, and its trials.

========================  ==========================================================  =======================
layout                    columns                                                     people
========================  ==========================================================  =======================
``subjects``              CSV, TSV or Parquet: reference_subject, probe_subject,      named; mated where equal
                          score
``mated``                 CSV, TSV or Parquet: mated, score                           none
``attack-scores``         CSV, TSV or Parquet: label, attack_score [, subject]        named where given
``asvspoof-cm``           utterance source bonafide|spoof score                       none
``asvspoof-spk``          speaker utterance score bonafide|spoof, or                  named, or joined by target
                          target|nontarget|spoof                                      trials
``asvspoof-asv``          source target|nontarget|spoof score                         none
``asvspoof-2021``         utterance score, with the key in a second file              of the key
``asvspoof-5``            TSV with a header: filename, cm-score [, spk, asv-score,    of the key
                          sasv-score], with the key in a second file
``kaldi``                 enrol trial target|nontarget score, the last two either     joined by target trials,
                          way round; or enrol trial score, with the trials in a       or by ``utt2spk``
                          second file (VoicePrivacy)
``kaldi-eer``             score target|nontarget                                      none
========================  ==========================================================  =======================

ASVspoof's detector scores are high for bona fide speech: they are negated here, once, so that inside higher = more
synthetic. The tables may have columns recogniser (or system), attacker and group beside.
"""

from __future__ import annotations

from collections.abc import Sequence

from visavox.core.errors import UsageError

from .keys import asvspoof_5, asvspoof_2021, kaldi
from .rows import Rows, fault
from .tables import TABLES, of_table, plain_text
from .trials import DETECTED, JOINT, VERIFIED, Layout, ScoreTrials


def detect(rows: Rows) -> Layout:
    """The layout that a file is in, by its header or by its words.

    Raises:
        EvidenceError: none of them.
    """
    if rows.header:
        for layout, needed in TABLES.items():
            if set(needed) <= set(rows.header):
                return layout
        raise fault(
            rows.path,
            1,
            f"the columns {', '.join(rows.header)}",
            "name them reference_subject, probe_subject, score; or mated, score; or label, attack_score",
        )
    row = rows.cells[0]
    words = [set(column) for column in zip(*rows.cells, strict=True)]
    numbers = [_is_number(cell) for cell in row]
    of_width = {2: _of_two, 3: _of_three, 4: _of_four}
    found = of_width[len(row)](words, numbers) if len(row) in of_width else None
    if found is None:
        raise fault(
            rows.path,
            rows.lines[0],
            f"{' '.join(row)!r}, which is no known layout",
            "see `visavox score --help` for the layouts, or name one with --layout",
        )
    return found


def _of_two(words: Sequence[set[str]], numbers: Sequence[bool]) -> Layout | None:
    if numbers[0] and words[1] <= set(VERIFIED):
        return Layout.KALDI_EER
    return Layout.ASVSPOOF_2021 if numbers[1] else None


def _of_three(words: Sequence[set[str]], numbers: Sequence[bool]) -> Layout | None:
    if not numbers[2]:
        return None
    return Layout.ASVSPOOF_ASV if words[1] <= set(JOINT) else Layout.KALDI


def _of_four(words: Sequence[set[str]], numbers: Sequence[bool]) -> Layout | None:
    if numbers[3] and words[2] <= set(DETECTED):
        return Layout.ASVSPOOF_CM
    if (numbers[3] and words[2] <= set(VERIFIED)) or (numbers[2] and words[3] <= set(VERIFIED)):
        return Layout.KALDI
    if numbers[2] and (words[3] <= set(DETECTED) or words[3] <= set(JOINT)):
        return Layout.ASVSPOOF_SPK
    return None


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def read_trials(rows: Rows, layout: Layout, *, trials: Rows | None = None, utt2spk: Rows | None = None) -> ScoreTrials:
    """The trials of a file in a layout.

    Args:
        rows: of the score file.
        layout: what it is in.
        trials: of the file that holds the labels, where the layout keeps them apart.
        utt2spk: Kaldi's list of whose utterance is whose, for ``kaldi``.

    Raises:
        EvidenceError: a row that does not fit the layout, a score that is no finite number, labels that contradict
            each other, or a score without a label.
        UsageError: a second file that the layout has no use for, or none where it needs one.
    """
    takes_key = layout in {Layout.ASVSPOOF_2021, Layout.ASVSPOOF_5} or (layout is Layout.KALDI and rows.width == 3)
    if takes_key and trials is None:
        raise UsageError(f"{rows.path} holds no labels (layout {layout}): give the file that does with --trials")
    if not takes_key and trials is not None:
        raise UsageError(f"{rows.path} holds its labels itself (layout {layout}): leave --trials out")
    if utt2spk is not None and layout is not Layout.KALDI:
        raise UsageError(f"--utt2spk goes with the layout {Layout.KALDI}, not with {layout}")
    if layout in TABLES and layout is not Layout.ASVSPOOF_5:
        return of_table(rows, layout)
    if layout is Layout.KALDI:
        return kaldi(rows, trials, utt2spk)
    if layout is Layout.ASVSPOOF_5:
        assert trials is not None
        return asvspoof_5(rows, trials)
    if layout is Layout.ASVSPOOF_2021:
        assert trials is not None
        return asvspoof_2021(rows, trials)
    return plain_text(rows, layout)
