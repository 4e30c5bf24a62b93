"""Back-ends: how an attacker who has trained on outputs compares two of them.

All but ``none`` learn from labelled templates. Templates are divided by their length first and centred on the training
mean. Every covariance is shrunk (Ledoit-Wolf), so that fewer recordings than dimensions do no harm.

=========== ==========================================================================================================
none        the recogniser's own comparison, or plain cosine; nothing is learned
whitening   cosine after whitening the covariance within people
lda_8 ...   cosine in the 8, 16 or 32 whitened directions in which people differ most, at most people - 1
plda        log-likelihood ratio of the two-covariance model: same person against two people
=========== ==========================================================================================================

References: within-class covariance normalisation, Hatch, Kajarekar, Stolcke, Interspeech 2006; LDA with cosine scores,
Dehak et al., IEEE TASLP 19 (2011) 788-798; two-covariance model, Brummer and de Villiers, Odyssey 2010; length
normalisation, Garcia-Romero and Espy-Wilson, Interspeech 2011.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

from visavox.core.errors import UndefinedMetricError

from ..arrays import Floats, Ints, number_people, same_length
from .moments import Moments, as_templates, moments, unit_length

CANDIDATES = ("none", "whitening", "lda_8", "lda_16", "lda_32", "plda")
"""All back-ends, the simplest first."""

Compare: TypeAlias = Callable[[Floats, Floats], npt.NDArray[np.floating]]
"""(n_a, d), (n_b, d) templates -> (n_a, n_b) similarities: a recogniser's own comparison."""


class Backend(Protocol):
    """A symmetric comparison of templates."""

    @property
    def name(self) -> str:
        """One of ``CANDIDATES``."""
        ...

    def score(self, first: npt.ArrayLike, second: npt.ArrayLike) -> Floats:
        """Similarities, shape (n_a, n_b), of templates (n_a, d) and (n_b, d); higher = more alike.

        Raises:
            UndefinedMetricError: templates that are not finite or of another shape.
        """
        ...


def cosine(first: Floats, second: Floats) -> Floats:
    """Cosines of all pairs of rows; 0 where a row is 0."""
    return unit_length(first) @ unit_length(second).T


@dataclass(frozen=True)
class OwnComparison:
    """``none``: what the recogniser would say itself."""

    compare: Compare
    name: str = "none"

    def score(self, first: npt.ArrayLike, second: npt.ArrayLike) -> Floats:
        """See ``Backend.score``."""
        return np.asarray(self.compare(as_templates(first), as_templates(second)), np.float64)


@dataclass(frozen=True)
class ProjectedCosine:
    """Cosine of centred templates after a linear map.

    Attributes:
        mean: (d,) of unit-length templates.
        projection: (d, dims).
    """

    name: str
    mean: Floats
    projection: Floats

    def score(self, first: npt.ArrayLike, second: npt.ArrayLike) -> Floats:
        """See ``Backend.score``."""
        return cosine(self._projected(first), self._projected(second))

    def _projected(self, templates: npt.ArrayLike) -> Floats:
        return (unit_length(as_templates(templates)) - self.mean) @ self.projection


@dataclass(frozen=True)
class LikelihoodRatio:
    """Log-likelihood ratio of the two-covariance model: x = mean + y + e, y ~ N(0, B) a person, e ~ N(0, W).

    In coordinates where W is the identity and B is diagonal, each axis with B = b adds
    b u v / (1 + 2 b) - b^2 (u^2 + v^2) / (2 (1 + b) (1 + 2 b)) + ln(1 + b) - ln(1 + 2 b) / 2.

    Attributes:
        mean: (d,).
        whitener: (d, d) W^T C W = I for the covariance C within people.
        axes: (d, r) orthonormal axes of the whitened space.
        variances: (r,) b along each.
        variance_rest: b along every other axis.
        is_unit_length: templates are divided by their length first.
    """

    mean: Floats
    whitener: Floats
    axes: Floats
    variances: Floats
    variance_rest: float
    is_unit_length: bool = True
    name: str = "plda"

    def score(self, first: npt.ArrayLike, second: npt.ArrayLike) -> Floats:
        """See ``Backend.score``; natural logarithm."""
        a, b = self._whitened(first), self._whitened(second)
        rest, on_axes = self.variance_rest, self.variances
        cross_rest, cross = _cross(np.float64(rest)), _cross(on_axes)
        u, v = a @ self.axes, b @ self.axes
        scores = cross_rest * (a @ b.T) + (u * (cross - cross_rest)) @ v.T
        own_a, own_b = (self._own(whole, part) for whole, part in ((a, u), (b, v)))
        n_rest = self.mean.size - on_axes.size
        constant = float(_constant(on_axes).sum()) + n_rest * float(_constant(np.float64(rest)))
        return np.asarray(scores + own_a[:, None] + own_b[None, :] + constant, np.float64)

    def _whitened(self, templates: npt.ArrayLike) -> Floats:
        rows = as_templates(templates)
        return ((unit_length(rows) if self.is_unit_length else rows) - self.mean) @ self.whitener

    def _own(self, whole: Floats, part: Floats) -> Floats:
        """The quadratic term of each row."""
        weight_rest, weights = _own_weight(np.float64(self.variance_rest)), _own_weight(self.variances)
        return np.asarray(weight_rest * (whole * whole).sum(1) + (part * part) @ (weights - weight_rest), np.float64)


