"""The UBM-GMM verifier: its mixture against scikit-learn's, its supervectors against the definition, and its people."""

from __future__ import annotations

import csv
import hashlib
import io
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kit_sounds import KIT, speakers
from scipy.stats import multivariate_normal
from sklearn.exceptions import ConvergenceWarning
from sklearn.mixture import GaussianMixture

from visavox.adapters.recognisers import gmm, ubm, ubm_background
from visavox.core.config import parse_suite
from visavox.core.errors import ConfigError, ManifestError, WeightsError
from visavox.core.records import RecogniserSpec
from visavox.media.audio import Audio, decode_audio, encode_wav
from visavox.ports.recogniser import Recogniser, recognisers
from visavox_datasets.synthetic.voices.speakers import REFERENCE_SET


def _build(**params: Any) -> Recogniser:
    return recognisers.get("ubm")(RecogniserSpec(name="ubm", id="mine", params=params), "cpu")


def _fnmr_at(judge: Recogniser, audios: list[Audio], who: np.ndarray, fmr: float) -> float:
    templates = np.stack(judge.embed(audios, judge.locate(audios)))
    upper = np.triu_indices(len(who), 1)
    scores, mated = judge.compare(templates, templates)[upper], (who[:, None] == who[None])[upper]
    threshold = np.quantile(scores[~mated], 1 - fmr)
    return float((scores[mated] <= threshold).mean())


# ---------------------------------------------------------------- mixture
@pytest.fixture(scope="module")
def frames() -> np.ndarray:
    """Of components that overlap, as those of speech do."""
    rng = np.random.default_rng(3)
    centres = rng.normal(0, 1.2, (8, 5))
    return centres[rng.integers(0, 8, 4000)] + rng.normal(0, 1, (4000, 5)) * rng.uniform(0.4, 1.4, 5)


def _quiet(mixture: GaussianMixture, frames: np.ndarray) -> GaussianMixture:
    """Fitted, whether or not it converged in the rounds it was given."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return mixture.fit(frames)


def test_the_likelihoods_are_those_of_normal_densities(frames: np.ndarray) -> None:
    mixture = gmm.fit_mixture(frames[:500], 4)
    expected = [
        np.log(w) + multivariate_normal(m, np.diag(v)).logpdf(frames[:20]) for w, m, v in zip(*mixture, strict=True)
    ]
    assert np.allclose(gmm.log_likelihoods(frames[:20], mixture), np.transpose(expected))


def test_the_mixture_is_as_likely_as_scikit_learn_s(frames: np.ndarray) -> None:
    mixture = gmm.fit_mixture(frames, 8)
    ours = np.logaddexp.reduce(gmm.log_likelihoods(frames, mixture), axis=1).mean()
    theirs = _quiet(GaussianMixture(8, covariance_type="diag", n_init=5, max_iter=300, random_state=0), frames)
    assert ours >= theirs.score(frames) - 0.05
    assert mixture.weights.sum() == pytest.approx(1) and (mixture.variances > 0).all()


def test_a_round_of_em_is_scikit_learn_s_and_never_less_likely(frames: np.ndarray) -> None:
    start = gmm.fit_mixture(frames, 4)
    moved = gmm._em_round(frames, start, np.zeros(5))
    library = _quiet(GaussianMixture(
        4, covariance_type="diag", weights_init=start.weights, means_init=start.means,
        precisions_init=1 / start.variances, max_iter=1, tol=1e9, reg_covar=0,
    ), frames)  # fmt: skip
    assert np.allclose(moved.means, library.means_, atol=1e-6)
    assert np.allclose(moved.variances, library.covariances_, atol=1e-6)
    before, after = (np.logaddexp.reduce(gmm.log_likelihoods(frames, m), axis=1).mean() for m in (start, moved))
    assert after >= before - 1e-9


@settings(max_examples=30)
@given(seed=st.integers(0, 10_000), relevance=st.floats(0.1, 100))
def test_map_moves_each_mean_between_the_background_s_and_the_frames_own(seed: int, relevance: float) -> None:
    rng = np.random.default_rng(seed)
    mixture = gmm.Mixture(np.array([0.3, 0.7]), rng.normal(0, 2, (2, 3)), rng.uniform(0.5, 2, (2, 3)))
    given_frames = rng.normal(0, 2, (40, 3))
    counts, sums = gmm.statistics(given_frames, mixture)
    adapted = (sums + relevance * mixture.means) / (counts + relevance)[:, None]  # Reynolds 2000, eq. 12 to 14
    expected = np.sqrt(mixture.weights)[:, None] * (adapted - mixture.means) / np.sqrt(mixture.variances)
    got = gmm.supervector(given_frames, mixture, relevance=relevance)
    assert np.allclose(got, expected.ravel()) and counts.sum() == pytest.approx(40)


def test_the_kl_kernel_bounds_the_divergence() -> None:
    """Half the squared distance of two supervectors is the divergence of components that differ in means alone."""
    mixture = gmm.Mixture(np.ones(1), np.zeros((1, 2)), np.array([[0.5, 2.0]]))
    a, b = (gmm.supervector(np.full((10, 2), x), mixture, relevance=1e-9) for x in (1.0, 3.0))
    divergence = 0.5 * ((2.0**2) / np.array([0.5, 2.0])).sum()
    assert 0.5 * ((a - b) ** 2).sum() == pytest.approx(divergence)


# ---------------------------------------------------------------- cohort
@pytest.fixture(scope="module")
def on_cohort() -> Recogniser:
    return _build(cohort=str(KIT / "voices-cohort.csv"), components=16)


def test_a_cohort_tells_other_people_apart(on_cohort: Recogniser) -> None:
    audios, who = speakers("voices-small.csv")
    assert _fnmr_at(on_cohort, audios, who, 0.1) <= 0.1
    assert on_cohort.training_overlap == "unknown"


def test_a_run_that_judges_the_cohort_s_recordings_is_refused(on_cohort: Recogniser) -> None:
    audios, _ = speakers("voices-cohort.csv")
    some = audios[:3]
    with pytest.raises(ConfigError, match="a recording of the cohort"):
        on_cohort.embed(some, on_cohort.locate(some))


def _cohort(folder: Path, n_speakers: int, seconds: float, modality: str = "voice") -> Path:
    """Pretend speakers: coloured noise in bursts."""
    rng = np.random.default_rng(1)
    rows = [["path", "subject_id", "modality"]]
    for k in range(n_speakers):
        noise = rng.normal(0, 0.1, round(seconds * 16_000)) * (np.arange(round(seconds * 16_000)) % 8000 < 5000)
        (folder / f"{k}.wav").write_bytes(encode_wav(Audio(noise.astype(np.float32), 16_000)))
        rows.append([f"{k}.wav", f"speaker {k}", modality])
    manifest = folder / "cohort.csv"
    with manifest.open("w", newline="") as stream:
        csv.writer(stream).writerows(rows)
    return manifest


def test_the_digest_is_of_settings_and_of_the_cohort_s_content(tmp_path: Path) -> None:
    manifest = _cohort(tmp_path, 20, 2.0)
    first = _build(cohort=str(manifest), components=16)
    assert _build(cohort=str(manifest), components=16).digest == first.digest
    stated = _build(cohort=str(manifest), components=16, training_overlap="none")
    assert (stated.digest, stated.training_overlap) == (first.digest, "none") and first.training_overlap == "unknown"
    assert _build(cohort=str(manifest), components=32).digest != first.digest
    assert _build(cohort=str(manifest), components=16, dimensions=20).digest != first.digest
    (tmp_path / "3.wav").write_bytes((tmp_path / "4.wav").read_bytes())
    assert _build(cohort=str(manifest), components=16).digest != first.digest


@pytest.mark.parametrize(
    ("n_speakers", "seconds", "modality", "error", "message"),
    [
        (19, 2.0, "voice", ConfigError, "19 speakers"),
        (20, 1.3, "voice", ConfigError, "frames of speech"),
        (20, 2.0, "face", ManifestError, "no voices"),
    ],
)
def test_a_cohort_that_is_too_small_is_refused(
    tmp_path: Path, n_speakers: int, seconds: float, modality: str, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        _build(cohort=str(_cohort(tmp_path, n_speakers, seconds, modality)), components=64)


def test_a_manifest_that_names_absent_files_is_refused(tmp_path: Path) -> None:
    manifest = _cohort(tmp_path, 20, 2.0)
    (tmp_path / "7.wav").unlink()
    with pytest.raises(ManifestError, match=r"7\.wav"):
        _build(cohort=str(manifest))
    with pytest.raises(ManifestError, match="No such file"):
        _build(cohort=str(tmp_path / "absent.csv"))


def test_a_suite_names_the_cohort_relative_to_itself(tmp_path: Path) -> None:
    suite = """
