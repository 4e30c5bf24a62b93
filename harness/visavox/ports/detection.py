"""What an assessment knows of detection: attack scores of bona fide and edited media, clean and under perturbations.

Every score comes from a detector that was neither fitted to nor given its threshold by the people in the medium. The
people's folds turn: in each *rotation* one is judged, one is what thresholds are read from (the *calibration*), and a
detector that learns was fitted to the third.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from .perturbation import Perturbation
from .recogniser import Vectors

Ints = npt.NDArray[np.int32]
Floats = npt.NDArray[np.float32]

CLEAN: Final = 0
"""Row of the scores of media as they are."""


class RotationPeople(NamedTuple):
    """Person numbers of one rotation as the stage used them.

    Attributes:
        fitted: people of the media that the detector was fitted to; none where it does not learn.
        calibrated: people of the bona fide media that thresholds are read from.
        judged: people of the media judged, donors and second contributors among them.
    """

    fitted: frozenset[int]
    calibrated: frozenset[int]
    judged: frozenset[int]


@dataclass(frozen=True)
class DetectorView:
    """One detector's attack scores; higher = more synthetic, NaN = none.

    Attributes:
        id: as in the suite.
        learns: it was fitted inside the run.
        case: (1 + perturbations, n_cases) of outputs, by the model that judges their people.
        sample: (1 + perturbations, n_samples) of bona fide media in the same way.
        calibration: (rotations, 1 + perturbations, n_samples) of bona fide media by the models they calibrate.
        case_unseen: (n_cases,) of clean outputs by models that saw no output of their species; NaN unless the suite
            has several species and the detector learns.
        sample_unseen: species -> (n_samples,) of bona fide media by those models.
        calibration_unseen: species -> (rotations, n_samples) in the same way, of those they calibrate.
        rotations: who was where.
        fta: reason -> media without a score, clean ones.
    """

    id: str
    learns: bool
    case: Floats
    sample: Floats
    calibration: Floats
    case_unseen: Floats
    sample_unseen: Mapping[str, Floats]
    calibration_unseen: Mapping[str, Floats]
    rotations: tuple[RotationPeople, ...]
    fta: Mapping[str, int]


@dataclass(frozen=True)
class KnownFakes:
    """Fakes of the data set (``label=fake``) that others made, scored by the detectors that do not learn.

    Attributes:
        n: how many there are.
        scores: detector -> (n,) attack scores, NaN = none.
    """

    n: int
    scores: Mapping[str, Floats]


@dataclass(frozen=True)
class MarksAfter:
    """Marks looked for again after perturbations, and where none can be: 1 found, 0 not, -1 not known or not looked.

    Attributes:
        label_cases: (n_cases,) bool: the outputs drawn, balanced over people, whose labels were looked for again.
        label: (1 + perturbations, n_cases) the label that is seen or heard. One that was not there at first is not
            there later.
        label_unmarked: (1 + perturbations, n_samples) the same of bona fide media, -1 where nobody looked.
        watermark_unmarked: (1 + perturbations, n_samples) the tool's watermark in bona fide media.
    """

    label_cases: npt.NDArray[np.bool_]
    label: npt.NDArray[np.int8]
    label_unmarked: npt.NDArray[np.int8]
    watermark_unmarked: npt.NDArray[np.int8]


@dataclass(frozen=True)
class Detection:
    """What the stage of detection found.

    Attributes:
        perturbations: row ``1 + p`` of the scores is ``perturbations[p]``.
        packs: name, version and digest of the packs they come from.
        sample_rotation, case_rotation: (n,) the rotation that judges each; -1 = none.
        sample_perturbed, case_perturbed: (n,) bool: they went through the perturbations.
        case_species: (n_cases,) which tool or generator made each output.
        detectors: the suite's, in its order.
        sample_cues, case_cues: what file formats leave behind, clean media after the common path; None = none.
        quality: (1 + perturbations, n_cases) likeness of the perturbed output to the clean one, 1 = equal: SSIM of
            pictures, STOI of sounds; NaN where it is not asked or geometry or length changed.
        mark_alive: (1 + perturbations, n_cases) watermark found: 1 yes, 0 no, -1 could not be read or not asked.
        known_fakes: None where the data set has none.
        marks_after: None where nothing was asked that could be found again.
    """

    perturbations: tuple[Perturbation, ...]
    packs: tuple[tuple[str, str, str], ...]
    sample_rotation: Ints
    case_rotation: Ints
    sample_perturbed: npt.NDArray[np.bool_]
    case_perturbed: npt.NDArray[np.bool_]
    case_species: tuple[str, ...]
    detectors: tuple[DetectorView, ...]
    sample_cues: tuple[Vectors | None, ...]
    case_cues: tuple[Vectors | None, ...]
    quality: Floats
    mark_alive: npt.NDArray[np.int8]
    known_fakes: KnownFakes | None = None
    marks_after: MarksAfter | None = None
