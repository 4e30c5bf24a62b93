"""Which figures the assessments make, by running them; and results whose figures are as good, or bad, as can be."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from functools import cache

import numpy as np
from simulated import World

from visavox.core.digest import sha256_bytes
from visavox.core.figures import AppliedPack, AssessmentResult, Estimate, IntervalBasis, OperatingPoint
from visavox.core.options import DetectabilityOptions
from visavox.core.records import Digest, FileLabelCodes
from visavox.core.report import Cell, DatasetSummary, JudgeCard
from visavox.core.terms import (
    AigcVerdict,
    CredentialState,
    IptcState,
    Modality,
    PerceptibleVerdict,
    Support,
    ToolClass,
)
from visavox.media.format_cues import CUES
from visavox.media.labels.records import VisibleFindings
from visavox.metrics.intervals import bound_lower, bound_upper
from visavox.policy.records import Policy, RequiredPack
from visavox.ports.assessment import AssessmentInput
from visavox.ports.detection import Detection, DetectorView, MarksAfter, RotationPeople
from visavox.ports.perturbation import Perturbation, Step
from visavox.ports.watermark import Decoded, MarkTest, WatermarkReadings
from visavox_assessments.consent import Consent
from visavox_assessments.detectability import Detectability

PEOPLE, EACH = 18, 3
JUDGES = ("judge-a", "judge-b")
DETECTOR = "seer"
LABELLED = FileLabelCodes(aigc=AigcVerdict.COMPLIANT, c2pa=CredentialState.VALID, iptc=IptcState.FOUND)
LEDGER = {"non_edited_share", "unchanged_share"}
DIFFERENCES = {"bystander_match_difference", "any_bystander_match_difference", "bystander_drift"}


@cache
def measured() -> dict[str, frozenset[str]]:
    """Names of the figures that each assessment makes for some tool, or says that it could not make."""
    found: dict[str, set[str]] = {"ledger": set(LEDGER)}
    for tool_class in (ToolClass.ANONYMISE, ToolClass.SWAP, ToolClass.ATTRIBUTE, ToolClass.MORPH):
        world = World(tool_class, lambda edit, number: (0.1, 0.1, 1.0), n_people=PEOPLE, each=EACH)
        results = [world.identity_leak(), world.impersonation(), Consent().assess(world.data(None))]
        if tool_class is ToolClass.ANONYMISE:
            results.append(detectability(world))
        for result in results:
            names = {one.name for one in (*result.estimates, *result.not_made)}
            found.setdefault(result.assessment, set()).update(names)
    found["detectability"].add("audible_label_share")  # of sounds; `visible_label_share` is its twin of pictures
    return {name: frozenset(names) for name, names in found.items()}


def detectability(world: World, labels: FileLabelCodes = LABELLED, *, marked: bool = True) -> AssessmentResult:
    """Every layer at once: labels, a visible label, a watermark, a detector and a chain of perturbations."""
    data = world.data(DetectabilityOptions())
    rng, message, n = np.random.default_rng(3), (0, 1) * 16, len(data.case_person)
    outputs = tuple(Decoded(bits=message if marked else tuple(rng.integers(0, 2, 32).tolist())) for _ in range(n))
    unmarked = tuple(Decoded(bits=tuple(rng.integers(0, 2, 32).tolist())) for _ in data.sample_person)
    seen = VisibleFindings(verdict=PerceptibleVerdict.COMPLIANT)
    return Detectability().assess(
        replace(
            data,
            detection=_detection(data),
            case_labels=(labels,) * n,
            case_perceptible=(seen,) * n,
            watermark=WatermarkReadings("ours", MarkTest(message=message, fpr=0.01), outputs, unmarked),
        )
    )


def _detection(data: AssessmentInput) -> Detection:
    """A detector that tells outputs from bona fide media, as they are and after one chain."""
    rng, n, cases = np.random.default_rng(7), len(data.sample_person), len(data.case_person)
    fold = data.sample_person % 3
    calibration = np.full((3, 2, n), np.nan, np.float32)
    for turn in range(3):
        own = fold == (turn + 2) % 3
        calibration[turn][:, own] = rng.normal(size=(2, int(own.sum())))
    people = [frozenset(np.flatnonzero(np.arange(PEOPLE) % 3 == one).tolist()) for one in range(3)]
    view = DetectorView(
        id=DETECTOR,
        learns=True,
        case=(rng.normal(size=(2, cases)) + 6.0).astype(np.float32),
        sample=rng.normal(size=(2, n)).astype(np.float32),
        calibration=calibration,
        case_unseen=np.full(cases, np.nan, np.float32),
        sample_unseen={},
        calibration_unseen={},
        rotations=tuple(RotationPeople(people[(t + 1) % 3], people[(t + 2) % 3], people[t]) for t in range(3)),
        fta={},
    )
    chain = Perturbation(
        name="chain", modality=Modality.FACE, ladder="test", strength=None, neutral=None, rung=1,
        steps=(Step(operation="blur", strength=1.0),), source="test",
    )  # fmt: skip
    cues = rng.normal(size=(n + cases, len(CUES[Modality.FACE]))).astype(np.float32)
    return Detection(
        perturbations=(chain,),
        packs=(),
        sample_rotation=fold.astype(np.int32),
        case_rotation=(data.case_person % 3).astype(np.int32),
        sample_perturbed=np.ones(n, bool),
        case_perturbed=np.ones(cases, bool),
        case_species=("",) * cases,
        detectors=(view,),
        sample_cues=tuple(cues[:n]),
        case_cues=tuple(cues[n:]),
        quality=np.ones((2, cases), np.float32),
        mark_alive=np.ones((2, cases), np.int8),
        marks_after=MarksAfter(
            label_cases=np.ones(cases, bool),
            label=np.ones((2, cases), np.int8),
            label_unmarked=np.zeros((2, n), np.int8),
            watermark_unmarked=np.zeros((2, n), np.int8),
        ),
    )


def results_of(policy: Policy, cells: Collection[Cell], bad: Collection[str] = ()) -> tuple[AssessmentResult, ...]:
    """Results with one figure a cell: as good as can be, of the controls in ``bad`` as bad."""
    controls = {control.id: control for control in policy.controls}
    made: dict[tuple[str, Modality], dict[tuple[object, ...], Estimate]] = {}
    for cell in sorted(cells, key=lambda one: one.control in bad):
        control = controls[cell.control]
        modality = cell.modality or Modality.FACE
        worst = cell.control in bad
        found = figure(
            cell,
            float(worst) if control.tested_limit.op == "<=" else float(not worst),
            None if control.asks_detectors or not control.per_judge else policy.fmr(control, modality),
        )
        key = (cell.metric, cell.recogniser, cell.attacker, policy.fmr(control, modality) if control.fmr else None)
        made.setdefault((control.assessment, modality), {})[key] = found
        for name in policy.requires:  # of a morph no control gates a leak, and its run makes other figures of it
            shown = Cell(control="", metric="auc", recogniser=cell.recogniser)
            made.setdefault((name, modality), {("auc", "", None, None): figure(shown, 0.5, None)})
    return tuple(
        AssessmentResult(
            assessment=name,
            modality=modality,
            estimates=tuple(found.values()),
            packs=tuple(dict.fromkeys(_applied(pack) for one in policy.controls for pack in one.packs)),
        )
        for (name, modality), found in made.items()
    )


def _applied(pack: RequiredPack) -> AppliedPack:
    return AppliedPack(name=pack.name, version=pack.version, digest=pack.digest)


def figure(cell: Cell, p: float, fmr: float | None, people: int = 60) -> Estimate:
    """A figure of a cell from 400 trials of 60 people."""

    def basis(share: float) -> IntervalBasis:
        return IntervalBasis(p_low=share, n_eff_low=400.0, p_high=share, n_eff_high=400.0, df=people - 1)

    bases = (basis(p),) if cell.metric not in DIFFERENCES else (_many(basis(0.9 * p)), _many(basis(0.0)))
    point = {} if fmr is None else {
        "operating_point": OperatingPoint(
            recogniser=cell.recogniser, kind="k", target_fmr=fmr, threshold=0.5, n_non_mated=9999, n_people=people,
            fmr=fmr, fmr_low=0.0, fmr_high=0.1, support=Support.WEAK,
        )
    }  # fmt: skip
    return Estimate(
        name=cell.metric, value=p, low=0.0, high=1.0, lower=bound_lower(bases[0], 0.05),
        upper=bound_upper(bases[0], 0.05), method="m", n=400, n_eff=400.0, n_subjects=people,
        recogniser=cell.recogniser, attacker=cell.attacker, basis=bases, **point,
    )  # fmt: skip


def _many(basis: IntervalBasis) -> IntervalBasis:
    return basis.model_copy(update={"n_eff_low": 20_000.0, "n_eff_high": 20_000.0})


def cards() -> tuple[JudgeCard, ...]:
    """Two judges of two families."""
    return tuple(
        JudgeCard(
            id=name, name=name, digest=sha256_bytes(name.encode()), detector="d", score="cosine", families=(name,),
            training_overlap="none",
        )
        for name in JUDGES
    )  # fmt: skip


def dataset(consent: str = "granted") -> DatasetSummary:
    """Sixty people, all of one consent."""
    return DatasetSummary(
        kind="manifest", digest=Digest(sha256="0" * 64), modality=Modality.FACE, n_subjects=60, n_samples=240,
        n_test_subjects=60, n_test_samples=240, consent={consent: 240},
    )  # fmt: skip
