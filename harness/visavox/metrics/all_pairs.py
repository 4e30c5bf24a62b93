"""Every pair of a gallery, exactly, without ever holding the scores: thresholds, EER and DET of 2e8 comparisons.

Templates are compared tile by tile. A score is a float32, and the upper half of its 32 bits orders it among 65,536
bins: each bin's count is exact. A wanted threshold lies in one bin; there the lower half is counted as well, which
tells every single value apart. A sample of the gallery guesses those bins, so that one pass over the tiles is the
rule; where the guess was wrong the tiles are computed once more. Nothing is approximated, ties included, and memory
does not grow with the number of pairs. Mated scores are few and are kept.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from visavox.core.errors import UndefinedMetricError

from .arrays import Bools, Floats, Ints, number_people
from .curves import DetCurve, EqualErrorRate
from .error_rates import RateAtFmr
from .operating_points import RULE_OF_3, allowed_matches, check_target, meets_rule

Templates: TypeAlias = npt.NDArray[np.float32]
Compare: TypeAlias = Callable[[Templates, Templates], npt.NDArray[np.float32]]
"""(references (m, d), probes (n, d)) -> similarities (m, n)."""

TILE = 1024
_HALF = 1 << 16
_UPPER = 1 if sys.byteorder == "little" else 0  # which 16 bits of a float are the upper ones
_INFINITE = (0x007F, 0xFF80)  # bins of the two infinities
_AT_ONCE = 1 << 18  # scores: what is made of them stays in the processor's cache
_PEOPLE = 5000
_PILOT = 2048  # templates whose pairs guess the bins
_ROOM = 64  # bins guessed for one threshold, at 512 KiB each where scores fall
_BEYOND = 32  # bins above the sample's largest score, which all pairs exceed
_FLUSH = 1 << 22
_SIGMAS = 8.0  # pairs that share templates vary more than independent ones


class AllPairs(NamedTuple):
    """What all pairs of a gallery say.

    Attributes:
        rates: FNMR, threshold and realised FMR at each target, in the order asked for.
        eer: by the rule of ``curves.eer``.
        det: exact points, one for each occupied bin of non-mated scores (1/128 of its scores wide), and reject all.
        n_mated, n_non_mated: unordered pairs of one person, of two people.
    """

    rates: tuple[RateAtFmr, ...]
    eer: EqualErrorRate
    det: DetCurve
    n_mated: int
    n_non_mated: int


class Tile(NamedTuple):
    """Scores of two blocks of templates; ``mated`` and ``non_mated`` choose pairs, None where all are non-mated."""

    scores: npt.NDArray[np.float32]
    mated: Bools | None
    non_mated: Bools | None


def all_pairs(
    templates: Templates,
    persons: npt.ArrayLike,
    *,
    target_fmrs: Sequence[float],
    compare: Compare | None = None,
    tile: int = TILE,
) -> AllPairs:
    """Thresholds at target FMRs, EER and DET over every unordered pair of templates; accept iff score >= threshold.

    Args:
        templates: (n, d) float32.
        persons: (n,) integer labels.
        target_fmrs: shares in (0, 1).
        compare: float32 similarities of two blocks, the same for the same blocks; by default their inner products.
        tile: templates of a block.

    >>> unit = np.array([[1, 0], [0.6, 0.8], [0, 1], [-0.6, 0.8]], np.float32)
    >>> found = all_pairs(unit, [0, 0, 1, 1], target_fmrs=[0.75])
    >>> found.n_mated, found.n_non_mated, round(found.rates[0].threshold, 6), found.rates[0].fmr, found.rates[0].rate
    (2, 4, 0.0, 0.75, 0.0)

    Raises:
        UndefinedMetricError: no mated or no non-mated pair, scores that are not finite, a target outside (0, 1), or
            fewer than 3 / target non-mated pairs (rule of 3).
    """
    for target in target_fmrs:
        check_target(target)
    people = number_people(persons).columns[0]
    vectors = np.asarray(templates, np.float32)
    if vectors.ndim != 2 or people.shape != vectors.shape[:1]:
        raise UndefinedMetricError(
            "all pairs of templates were asked for, one person each",
            found=f"templates of shape {vectors.shape}, persons of shape {people.shape}",
        )
    _, n_non = _numbers(people)
    for target in target_fmrs:
        if not meets_rule(RULE_OF_3, n_non, target):
            raise UndefinedMetricError(
                f"a rate at FMR {target:g} was asked for",
                found=f"{n_non} non-mated comparisons, at least {RULE_OF_3 / target:.0f} needed (rule of 3)",
                todo="add people or recordings, or ask for a larger FMR",
            )
    order = np.argsort(people, kind="stable")
    vectors, people = np.ascontiguousarray(vectors[order]), people[order]
    allowed = [allowed_matches(n_non, target) for target in target_fmrs]

    def work() -> Iterator[Tile]:
        return tiles(vectors, people, compare=compare, tile=tile)

    with np.errstate(over="ignore", invalid="ignore"):  # a score that is not finite is found when all are counted
        return _all_pairs(vectors, people, work, allowed, compare or _products)


def _all_pairs(
    vectors: Templates, people: Ints, work: Callable[[], Iterator[Tile]], allowed: Sequence[int], compare: Compare
) -> AllPairs:
    n_mated, n_non = _numbers(people)
    scan = _Scan(_guess(vectors, people, [count / n_non for count in allowed], compare))
    mated = scan.first(work())
    if scan.n != n_non:
        raise UndefinedMetricError("all pairs were counted", found=f"{scan.n} of {n_non} scores", todo="report this")
    while True:
        try:
            rates = tuple(_rate_at(scan, count, mated) for count in allowed)
            return AllPairs(rates, _eer(scan, mated), _det(scan, mated), n_mated, n_non)
        except _NotCountedError as missed:
            scan.again(work(), missed.bins)


def tiles(vectors: Templates, persons: Ints, *, compare: Compare | None = None, tile: int = TILE) -> Iterator[Tile]:
    """Every unordered pair once, in tiles of scores that are valid until the next one.

    Args:
        vectors: (n, d) float32, sorted by person.
        persons: (n,) ascending numbers.
        compare: see ``all_pairs``.
        tile: templates of a block.
    """
    n = len(vectors)
    room = np.empty(min(tile, n) ** 2, np.float32)
    for top in range(0, n, tile):
        rows = slice(top, min(top + tile, n))
        for left in range(top, n, tile):
            columns = slice(left, min(left + tile, n))
            if compare is None:
                shape = rows.stop - top, columns.stop - left
                scores = np.matmul(vectors[rows], vectors[columns].T, out=room[: shape[0] * shape[1]].reshape(shape))
            else:
                scores = np.asarray(compare(vectors[rows], vectors[columns]), np.float32)
            if persons[rows.stop - 1] < persons[left]:
                yield Tile(scores, None, None)
                continue
            later = np.arange(left, columns.stop) > np.arange(top, rows.stop)[:, None]
            same = persons[rows, None] == persons[columns]
            yield Tile(scores, later & same, later & ~same)


def _numbers(persons: Ints) -> tuple[int, int]:
    """Unordered pairs of one person and of two people."""
    sizes = np.bincount(persons)
    n_mated = int((sizes * (sizes - 1) // 2).sum())
    n_non = len(persons) * (len(persons) - 1) // 2 - n_mated
    if n_mated == 0 or n_non == 0:
        raise UndefinedMetricError(
            "error rates of all pairs were asked for",
            found=f"{n_mated} mated and {n_non} non-mated pairs",
            todo="two people, and two templates of one of them, are the least",
        )
    return n_mated, n_non


class _NotCountedError(Exception):
    """A value is needed from bins whose lower halves were not counted."""

    def __init__(self, bins: Collection[int]) -> None:
        super().__init__(f"{len(bins)} bins")
        self.bins = bins


class _Scan:
    """Counts of non-mated scores: by bin, and in some bins by value; bins and values in ascending order."""

    def __init__(self, guessed: Collection[int]) -> None:
        self.bins: Ints = np.zeros(_HALF, np.int64)
        self.reaching: Ints = np.zeros(_HALF + 1, np.int64)  # scores in each bin or above
        self._values: dict[int, Ints] = {}
        self._open = sorted(guessed)

    @property
    def n(self) -> int:
        """All scores."""
        return int(self.reaching[0])

    def first(self, work: Iterator[Tile]) -> npt.NDArray[np.float32]:
        """Counts bins and guessed values; gives the mated scores, ascending."""
        raw = np.zeros(_HALF, np.int64)
        kept: list[npt.NDArray[np.float32]] = []

        def watched() -> Iterator[Tile]:
            for part in work:
                if part.mated is not None:
                    kept.append(part.scores[part.mated] + np.float32(0))
                yield part

        self._count(watched(), raw)
        self.bins = np.concatenate([raw[_HALF // 2 :][::-1], raw[: _HALF // 2]])
        self.reaching = np.append(self.bins[::-1].cumsum()[::-1], 0)
        mated = np.sort(np.concatenate(kept))
        low, high = (int(key) >> 16 for key in _keys(np.array([-np.inf, np.inf])))
        if self.bins[: low + 1].any() or self.bins[high:].any() or not np.isfinite(mated).all():
            raise UndefinedMetricError(
                "error rates of all pairs were asked for",
                found="scores that are NaN or infinite",
                todo="count what has no score as a failure to acquire; a score is a finite number",
            )
        return mated

    def again(self, work: Iterator[Tile], bins: Collection[int]) -> None:
        """Counts the values of some more bins."""
        self._open = sorted(bins)
        self._count(work, None)

    def matches(self, thresholds: Floats) -> Ints:
        """How many scores are >= each threshold."""
        keys: Ints = _keys(thresholds)
        numbers, lows = keys >> 16, keys & (_HALF - 1)
        found: Ints = self.reaching[numbers + 1]
        for number in np.unique(numbers[self.bins[numbers] > 0]):
            of = numbers == number
            found[of] += self._of(int(number))[::-1].cumsum()[::-1][lows[of]]
        return found

    def values(self, *numbers: int) -> Floats:
        """The distinct scores of those bins, ascending."""
        missing = [number for number in numbers if self.bins[number] and number not in self._values]
        if missing:
            raise _NotCountedError(missing)
        keys = [(number << 16) + np.flatnonzero(self._of(number)) for number in sorted(numbers) if self.bins[number]]
        return _floats(np.concatenate(keys)) if keys else np.zeros(0)

    def below(self, number: int) -> int:
        """The nearest occupied bin below, the lowest bin where there is none."""
        found = np.flatnonzero(self.bins[:number])
        return int(found[-1]) if found.size else 0

    def above(self, number: int) -> int:
        """The nearest occupied bin above, the highest bin where there is none."""
        found = np.flatnonzero(self.bins[number + 1 :])
        return number + 1 + int(found[0]) if found.size else _HALF - 1

    def _of(self, number: int) -> Ints:
        if number not in self._values:
            raise _NotCountedError([number])
        return self._values[number]

    def _count(self, work: Iterator[Tile], raw: Ints | None) -> None:
        place = np.full(_HALF, -1, np.int64)  # of each raw upper half among the open bins
        place[[_raw(number) for number in self._open]] = np.arange(len(self._open))
        is_open = place >= 0
        values = np.zeros(len(self._open) * _HALF, np.int64)
        waiting: list[npt.NDArray[np.uint32]] = []

        def flush() -> None:
            bits = np.concatenate(waiting) if waiting else np.zeros(0, np.uint32)
            np.add.at(values, place[bits >> 16] * _HALF + (bits & 0xFFFF), 1)
            waiting.clear()

        windows = _windows(self._open)
        for part in work:
            for scores in _portions(part):
                if raw is not None:
                    counts = np.bincount(scores.view(np.uint16)[_UPPER::2], minlength=_HALF)
                    if counts[_HALF // 2]:  # -0 perhaps: it becomes 0, which it equals
                        counts = np.bincount((scores + np.float32(0)).view(np.uint16)[_UPPER::2], minlength=_HALF)
                    raw += counts
                for low, high in windows:
                    near = (scores[(scores >= low) & (scores < high)] + np.float32(0)).view(np.uint32)
                    waiting.append(near[is_open[near >> 16]])
            if sum(map(len, waiting)) > _FLUSH:
                flush()
        flush()
        for number, row in zip(self._open, values.reshape(-1, _HALF), strict=True):
            self._values[number] = row if number >= _HALF // 2 else row[::-1]


def _products(references: Templates, probes: Templates) -> npt.NDArray[np.float32]:
    return references @ probes.T


def _guess(vectors: Templates, persons: Ints, shares: Sequence[float], compare: Compare) -> set[int]:
    """Bins in which the thresholds for those shares of matches, and the EER's, probably lie."""
    chosen = np.unique(np.linspace(0, len(vectors) - 1, _PILOT).astype(np.int64))
    some, of = vectors[chosen], persons[chosen]
    scores = compare(some, some)
    non_mated = np.sort(scores[np.triu(of[:, None] != of, 1)])
    if not (non_mated.size and np.isfinite(non_mated).all()):
        return set()
    crossing = _crossing(np.sort(_within(vectors, persons, compare)), non_mated)
    bins: set[int] = set()
    for share in (*shares, crossing):
        spread = _SIGMAS * (np.sqrt(share * (1 - share) / non_mated.size) + 1 / non_mated.size)
        ends = np.clip([1 - share - spread, 1 - share + spread], 0, 1) * (non_mated.size - 1)
        low, high = (int(key) >> 16 for key in _keys(non_mated[ends.round().astype(np.int64)].astype(np.float64)))
        middle = int(_keys(non_mated[[int((1 - share) * (non_mated.size - 1))]].astype(np.float64))[0]) >> 16
        last = high + (_BEYOND if ends[1] >= non_mated.size - 1 else 4)
        bins |= set(sorted(range(low - 3, last + 1), key=lambda number: abs(number - middle))[:_ROOM])
    return {number for number in bins if _INFINITE[0] < number < _INFINITE[1]}


