"""Who is heard in a trial, where a score file names recordings and not people."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from .rows import Rows, fault
from .trials import Ints, Label, numbered


def joined(
    rows: Rows, enrol: Sequence[str], probe: Sequence[str], labels: npt.NDArray[np.int8]
) -> tuple[Ints | None, tuple[str, ...]]:
    """People as the sets of names that target trials join; None where some name is in no target trial.

    Raises:
        EvidenceError: a nontarget trial of two names that target trials join.
    """
    parent: dict[str, str] = {}

    def root(name: str) -> str:
        while (above := parent.setdefault(name, name)) != name:
            parent[name] = parent[above]
            name = above
        return name

    is_mated, is_non_mated = labels == Label.MATED, labels == Label.NON_MATED
    for i in np.flatnonzero(is_mated).tolist():
        parent[root(enrol[i])] = root(probe[i])
    alone = {name for i in np.flatnonzero(is_non_mated).tolist() for name in (enrol[i], probe[i])} - parent.keys()
    alone |= {enrol[i] for i in np.flatnonzero(labels == Label.ATTACK).tolist()} - parent.keys()
    if alone:
        return None, (
            f"{len(alone)} of {len(alone) + len(parent)} names are in no target trial: whose they are is unknown and "
            "no interval is made; --utt2spk says it for the layout kaldi",
        )
    first = [root(name) for name in enrol]
    second = [root(name) if labels[i] != Label.ATTACK else first[i] for i, name in enumerate(probe)]
    people = numbered([first, second])
    wrong = np.flatnonzero(is_non_mated & (people[:, 0] == people[:, 1]))
    if wrong.size:
        raise fault(
            rows.path,
            rows.lines[int(wrong[0])],
            "nontarget, yet target trials make the two one person",
            "one of the labels is wrong, or enrolments of several people share a name",
        )
    people[~is_non_mated, 1] = -1
    return people, ("people are the sets of names that target trials join",)


def spoken(rows: Rows, utt2spk: Rows, enrol: Sequence[str], probe: Sequence[str], labels: npt.NDArray[np.int8]) -> Ints:
    """People by Kaldi's utt2spk; an enrolment that is no utterance of it is a speaker's name."""
    utt2spk.need_width(2, "utt2spk: utterance speaker")
    speaker = {utterance: name for utterance, name in utt2spk.cells}
    missing = next((i for i, utterance in enumerate(probe) if utterance not in speaker), None)
    if missing is not None:
        raise fault(rows.path, rows.lines[missing], f"an utterance that {utt2spk.path} does not hold", "add it there")
    people = numbered([[speaker.get(name, name) for name in enrol], [speaker[name] for name in probe]])
    is_same = people[:, 0] == people[:, 1]
    wrong = np.flatnonzero(is_same != (labels == Label.MATED))
    if wrong.size:
        raise fault(
            rows.path, rows.lines[int(wrong[0])], f"a label that contradicts {utt2spk.path}", "one of them is wrong"
        )
    people[is_same, 1] = -1
    return people
