"""From the stage's Parquet parts to what the assessment reads."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from visavox.engine import tables
from visavox.engine.plan import Plan
from visavox.ports.detection import CLEAN, Detection, DetectorView, KnownFakes, RotationPeople
from visavox.ports.perturbation import Pack
from visavox.ports.recogniser import Vectors

from .parts import CASE, CUES, FAKE, OUTPUTS, PEOPLE, ROTATIONS, SAMPLE, SCORES, Item, part_path

Floats = npt.NDArray[np.float32]


def read_detection(
    root: Path, plan: Plan, items: Sequence[Item], *, learns: Mapping[str, bool], packs: Sequence[Pack]
) -> Detection:
    """What a stage that has run found.

    Args:
        root: the run folder of the modality's part.
        items: the media that were scored, from ``media_to_score``.
        learns: the suite's detectors of the modality by id; whether each was fitted inside the run.
        packs: whose perturbations of the modality were applied.

    Raises:
        RunFolderError: a part is absent or unreadable.
    """
    perturbations = tuple(one for pack in packs for one in pack.of(plan.modality))
    n_rows = 1 + len(perturbations)
    parts = [tables.read_part(part_path(root, "scores", n), SCORES).to_pydict() for n in range(n_rows)]
    rotation_of = {(item.kind, item.number): item.rotation for item in items}
    names = sorted({item.species for item in items if item.kind == CASE})
    views = []
    for name, is_fitted in learns.items():
        views.append(_view(name, is_fitted, parts, plan, rotation_of, names if len(names) > 1 else []))
    people = tables.read_part(part_path(root, "people", CLEAN), PEOPLE).to_pylist()
    cues = _cues(root)
    quality, marks = _outputs(root, n_rows, len(plan.cases))
    followed = _perturbed(parts, CASE, len(plan.cases))
    if perturbations:
        read = tables.read_part(part_path(root, "outputs", CLEAN + 1), OUTPUTS).to_pydict()
        followed[read["case"]] = True  # without a detector there is no score to tell it by
    return Detection(
        perturbations=perturbations,
        packs=tuple((pack.name, pack.version, pack.digest) for pack in packs),
        sample_rotation=_rotations(rotation_of, SAMPLE, len(plan.samples)),
        case_rotation=_rotations(rotation_of, CASE, len(plan.cases)),
        sample_perturbed=_perturbed(parts, SAMPLE, len(plan.samples)),
        case_perturbed=followed,
        case_species=tuple(plan.species(n) for n in range(len(plan.cases))),
        detectors=tuple(_with_people(view, people) for view in views),
        sample_cues=tuple(cues.get((SAMPLE, n)) for n in range(len(plan.samples))),
        case_cues=tuple(cues.get((CASE, n)) for n in range(len(plan.cases))),
        quality=quality,
        mark_alive=marks,
        known_fakes=_fakes(parts[CLEAN], learns),
    )


def _rotations(rotation_of: Mapping[tuple[int, int], int], kind: int, n: int) -> npt.NDArray[np.int32]:
    return np.array([rotation_of.get((kind, number), -1) for number in range(n)], np.int32)


def _perturbed(parts: Sequence[Mapping[str, list[Any]]], kind: int, n: int) -> npt.NDArray[np.bool_]:
    found = np.zeros(n, bool)
    for part in parts[CLEAN + 1 : CLEAN + 2]:
        found[[number for of_kind, number in zip(part["kind"], part["number"], strict=True) if of_kind == kind]] = True
    return found


def _view(
    name: str,
    learns: bool,
    parts: Sequence[Mapping[str, list[Any]]],
    plan: Plan,
    rotation_of: Mapping[tuple[int, int], int],
    species: Sequence[str],
) -> DetectorView:
    n_rows, n_cases, n_samples = len(parts), len(plan.cases), len(plan.samples)
    case, sample = _empty(n_rows, n_cases), _empty(n_rows, n_samples)
    calibration, case_unseen = _empty(ROTATIONS, n_rows, n_samples), _empty(n_cases)
    unseen_calibration = {one: _empty(ROTATIONS, n_samples) for one in species}
    sample_unseen = {one: _empty(n_samples) for one in species}
    fta: Counter[str] = Counter()
    for place, part in enumerate(parts):
        for kind, number, detector, rotation, unseen, score, reason in zip(*part.values(), strict=True):
            if detector != name or kind == FAKE:
                continue
            value = np.nan if score is None else score
            judged = rotation == rotation_of[kind, number]
            if kind == CASE and unseen:
                case_unseen[number] = value
            elif kind == CASE:
                case[place, number] = value
            elif unseen and judged:
                sample_unseen[unseen][number] = value
            elif unseen:
                unseen_calibration[unseen][rotation, number] = value
            elif judged:
                sample[place, number] = value
            else:
                calibration[rotation, place, number] = value
            if reason and judged and not unseen and place == CLEAN:
                fta[reason] += 1
    return DetectorView(
        id=name,
        learns=learns,
        case=case,
        sample=sample,
        calibration=calibration,
        case_unseen=case_unseen,
        sample_unseen=sample_unseen,
        calibration_unseen=unseen_calibration,
        rotations=(),
        fta=dict(fta),
    )


def _with_people(view: DetectorView, rows: Sequence[Mapping[str, Any]]) -> DetectorView:
    def people(rotation: int, part: str) -> frozenset[int]:
        return frozenset(
            row["person"]
            for row in rows
            if row["detector"] == view.id and row["rotation"] == rotation and row["part"] == part
        )

    found = tuple(
        RotationPeople(people(r, "fitted"), people(r, "calibrated"), people(r, "judged")) for r in range(ROTATIONS)
    )
    return DetectorView(**{**vars(view), "rotations": found})


def _cues(root: Path) -> dict[tuple[int, int], Vectors]:
    rows = tables.read_part(part_path(root, "cues", CLEAN), CUES).to_pylist()
    return {(row["kind"], row["number"]): np.asarray(row["cues"], np.float32) for row in rows}


def _outputs(root: Path, n_rows: int, n_cases: int) -> tuple[Floats, npt.NDArray[np.int8]]:
    quality, marks = _empty(n_rows, n_cases), np.full((n_rows, n_cases), -1, np.int8)
    for place in range(n_rows):
        part = tables.read_part(part_path(root, "outputs", place), OUTPUTS).to_pydict()
        cases = np.asarray(part["case"], np.int64)
        quality[place, cases] = np.array([np.nan if q is None else q for q in part["quality"]], np.float32)
        marks[place, cases] = part["mark"]
    return quality, marks


def _fakes(part: Mapping[str, list[Any]], learns: Mapping[str, bool]) -> KnownFakes | None:
    rows = [row for row in zip(*part.values(), strict=True) if row[0] == FAKE]
    n = 1 + max((row[1] for row in rows), default=-1)
    if not n:
        return None
    scores = {name: _empty(n) for name, is_fitted in learns.items() if not is_fitted}
    for _, number, detector, _, _, score, _ in rows:
        scores[detector][number] = np.nan if score is None else score
    return KnownFakes(n, scores)


def _empty(*shape: int) -> Floats:
    return np.full(shape, np.nan, np.float32)
