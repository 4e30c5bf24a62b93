"""How sure an MMPMR or a MAP is: trials are outputs, people are their contributors (STATISTICS 3)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from visavox.core.errors import UndefinedMetricError

from .arrays import number_people, zero_one
from .mean_intervals import MeanInterval, jackknife_interval
from .morphing import ContributorScores, DecisiveScores, contributor_table, match_shares
from .rate_records import RateInterval
from .threshold_intervals import Stratum, rate_at_threshold_interval


def mmpmr_stratum(
    decisive: DecisiveScores,
    contributors: npt.ArrayLike,
    *,
    threshold: float,
    target_fmr: float,
    non_mated: npt.ArrayLike,
    non_first: npt.ArrayLike,
    non_second: npt.ArrayLike,
    missing_hit: bool = False,
    frozen: bool = False,
) -> Stratum:
    """The trials of an MMPMR for ``mmpmr_interval``: one per output, touching its one to three contributors.

    Args:
        decisive: as ``minmax_scores`` gives them.
        contributors: (n_outputs, k) integer labels.
        threshold, target_fmr, non_mated, non_first, non_second, frozen: as in ``Stratum``.
        missing_hit: what outputs without a decisive score count as.

    Raises:
        UndefinedMetricError: more than three contributors.
    """
    roles = contributor_table(contributors).T
    if len(roles) > 3:
        raise UndefinedMetricError(
            "an interval over the contributors of outputs was asked for", found=f"{len(roles)} contributors an output"
        )
    scored = [role[decisive.outputs] for role in roles] + [None] * (3 - len(roles))
    extra = [role[decisive.missing] for role in roles] + [None] * (3 - len(roles))
    return Stratum(
        scores=decisive.scores,
        persons=roles[0][decisive.outputs],
        threshold=threshold,
        target_fmr=target_fmr,
        non_mated=non_mated,
        non_first=non_first,
        non_second=non_second,
        extra_hits=np.full(decisive.missing.size, missing_hit),
        extra_persons=extra[0],
        frozen=frozen,
        seconds=scored[1],
        extra_seconds=extra[1],
        thirds=scored[2],
        extra_thirds=extra[2],
    )


def mmpmr_interval(strata: Sequence[Stratum]) -> RateInterval:
    """Case e over contributors: MMPMR at thresholds estimated on the same people.

    Contributors have no order: the interval is the same whichever is named first.

    Raises:
        UndefinedMetricError: as ``rate_at_threshold_interval``.
    """
    return rate_at_threshold_interval(strata, interchangeable=True)


def contributors_rate_interval(hits: npt.ArrayLike, contributors: npt.ArrayLike) -> RateInterval:
    """Case c over contributors: a rate of outputs at given thresholds, such as a cell of MAP.

    Args:
        hits: (n_outputs,) 0/1.
        contributors: (n_outputs, k) integer labels, k from 1 to 3. For the swaps of a donor take
            ``cross_rate_interval`` over donor x host instead.

    Raises:
        UndefinedMetricError: no outputs, fewer than two people, or more than three contributors.
    """
    scores = zero_one(hits).astype(np.float64)
    every = DecisiveScores(scores, np.arange(scores.size), np.zeros(0, np.int64))
    none: tuple[float, ...] = ()
    given = mmpmr_stratum(
        every,
        contributors,
        threshold=0.5,
        target_fmr=0.5,
        non_mated=none,
        non_first=none,
        non_second=none,
        frozen=True,
    )
    return mmpmr_interval([given])


def prod_avg_interval(data: ContributorScores, threshold: float, *, alpha: float = 0.05) -> MeanInterval:
    """ProdAvg-MMPMR with its jackknife: each contributor deleted with all outputs they went into; threshold held.

    Where all outputs give 0, or all give 1, the jackknife sees no spread and the interval has no width: an end at 0 or
    1 says nothing there; MMPMR, never below it, has an interval that does.

    Raises:
        UndefinedMetricError: as ``prod_avg_mmpmr``, fewer than two people, or a person who went into every output.
    """
    products = match_shares(data, threshold)
    table = contributor_table(data.contributors)
    columns, n_people = number_people(*table.T)
    sums = sum((np.bincount(c, products, minlength=n_people) for c in columns), start=np.zeros(n_people))
    counts = sum((np.bincount(c, minlength=n_people) for c in columns), start=np.zeros(n_people, np.int64))
    if (counts == products.size).any():
        raise UndefinedMetricError(
            "a jackknife over contributors was asked for", found="a person who went into every output"
        )
    without = np.clip((products.sum() - sums) / (products.size - counts), 0.0, 1.0)
    return jackknife_interval(without, float(products.mean()), alpha=alpha)