def _cross(b: Floats | np.float64) -> Floats:
    return np.asarray(b / (1 + 2 * b), np.float64)


def _own_weight(b: Floats | np.float64) -> Floats:
    return np.asarray(-b * b / (2 * (1 + b) * (1 + 2 * b)), np.float64)


def _constant(b: Floats | np.float64) -> Floats:
    return np.asarray(np.log1p(b) - np.log1p(2 * b) / 2, np.float64)


def fit(name: str, templates: npt.ArrayLike, persons: npt.ArrayLike, *, own: Compare | None = None) -> Backend:
    """Fits one back-end.

    Args:
        name: one of ``CANDIDATES``.
        templates: (n, d) of outputs of the training people.
        persons: (n,) integer labels.
        own: the recogniser's comparison, what ``none`` is; plain cosine where it is not given.

    >>> backend = fit("none", [[1.0, 0.0], [0.0, 2.0]], [0, 1])
    >>> backend.score([[3.0, 0.0]], [[1.0, 0.0], [0.0, 1.0]]).tolist()
    [[1.0, 0.0]]

    Raises:
        UndefinedMetricError: an unknown name, no template, templates that are not finite, or labels that do not fit.
    """
    return fit_all([name], templates, persons, own=own)[name]


def fit_all(
    names: Iterable[str], templates: npt.ArrayLike, persons: npt.ArrayLike, *, own: Compare | None = None
) -> dict[str, Backend]:
    """Fits several back-ends to the same templates; they share the costly part. See ``fit``."""
    wanted = list(names)
    unknown = sorted(set(wanted) - set(CANDIDATES))
    if unknown:
        raise UndefinedMetricError(f"the back-end {unknown[0]!r} was asked for", found=f"there are {CANDIDATES}")
    rows = as_templates(templates)
    (people,), _ = number_people(persons)
    same_length("templates and their people", rows[:, 0], people)
    if not len(rows):
        raise UndefinedMetricError("a back-end was asked for", found="no template to learn from")
    learned = moments(unit_length(rows), people) if set(wanted) - {"none"} else None
    return {name: _backend(name, learned, own) for name in wanted}


def _backend(name: str, learned: Moments | None, own: Compare | None) -> Backend:
    if name == "none" or learned is None:
        return OwnComparison(own or cosine)
    if name == "whitening":
        return ProjectedCosine(name, learned.mean, learned.whitener)
    if name == "plda":
        return _plda(learned)
    dims = int(name.removeprefix("lda_"))
    return ProjectedCosine(name, learned.mean, learned.whitener @ learned.axes[:, :dims])


def _plda(learned: Moments) -> LikelihoodRatio:
    """Moment estimate: spread of people's means less what recordings alone would give, per recording, never negative.

    The spreads along the axes scatter about their mean even where people do not differ at all (k - 1 means in d
    dimensions); they are drawn toward it like a covariance of k - 1 draws. What recordings alone would give is read
    from their residuals as they are, not from the shrunk covariance, which is too wide along most axes.
    """
    d, freedom, weight = learned.mean.size, max(learned.n_people - 1, 1), learned.spread_shrinkage
    observed = learned.spreads / freedom
    average = weight * (float(observed.sum()) / d - learned.level_mean)
    variances = np.maximum((1 - weight) * (observed - learned.levels) + average, 0.0) / learned.n_each
    rest = max(average, 0.0) / learned.n_each
    return LikelihoodRatio(learned.mean, learned.whitener, learned.axes, variances, rest)


def two_covariance(mean: npt.ArrayLike, between: npt.ArrayLike, within: npt.ArrayLike) -> LikelihoodRatio:
    """The likelihood ratio of known parameters, for templates as they are (no length normalisation).

    Args:
        mean: (d,).
        between: (d, d) covariance of people, positive semi-definite.
        within: (d, d) covariance of a person's recordings, positive definite.
    """
    from scipy import linalg  # here: a run whose figures are known needs none of it

    lower = linalg.cholesky(np.asarray(within, np.float64), lower=True)
    whitener: Floats = linalg.solve_triangular(lower, np.eye(len(lower)), lower=True).T
    values, axes = linalg.eigh(whitener.T @ np.asarray(between, np.float64) @ whitener)
    return LikelihoodRatio(np.asarray(mean, np.float64), whitener, axes, np.maximum(values, 0.0), 0.0, False)


def people_of(persons: npt.ArrayLike) -> Ints:
    """Labels renumbered from 0."""
    return number_people(persons).columns[0]
