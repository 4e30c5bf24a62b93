"""The stage ``utility``: each first attempt's output against its own unedited input, one Parquet part per work unit.

A sound and its output are compared at the input's rate and, where their lengths agree within 5 %, over the shorter of
the two. Landmarks are those that a judge's detector located for the templates; an output of another size is brought to
the input's for them, and has no PSNR or SSIM. Words are what the suite's speech recogniser hears in an output, against
the data set's own text of its input, else against what the same recogniser hears in it.
"""

from __future__ import annotations

import importlib.util
import json
import math
import os
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, NamedTuple

import numpy as np

from visavox.core.errors import ConfigError, MediaError, MissingDependencyError, UndefinedMetricError
from visavox.core.records import EditRow
from visavox.core.terms import Modality
from visavox.core.utility_figures import UtilityFigure, figures_of
from visavox.media import intelligibility
from visavox.media.audio import Audio, resampled
from visavox.media.image import Image
from visavox.media.perturbations import pixels
from visavox.media.pitch import RATE_HZ, pitch, vocoder
from visavox.metrics import utility
from visavox.ports.assessment import EDITED, ORIGINAL, CaseFigures
from visavox.ports.dataset import Dataset
from visavox.ports.recogniser import Region
from visavox.ports.transcriber import Transcriber

from . import tables
from .embed import Embedder
from .folder import RunFolder
from .journal import Journal
from .medium import MEDIA, LocatedIn
from .plan import Plan
from .progress import Progress, Step
from .store import Store
from .utility_parts import METHODS, PARTS, cases_compared, figures_by_case, methods_path, part_path, read_parts
from .words import Listener, Said, method_of_words, words_of

STAGE: Final = "utility"
SAME_LENGTH: Final = 0.05
"""Share of the input's length by which an output's may differ and still be compared sample by sample."""
_WORKERS = min(4, os.cpu_count() or 1)


class Measured(NamedTuple):
    """A figure of one case, see `CaseFigures`; ``unedited`` is the input's own where it is not known beforehand."""

    value: float
    reason: str = ""
    of_input: bool = False
    unedited: float = math.nan


class Pair(NamedTuple):
    """An unedited input or an output as the figures see it: the medium, what was located and what is said in it."""

    medium: Any
    located: LocatedIn | None = None
    words: str = ""


class UtilityStage:
    """Computes and reads the figures of utility of one run.

    Args:
        wanted: the figures to make; empty: all of the modality, PESQ where it is installed.
        needed: figures that a floor asks for, whatever is wanted.
        transcriber: the suite's speech recogniser; without one there is no word error rate.

    Raises:
        ConfigError: a floor asks for the word error rate without one.
        MissingDependencyError: a package behind one of them is not installed.
    """

    def __init__(
        self,
        plan: Plan,
        folder: RunFolder,
        journal: Journal,
        *,
        wanted: Sequence[UtilityFigure] = (),
        needed: Sequence[UtilityFigure] = (),
        transcriber: Transcriber | None = None,
    ) -> None:
        self._plan, self._folder, self._journal, self._transcriber = plan, folder, journal, transcriber
        chosen = [f for f in figures_of(plan.modality) if f in (*wanted, *needed) or not wanted]
        if transcriber is None:
            _refuse_words(needed)
            chosen = [figure for figure in chosen if figure is not UtilityFigure.WORD_ERROR_RATE]
        if UtilityFigure.PESQ not in (*wanted, *needed) and importlib.util.find_spec("pesq") is None:
            chosen = [figure for figure in chosen if figure is not UtilityFigure.PESQ]
        journal.set_fact(STAGE, json.dumps(chosen))  # a run continued elsewhere makes the figures it began with
        self.figures = tuple(UtilityFigure(name) for name in json.loads(journal.fact(STAGE) or "[]"))
        _require_packages(self.figures)

    def run(
        self, dataset: Dataset, rows: dict[str, EditRow], embedded: Embedder, detector: str, progress: Progress
    ) -> None:
        """Compares every unit that is not finished; ``detector`` is the judge's whose landmarks count."""
        cases = cases_compared(self._plan, rows)
        units = self._plan.units(len(cases))
        inputs, outputs = (
            ({}, {})
            if not self._wants_landmarks
            else (
                embedded.regions(detector, ORIGINAL),
                embedded.regions(detector, EDITED),
            )
        )
        store, medium = Store(self._folder.media), MEDIA[self._plan.modality]
        listener = Listener(self._transcriber, dataset.samples) if self._transcriber else None

        def compared(number: int) -> dict[UtilityFigure, Measured]:
            case, sample = self._plan.cases[number], self._plan.samples[self._plan.case_sample[number]].id
            original = Pair(medium.decode(dataset.read(sample)), inputs.get(sample))
            edited = Pair(medium.decode(store.read(rows[case.id].outputs[0].digest)), outputs.get(case.id))
            if listener is None:
                return {figure: measured(figure, original, edited) for figure in self.figures}
            return _with_words(self.figures, original, edited, listener.said(sample, original.medium, edited.medium))

        with ThreadPoolExecutor(_WORKERS, thread_name_prefix="visavox-utility") as pool:
            for number, unit in enumerate(units):
                if not self._journal.is_finished(STAGE, number):
                    started = time.monotonic()
                    self._write(number, [cases[i] for i in unit], list(pool.map(compared, [cases[i] for i in unit])))
                    self._journal.finish(STAGE, number, duration_s=time.monotonic() - started)
                progress(Step(STAGE, unit.stop, len(cases)))

    def read(self, rows: dict[str, EditRow], detector: str) -> dict[UtilityFigure, CaseFigures]:
        """Every figure by case, of a stage that has run; how each was made is kept beside its values.

        Raises:
            RunFolderError: a part is absent or unreadable, or a case is missing.
        """
        found = read_parts(self._folder, self._plan, rows, self.figures)
        methods = {figure: self._method(figure, detector, found) for figure in self.figures}
        columns = {"figure": [figure.value for figure in methods], "method": list(methods.values())}
        tables.write_part(methods_path(self._folder), columns, METHODS)
        return figures_by_case(self._plan, found, methods)

    def _method(self, figure: UtilityFigure, detector: str, found: Sequence[Mapping[str, Any]]) -> str:
        if figure is UtilityFigure.WORD_ERROR_RATE and self._transcriber is not None:
            own = [row["unedited"] for row in found if row["figure"] == figure.value]
            return method_of_words(self._transcriber.id, [value for value in own if not math.isnan(value)], len(own))
        return _method(figure, detector)

    @property
    def _wants_landmarks(self) -> bool:
        return UtilityFigure.LANDMARK_ERROR in self.figures

    def _write(self, number: int, cases: Sequence[int], found: Sequence[Mapping[UtilityFigure, Measured]]) -> None:
        rows = [
            (self._plan.cases[case].id, figure.value, *one)
            for case, by_figure in zip(cases, found, strict=True)
            for figure, one in by_figure.items()
        ]
        columns = {name: [row[i] for row in rows] for i, name in enumerate(PARTS.names)}
        tables.write_part(part_path(self._folder, number), columns, PARTS)


