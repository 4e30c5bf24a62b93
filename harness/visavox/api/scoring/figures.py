"""The figures of a score file's trials, each with its interval where people are known."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from visavox.core.errors import UndefinedMetricError
from visavox.core.names import rate_in_name
from visavox.core.seeding import generator
from visavox.core.terms import Direction, Support
from visavox.metrics import (
    curves,
    detection,
    disclosure,
    disclosure_intervals,
    error_rates,
    intervals,
    linkability,
    tandem,
)
from visavox.metrics.arrays import number_people
from visavox.metrics.mean_intervals import DISPLAY_ALPHA
from visavox.metrics.operating_points import support
from visavox.metrics.rate_records import RateInterval
from visavox.metrics.score_tables import PeopledScores

from .records import ScoreEstimate, ScoreOperatingPoint
from .trials import Floats, Ints, Label, ScoreTrials, Tags
from .writer import Found, Options, Writer

FMRS = (1e-2, 1e-3, 1e-4)
SEED = 7
"""Of the permutation null: the same file gives the same figures."""
CLOPPER_PEARSON = "effective-size Clopper-Pearson on the linearised statistic (STATISTICS 3d)"
AT_THRESHOLD = "effective-size Clopper-Pearson, threshold estimated on the same people (STATISTICS 3e)"
JACKKNIFE = "delete-one-person jackknife"
NOT_LLR = "the scores are not said to be natural-log likelihood ratios: --llr"


class Classes(NamedTuple):
    """Scores of two classes: mated and non-mated, or attacks and bona fide.

    Attributes:
        positive, negative: scores; the positive class's are the higher ones.
        persons: of the positive scores; first, second: of the negative ones; None where unknown, ``second`` None where
            a score has one person.
    """

    positive: Floats
    negative: Floats
    persons: Ints | None
    first: Ints | None
    second: Ints | None

    @property
    def n_people(self) -> int:
        """People that occur; 0 where they are unknown."""
        return _people(self.persons, self.first, self.second)


def figures_of(trials: ScoreTrials, tags: Tags, rows: npt.NDArray[np.bool_], options: Options) -> Iterator[Found]:
    """All figures of the rows that bear the tags."""
    part = _rows(trials, rows)
    is_tandem = part.similarities is not None and part.attack_scores is not None
    if part.similarities is not None:
        writer = Writer(tags, options, "on asv-score" if is_tandem else "")
        yield from _comparison(_classes(part, part.similarities, (Label.MATED,), (Label.NON_MATED,)), writer, options)
    if part.attack_scores is not None:
        writer = Writer(tags._replace(recogniser="cm-score") if is_tandem else tags, options)
        bona_fide = (Label.MATED, Label.NON_MATED, Label.BONA_FIDE)
        yield from _detection(_classes(part, part.attack_scores, (Label.ATTACK,), bona_fide), writer, options)
    if part.joint is not None:
        yield _a_dcf(part, Writer(tags._replace(recogniser="sasv-score") if is_tandem else tags, options), options)
    if is_tandem:
        yield from _tandem(part, Writer(tags._replace(recogniser="cm-score"), options), options)


def _rows(trials: ScoreTrials, rows: npt.NDArray[np.bool_]) -> ScoreTrials:
    def cut(array: Any) -> Any:
        return None if array is None else array[rows]

    return trials._replace(
        labels=trials.labels[rows],
        similarities=cut(trials.similarities),
        attack_scores=cut(trials.attack_scores),
        joint=cut(trials.joint),
        people=cut(trials.people),
    )


def _classes(trials: ScoreTrials, scores: Floats, positive: tuple[Label, ...], negative: tuple[Label, ...]) -> Classes:
    is_positive, is_negative = np.isin(trials.labels, positive), np.isin(trials.labels, negative)
    people = trials.people
    if people is None:
        return Classes(scores[is_positive], scores[is_negative], None, None, None)
    others = people[is_negative]
    second = others[:, 1] if negative == (Label.NON_MATED,) else None
    return Classes(scores[is_positive], scores[is_negative], people[is_positive, 0], others[:, 0], second)


def _people(*columns: Ints | None) -> int:
    known = [column for column in columns if column is not None]
    return number_people(*known).n if known else 0


# ---------------------------------------------------------------- two classes
def _ranked(found: Classes, writer: Writer, names: tuple[str, str]) -> Iterator[Found]:
    """EER and AUC of two classes."""
    for name, figure, interval, n in (
        (names[0], lambda: curves.eer(found.positive, found.negative).eer, curves.eer_interval, found.positive.size),
        (
            names[1],
            lambda: curves.auc(found.positive, found.negative),
            curves.auc_interval,
            min(found.positive.size, found.negative.size),
        ),
    ):
        made = writer.made(
            name,
            figure,
            _applied(interval, found),
            n=n,
            n_subjects=found.n_people,
            method=CLOPPER_PEARSON,
            chance=0.5,
            direction=Direction.NEITHER,
        )
        if isinstance(made, ScoreEstimate) and name == "eer" and made.value > 0.5:
            note = "; ".join(part for part in (made.note, "above 50 %: check the sign of the scores") if part)
            made = made.model_copy(update={"note": note})
        yield made


def _applied(interval: Callable[..., Any], found: Classes, **more: Any) -> Callable[[], Any]:
    def apply() -> Any:
        return interval(found.positive, found.persons, found.negative, found.first, found.second, **more)

    return apply


def _evidence(
    found: Classes, writer: Writer, options: Options, null: disclosure_intervals.DisclosureNull | None = None
) -> Iterator[Found]:
    """minCllr of any scores; Cllr and what calibration costs of likelihood ratios."""
    common: dict[str, Any] = {
        "n": found.positive.size + found.negative.size,
        "n_subjects": found.n_people,
        "method": JACKKNIFE,
        "direction": Direction.NEITHER,
    }
    scores = found.positive, found.negative
    if options.is_llr:
        interval = _applied(disclosure_intervals.cllr_interval, found, alpha=options.alpha)
        yield writer.made("cllr", lambda: disclosure.cllr(*scores), interval, chance=1.0, **common)
        interval = _applied(disclosure_intervals.cllr_cal_interval, found, alpha=options.alpha)
        yield writer.made("cllr_cal", lambda: disclosure.calibration(*scores).cllr_cal, interval, **common)
    else:
        yield writer.not_made("cllr", NOT_LLR)
        yield writer.not_made("cllr_cal", NOT_LLR)
    if null is not None:
        common |= {
            "chance": null.min_cllr_mean,
            "note": f"person-permutation null: mean {null.min_cllr_mean:.4f}, 5 % quantile {null.min_cllr_q05:.4f} "
            f"({null.n_null} permutations); fitted on these scores, it and its interval err low",
        }
    interval = _applied(disclosure_intervals.min_cllr_interval, found, alpha=options.alpha)
    yield writer.made("min_cllr", lambda: disclosure.min_cllr(*scores), interval, **common)


def _null(found: Classes) -> disclosure_intervals.DisclosureNull | None:
    """What calibration finds where nobody is linked; None where no people are known, or one a score."""
    if found.persons is None or found.first is None or found.second is None:
        return None
    try:
        return disclosure_intervals.disclosure_null(
            found.positive,
            found.persons,
            found.negative,
            found.first,
            found.second,
            rng=generator(SEED, "score", "disclosure"),
            is_symmetric=_is_one_way(found.first, found.second),
        )
    except UndefinedMetricError:
        return None


def _comparison(found: Classes, writer: Writer, options: Options) -> Iterator[Found]:
    yield from _ranked(found, writer, ("eer", "auc"))
    for fmr in FMRS:
        yield _fnmr(found, writer, fmr)
    null = _null(found)
    yield from _evidence(found, writer, options, null)
    yield from _zebra(found, writer, options, null)
    yield _d_sys(found, writer, options)


def _fnmr(found: Classes, writer: Writer, fmr: float) -> Found:
    name = f"fnmr_at_fmr_{rate_in_name(fmr)}"
    try:
        point = error_rates.fnmr_at_fmr(found.positive, found.negative, fmr)
    except UndefinedMetricError as error:
        return writer.not_made(name, f"{error.asked}: {error.found}")
    of_point = ScoreOperatingPoint(
        target_fmr=fmr, threshold=point.threshold, fmr=point.fmr, n_non_mated=found.negative.size, ties=point.ties
    )
    if found.n_people:
        level = support(found.n_people, found.negative.size, fmr)
        if level is Support.NONE:
            return writer.not_made(name, f"a rate at FMR {fmr:g} was asked for: {found.n_people} people, 8 needed")
        ends = {}
        if found.first is not None and found.second is not None:
            matched = intervals.pair_rate_interval(found.negative >= point.threshold, found.first, found.second).basis
            ends = {
                "fmr_low": intervals.bound_lower(matched, DISPLAY_ALPHA),
                "fmr_high": intervals.bound_upper(matched, DISPLAY_ALPHA),
            }
        of_point = of_point.model_copy(update={"support": level, "n_people": found.n_people, **ends})

    def missed() -> RateInterval:
        owner, first, second = (column for column in (found.persons, found.first, found.second) if column is not None)
        stratum = intervals.Stratum(found.positive, owner, point.threshold, fmr, found.negative, first, second)
        accepted = intervals.rate_at_threshold_interval([stratum])
        basis = accepted.basis.model_copy(
            update={
                "p_low": 1 - accepted.basis.p_high,
                "p_high": 1 - accepted.basis.p_low,
                "n_eff_low": accepted.basis.n_eff_high,
                "n_eff_high": accepted.basis.n_eff_low,
            }
        )
        return accepted._replace(p=point.rate, basis=basis)

    return writer.made(
        name,
        lambda: point.rate,
        missed,
        n=found.positive.size,
        n_subjects=found.n_people,
        method=AT_THRESHOLD,
        direction=Direction.NEITHER,
        operating_point=of_point,
    )


def _zebra(
    found: Classes, writer: Writer, options: Options, null: disclosure_intervals.DisclosureNull | None
) -> Iterator[Found]:
    scores = found.positive, found.negative
    common: dict[str, Any] = {
        "n": found.positive.size + found.negative.size,
        "n_subjects": found.n_people,
        "method": JACKKNIFE,
    }
    beside: dict[str, Any] = {}
    if null is not None:
        beside = {
            "chance": null.expected_bit_mean,
            "note": f"person-permutation null: mean {null.expected_bit_mean:.4f}, 95 % quantile "
            f"{null.expected_bit_q95:.4f} ({null.n_null} permutations); fitted on these scores, it and its interval "
            "err high",
        }
    interval = _applied(disclosure_intervals.expected_disclosure_interval, found, alpha=options.alpha)
    yield writer.made("zebra_expected", lambda: disclosure.zebra(*scores).expected_bit, interval, **common, **beside)
    try:
        worst = disclosure.zebra(*scores)
    except UndefinedMetricError as error:
        yield writer.not_made("zebra_worst", f"{error.asked}: {error.found}")
        return
    note = "the strongest single score of this file, which grows with their number: no interval"
    made = writer.made("zebra_worst", lambda: worst.worst_log10, None, **{**common, "n_subjects": 0})
    assert isinstance(made, ScoreEstimate)
    yield made.model_copy(update={"note": note, "band": worst.tag, "n_subjects": found.n_people or None})


def _d_sys(found: Classes, writer: Writer, options: Options) -> Found:
    if found.persons is None or found.first is None or found.second is None:
        return writer.not_made("d_sys", "D_sys is biased upwards and says nothing without its null, which needs people")
    table = (found.positive, found.persons, found.negative, found.first, found.second)
    rng = generator(SEED, "score", "d_sys")
    try:
        null = linkability.d_sys_null(*table, rng=rng, is_symmetric=_is_one_way(found.first, found.second))
    except UndefinedMetricError as error:
        return writer.not_made("d_sys", f"{error.asked}: {error.found}")
    return writer.made(
        "d_sys",
        lambda: null.d_sys,
        _applied(linkability.d_sys_interval, found, alpha=options.alpha),
        n=found.positive.size,
        n_subjects=found.n_people,
        method=JACKKNIFE,
        direction=Direction.NEITHER,
        chance=null.null_mean,
        note=(
            f"person-permutation null: mean {null.null_mean:.4f}, 95 % quantile {null.null_q95:.4f}, "
            f"p {null.p_value:.4f} ({null.n_null} permutations)"
        ),
    )


def _is_one_way(first: Ints, second: Ints) -> bool:
    """No pair of people was compared in both directions: each comparison stands for both."""
    k = int(max(first.max(initial=0), second.max(initial=0))) + 1
    return not np.isin(np.unique(second * k + first), np.unique(first * k + second)).any()


# ---------------------------------------------------------------- detectors and tandems
def _detection(found: Classes, writer: Writer, options: Options) -> Iterator[Found]:
    yield from _ranked(found, writer, ("eer", "auc"))
    bona_fide, attacks = found.negative, found.positive
    common: dict[str, Any] = {"n": bona_fide.size + attacks.size, "n_subjects": found.n_people, "method": JACKKNIFE}
    costs = "costs and priors of ASVspoof 5"

    def people(interval: Callable[..., Any]) -> Callable[[], Any]:
        return lambda: interval(bona_fide, found.first, attacks, found.persons, alpha=options.alpha)

    yield writer.made(
        "min_dcf",
        lambda: detection.min_dcf(bona_fide, attacks).dcf,
        people(detection.min_dcf_interval),
        note=costs,
        **common,
    )
    if options.is_llr:
        yield writer.made(
            "act_dcf",
            lambda: detection.act_dcf(bona_fide, attacks).dcf,
            people(detection.act_dcf_interval),
            note=costs,
            **common,
        )
    else:
        yield writer.not_made("act_dcf", NOT_LLR)
    yield from _evidence(found, writer, options)


def _peopled(trials: ScoreTrials, scores: Floats, label: Label, name: str) -> PeopledScores:
    chosen = trials.labels == label
    people: tuple[Ints, ...] = ()
    if trials.people is not None:
        first, second = trials.people[chosen].T
        people = (first, second) if label is Label.NON_MATED else (first,)
    return PeopledScores(name, scores[chosen], people)


def _a_dcf(trials: ScoreTrials, writer: Writer, options: Options) -> Found:
    assert trials.joint is not None
    kinds = [
        _peopled(trials, trials.joint, label, name)
        for label, name in ((Label.MATED, "mated"), (Label.NON_MATED, "non-mated"), (Label.ATTACK, "attack"))
    ]
    return writer.made(
        "a_dcf",
        lambda: tandem.a_dcf(*(kind.scores for kind in kinds)).a_dcf,
        lambda: tandem.a_dcf_interval(*kinds, alpha=options.alpha),
        n=trials.labels.size,
        n_subjects=_people(*(column for kind in kinds for column in kind.people)),  # type: ignore[arg-type]
        method=JACKKNIFE,
        note="costs and priors of ASVspoof 5",
    )


def _tandem(trials: ScoreTrials, writer: Writer, options: Options) -> Iterator[Found]:
    assert trials.similarities is not None
    assert trials.attack_scores is not None
    found = _classes(trials, trials.attack_scores, (Label.ATTACK,), (Label.MATED, Label.NON_MATED))
    common: dict[str, Any] = {"n": trials.labels.size, "n_subjects": found.n_people, "method": JACKKNIFE}
    yield writer.made(
        "min_t_dcf",
        lambda: tandem.t_dcf(found.negative, found.positive).t_dcf,
        lambda: tandem.t_dcf_interval(
            PeopledScores("bona fide", found.negative, (found.first if found.first is not None else (),)),
            PeopledScores("attack", found.positive, (found.persons if found.persons is not None else (),)),
            alpha=options.alpha,
        ),
        note="costs, priors and fixed comparator of ASVspoof 5",
        **common,
    )
    kinds = [
        tandem.TandemTrials(trials.similarities[trials.labels == label], trials.attack_scores[trials.labels == label])
        for label in (Label.MATED, Label.NON_MATED, Label.ATTACK)
    ]
    yield writer.made("t_eer", lambda: tandem.t_eer(*kinds).t_eer, None, note="no interval is made", **common)
