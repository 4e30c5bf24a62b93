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
    one_layer_alive_share, two_layers_alive_share: of outputs as they are; one_layer_alive_after_chains_share: after the
    chain that leaves fewest.

What it cannot show
    That a detector works on other tools' outputs, or on the next version of this one: one that learns has seen outputs
    of this very tool. That nothing finds the edit: what these detectors miss another may see.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, TypeVar

from visavox.core.contracts import Contract
from visavox.core.errors import UndefinedMetricError
from visavox.core.figures import AssessmentResult, Estimate, Instrument, NotMade, ResultTable, Survival
from visavox.ports.assessment import AssessmentInput, ScoreTable
from visavox.ports.detection import Detection

from .chains import Layer, after_chains, chain_table, detector_layer, laundering_table, layer_estimates
from .folds import folds, scored
from .instruments import detector_instruments
from .perturbed import after_each, survivals
from .points import detector_estimates, usable_target
from .tables import perturbation_table, rotation_table

T = TypeVar("T", Estimate, NotMade)


class Detectability:
    """See the module's text."""

    name = "detectability"
    needs_detection = True

    def comparisons(self, contract: Contract, options: Any) -> tuple[ScoreTable, ...]:
        """None: media are scored one by one, not templates against templates."""
        return ()

    def assess(self, data: AssessmentInput) -> AssessmentResult:
        """Every layer that the suite asks for."""
        found = data.detection
        if found is None:
            missing = NotMade(name="tpr", recogniser="", reason="no medium was scored")
            return AssessmentResult(assessment=self.name, modality=data.modality, not_made=(missing,))
        figures: list[Estimate | NotMade] = []
        instruments: list[Instrument] = []
        tables: list[ResultTable] = []
        curves: list[Survival] = []
        layers: list[Layer] = []
        for view in found.detectors:
            figures += detector_estimates(data, found, view)
            instruments += detector_instruments(data, found, view)
            tables.append(rotation_table(found, view))
            target = _target(data, found, view.id)
            if target is None:
                continue
            after = after_each(data, found, view, target)
            tables += perturbation_table(data, view, after, target)
            curves += survivals(data, found, view, after, target)
            if not layers:
                layers.append(detector_layer(data, found, view, after))
        if layers and found.perturbations:
            chains = after_chains(data, found, layers)
            figures += layer_estimates(data, found, chains)
            tables = [chain_table(data, found, layers, chains), laundering_table(data, found, chains), *tables]
        return AssessmentResult(
            assessment=self.name,
            modality=data.modality,
            estimates=_of(figures, Estimate),
            not_made=_of(figures, NotMade),
            instruments=tuple(instruments),
            survivals=tuple(curves),
            tables=tuple(tables),
            limitations=tuple(_limitations(found)),
        )


def _target(data: AssessmentInput, found: Detection, detector: str) -> float | None:
    view = next(view for view in found.detectors if view.id == detector)
    try:
        return usable_target(folds(data, found, view, scored(found)))
    except UndefinedMetricError:
        return None


def _of(figures: Iterable[Estimate | NotMade], kind: type[T]) -> tuple[T, ...]:
    return tuple(one for one in figures if isinstance(one, kind))


def _limitations(found: Detection) -> Sequence[str]:
    lines = []
    if not found.detectors:
        lines.append("no passive detector was asked: add `detectors: [spectral, in_loop]` to the suite")
    if any(view.learns for view in found.detectors):
        lines.append(
            "detectors that learn saw outputs of this tool, of other people: a stranger's detector may find less"
        )
    if found.perturbations:
        lines.append("perturbations work on decoded media: metadata in the file are gone after each by construction")
    return lines