def measured(figure: UtilityFigure, original: Pair, edited: Pair) -> Measured:
    """One figure of an output against its input, or why it is missing.

    A figure that the input does not even have against itself is missing because of the input.
    """
    try:
        return Measured(_FIGURES[figure](original, edited))
    except (UndefinedMetricError, MediaError) as error:
        reason = error.found
    try:
        _FIGURES[figure](original, original)
    except (UndefinedMetricError, MediaError) as error:
        return Measured(math.nan, f"the input: {error.found}", of_input=True)
    return Measured(math.nan, reason)


def _with_words(
    figures: Sequence[UtilityFigure], original: Pair, edited: Pair, said: Said
) -> dict[UtilityFigure, Measured]:
    original, edited = original._replace(words=said.reference), edited._replace(words=said.edited)
    found = {figure: measured(figure, original, edited) for figure in figures}
    if said.unedited is not None:
        own = measured(UtilityFigure.WORD_ERROR_RATE, original, original._replace(words=said.unedited))
        found[UtilityFigure.WORD_ERROR_RATE] = found[UtilityFigure.WORD_ERROR_RATE]._replace(unedited=own.value)
    return found


def likeness(modality: Modality, before: Any, after: Any) -> float:
    """How like a medium is to what it was before: SSIM of pictures, STOI of sounds; NaN where they have none.

    A picture of another size is brought to the first one's.
    """
    figure = UtilityFigure.SSIM if modality is Modality.FACE else UtilityFigure.STOI
    if modality is Modality.FACE and before.shape != after.shape:
        after = pixels.resampled(after, before.shape[1], before.shape[0])
    try:
        return _FIGURES[figure](Pair(before), Pair(after))
    except (UndefinedMetricError, MediaError):
        return math.nan


def _missing(found: str) -> UndefinedMetricError:
    return UndefinedMetricError("compare an output with its input", found=found)


def _images(original: Pair, edited: Pair) -> tuple[Image, Image]:
    if original.medium.shape != edited.medium.shape:
        raise _missing("the output has another size than the input")
    return original.medium, edited.medium


def _psnr_db(original: Pair, edited: Pair) -> float:
    first, second = _images(original, edited)
    return math.inf if np.array_equal(first, second) else utility.psnr_db(first, second)


def _ssim(original: Pair, edited: Pair) -> float:
    first, second = _images(original, edited)
    if min(first.shape[:2]) < utility.SSIM_WINDOW_PX:
        raise _missing(f"less than {utility.SSIM_WINDOW_PX} px each way")
    return utility.ssim(first, second)