name: mine
editor: {kind: baseline, name: identity, tool_class: anonymise, operation: voice-anonymisation}
dataset: {kind: manifest, path: people.csv}
recognisers: [{name: ubm, cohort: others/cohort.csv}]
assessments: {identity_leak: {fmr: 1e-2}}
policy: baseline
"""
    (judge,) = parse_suite(suite, base=tmp_path).recognisers
    assert judge.param("cohort") == str(tmp_path / "others/cohort.csv")


# ---------------------------------------------------------------- shipped
def test_the_shipped_background_needs_nothing_and_is_the_pinned_one(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    data = ubm.SHIPPED.read_bytes()
    assert hashlib.sha256(data).hexdigest() == ubm.SHIPPED_SHA256 and len(data) < 1_000_000
    judge = _build()
    assert judge.training_overlap == "none" and judge.families == {"ubm-gmm"}
    other = tmp_path / "other.npz"
    other.write_bytes(data[:-1])
    monkeypatch.setattr(ubm, "SHIPPED", other)
    with pytest.raises(WeightsError, match="pinned is"):
        _build()


def test_the_shipped_background_tells_synthetic_speakers_apart() -> None:
    with (REFERENCE_SET / "manifest.csv").open(newline="") as stream:
        rows = [row for row in csv.DictReader(stream) if int(row["session"]) < 3]
    audios = [decode_audio((REFERENCE_SET / row["path"]).read_bytes()) for row in rows]
    _, who = np.unique([row["subject_id"] for row in rows], return_inverse=True)
    assert _fnmr_at(_build(), audios, who, 0.01) <= 0.12


def test_a_background_is_read_without_pickle_and_as_it_was_written() -> None:
    background = ubm_background.read_background(ubm.SHIPPED.read_bytes())
    assert ubm_background.write_background(background) == ubm.SHIPPED.read_bytes()
    evil = io.BytesIO()
    np.savez(evil, weights=np.array([{}], dtype=object))
    for data in (evil.getvalue(), b"no file"):
        with pytest.raises(WeightsError, match="background of ubm"):
            ubm_background.read_background(data)


@pytest.mark.parametrize(
    ("params", "word"),
    [
        ({"components": 64}, "without a cohort"),
        ({"cohort": "/x.csv", "components": 65}, "components"),
        ({"cohort": "/x.csv", "dimensions": 5}, "dimensions"),
        ({"relevance": 4}, "relevance"),
    ],
)
def test_wrong_parameters_are_named(params: dict[str, Any], word: str) -> None:
    with pytest.raises(ConfigError, match=word):
        _build(**params)
