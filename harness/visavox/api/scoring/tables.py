"""Score files whose rows say everything: tables with a header, and text that holds its labels."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from .people import joined
from .rows import Rows, fault, finite
from .trials import DETECTED, JOINT, NEGATED, VERIFIED, Ints, Label, Layout, ScoreTrials, Tags, labels_of, numbered

TRUE, FALSE = {"1", "1.0", "true", "yes", "mated", "target"}, {"0", "0.0", "false", "no", "non-mated", "nontarget"}
TABLES = {
    Layout.SUBJECTS: ("reference_subject", "probe_subject", "score"),
    Layout.MATED: ("mated", "score"),
    Layout.ATTACK_SCORES: ("label", "attack_score"),
    Layout.ASVSPOOF_5: ("filename", "cm-score"),
}


def of_table(rows: Rows, layout: Layout) -> ScoreTrials:
    rows.need(TABLES[layout])
    tags, tag_of = _tags(rows)
    if layout is Layout.ATTACK_SCORES:
        people = _named(rows, ["subject"]) if "subject" in rows.header else None
        attack_scores = finite(rows, rows.column("attack_score"))
        return ScoreTrials(
            layout,
            labels_of(rows, rows.column("label"), DETECTED),
            attack_scores=attack_scores,
            people=people,
            tags=tags,
            tag_of=tag_of,
        )
    scores = finite(rows, rows.column("score"))
    stated = _mated(rows) if "mated" in rows.header else None
    if layout is Layout.MATED:
        assert stated is not None
        return ScoreTrials(layout, stated, scores, joint=None, tags=tags, tag_of=tag_of)
    people = _named(rows, ["reference_subject", "probe_subject"])
    is_mated = people[:, 0] == people[:, 1]
    labels = np.where(is_mated, Label.MATED, Label.NON_MATED).astype(np.int8)
    if stated is not None and (stated != labels).any():
        row = int(np.flatnonzero(stated != labels)[0])
        raise fault(
            rows.path, rows.lines[row], "a `mated` that contradicts the two subjects", "leave out the wrong column"
        )
    people[is_mated, 1] = -1
    return ScoreTrials(layout, labels, scores, people=people, tags=tags, tag_of=tag_of)


def _mated(rows: Rows) -> npt.NDArray[np.int8]:
    words = {**dict.fromkeys(TRUE, Label.MATED), **dict.fromkeys(FALSE, Label.NON_MATED)}
    return labels_of(rows, [cell.lower() for cell in rows.column("mated")], words)


def _named(rows: Rows, names: Sequence[str]) -> Ints:
    """(n, 2) people of the columns by number; -1 in the second where there is one column."""
    columns = [rows.column(name) for name in names]
    for name, cells in zip(names, columns, strict=True):
        if "" in cells:
            row = cells.index("")
            raise fault(rows.path, rows.lines[row], f"no {name}", "every row names its people, or the column is absent")
    return numbered(columns)


def _tags(rows: Rows) -> tuple[tuple[Tags, ...], Ints | None]:
    recogniser = next((name for name in ("recogniser", "system") if name in rows.header), None)
    named = [name for name in (recogniser, "attacker", "group") if name and name in rows.header]
    if not named:
        return (Tags(),), None
    blank = [""] * len(rows.cells)
    columns = [
        rows.column(name) if name and name in rows.header else blank for name in (recogniser, "attacker", "group")
    ]
    number: dict[tuple[str, str, str], int] = {}
    tag_of = [number.setdefault(key, len(number)) for key in zip(*columns, strict=True)]
    tags = tuple(Tags(one, attacker or None, group or None) for one, attacker, group in number)
    return tags, np.array(tag_of, np.int64)


def plain_text(rows: Rows, layout: Layout) -> ScoreTrials:
    width, label_at, score_at = {
        Layout.ASVSPOOF_CM: (4, 2, 3),
        Layout.ASVSPOOF_SPK: (4, 3, 2),
        Layout.ASVSPOOF_ASV: (3, 1, 2),
        Layout.KALDI_EER: (2, 1, 0),
    }[layout]
    rows.need_width(width, layout)
    cells = rows.at(label_at)
    is_detector = layout is Layout.ASVSPOOF_CM or (layout is Layout.ASVSPOOF_SPK and set(cells) <= set(DETECTED))
    scores = finite(rows, rows.at(score_at))
    if is_detector:
        people = numbered([rows.at(0)]) if layout is Layout.ASVSPOOF_SPK else None
        labels = labels_of(rows, cells, DETECTED)
        return ScoreTrials(layout, labels, attack_scores=-scores, people=people, remarks=(NEGATED,))
    labels = labels_of(rows, cells, VERIFIED if layout is Layout.KALDI_EER else JOINT)
    by_speaker = layout is Layout.ASVSPOOF_SPK
    people, remarks = joined(rows, rows.at(0), rows.at(1), labels) if by_speaker else (None, ())
    joint = scores if (labels == Label.ATTACK).any() else None
    return ScoreTrials(layout, labels, scores, joint=joint, people=people, remarks=remarks)