def _landmark_error(original: Pair, edited: Pair) -> float:
    points = []
    size = original.located.size if original.located else (1.0, 1.0)
    for one in (original, edited):
        if one.located is None or not isinstance(one.located.found, Region):
            raise _missing("no face was located")
        height, width = one.located.size
        points.append(one.located.found.scaled(size[1] / width, size[0] / height).landmarks)
    return utility.landmark_error(points[0], points[1])


def _aligned(original: Pair, edited: Pair) -> tuple[Audio, Audio]:
    """Both sounds at the input's rate and of one length.

    Raises:
        UndefinedMetricError: their lengths differ by more than 5 %.
    """
    first: Audio = original.medium
    second = resampled(edited.medium, first.sample_rate_hz)
    if abs(len(second.samples) - len(first.samples)) > SAME_LENGTH * len(first.samples):
        raise _missing("not aligned: the lengths differ by more than 5 %")
    n = min(len(first.samples), len(second.samples))
    return Audio(first.samples[:n], first.sample_rate_hz), Audio(second.samples[:n], first.sample_rate_hz)


def _stoi(original: Pair, edited: Pair) -> float:
    return intelligibility.stoi(*_aligned(original, edited))


def _pesq(original: Pair, edited: Pair) -> float:
    return intelligibility.pesq_wideband(*_aligned(original, edited))


def _si_sdr_db(original: Pair, edited: Pair) -> float:
    first, second = (sound.samples.astype(np.float64) for sound in _aligned(original, edited))
    return math.inf if utility.is_scaled_copy(first, second) else utility.si_sdr_db(first, second)


def _f0_correlation(original: Pair, edited: Pair) -> float:
    sounds = (resampled(sound, RATE_HZ).samples.astype(np.float64) for sound in _aligned(original, edited))
    tracks = [pitch(samples, thorough=False).f0 for samples in sounds]  # noise would take half its length, else
    both = (tracks[0] > 0) & (tracks[1] > 0)
    if np.count_nonzero(both) < utility.LEAST_VOICED_FRAMES:
        raise _missing("hardly a frame is voiced in both")
    if any(np.ptp(track[both]) == 0 for track in tracks):
        raise _missing("a monotone")
    return utility.f0_correlation(tracks[0], tracks[1]).correlation


def _duration_ratio(original: Pair, edited: Pair) -> float:
    ratio: float = edited.medium.duration_s / original.medium.duration_s
    return ratio


def _word_error_rate(original: Pair, edited: Pair) -> float:
    return utility.word_error_rate(words_of(original.words), words_of(edited.words))


_FIGURES: Final[Mapping[UtilityFigure, Callable[[Pair, Pair], float]]] = {
    UtilityFigure.PSNR_DB: _psnr_db,
    UtilityFigure.SSIM: _ssim,
    UtilityFigure.LANDMARK_ERROR: _landmark_error,
    UtilityFigure.STOI: _stoi,
    UtilityFigure.SI_SDR_DB: _si_sdr_db,
    UtilityFigure.F0_CORRELATION: _f0_correlation,
    UtilityFigure.DURATION_RATIO: _duration_ratio,
    UtilityFigure.PESQ: _pesq,
    UtilityFigure.WORD_ERROR_RATE: _word_error_rate,
}


def _method(figure: UtilityFigure, detector: str) -> str:
    """What a reader has to know of a figure beside its name."""
    if figure is UtilityFigure.LANDMARK_ERROR:
        return f"five points by {detector}, over the distance of the eyes"
    return _METHODS.get(figure, "")


_METHODS: Final = {
    UtilityFigure.SSIM: "luma, Gaussian window of 11 x 11 px",
    UtilityFigure.F0_CORRELATION: "F0 by WORLD's DIO and StoneMask, frames voiced in both",
    UtilityFigure.DURATION_RATIO: "output over input",
    UtilityFigure.PESQ: "P.862.2, wide band",
}


def _refuse_words(needed: Sequence[UtilityFigure]) -> None:
    if UtilityFigure.WORD_ERROR_RATE in needed:
        raise ConfigError(
            "make the figure word_error_rate, for which the policy has a floor",
            found="the suite names no speech recogniser",
            todo="assessments: {utility: {transcriber: {name: wav2vec2, path: FOLDER, sha256: DIGEST}}}",
        )


def _require_packages(figures: Sequence[UtilityFigure]) -> None:
    """Before anything is edited, so that a long run does not end for want of a package."""
    if UtilityFigure.F0_CORRELATION in figures:
        vocoder()
    for figure, package, todo in (
        (UtilityFigure.STOI, "pystoi", "pip install 'visavox[voices]'"),
        (UtilityFigure.PESQ, "pesq", "pip install 'visavox[pesq]' (needs a C compiler)"),
    ):
        if figure in figures and importlib.util.find_spec(package) is None:
            raise MissingDependencyError(
                f"make the figure {figure.value}", found=f"{package} is not installed", todo=todo
            )
