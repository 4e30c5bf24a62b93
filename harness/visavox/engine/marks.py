"""Marks of a run's outputs: what the tool's watermark decoder reads, and labels that are seen or heard.

Both look at outputs as they were stored, lossless. Labels in files were read where the files were (see `EditedFile`).
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any, NamedTuple

from visavox.core.options import WatermarkSpec
from visavox.core.records import EditRow
from visavox.core.terms import Modality, Outcome
from visavox.media.audio import Audio
from visavox.media.labels.records import AudibleFindings, VisibleFindings
from visavox.ports.dataset import Dataset
from visavox.ports.recogniser import FailureToAcquire
from visavox.ports.transcriber import Transcriber
from visavox.ports.watermark import (
    Decoded,
    MarkTest,
    Watermark,
    WatermarkReadings,
    marks_of,
    message_bits,
    watermarks,
)

from .detection.stage import ReadMarks
from .medium import MEDIA
from .plan import Plan
from .progress import Progress, Step
from .store import Store

STAGE = "marks"
_BATCH = 16


class LoadedWatermark(NamedTuple):
    """A suite's decoder, and how it is decided that a medium bears the mark."""

    decoder: Watermark
    test: MarkTest

    @property
    def read_marks(self) -> ReadMarks:
        """Whether each medium bears the mark: 1, 0, or -1."""
        return partial(marks_of, self.decoder, self.test)


def load_watermark(spec: WatermarkSpec, modality: Modality, device: str) -> LoadedWatermark:
    """The decoder that a suite names, before anything is edited.

    Raises:
        ConfigError: unknown parameters, or neither message nor threshold.
        UndefinedMetricError: too short a message for the FPR; it says which one it reaches.
        MissingDependencyError, WeightsError: what it needs is not there.
    """
    test = MarkTest(message=message_bits(spec.message), fpr=spec.fpr, threshold=spec.threshold)
    test.check()
    params = {**dict(spec.params), "n_bits": len(test.message)}
    return LoadedWatermark(watermarks.get(spec.kind)(params, modality, device), test)


def watermark_readings(
    loaded: LoadedWatermark, plan: Plan, dataset: Dataset, rows: Mapping[str, EditRow], store: Store, progress: Progress
) -> WatermarkReadings:
    """What the decoder reads in every output, and in every unedited test sample, which bears no mark of the tool.

    Raises:
        MediaError: a sample cannot be decoded.
        RunFolderError: an output is absent or altered.
    """
    medium = MEDIA[plan.modality]
    cases = _with_output(plan, rows)
    total = len(cases) + len(plan.samples)
    found: list[Decoded | FailureToAcquire | None] = [None] * len(plan.cases)
    for at in range(0, len(cases), _BATCH):
        batch = cases[at : at + _BATCH]
        media = [medium.decode(store.read(rows[plan.cases[i].id].outputs[0].digest)) for i in batch]
        for i, read in zip(batch, loaded.decoder.decode(media), strict=True):
            found[i] = read
        progress(Step(STAGE, at + len(batch), total))
    unmarked: list[Decoded | FailureToAcquire] = []
    for at in range(0, len(plan.samples), _BATCH):
        samples = plan.samples[at : at + _BATCH]
        unmarked += loaded.decoder.decode([medium.decode(dataset.read(sample.id)) for sample in samples])
        progress(Step(STAGE, len(cases) + len(unmarked), total))
    return WatermarkReadings(loaded.decoder.id, loaded.test, tuple(found), tuple(unmarked))


def case_labels_perceived(
    plan: Plan,
    rows: Mapping[str, EditRow],
    store: Store,
    progress: Progress,
    transcriber: Transcriber | None = None,
) -> tuple[VisibleFindings | AudibleFindings | None, ...]:
    """The visible label of every output's picture, or the audible one of its sound; None where there is no output.

    Args:
        transcriber: hears labels that are spoken; what it hears counts where there is no rhythm.
    """
    medium, cases = MEDIA[plan.modality], _with_output(plan, rows)
    found: list[VisibleFindings | AudibleFindings | None] = [None] * len(plan.cases)
    for number, i in enumerate(cases, start=1):
        found[i] = perceived(medium.decode(store.read(rows[plan.cases[i].id].outputs[0].digest)), transcriber)
        progress(Step(STAGE, number, len(cases)))
    return tuple(found)


def perceived(media: Any, transcriber: Transcriber | None) -> VisibleFindings | AudibleFindings:
    """The label that is seen in a picture, or heard in a sound."""
    from visavox.media.labels.audible import audible_findings
    from visavox.media.labels.visible import visible_findings

    if isinstance(media, Audio):
        heard = None if transcriber is None else transcriber.transcribe([media])[0]
        return audible_findings(media, transcript=heard)
    return visible_findings(media)


def _with_output(plan: Plan, rows: Mapping[str, EditRow]) -> list[int]:
    return [i for i, case in enumerate(plan.cases) if rows[case.id].outcome is Outcome.EDITED]
