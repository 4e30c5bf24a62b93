"""Layers by chain: which of a tool's marks are still there after media went through each perturbation.

Layers are counted, never averaged. A chain works on decoded pictures and sounds, so what stood in the file's metadata
is gone after every one by construction: the layer counts for outputs as they are alone, and the report says so. Labels
that are seen or heard are looked for again in a sample of the outputs: after a perturbation all layers are counted in
that sample where some output outside of it bears one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from visavox.core.errors import UndefinedMetricError
from visavox.core.figures import Estimate, NotMade, ResultTable
from visavox.core.terms import Direction, Modality
from visavox.metrics.intervals import bound_lower
from visavox.metrics.survival import LayersAlive, layers_alive
from visavox.ports.assessment import AssessmentInput
from visavox.ports.detection import CLEAN, Detection, DetectorView
from visavox_assessments.estimates import bounded

from .folds import folds, followed
from .perturbed import After

KILLED: Final = 0.05
"""A chain has killed all layers where no more than this share of outputs bears one still."""
FLOOR: Final[Mapping[Modality, float]] = {Modality.FACE: 0.5, Modality.VOICE: 0.75}
"""Likeness (SSIM, STOI) to what it was that a laundered output must keep to be of use: project default."""
NOT_KNOWN: Final = "fewer layers than that, fewer than two people, or it is known of no output"
METHOD: Final = "effective-size Clopper-Pearson (STATISTICS 3a); what could not be read counts against the bound"


class Layer(NamedTuple):
    """One layer: (1 + perturbations, n_cases) whether each output bears it: 1, 0, or -1 where it could not be read."""

    name: str
    alive: npt.NDArray[np.int8]


class AfterChain(NamedTuple):
    """Outputs with at least one and two layers after a perturbation; None where that cannot be said."""

    row: int
    one: LayersAlive | None
    two: LayersAlive | None
    shares: tuple[float | None, ...]
    likeness: float | None


def detector_layer(data: AssessmentInput, found: Detection, view: DetectorView, after: Sequence[After]) -> Layer:
    """Whether the detector flags each output at a threshold that keeps its FPR after the perturbation too.

    That is the higher one of the frozen and the re-calibrated threshold of the fold: a detector that flags whatever is
    noisy has found nothing, and is no layer. Where no threshold could be re-calibrated it is not known.
    """
    alive = np.full(found.quality.shape, -1, np.int8)
    chosen = followed(found).cases
    for rates in after:
        if isinstance(rates.frozen, str) or isinstance(rates.recalibrated, str):
            continue
        parts = folds(data, found, view, followed(found), row=rates.row)
        points = zip(rates.frozen.thresholds, rates.recalibrated.thresholds, strict=True)
        for rotation, (fold, both) in enumerate(zip(parts, points, strict=True)):
            cases = np.flatnonzero(chosen & (found.case_rotation == rotation))
            alive[rates.row, cases] = np.asarray(fold.attacks) >= max(point.threshold for point in both)
    return Layer("detector", alive)


def file_layer(found: Detection, bears: npt.NDArray[np.int8]) -> Layer:
    """A mark in the file's metadata: (n_cases,) 1, 0, -1 on the file itself, gone after every chain."""
    alive = np.zeros(found.quality.shape, np.int8)
    alive[CLEAN] = bears
    return Layer("file label", alive)


def after_chains(data: AssessmentInput, found: Detection, layers: Sequence[Layer]) -> list[AfterChain]:
    """Every perturbation, media as they are first."""
    made = []
    for row in range(found.quality.shape[0]):
        chosen = _counted(found, row)
        people = data.case_person[chosen]
        alive = np.column_stack([layer.alive[row, chosen] for layer in layers])
        likeness = found.quality[row, chosen]
        known = likeness[np.isfinite(likeness)]
        made.append(
            AfterChain(
                row,
                _alive(alive, people, 1),
                _alive(alive, people, 2),
                tuple(_share(column) for column in alive.T),
                float(np.median(known)) if known.size else None,
            )
        )
    return made


def _counted(found: Detection, row: int) -> npt.NDArray[np.bool_]:
    """The outputs that layers are counted in: the sample whose labels were looked for again, where one was needed."""
    chosen, after = followed(found).cases, found.marks_after
    if row == CLEAN or after is None:
        return chosen
    sampled = chosen & after.label_cases
    was_read = bool((after.label[row, sampled] >= 0).any())
    bear_outside = bool((chosen & ~sampled & (after.label[CLEAN] == 1)).any())
    return sampled if was_read and bear_outside else chosen


def _share(column: npt.NDArray[np.int8]) -> float | None:
    known = column[column >= 0]
    return float(known.mean()) if known.size else None


def _alive(alive: npt.NDArray[np.int8], people: npt.NDArray[np.int32], at_least: int) -> LayersAlive | None:
    surely, perhaps = (alive == 1).sum(axis=1) >= at_least, (alive != 0).sum(axis=1) >= at_least
    if not (surely == perhaps).any():
        return None  # it is known of no output
    try:
        return layers_alive(alive == 1, people, at_least=at_least, unknown=alive < 0)
    except UndefinedMetricError:
        return None


