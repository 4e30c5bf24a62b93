"""Do formats tell bona fide from edited media? The instrument that guards every rate of a passive detector.

Question: could a detector have been right for the wrong reason: because the two classes were stored, sized or encoded
differently, not because one was edited?
Method: format cues (`visavox.media.format_cues`) after the common path, and a logistic regression fitted to people
apart from those it scores, in three folds.
What it cannot show: a trace of formats outside its list of cues. And where an edit reaches the sides of a picture, or
moves the frequency at which a recording breaks off, it takes the edit for a format: such a trace goes with the next
codec, which is why nobody should rest on it.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import special

from visavox.core.errors import UndefinedMetricError
from visavox.core.figures import Instrument, IntervalBasis
from visavox.core.terms import InstrumentState, Modality, Verdict
from visavox.media.format_cues import CUES
from visavox.metrics import curves, intervals
from visavox.metrics.left_out import left_out_folds
from visavox.metrics.logistic import fit_logistic

Floats = npt.NDArray[np.float64]

FOLDS: Final = 3
LEAST_MEDIA: Final = 10
"""Of each class, in each training part."""
LARGEST_AUC: Final = 0.6
ALPHA: Final = 0.05
POWER: Final = 0.8


class CueAuc(NamedTuple):
    """How well format cues alone tell the classes apart.

    Attributes:
        value: AUC of people left out, .5 = not at all.
        lower, upper: one-sided bounds at ``alpha``.
        basis: of the bounds at any alpha.
        n_people: in either class.
        strongest: the cue that alone ranks the classes best, and its AUC, by all media (never below .5).
    """

    value: float
    lower: float
    upper: float
    basis: IntervalBasis
    n_people: int
    strongest: tuple[str, float]


def cue_auc(
    bona_fide: npt.ArrayLike,
    edited: npt.ArrayLike,
    bona_fide_persons: npt.ArrayLike,
    edited_persons: npt.ArrayLike,
    *,
    modality: Modality,
    alpha: float = ALPHA,
) -> CueAuc:
    """AUC of the cues' logistic regression; people who are scored together are left out of its fit together.

    Args:
        bona_fide, edited: (n, d), (m, d) cues in the order of ``CUES``.
        bona_fide_persons, edited_persons: (n,), (m,) whose each medium is; of an output with two people the host.
        modality: face (images) or voice (sounds).
        alpha: of the one-sided bounds.

    Raises:
        UndefinedMetricError: people or media too few to leave a third of the people out.
    """
    negatives, positives = (
        np.asarray(cues, np.float64).reshape(-1, len(CUES[modality])) for cues in (bona_fide, edited)
    )
    persons = np.concatenate([np.asarray(bona_fide_persons), np.asarray(edited_persons)])
    signs = np.repeat([-1.0, 1.0], [len(negatives), len(positives)])
    rows = np.concatenate([negatives, positives])
    scores = np.zeros(len(rows))
    for test in left_out_folds(persons, signs > 0, FOLDS):
        train = [rows[~test & (signs < 0)], rows[~test & (signs > 0)]]
        if min(map(len, train)) < LEAST_MEDIA:
            raise UndefinedMetricError(
                "format cues were to be fitted",
                found=f"{len(train[0])} bona fide and {len(train[1])} edited media outside a fold",
                todo=f"{LEAST_MEDIA} of each at least: add people",
            )
        scores[test] = fit_logistic(*train).scores(rows[test])
    is_edited = signs > 0
    found = curves.auc_interval(scores[is_edited], persons[is_edited], scores[~is_edited], persons[~is_edited])
    alone = [curves.auc(positives[:, k], negatives[:, k]) for k in range(rows.shape[1])]
    strongest = int(np.argmax(np.abs(np.array(alone) - 0.5)))
    return CueAuc(
        found.p,
        intervals.bound_lower(found.basis, alpha),
        intervals.bound_upper(found.basis, alpha),
        found.basis,
        len(np.unique(persons)),
        (CUES[modality][strongest], max(alone[strongest], 1.0 - alone[strongest])),
    )


def format_cue_instrument(
    bona_fide: npt.ArrayLike,
    edited: npt.ArrayLike,
    bona_fide_persons: npt.ArrayLike,
    edited_persons: npt.ArrayLike,
    *,
    modality: Modality,
) -> Instrument:
    """Red iff the lower 95 % bound of the cues' AUC exceeds .6; arguments as of `cue_auc`."""
    common = {"name": "format_cues", "protects": Verdict.PASS}
    try:
        found = cue_auc(bona_fide, edited, bona_fide_persons, edited_persons, modality=modality)
    except UndefinedMetricError as error:
        return Instrument(
            **common,
            state=InstrumentState.NOT_ASSESSABLE,
            detectable="nothing",
            reason=f"{error.asked}: {error.found}",
        )
    is_red = found.lower > LARGEST_AUC
    name, alone = found.strongest
    return Instrument(
        **common,
        state=InstrumentState.RED if is_red else InstrumentState.GREEN,
        value=found.value,
        detectable=f"format cues with an AUC of {_detectable(found.basis):.2f} or more",
        reason=(
            f"format cues alone tell bona fide from edited media with an AUC of {found.value:.3f} (lower 95 % bound "
            f"{found.lower:.3f}, {found.n_people} people; {LARGEST_AUC:g} is allowed); the strongest is `{name}`, "
            f"{alone:.3f} by itself" + (": a detector may have read the format instead of the edit" if is_red else "")
        ),
    )


def _detectable(basis: IntervalBasis) -> float:
    """The smallest true AUC that would turn the check red in four of five runs of this effective size."""
    for auc in np.linspace(LARGEST_AUC, 1.0, 401):
        spread = float(np.sqrt(auc * (1.0 - auc) / basis.n_eff_low)) * float(special.ndtri(POWER))
        seen = basis.model_copy(update={"p_low": auc - spread, "p_high": auc - spread})
        if intervals.bound_lower(seen, ALPHA) > LARGEST_AUC:
            return float(auc)
    return 1.0
