"""What a run looks for edited media with: its detectors and packs of perturbations, and the stage that applies them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Final, NamedTuple

from visavox.core.config import Suite
from visavox.core.contracts import Contract, contract
from visavox.core.errors import ConfigError
from visavox.core.records import DetectorSpec, EditRow
from visavox.core.report import DetectorCard
from visavox.core.terms import Modality
from visavox.engine.detection import (
    AnyDetector,
    Asked,
    DetectionStage,
    media_to_score,
    read_detection,
    write_looked_for,
)
from visavox.engine.folder import RunFolder
from visavox.engine.journal import Journal
from visavox.engine.marks import case_labels_perceived, watermark_readings
from visavox.engine.marks_after import LookAgain, marks_after
from visavox.engine.plan import Plan
from visavox.engine.progress import Progress
from visavox.engine.store import Store
from visavox.media.labels.records import AudibleFindings, VisibleFindings
from visavox.ports.assessment import Assessment, needs_detection
from visavox.ports.detection import Detection
from visavox.ports.detector import LearningDetector, detectors
from visavox.ports.perturbation import Pack, load_pack
from visavox.ports.transcriber import Transcriber, transcribers
from visavox.ports.watermark import WatermarkReadings

if TYPE_CHECKING:
    from .preparation import Prepared

ASSESSMENT = "detectability"


def knows(spec: DetectorSpec, modality: Modality) -> bool:
    """Whether a detector of a suite is for this modality: it names it, or none."""
    return spec.param("modality") in {None, modality.value}


def load_detectors(suite: Suite, modality: Modality, device: str) -> dict[str, AnyDetector]:
    """The suite's detectors of one modality, by id.

    Raises:
        ConfigError: a parameter is wrong.
        UnknownNameError: nobody registered such a detector.
        WeightsError: weights are absent or not the pinned ones.
    """
    found = {}
    for spec in suite.detectors:
        if knows(spec, modality):
            params = {name: value for name, value in spec.params if name != "modality"}
            found[spec.id] = detectors.get(spec.name)(params, modality, device)
    return found


def detector_cards(suite: Suite, loaded: Mapping[str, AnyDetector]) -> tuple[DetectorCard, ...]:
    """What seal and report say of detectors."""
    names = {spec.id: spec.name for spec in suite.detectors}
    return tuple(
        DetectorCard(
            id=name,
            name=names[name],
            modality=one.modality,
            digest=one.digest,
            learns=isinstance(one, LearningDetector),
        )
        for name, one in loaded.items()
    )


def load_label_listener(suite: Suite, modality: Modality, device: str) -> Transcriber | None:
    """The speech recogniser that hears spoken labels; None where the suite names none, and of pictures.

    Raises:
        MissingDependencyError, WeightsError: what it needs is not there.
    """
    spec = suite.options(ASSESSMENT).transcriber if ASSESSMENT in dict(suite.assessments) else None
    if spec is None or modality is not Modality.VOICE:
        return None
    return transcribers.get(spec.name)(dict(spec.params), device)


def load_packs(suite: Suite, modality: Modality) -> tuple[Pack, ...]:
    """The packs that media of one modality go through; none where there is nothing to look for after them.

    Raises:
        UnknownNameError: no such pack.
        ConfigError: a pack's file is faulty, or two packs name a perturbation alike.
    """
    if ASSESSMENT not in dict(suite.assessments):
        return ()
    options = suite.options(ASSESSMENT)
    if not (suite.detectors or suite.watermark or (options.perceptible_labels and options.perturbations)):
        return ()
    packs = tuple(load_pack(name) for name in options.packs(modality))
    names = [one.name for pack in packs for one in pack.of(modality)]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ConfigError(
            "put packs of perturbations together",
            found=f"{twice[0]} is in two of them",
            todo="name one of the two packs; image-default includes deeperforensics-5",
        )
    return packs


def n_perturbations(suite: Suite, modality: Modality) -> int:
    """How many perturbations media of one modality go through."""
    return sum(len(pack.of(modality)) for pack in load_packs(suite, modality))


def detected_media(suite: Suite, plan: Plan) -> int:
    """How many media detectors score if every case is edited: as they are, and after each perturbation."""
    if not any(knows(spec, plan.modality) for spec in suite.detectors):
        return 0
    most = int(suite.options(ASSESSMENT).most_perturbed)
    classes = (len(plan.samples), len(plan.first_attempts))
    return sum(classes) + n_perturbations(suite, plan.modality) * sum(min(n, most) for n in classes)


def wants_detection(assessment: Assessment, row: Contract) -> bool:
    """Whether an assessment reads detection scores, and the tool class has any."""
    return needs_detection(assessment) and bool(row.figures(assessment.name))


Perceived = tuple[VisibleFindings | AudibleFindings | None, ...]


class LookedFor(NamedTuple):
    """What was found of edits, under the names that an assessment knows it by."""

    detection: Detection | None = None
    case_perceptible: Perceived = ()
    watermark: WatermarkReadings | None = None


NOT_LOOKED: Final = LookedFor()


def look_for_edits(
    prepared: Prepared,
    wanted: Mapping[str, Assessment],
    rows: Mapping[str, EditRow],
    folder: RunFolder,
    journal: Journal,
    progress: Progress,
) -> LookedFor:
    """Detectors, the watermark's decoder, labels that are seen or heard; nothing where no assessment reads them."""
    row, suite, plan = contract(prepared.suite.editor.tool_class), prepared.suite, prepared.plan
    if not any(wants_detection(assessment, row) for assessment in wanted.values()):
        return NOT_LOOKED
    options, store, mark = suite.options(ASSESSMENT), Store(folder.media), prepared.watermark
    asked = Asked(
        prepared.detectors,
        prepared.packs,
        most_perturbed=options.most_perturbed,
        read_marks=None if mark is None else mark.read_marks,
    )
    DetectionStage(plan, folder, journal, suite.seed, asked).run(prepared.dataset, rows, progress)
    perceptible: Perceived = ()
    if options.perceptible_labels:
        perceptible = case_labels_perceived(plan, rows, store, progress, prepared.label_listener)
    readings = None if mark is None else watermark_readings(mark, plan, prepared.dataset, rows, store, progress)
    learns = {name: isinstance(one, LearningDetector) for name, one in prepared.detectors.items()}
    found = read_detection(folder.root, plan, media_to_score(plan, rows), learns=learns, packs=prepared.packs)
    again = LookAgain(
        suite.seed,
        most_labels=options.most_labels_read,
        most_marks=options.most_perturbed,
        read_marks=asked.read_marks,
        transcriber=prepared.label_listener,
    )
    after = marks_after(plan, prepared.dataset, rows, store, found, perceptible, again, progress)
    write_looked_for(folder, prepared.packs, perceptible, readings, after)
    return LookedFor(replace(found, marks_after=after), perceptible, readings)
