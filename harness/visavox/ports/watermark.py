"""The door ``watermark``: the decoder of the mark that a tool puts into its outputs.

A decoder reads bits or a score from any medium, marked or not. Bits are held against the message that the tool writes,
by an exact test at the FPR that is asked; a score is held against a threshold that the suite states.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol, TypeAlias, runtime_checkable

import numpy as np
import numpy.typing as npt

from visavox.core.errors import ConfigError
from visavox.core.registry import Registry
from visavox.core.terms import Modality

from .editor import Media
from .recogniser import FailureToAcquire


@dataclass(frozen=True)
class Decoded:
    """What a decoder read from one medium.

    Attributes:
        bits: (n,) 0 and 1, as many as the message has; None of a decoder that gives scores.
        score: higher = more surely marked; None of a decoder that gives bits alone.
    """

    bits: tuple[int, ...] | None = None
    score: float | None = None


@runtime_checkable
class Watermark(Protocol):
    """One decoder, ready to read.

    Attributes:
        id: its kind, or what the suite calls it.
        modality: face (images) or voice (sounds).
        digest: SHA-256 over weights or program and every setting that changes what is read.
    """

    id: str
    modality: Modality
    digest: str

    def decode(self, media: Sequence[Media]) -> list[Decoded | FailureToAcquire]:
        """What each medium holds, or why nothing can be read; same length, same order."""
        ...


WatermarkFactory: TypeAlias = Callable[[Mapping[str, Any], Modality, str], Watermark]
"""(params, modality, device) -> decoder; ``params["n_bits"]`` is the length of the message, 0 where there is none."""

watermarks: Final[Registry[WatermarkFactory]] = Registry("watermarks")


@dataclass(frozen=True)
class MarkTest:
    """How it is decided that a medium bears the mark.

    Attributes:
        message: (n,) 0 and 1 that the tool writes; empty where the decoder gives scores.
        fpr: of the exact test of the bits.
        threshold: a score from here on is a mark; None where bits decide.
    """

    message: tuple[int, ...] = ()
    fpr: float = 0.01
    threshold: float | None = None

    def check(self) -> None:
        """Refuses a test that cannot be made, before anything is edited.

        Raises:
            ConfigError: neither message nor threshold, or both.
            UndefinedMetricError: so short a message that even all bits matched do not reach the FPR; it says which one
                they reach.
        """
        if bool(self.message) == (self.threshold is not None):
            found = "both" if self.message else "neither"
            raise ConfigError(
                "read the suite's watermark",
                found=f"{found} of message and threshold",
                todo="state the message of a decoder of bits, or the threshold of one that gives scores",
            )
        if self.message:
            from visavox.metrics.watermark import bits_needed

            bits_needed(len(self.message), self.fpr)

    def matches(self, read: Decoded | FailureToAcquire | None) -> npt.NDArray[np.int8] | None:
        """(n,) 1 where a bit is that of the message; None where no bits, or not as many, were read."""
        if not isinstance(read, Decoded) or read.bits is None or len(read.bits) != len(self.message):
            return None
        found: npt.NDArray[np.int8] = (np.asarray(read.bits) == np.asarray(self.message)).astype(np.int8)
        return found

    def bears_mark(self, read: Decoded | FailureToAcquire | None) -> bool | None:
        """Whether the test finds the mark; None where nothing could be read."""
        if not isinstance(read, Decoded):
            return None
        if self.threshold is not None:
            return None if read.score is None else read.score >= self.threshold
        if self.matches(read) is None:
            return None
        from visavox.metrics.watermark import bit_test  # scipy, which no editor's process needs

        return bit_test(read.bits or (), self.message).p_value <= self.fpr


def marks_of(watermark: Watermark, test: MarkTest, media: Sequence[Media]) -> list[int]:
    """Whether each medium bears the mark: 1, 0, or -1 where it could not be read."""
    found = [test.bears_mark(read) for read in watermark.decode(media)]
    return [-1 if one is None else int(one) for one in found]


@dataclass(frozen=True)
class WatermarkReadings:
    """What a run's decoder read.

    Attributes:
        test: how it is decided.
        of_outputs: (n_cases,) of the outputs; None where a case has none.
        of_unmarked: (n_samples,) of the unedited test samples, which bear no mark of the tool.
    """

    id: str
    test: MarkTest
    of_outputs: tuple[Decoded | FailureToAcquire | None, ...]
    of_unmarked: tuple[Decoded | FailureToAcquire, ...]


def message_bits(text: str) -> tuple[int, ...]:
    """The bits of a message: 0 and 1, or ``0x`` and hexadecimal digits, four bits each.

    >>> message_bits("0101"), message_bits("0x5a")
    ((0, 1, 0, 1), (0, 1, 0, 1, 1, 0, 1, 0))

    Raises:
        ConfigError: anything else.
    """
    try:
        if text.startswith("0x"):
            return tuple(int(bit) for digit in text[2:] for bit in f"{int(digit, 16):04b}")
        if set(text) <= {"0", "1"}:
            return tuple(int(bit) for bit in text)
    except ValueError:
        pass
    raise ConfigError(
        "read a watermark's message", found=repr(text[:80]), todo='write bits, "0110", or hexadecimal, "0x6"'
    )
