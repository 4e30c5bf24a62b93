"""Marks of a run's outputs looked for again after perturbations, and in bona fide media, where none may be found.

What is looked at is as it was stored, perturbed as detectors see it perturbed, and stays in memory. Reading a picture
takes a program a second and more, so labels are looked for again in a sample of the outputs, in pictures after chains
alone; and only where there was one at first: what was not there does not come back. Bona fide media are looked at
where a label was read in an output of the sample. A label counts where it is read: one that became too small, or a
rhythm that is not heard any more, does not, whatever a person would still make out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from visavox.core.records import EditRow
from visavox.core.terms import Modality, PerceptibleVerdict
from visavox.media.labels.records import AudibleFindings, VisibleFindings
from visavox.ports.dataset import Dataset
from visavox.ports.detection import CLEAN, Detection, MarksAfter
from visavox.ports.perturbation import Perturbation
from visavox.ports.recogniser import FailureToAcquire
from visavox.ports.transcriber import Transcriber

from .detection.stage import ReadMarks, perturbed
from .draw import balanced_order
from .marks import STAGE, perceived
from .medium import MEDIA
from .plan import Plan
from .progress import Progress, Step
from .store import Store

UNKNOWN: Final = -1
_BATCH: Final = 16

Perceptible = Sequence[VisibleFindings | AudibleFindings | None]


class LookAgain(NamedTuple):
    """How marks are looked for again.

    Attributes:
        seed: the suite's.
        most_labels: outputs, and bona fide media, whose labels are looked for.
        most_marks: bona fide media in which the watermark is looked for.
        read_marks: None where the tool has no watermark.
        transcriber: hears labels that are spoken.
    """

    seed: int
    most_labels: int
    most_marks: int
    read_marks: ReadMarks | None = None
    transcriber: Transcriber | None = None


def marks_after(
    plan: Plan,
    dataset: Dataset,
    rows: Mapping[str, EditRow],
    store: Store,
    found: Detection,
    perceptible: Perceptible,
    again: LookAgain,
    progress: Progress,
) -> MarksAfter | None:
    """Labels of outputs after perturbations, and labels and watermarks in bona fide media after the same.

    Args:
        perceptible: what was seen or heard in the outputs as they are; empty where nobody asked.

    Raises:
        MediaError: a sample cannot be decoded.
        RunFolderError: an output is absent or altered.
    """
    if not perceptible and (again.read_marks is None or not found.perturbations):
        return None
    look = _Look(plan, dataset, found.perturbations, again, progress)
    shape = (1 + len(found.perturbations), len(plan.cases))
    label, drawn = np.full(shape, UNKNOWN, np.int8), np.zeros(shape[1], bool)
    of_samples = np.full((shape[0], len(plan.samples)), UNKNOWN, np.int8)
    marks = of_samples.copy()
    if perceptible:
        label[CLEAN] = [_state(one) for one in perceptible]
        label[1:, label[CLEAN] == 0] = 0
        followed = np.flatnonzero(found.case_perturbed if found.perturbations else label[CLEAN] != UNKNOWN).tolist()
        order = balanced_order([plan.case_person[i] for i in followed], again.seed)[: again.most_labels]
        drawn[[followed[place] for place in order]] = True
        bearing = np.flatnonzero(drawn & (label[CLEAN] == 1)).tolist()
        if bearing:
            outputs = {i: rows[plan.cases[i].id].outputs[0].digest for i in bearing}
            for row in look.rows_of_labels():
                label[row, bearing] = look.labels(row, [store.read(outputs[i]) for i in bearing])
            samples = look.bona_fide(again.most_labels)
            for row in np.flatnonzero((label[:, bearing] == 1).any(axis=1)).tolist():
                of_samples[row, samples] = look.labels(row, [dataset.read(plan.samples[i].id) for i in samples])
    if again.read_marks is not None:
        samples = look.bona_fide(again.most_marks)
        for row in range(1, shape[0]):
            marks[row, samples] = look.marks(row, samples, again.read_marks)
    return MarksAfter(drawn, label, of_samples, marks)


class _Look:
    """Media of one modality, perturbed and looked at."""

    def __init__(
        self,
        plan: Plan,
        dataset: Dataset,
        perturbations: Sequence[Perturbation],
        again: LookAgain,
        progress: Progress,
    ) -> None:
        self._plan, self._dataset, self._perturbations, self._again = plan, dataset, perturbations, again
        self._medium, self._progress = MEDIA[plan.modality], progress

    def rows_of_labels(self) -> list[int]:
        """Rows after whose perturbation labels are looked for: chains, and all of sounds that a program listens to."""
        is_cheap = self._plan.modality is Modality.VOICE and self._again.transcriber is None
        return [row for row, one in enumerate(self._perturbations, start=1) if is_cheap or one.strength is None]

    def bona_fide(self, most: int) -> list[int]:
        """Bona fide samples, balanced over people."""
        order = balanced_order([sample.person for sample in self._plan.samples], self._again.seed)
        return sorted(order[:most])

    def labels(self, row: int, data: Sequence[bytes]) -> list[int]:
        """Whether each medium bears a label that is seen or heard."""
        states = []
        for number, one in enumerate(data, start=1):
            media = self._perturbed(row, one)
            states.append(
                UNKNOWN if isinstance(media, FailureToAcquire) else _read(perceived(media, self._again.transcriber))
            )
            self._progress(Step(STAGE, number, len(data)))
        return states

    def marks(self, row: int, samples: Sequence[int], read_marks: ReadMarks) -> npt.NDArray[np.int8]:
        """Whether each bona fide sample is taken for one that bears the watermark."""
        states = np.full(len(samples), UNKNOWN, np.int8)
        for start in range(0, len(samples), _BATCH):
            batch = samples[start : start + _BATCH]
            media = [self._perturbed(row, self._dataset.read(self._plan.samples[i].id)) for i in batch]
            usable = [place for place, one in enumerate(media) if not isinstance(one, FailureToAcquire)]
            states[[start + place for place in usable]] = read_marks([media[place] for place in usable])
            self._progress(Step(STAGE, start + len(batch), len(samples)))
        return states

    def _perturbed(self, row: int, data: bytes) -> Any:
        media = self._medium.decode(data)
        return media if row == CLEAN else perturbed(self._perturbations[row - 1], media, self._again.seed)


def _read(found: VisibleFindings | AudibleFindings) -> int:
    """Whether a label was read: where nothing was, none is counted, however a label too small or in words may stand.

    Of what cannot be told although something was read it is not known.
    """
    state = _state(found)
    is_blank = found.verdict is PerceptibleVerdict.INCONCLUSIVE and not getattr(found, "text", "")
    return 0 if state == UNKNOWN and is_blank else state


def _state(found: VisibleFindings | AudibleFindings | None) -> int:
    is_there = None if found is None else found.verdict.is_there
    return UNKNOWN if is_there is None else int(is_there)
