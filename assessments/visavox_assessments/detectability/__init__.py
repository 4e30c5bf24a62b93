"""Detectability: can anyone tell that it was edited, and still tell after the internet has had it?

Question
    Four layers, measured apart and never averaged: metadata in the file, a watermark, a visible or audible label, a
    passive detector. Which of them does an output bear, and which are left after it was shared, recoded, recorded?

Threat model
    Whoever passes an output on: by platforms that recode without intent, and by people who want no trace. No attack
    fits itself to a detector here.

Trials
    Every first attempt's output against the bona fide test samples, through one path: decoded, brought to one size or
    rate, recoded alike, perturbed alike. A detector that learns is fitted to people whom it neither judges nor takes a
    threshold from; three folds of people turn.

Estimates
    By detector, on media as they are: tpr and realised_fpr at an FPR of 1 % (5 % where a fold has fewer than 300
    effective bona fide media), apcer by species and of the worst, bpcer10, bpcer20, bpcer100, d_eer, detector_auc; of
    detectors that give log-odds cllr, calibration_error, min_dcf, act_dcf. Where a list of outputs names several
    species, detector_auc_unseen: by models that saw none of the one judged. After each perturbation TPR at the frozen
    and at a re-calibrated threshold, as survival curves; layers by chain; the cost of laundering.
    Of marks that a machine reads: marked_share (a valid C2PA manifest or the tool's watermark), doubly_marked_share
    (both); detectors and labels for people do not count there.
    one_layer_alive_share, two_layers_alive_share: of outputs as they are; one_layer_alive_after_chains_share: after the
    chain that leaves fewest.

What it cannot show
    That a detector works on other tools' outputs, or on the next version of this one: one that learns has seen outputs
    of this very tool. That nothing finds the edit: what these detectors miss another may see.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from visavox.core.contracts import Contract
from visavox.core.errors import UndefinedMetricError
from visavox.core.figures import AppliedPack, AssessmentResult, Estimate, Instrument, NotMade, ResultTable, Survival
from visavox.core.terms import InstrumentState, Outcome
from visavox.ports.assessment import AssessmentInput, ScoreTable
from visavox.ports.detection import CLEAN, Detection, DetectorView

from .chains import (
    Layer,
    after_chains,
    chain_table,
    detector_layer,
    file_layer,
    laundering_table,
    layer_estimates,
)
from .folds import folds, followed, scored
from .instruments import detector_instruments
from .labels import label_layer, perceptible_layer
from .layers import UNKNOWN
from .marks import marked_shares
from .marks_after import Marked, alarm_tables, doubt_lines, perceptible_after, watermark_after
from .perturbed import after_each, survivals
from .points import detector_estimates, usable_target
from .tables import perturbation_table, rotation_table
from .watermark import watermark_layer


class Detectability:
    """See the module's text."""

    name = "detectability"
    needs_detection = True

    def comparisons(self, contract: Contract, options: Any) -> tuple[ScoreTable, ...]:
        """None: media are scored one by one, not templates against templates."""
        return ()

    def assess(self, data: AssessmentInput) -> AssessmentResult:
        """Every layer that the suite asks for."""
        parts = [_marks(data), *(_detector(data, data.detection, view) for view in _views(data))]
        layers = [layer for part in parts for layer in part.layers]
        chains = [] if data.detection is None else _chains(data, data.detection, layers)
        figures = [one for part in [*chains, *parts] for one in part.figures]
        return AssessmentResult(
            assessment=self.name,
            modality=data.modality,
            estimates=tuple(one for one in figures if isinstance(one, Estimate)),
            not_made=tuple(one for one in figures if isinstance(one, NotMade)),
            instruments=tuple(one for part in parts for one in part.instruments),
            survivals=tuple(one for part in parts for one in part.curves),
            tables=tuple(one for part in [*chains, *parts] for one in part.tables),
            packs=_packs(data.detection),
            limitations=tuple(line for part in parts for line in part.limitations) + _limitations(data),
        )


class _Part(NamedTuple):
    """What one layer, or one detector, adds to the result."""

    figures: tuple[Estimate | NotMade, ...] = ()
    tables: tuple[ResultTable, ...] = ()
    layers: tuple[Layer, ...] = ()
    instruments: tuple[Instrument, ...] = ()
    curves: tuple[Survival, ...] = ()
    limitations: tuple[str, ...] = ()


def _packs(found: Detection | None) -> tuple[AppliedPack, ...]:
    packs = found.packs if found is not None else ()
    return tuple(AppliedPack(name=name, version=version, digest=digest) for name, version, digest in packs)


def _views(data: AssessmentInput) -> tuple[DetectorView, ...]:
    return data.detection.detectors if data.detection is not None else ()


