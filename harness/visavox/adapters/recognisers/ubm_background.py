"""The background of the UBM-GMM verifier: what it learns from people whom it never scores.

A mixture of all their frames, the mean of their supervectors, and a projection: principal components of the
supervectors, then the inverse root of the covariance within speakers (WCCN), each recording being cut into two halves
so that one recording a speaker is enough.

References:
    A. Hatch, S. Kajarekar, A. Stolcke, Within-class covariance normalization for SVM-based speaker recognition,
    Interspeech 2006.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from visavox.core.digest import sha256_bytes, sha256_json
from visavox.core.errors import ConfigError, ManifestError, WeightsError
from visavox.media.audio import Audio, decode_audio

from .gmm import Floats, Mixture, fit_mixture, supervector

SHRINKAGE: Final = 0.3  # of the covariance within speakers, toward a multiple of the identity
MIN_SPEAKERS: Final = 20
MIN_FRAMES: Final = 50  # a component
_ARRAYS: Final = ("weights", "means", "variances", "centre", "projection")


class Background(NamedTuple):
    """Mixture, mean unit supervector (k * d,), projection (k * d, n_dimensions), and MAP's relevance factor."""

    mixture: Mixture
    centre: Floats
    projection: Floats
    relevance: float

    def template(self, frames: Floats) -> Floats:
        """The template of an utterance's frames, shape (n_dimensions,), of any length."""
        vector: Floats = _unit_rows(_unit_rows(_supervectors([frames], self.mixture, self.relevance)) - self.centre)[0]
        projected: Floats = vector @ self.projection
        return projected


class Cohort(NamedTuple):
    """Recordings and their speakers, as numbers; ``digest`` of both."""

    audios: tuple[Audio, ...]
    speakers: tuple[int, ...]
    digest: str


def fit_background(
    utterances: Sequence[Floats], speakers: Sequence[int], *, n_components: int, n_dimensions: int, relevance: float
) -> Background:
    """Learns a background from utterances' frames, each (n, d), and who speaks them.

    Args:
        n_dimensions: of templates; as many as the data allow where that is fewer.

    Raises:
        ConfigError: if there are too few speakers or frames.
    """
    n_frames, n_speakers = sum(map(len, utterances)), len(set(speakers))
    if n_speakers < MIN_SPEAKERS or n_frames < MIN_FRAMES * n_components:
        raise ConfigError(
            f"fit a mixture of {n_components} components to a cohort of at least {MIN_SPEAKERS} speakers and"
            f" {MIN_FRAMES * n_components} frames of 10 ms",
            found=f"{n_speakers} speakers, {n_frames} frames of speech",
            todo="give a larger cohort, or fewer components",
        )
    mixture = fit_mixture(np.concatenate(utterances), n_components)
    halves = [half for frames in utterances for half in np.array_split(frames, 2)]
    who = np.repeat(np.asarray(speakers), 2)
    units = _unit_rows(_supervectors(halves, mixture, relevance))
    centre = units.mean(axis=0)
    vectors = _unit_rows(units - centre)
    _, sizes, axes = np.linalg.svd(vectors, full_matrices=False)
    principal = axes[: min(n_dimensions, int((sizes > 1e-6 * sizes[0]).sum()))].T
    return Background(mixture, centre, principal @ _wccn(vectors @ principal, who), relevance)


def read_cohort(manifest: Path) -> Cohort:
    """The voices of a manifest: CSV with ``path`` (beside the manifest) and ``subject_id``, and ``modality`` if mixed.

    Raises:
        ManifestError: if it is unreadable, lacks a column, or names a file that is absent.
        MediaError: if a file is no sound.
    """
    asked = f"read the cohort {manifest}"
    try:
        rows = list(csv.DictReader(io.StringIO(manifest.read_text("utf-8-sig"))))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ManifestError(asked, found=str(error), todo="name a CSV file of path, subject_id") from error
    rows = [row for row in rows if (row.get("modality") or "voice") == "voice"]
    if not rows or not all(row.get("path") and row.get("subject_id") for row in rows):
        raise ManifestError(asked, found="no voices with path and subject_id", todo="give each row both")
    contents: list[bytes] = []
    for row in rows:
        try:
            contents.append((manifest.parent / row["path"]).read_bytes())
        except OSError as error:
            raise ManifestError(asked, found=f"{row['path']}: {error.strerror}", todo="correct the path") from error
    numbers = {name: number for number, name in enumerate(dict.fromkeys(row["subject_id"] for row in rows))}
    speakers = tuple(numbers[row["subject_id"]] for row in rows)
    digest = sha256_json([[sha256_bytes(data), speaker] for data, speaker in zip(contents, speakers, strict=True)])
    return Cohort(tuple(map(decode_audio, contents)), speakers, digest)


def write_background(background: Background) -> bytes:
    """A compressed ``.npz`` of arrays alone, the projection at half precision and up to a scale."""
    halved = background.projection / np.abs(background.projection).max()
    buffer = io.BytesIO()
    np.savez_compressed(
        buffer,
        weights=background.mixture.weights.astype(np.float32),
        means=background.mixture.means.astype(np.float32),
        variances=background.mixture.variances.astype(np.float32),
        centre=background.centre.astype(np.float32),
        projection=halved.astype(np.float16),
        relevance=np.float64(background.relevance),
    )
    return buffer.getvalue()


def read_background(data: bytes) -> Background:
    """The background that `write_background` wrote; nothing but arrays of numbers is read.

    Raises:
        WeightsError: if the bytes are no such file.
    """
    try:
        with np.load(io.BytesIO(data), allow_pickle=False) as file:
            arrays = {name: file[name].astype(np.float64) for name in (*_ARRAYS, "relevance")}
    except Exception as error:  # zipfile and numpy raise many kinds over bytes that are no such file
        raise WeightsError(
            "read the background of ubm", found=f"{type(error).__name__}: {error}", todo="reinstall visavox"
        ) from error
    mixture = Mixture(arrays["weights"], arrays["means"], arrays["variances"])
    return Background(mixture, arrays["centre"], arrays["projection"], float(arrays["relevance"]))


def _supervectors(utterances: Sequence[Floats], mixture: Mixture, relevance: float) -> Floats:
    return np.stack([supervector(frames, mixture, relevance=relevance) for frames in utterances])


def _unit_rows(vectors: Floats) -> Floats:
    units: Floats = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
    return units


def _wccn(vectors: Floats, who: npt.NDArray[np.int64]) -> Floats:
    """The matrix B with B B' the inverse of the shrunk covariance within speakers."""
    within = np.concatenate([vectors[who == k] - vectors[who == k].mean(axis=0) for k in np.unique(who)])
    covariance = within.T @ within / max(len(within) - len(np.unique(who)), 1)
    n = len(covariance)
    shrunk = (1.0 - SHRINKAGE) * covariance + SHRINKAGE * np.trace(covariance) / n * np.eye(n)
    root: Floats = np.linalg.cholesky(np.linalg.inv(shrunk))
    return root
