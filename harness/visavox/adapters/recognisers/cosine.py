"""Templates compared by the cosine: unit vectors, and their products."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from visavox.ports.recogniser import FailureToAcquire, Vectors


def unit(vector: npt.NDArray[np.float32]) -> Vectors | FailureToAcquire:
    """The vector at length 1, or a failure to acquire where it has none.

    >>> unit(np.array([0.0, -2.0], np.float32)).tolist()
    [0.0, -1.0]
    """
    norm = float(np.linalg.norm(vector.astype(np.float64)))
    if not np.isfinite(norm) or norm < 1e-12:
        return FailureToAcquire("a template of zero or non-finite length")
    scaled: Vectors = (vector / norm).astype(np.float32)
    return scaled


def cosines(references: Vectors, probes: Vectors) -> npt.NDArray[np.float32]:
    """Cosines, shape (n_references, n_probes), of unit vectors in rows."""
    return np.asarray(references, np.float32) @ np.asarray(probes, np.float32).T