def _marks(data: AssessmentInput) -> _Part:
    """Labels in files, labels that are seen or heard, watermarks."""
    found = data.detection
    in_file, perceptible = label_layer(data), perceptible_layer(data)
    layers: list[Layer] = []
    read_again: list[Marked] = []
    if found is not None and in_file.alive is not None:
        layers.append(file_layer(found, in_file.alive))
    if found is not None and perceptible.alive is not None:
        read_again.append(perceptible_after(data, found, perceptible.alive))
    made = [in_file, perceptible]
    if data.watermark is not None:
        made.append(watermark_layer(data, data.watermark))
        if found is not None and made[-1].alive is not None and (made[-1].alive != UNKNOWN).any():
            read_again.append(watermark_after(data, found))
    figures: list[Estimate | NotMade] = []
    for layer in made:
        figures += [*layer.estimates, *layer.not_made]
    figures += marked_shares(data, made[-1].alive if data.watermark is not None else None)
    tables = [one for layer in made for one in layer.tables]
    limitations = [line for layer in made for line in layer.limitations]
    if found is not None:
        tables += alarm_tables(found, read_again)
        limitations += doubt_lines(found, read_again)
    return _Part(
        figures=tuple(figures),
        tables=tuple(tables),
        layers=(*layers, *(one.layer for one in read_again)),
        limitations=tuple(limitations),
    )


def _detector(data: AssessmentInput, found: Detection | None, view: DetectorView) -> _Part:
    """One passive detector; it is a layer of its own where it is the suite's first."""
    assert found is not None
    tables = [rotation_table(found, view)]
    curves: list[Survival] = []
    layers: list[Layer] = []
    instruments = detector_instruments(data, found, view)
    doubted = [item.name for item in instruments if item.state is not InstrumentState.GREEN]
    limitations: tuple[str, ...] = ()
    target = _target(data, found, view)
    if target is not None:
        after = after_each(data, found, view, target)
        tables = [*perturbation_table(data, view, after, target), *tables]
        curves = list(survivals(data, found, view, after, target))
        if view is found.detectors[0]:
            layer = detector_layer(data, found, view, after)
            if doubted:  # the shares of layers name no detector, so its instruments would not hold them back
                layer = layer._replace(alive=np.full_like(layer.alive, UNKNOWN))
                limitations = (f"whether {view.id} is a layer is not known: {', '.join(doubted)}",)
            layers.append(layer)
    return _Part(
        figures=tuple(detector_estimates(data, found, view)),
        tables=tuple(tables),
        layers=tuple(layers),
        instruments=tuple(instruments),
        curves=tuple(curves),
        limitations=limitations,
    )


def _chains(data: AssessmentInput, found: Detection, layers: Sequence[Layer]) -> list[_Part]:
    """Layers by chain and the cost of laundering, where there are layers."""
    if not layers or not followed(found).cases.any():
        return []
    after = after_chains(data, found, layers)
    tables = (chain_table(data, found, layers, after), laundering_table(data, found, after))
    return [_Part(figures=tuple(layer_estimates(data, found, after)), tables=tables)]


def _target(data: AssessmentInput, found: Detection, view: DetectorView) -> float | None:
    try:
        return usable_target(folds(data, found, view, scored(found)))
    except UndefinedMetricError:
        return None


def _limitations(data: AssessmentInput) -> tuple[str, ...]:
    found = data.detection
    lines = []
    if found is None or not found.detectors:
        lines.append("no passive detector was asked: add `detectors: [spectral, in_loop]` to the suite")
    elif any(view.learns for view in found.detectors):
        lines.append(
            "detectors that learn saw outputs of this tool, of other people: a stranger's detector may find less"
        )
    if found is not None and found.detectors:
        lines += _unscored(data, found)
    if found is not None and found.perturbations:
        lines.append("perturbations work on decoded media: metadata in the file are gone after each by construction")
    return tuple(lines)


def _unscored(data: AssessmentInput, found: Detection) -> list[str]:
    """Media that no rate of a detector is of: counted, so that a share of few outputs is not read as one of all."""
    first = [
        turn
        for i, (outcome, turn) in enumerate(zip(data.case_outcome, found.case_rotation, strict=True))
        if outcome is Outcome.EDITED and data.case_first[i] == i and not data.case_probe[i]
    ]
    left = sum(int(turn < 0) for turn in first)
    why = "they are blank, or there are no three folds of people"
    lines = [f"{left} of {len(first)} first attempts' outputs were shown to no detector: {why}"] if left else []
    for view in found.detectors:
        missing = int(np.isnan(view.sample[CLEAN][found.sample_rotation >= 0]).sum())
        if missing:
            lines.append(f"{missing} bona fide media have no score of {view.id} and are left out")
    return lines
