"""A watermark of bits: is it there, by an exact test, and what is left of its message.

A decoder gives n bits for any medium. Of a medium without the mark each is taken to match the message with probability
one half, independently: then k matches or more come with P[Bin(n, 1/2) >= k], which needs no data. That null is an
assumption about the decoder, and is itself tested on unmarked media: decoders have been seen to prefer some bits.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import special

from visavox.core.errors import UndefinedMetricError

from .arrays import Bools, same_length, zero_one
from .intervals import rate_interval
from .rate_records import RateInterval

MAX_BITS = 4096
"""Longer messages are no watermarks; the exact sums stay quick."""


class BitTest(NamedTuple):
    """The exact test of one medium.

    Attributes:
        n_bits, n_matched: bits of the message, and how many of them the decoder gave.
        p_value: P[Bin(n, 1/2) >= matched]; 1 at no match.
    """

    n_bits: int
    n_matched: int
    p_value: float


class NullTest(NamedTuple):
    """Whether bits decoded from unmarked media are fair coins.

    Attributes:
        p_bias: exact two-sided binomial test of all bits: do they match too often or too seldom?
        p_media: chi-square test, upper tail: do matches vary more between media than coins would?
        p_positions: chi-square test, upper tail: are some positions decoded the same way again and again?
        p_value: of all three, Bonferroni's.
        match_share: matched bits of all.
        n_media, n_bits: what it rests on.
    """

    p_bias: float
    p_media: float
    p_positions: float
    p_value: float
    match_share: float
    n_media: int
    n_bits: int


class MessageRecovery(NamedTuple):
    """What is left of the message on marked media.

    Attributes:
        bit_accuracy: matched bits of all.
        word_accuracy: share of media with every bit right, clustered by people.
        capacity_bits: n (1 - H2(bit accuracy)), bits that a code over many media could carry in each.
    """

    bit_accuracy: float
    word_accuracy: RateInterval
    capacity_bits: float


def reachable_fpr(n_bits: int) -> float:
    """The smallest false positive rate that a mark of n bits can be tested at: 2^-n, all bits matched.

    >>> reachable_fpr(16)
    1.52587890625e-05

    Raises:
        UndefinedMetricError: fewer than 1 or more than 4096 bits.
    """
    _check_bits(n_bits)
    return math.ldexp(1.0, -n_bits)


def bit_test_p_value(n_matched: int, n_bits: int) -> float:
    """P[Bin(n, 1/2) >= k], exact: a sum of whole numbers over 2^n, rounded once.

    >>> round(bit_test_p_value(14, 16), 6)
    0.00209

    Raises:
        UndefinedMetricError: fewer than 1 or more than 4096 bits, or more matches than bits.
    """
    _check_bits(n_bits)
    if not 0 <= n_matched <= n_bits:
        raise UndefinedMetricError("a bit test was asked for", found=f"{n_matched} of {n_bits} bits matched")
    return _tails(n_bits)[n_matched] / (1 << n_bits)


def bits_needed(n_bits: int, target_fpr: float) -> int:
    """The smallest number of matches k with P[Bin(n, 1/2) >= k] <= target.

    >>> [bits_needed(32, fpr) for fpr in (1e-2, 1e-3, 1e-6)]
    [24, 26, 30]

    Raises:
        UndefinedMetricError: a mark so short that not even all bits matched reach the target (the message says which
            FPR it reaches), fewer than 1 or more than 4096 bits, or a target outside (0, 1).
    """
    _check_bits(n_bits)
    if not 0.0 < target_fpr < 1.0:
        raise UndefinedMetricError(
            "a watermark's operating point was asked for", found=f"FPR {target_fpr}", todo="a share in (0, 1)"
        )
    whole, part = target_fpr.as_integer_ratio()  # exact: tail / 2^n <= whole / part
    allowed = (whole << n_bits) // part
    matches = next((k for k, tail in enumerate(_tails(n_bits)) if tail <= allowed), None)
    if matches is None:
        raise UndefinedMetricError(
            f"a watermark of {n_bits} bits was asked for at FPR {target_fpr:g}",
            found=f"with every bit matched it reaches FPR {reachable_fpr(n_bits):.3g}",
            todo=f"ask for that or more, or use a longer message: {math.ceil(-math.log2(target_fpr))} bits at least",
        )
    return matches


def bit_test(decoded: npt.ArrayLike, message: npt.ArrayLike) -> BitTest:
    """The exact test that decoded bits hold the message.

    Args:
        decoded, message: (n,) 0/1.

    >>> bit_test([1, 0, 1, 1], [1, 0, 1, 1]).p_value
    0.0625

    Raises:
        UndefinedMetricError: no bits, different lengths, or values other than 0 and 1.
    """
    found, sent = zero_one(decoded, "decoded bits"), zero_one(message, "message bits")
    same_length("bits", found, sent)
    matched = int(np.count_nonzero(found == sent))
    return BitTest(found.size, matched, bit_test_p_value(matched, found.size))


def marked(matches: npt.ArrayLike, target_fpr: float) -> Bools:
    """Which media the test calls marked at an FPR: (n,) from (n, bits) 0/1, 1 = the bit matches its message.

    Raises:
        UndefinedMetricError: as ``bits_needed``, or no table of 0 and 1.
    """
    table = _matches(matches)
    return np.asarray(table.sum(axis=1) >= bits_needed(table.shape[1], target_fpr), np.bool_)


def marked_rate(matches: npt.ArrayLike, persons: npt.ArrayLike, target_fpr: float) -> RateInterval:
    """The share of media called marked, clustered by people: TPR of marked media, realised FPR of unmarked ones.

    Args:
        matches: (n, bits) 0/1, 1 = the bit matches its message.
        persons: (n,) integer labels.
        target_fpr: under the null of fair bits.

    Raises:
        UndefinedMetricError: as ``marked``, or fewer than two people.
    """
    return rate_interval(marked(matches, target_fpr), persons)


def null_test(matches: npt.ArrayLike) -> NullTest:
    """The null of ``bit_test`` on unmarked media: bits that match the message like independent fair coins.

    Matches must be counted against the message that marked media would carry; a decoder that always gives one pattern
    is seen by its positions even where half of them match. The two chi-square tests are approximate, and careful: the
    coins' own fourth moment makes their sums vary less than chi-square.

    Args:
        matches: (n, bits) 0/1 of unmarked media, one medium a row: edited as the marked ones are, without the mark.

    Raises:
        UndefinedMetricError: no table of 0 and 1, one medium alone, or one bit alone.
    """
    table = _matches(matches)
    n, bits = table.shape
    if n < 2 or bits < 2:
        raise UndefinedMetricError(
            "the null of a watermark's test was asked for", found=f"{n} media, {bits} bits", todo="two of each at least"
        )
    total = int(table.sum())
    beyond = max(total, n * bits - total)  # the more extreme side; by symmetry the other counts alike
    p_bias = min(1.0, 2.0 * float(special.bdtrc(beyond - 1, n * bits, 0.5)))
    p_media = _dispersion(table.sum(axis=1), bits)
    p_positions = _dispersion(table.sum(axis=0), n)
    p_value = min(1.0, 3.0 * min(p_bias, p_media, p_positions))
    return NullTest(p_bias, p_media, p_positions, p_value, total / (n * bits), n, bits)


def _dispersion(counts: npt.NDArray[np.int64], size: int) -> float:
    """Upper tail of sum (k - size / 2)^2 / (size / 4), chi-square with as many degrees of freedom as counts."""
    statistic = float(((counts - size / 2) ** 2).sum() / (size / 4))
    return float(special.chdtrc(counts.size, statistic))


def message_recovery(matches: npt.ArrayLike, persons: npt.ArrayLike) -> MessageRecovery:
    """Bit accuracy, word accuracy and capacity of marked media.

    Args:
        matches: (n, bits) 0/1, 1 = the bit matches; persons: (n,) integer labels.

    Raises:
        UndefinedMetricError: no table of 0 and 1, or fewer than two people.
    """
    table = _matches(matches)
    accuracy = float(table.mean())
    return MessageRecovery(accuracy, rate_interval(table.all(axis=1), persons), capacity_bits(accuracy, table.shape[1]))


def capacity_bits(bit_accuracy: float, n_bits: int) -> float:
    """Capacity of n binary symmetric channels, n (1 - H2(accuracy)); bits always wrong carry as much as bits right.

    >>> capacity_bits(0.5, 32), capacity_bits(1.0, 32)
    (0.0, 32.0)

    Raises:
        UndefinedMetricError: an accuracy outside [0, 1], or fewer than 1 or more than 4096 bits.
    """
    _check_bits(n_bits)
    if not 0.0 <= bit_accuracy <= 1.0:
        raise UndefinedMetricError("a capacity was asked for", found=f"bit accuracy {bit_accuracy}", todo="in [0, 1]")
    entropy = special.entr([bit_accuracy, 1.0 - bit_accuracy]).sum() / math.log(2)
    return float(n_bits * (1.0 - entropy))


def _check_bits(n_bits: int) -> None:
    if not 1 <= n_bits <= MAX_BITS:
        raise UndefinedMetricError(
            "a watermark's test was asked for", found=f"{n_bits} bits", todo=f"a message of 1 to {MAX_BITS} bits"
        )


def _tails(n_bits: int) -> list[int]:
    """2^n P[Bin(n, 1/2) >= k] for k = 0 .. n, whole numbers."""
    coefficient, below, tails = 1, 0, []
    for k in range(n_bits + 1):
        tails.append((1 << n_bits) - below)
        below += coefficient
        coefficient = coefficient * (n_bits - k) // (k + 1)
    return tails


def _matches(matches: npt.ArrayLike) -> Bools:
    array = np.asarray(matches)
    if array.ndim != 2 or array.size == 0:
        raise UndefinedMetricError(
            "matched bits of media were asked for", found=f"an array of shape {array.shape}", todo="media x bits"
        )
    _check_bits(array.shape[1])
    return zero_one(array.ravel(), "matched bits").reshape(array.shape)