def chain_table(
    data: AssessmentInput, found: Detection, layers: Sequence[Layer], after: Sequence[AfterChain]
) -> ResultTable:
    """Layers by chain, in shares of outputs."""
    rows = []
    for chain in after:
        one, two = (
            (None, None) if part is None else (part.low.p, bound_lower(part.basis, data.alpha))
            for part in (chain.one, chain.two)
        )
        rows.append((name_of(found, chain.row), *chain.shares, one[0], one[1], two[0], chain.likeness))
    columns = ("after", *(layer.name for layer in layers), ">= 1 layer", "at least", ">= 2 layers", "likeness")
    return ResultTable(
        name="layers",
        title="Layers still alive, as shares of outputs",
        columns=columns,
        rows=tuple(rows),
        shares=tuple(range(1, len(columns) - 1)),
        note="at least: one-sided bound of >= 1 layer; likeness: median SSIM or STOI to what they "
        "were, none where they moved; metadata do not survive decoding, which every chain begins with"
        + _sampled(found, after),
    )


def _sampled(found: Detection, after: Sequence[AfterChain]) -> str:
    sizes = {int(_counted(found, chain.row).sum()) for chain in after[CLEAN + 1 :]}
    smaller = sorted(sizes - {int(followed(found).cases.sum())})
    return f"; where labels were looked for again: of {smaller[0]} outputs, drawn over people" if smaller else ""


def layer_estimates(data: AssessmentInput, found: Detection, after: Sequence[AfterChain]) -> list[Estimate | NotMade]:
    """Outputs with a layer as they are, and after the chain that leaves fewest."""
    made: list[Estimate | NotMade] = []
    clean = after[CLEAN]
    for name, part in (("one_layer_alive_share", clean.one), ("two_layers_alive_share", clean.two)):
        if part is None:
            made.append(NotMade(name=name, recogniser="", reason=NOT_KNOWN))
        else:
            made.append(_estimate(data, name, part, "outputs as they are"))
    chains = [chain for chain in after[CLEAN + 1 :] if found.perturbations[chain.row - 1].strength is None]
    known = [(chain, chain.one) for chain in chains if chain.one is not None]
    if len(known) < len(chains) or not chains:
        reason = "no chain was asked for" if not chains else "after one of the chains it cannot be said"
        made.append(NotMade(name="one_layer_alive_after_chains_share", recogniser="", reason=reason))
    else:
        worst, part = min(known, key=lambda pair: bound_lower(pair[1].basis, data.alpha))
        packs = ", ".join(f"{name} {version} ({digest[:12]})" for name, version, digest in found.packs)
        note = f"after {name_of(found, worst.row)}, the chain that leaves fewest of {len(chains)}; packs: {packs}"
        made.append(_estimate(data, "one_layer_alive_after_chains_share", part, note))
    return made


def laundering_table(data: AssessmentInput, found: Detection, after: Sequence[AfterChain]) -> ResultTable:
    """The cost of laundering: what kills all layers, from the mildest, while the output stays of use."""
    floor = data.options.likeness_floor or FLOOR[data.modality]
    killing = [chain for chain in after[CLEAN + 1 :] if chain.one is not None and chain.one.high.p <= KILLED]
    usable = [chain for chain in killing if chain.likeness is None or chain.likeness >= floor]
    usable.sort(key=lambda chain: -(1.0 if chain.likeness is None else chain.likeness))
    rows = tuple(
        (name_of(found, chain.row), chain.likeness, chain.one.high.p if chain.one else None) for chain in usable
    )
    base = after[CLEAN].one
    note = (
        f"killed: at most {KILLED:.0%} of outputs bear a layer; of use: likeness {floor:g} or more (project defaults)"
    )
    if base is not None and base.high.p <= KILLED:
        note = f"nothing to launder: as they are, {base.high.p:.1%} of the outputs bear a layer"
        rows = ()
    elif not rows:
        note += f"; none of {len(after) - 1} perturbations does both, {len(killing)} kill at a higher cost"
    return ResultTable(
        name="laundering",
        title="Cost of laundering: what kills all layers, the mildest first",
        columns=("perturbation", "likeness", "outputs with a layer"),
        rows=rows,
        shares=(2,),
        note=note,
    )


def _estimate(data: AssessmentInput, name: str, part: LayersAlive, note: str) -> Estimate:
    return bounded(
        name,
        "",
        None,
        part.low.p,
        (part.basis,),
        data.alpha,
        n=part.low.n,
        n_subjects=part.low.n_people,
        method=METHOD,
        direction=Direction.HIGHER_IS_SAFER,
        note=note,
    )


def name_of(found: Detection, row: int) -> str:
    """What a row of the scores is called in tables."""
    return "as they are" if row == CLEAN else found.perturbations[row - 1].name