def _within(vectors: Templates, persons: Ints, compare: Compare) -> npt.NDArray[np.float32]:
    """Some mated scores: neighbours, or whole people where scores are no products."""
    if compare is _products:
        same = np.flatnonzero(persons[1:] == persons[:-1])
        neighbours: npt.NDArray[np.float32] = np.einsum("ij,ij->i", vectors[same], vectors[same + 1])
        return neighbours
    ends = np.append(np.flatnonzero(np.diff(persons)) + 1, len(persons))
    blocks = [vectors[a:b] for a, b in zip(np.append(0, ends[:-1]), ends, strict=True) if b > a + 1]
    step = -(-len(blocks) // _PEOPLE)
    return np.concatenate([compare(block, block)[np.triu_indices(len(block), 1)] for block in blocks[::step]])


def _crossing(mated: npt.NDArray[np.float32], non_mated: npt.NDArray[np.float32]) -> float:
    """The FMR at which FNMR equals it, both samples ascending."""
    fmr = 1.0 - np.searchsorted(non_mated, mated) / non_mated.size
    fnmr = np.arange(mated.size) / mated.size
    reached = np.flatnonzero(fnmr >= fmr)
    return float((fmr[reached[0]] + fnmr[reached[0]]) / 2) if reached.size else float(fmr[-1])


def _windows(bins: Sequence[int]) -> list[tuple[np.float32, np.float32]]:
    """Ranges of scores that hold the bins, parted at their widest gap: the EER's, as a rule, and the thresholds'."""
    if not bins:
        return []
    edges = _floats(np.array([[number << 16, (number + 1) << 16] for number in bins])).astype(np.float32)
    part = int(np.argmax(np.diff(bins))) + 1 if len(bins) > 1 else 0
    ends = [(0, part - 1), (part, len(bins) - 1)] if part else [(0, 0)]
    return [(edges[first, 0], edges[last, 1]) for first, last in ends]


def _portions(part: Tile) -> Iterator[npt.NDArray[np.float32]]:
    """The non-mated scores of a tile, a few rows at a time."""
    height, width = part.scores.shape
    step = max(1, _AT_ONCE // width)
    for start in range(0, height, step):
        rows = slice(start, start + step)
        scores = part.scores[rows]
        yield scores.ravel() if part.non_mated is None else scores[part.non_mated[rows]]


def _keys(values: Floats) -> Ints:
    """The places of float32 numbers among all of them in ascending order."""
    bits = (values.astype(np.float32) + np.float32(0)).view(np.uint32).astype(np.int64)
    return np.where(bits < 1 << 31, bits + (1 << 31), (1 << 32) - 1 - bits)


def _floats(keys: Ints) -> Floats:
    bits = np.where(keys >= 1 << 31, keys - (1 << 31), (1 << 32) - 1 - keys)
    return bits.astype(np.uint32).view(np.float32).astype(np.float64)


def _raw(number: int) -> int:
    """The upper 16 bits of the floats in a bin."""
    return number - _HALF // 2 if number >= _HALF // 2 else _HALF - 1 - number


def _missed(mated: npt.NDArray[np.float32], thresholds: Floats) -> Floats:
    """FNMR at thresholds."""
    return np.searchsorted(mated.astype(np.float64), thresholds) / mated.size


def _rate_at(scan: _Scan, allowed: int, mated: npt.NDArray[np.float32]) -> RateAtFmr:
    """FNMR at the smallest score that at most ``allowed`` scores reach, as in ``operating_points.threshold_at_fmr``."""
    crossing = int(np.flatnonzero(scan.reaching > allowed)[-1])
    values = scan.values(crossing, scan.above(crossing))
    matches = scan.matches(values)
    fits = np.flatnonzero(matches <= allowed)
    if fits.size:
        threshold, count = float(values[fits[0]]), int(matches[fits[0]])
    else:
        threshold, count = float(np.nextafter(np.float32(values[-1]), np.float32(np.inf))), 0
    return RateAtFmr(float(_missed(mated, np.array([threshold]))[0]), threshold, count / scan.n, ties=not fits.size)


def _eer(scan: _Scan, mated: npt.NDArray[np.float32]) -> EqualErrorRate:
    """The equal error rate by the rule of ``curves.eer``.

    FNMR - FMR rises from bin to bin and from score to score; only the scores on both sides of its change of sign
    matter.
    """
    places: Ints = _keys(mated.astype(np.float64)) >> 16
    missed = np.searchsorted(places, np.arange(_HALF)) / mated.size  # at the lower edge of each bin
    crossing = int(np.flatnonzero(missed >= scan.reaching[:-1] / scan.n)[0]) - 1
    low, high = scan.below(crossing), scan.above(crossing)
    near = mated[(places >= low) & (places <= high)].astype(np.float64)
    thresholds = np.append(np.unique(np.concatenate([scan.values(low, crossing, high), near])), np.inf)
    fnmr, fmr = _missed(mated, thresholds), np.append(scan.matches(thresholds[:-1]) / scan.n, 0.0)
    right = int(np.flatnonzero(fnmr >= fmr)[0])
    ends = slice(max(right - 1, 0), right + 1)
    around = [
        EqualErrorRate((a + b) / 2, threshold, a, b, (a + b) / 2 > 0.5)
        for a, b, threshold in zip(fmr[ends].tolist(), fnmr[ends].tolist(), thresholds[ends].tolist(), strict=True)
    ]
    return min(around, key=lambda point: (round(abs(point.fmr - point.fnmr), 12), point.eer))


def _det(scan: _Scan, mated: npt.NDArray[np.float32]) -> DetCurve:
    occupied = np.flatnonzero(scan.bins)
    edges = np.append(_floats(occupied.astype(np.int64) << 16), np.inf)
    return DetCurve(edges, np.append(scan.reaching[occupied] / scan.n, 0.0), _missed(mated, edges))
