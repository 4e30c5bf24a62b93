"""What every registered detector keeps to, whatever stands behind it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx_files import channel_means, pooling_network
from shipped import shipped

from visavox.core.errors import MediaError
from visavox.core.seeding import generator
from visavox.core.terms import Modality
from visavox.media.audio import Audio, decode_audio
from visavox.media.common_path import common_path
from visavox.media.image import decode_image
from visavox.media.perturbations import pixels, waveforms
from visavox.ports.detector import Detector, FittedDetector, LearningDetector, Scored, detectors
from visavox.ports.editor import Media
from visavox.ports.recogniser import FailureToAcquire

SETS = Path(__file__).parents[2] / "datasets" / "visavox_datasets" / "sets"
FACE, VOICE = Modality.FACE, Modality.VOICE
N = 26

# How to build each registered detector here: its params, and others that give other scores.
Built = Callable[[Path, Modality], dict[str, Any]]
HOW: dict[str, tuple[Built, dict[str, Any] | None]] = {
    "spectral": (lambda folder, modality: {}, {"penalty": 3.0}),
    "in_loop": (lambda folder, modality: {}, None),
    "onnx": (
        lambda folder, modality: (
            {**channel_means(folder), "higher_is": "bona_fide", "value": "score", "input_px": 16, "mean": 0.0,
             "std": 1.0, "channel": "rgb", "index": 0}
            if modality is FACE
            else {**pooling_network(folder / "mean.onnx", ("n", 8000), axis=1), "higher_is": "bona_fide",
                  "value": "score", "sample_rate_hz": 16_000, "window_s": 0.5, "padding": "repeat"}
        ),
        {"higher_is": "synthetic"},
    ),
}  # fmt: skip


def test_every_registered_detector_is_under_contract() -> None:
    assert shipped("detectors") == set(HOW), "say above how to build a new detector"


class Case:
    """A detector, media of both classes, and what scores them."""

    def __init__(self, name: str, modality: Modality, folder: Path) -> None:
        build, self.other = HOW[name]
        self.name, self.modality, self.params = name, modality, build(folder, modality)
        self.detector = self.build()
        self.bona_fide, self.edited = media_of(modality)
        self.fitted = self.fit(self.detector)

    def build(self, **changes: Any) -> Detector | LearningDetector:
        return detectors.get(self.name)({**self.params, **changes}, self.modality, "cpu")

    def fit(self, detector: Detector | LearningDetector) -> Detector | FittedDetector:
        if not isinstance(detector, LearningDetector):
            return detector
        people = list(range(N))
        classes = [detector.describe(part) for part in (self.bona_fide, self.edited)]
        return detector.fit_described(*classes, bona_fide_persons=people, edited_persons=people)

    def score(self, media: Sequence[Any]) -> list[Scored]:
        if isinstance(self.fitted, Detector):
            return self.fitted.score(media)
        assert isinstance(self.detector, LearningDetector)
        return self.fitted.score_described(self.detector.describe(media))


def media_of(modality: Modality) -> tuple[list[Media], list[Media]]:
    """One recording each of 26 people who do not exist, and the same with a clumsy edit."""
    rng = generator(1, "contract")
    if modality is FACE:
        files = [SETS / "people-100" / f"{person:04d}-0.jpg" for person in range(N)]
        images = [common_path(decode_image(file.read_bytes()), FACE) for file in files]
        return list(images), [pixels.downsample(image, 6, rng) for image in images]
    sounds = [decode_audio((SETS / "speakers-60" / f"{person:04d}-0.opus").read_bytes()) for person in range(N)]
    sounds = [common_path(Audio(sound.samples[:16_000], sound.sample_rate_hz), VOICE) for sound in sounds]
    return list(sounds), [waveforms.low_pass(sound, 3_000, rng) for sound in sounds]


@pytest.fixture(
    scope="module", params=[(name, modality) for name in sorted(HOW) for modality in (FACE, VOICE)], ids=str
)
def case(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Case:
    return Case(*request.param, tmp_path_factory.mktemp("detector"))


def test_it_says_what_it_is(case: Case) -> None:
    for one in (case.detector, case.fitted):
        assert one.id == case.name and one.modality is case.modality and len(one.digest) == 64
    assert isinstance(case.detector, Detector) != isinstance(case.detector, LearningDetector)


def test_the_same_media_have_the_same_scores_alone_in_a_batch_and_in_any_order(case: Case) -> None:
    some = [*case.bona_fide[:4], *case.edited[:3]]
    together = case.score(some)
    assert all(isinstance(score, float) and np.isfinite(score) for score in together)
    assert case.score(some) == together == case.score(some[::-1])[::-1]
    assert [case.score([one])[0] for one in some] == together


def test_digests_are_the_same_in_two_builds_and_change_with_what_changes_scores(case: Case) -> None:
    again = case.build()
    assert again.digest == case.detector.digest and case.fit(again).digest == case.fitted.digest
    if case.other is not None:
        assert case.build(**case.other).digest != case.detector.digest
    if isinstance(case.detector, LearningDetector):
        classes = [case.detector.describe(part) for part in (case.edited, case.bona_fide)]
        assert case.detector.fit_described(*classes).digest != case.fitted.digest != case.detector.digest


def test_higher_is_more_synthetic(case: Case) -> None:
    if case.name == "onnx":  # means of pixels and samples: higher is said to be bona fide, so it has to be turned
        low, high = (
            [np.full((20, 20, 3), value, np.uint8) for value in (20, 220)]
            if case.modality is FACE
            else [Audio(np.linspace(mean, mean + 0.1, 8_000, dtype=np.float32), 16_000) for mean in (-0.3, 0.3)]
        )
        scores = case.score([high, low])
    else:
        scores = [np.mean(np.array(case.score(part), float)) for part in (case.bona_fide, case.edited)]
    assert scores[0] < scores[1]


def test_what_has_no_score_is_a_failure_in_its_place(case: Case) -> None:
    nothing: list[Media] = (
        [np.zeros((12, 12, 3), np.uint8)] if case.modality is FACE else [Audio(np.zeros(9_000, np.float32), 16_000)]
    )
    scores = case.score([*nothing, case.bona_fide[0], *nothing])
    assert [isinstance(score, FailureToAcquire) for score in scores] == [True, False, True]
    assert all(score.reason for score in scores if isinstance(score, FailureToAcquire))
    assert case.score([]) == []


def test_media_are_not_changed(case: Case) -> None:
    medium = case.bona_fide[0]
    array = medium.samples if isinstance(medium, Audio) else medium
    before, writeable = array.copy(), array.flags.writeable
    array.flags.writeable = False
    case.score([medium])
    array.flags.writeable = writeable
    assert np.array_equal(array, before)


def test_what_is_no_medium_is_refused(case: Case) -> None:
    values: list[Any] = [np.zeros((90, 90), np.uint8), "face.jpg", Audio(np.full(9_000, np.nan, np.float32), 16_000)]
    for value in values:
        with pytest.raises(MediaError):
            case.score([value])


def test_descriptions_depend_on_their_medium_alone(case: Case) -> None:
    if not isinstance(case.detector, LearningDetector):
        return
    together = case.detector.describe(case.edited[:3])
    for medium, features in zip(case.edited[:3], together, strict=True):
        (alone,) = case.detector.describe([medium])
        assert isinstance(features, np.ndarray) and features.dtype == np.float64 and np.isfinite(features).all()
        assert np.array_equal(features, alone)
