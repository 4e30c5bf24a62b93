"""What a vendor's decoder answers, as JSON: read from strangers, so checked."""

from __future__ import annotations

import json
import math
from typing import Any, Final

from visavox.media.audio import Audio, encode_wav
from visavox.media.image import encode_png
from visavox.ports.editor import Media
from visavox.ports.recogniser import FailureToAcquire
from visavox.ports.watermark import Decoded

MAX_ANSWER_BYTES: Final = 1 << 20
MAX_REASON: Final = 200
SHAPE: Final = '{"bits": "0110"}, {"bits": [0, 1, 1, 0]}, {"score": 0.7}, both of bits and score, or {"failed": "why"}'


def read_answer(text: bytes, n_bits: int) -> Decoded | FailureToAcquire:
    """A decoder's answer to one medium; what is none is a failure to acquire, and said so."""
    try:
        found: Any = json.loads(text)
        if not isinstance(found, dict) or not found or set(found) - {"bits", "score", "failed"}:
            raise ValueError
        if "failed" in found:
            return FailureToAcquire(str(found["failed"])[:MAX_REASON] or "the decoder gave no reason")
        bits = _bits(found.get("bits"))
        score = found.get("score")
        if score is not None and (isinstance(score, bool) or not math.isfinite(score)):
            raise ValueError
    except (ValueError, TypeError, RecursionError, OverflowError):
        return FailureToAcquire(f"the decoder's answer is none: {SHAPE}")
    if bits is not None and n_bits and len(bits) != n_bits:
        return FailureToAcquire(f"the decoder gave {len(bits)} bits, the message has {n_bits}")
    return Decoded(bits, None if score is None else float(score))


def _bits(value: Any) -> tuple[int, ...] | None:
    if value is None:
        return None
    bits = tuple(int(one) for one in value) if isinstance(value, str) else tuple(value)
    if not bits or any(type(one) is not int or one not in {0, 1} for one in bits):
        raise ValueError
    return bits


def file_of(medium: Media) -> tuple[str, bytes]:
    """Name and bytes of the lossless file that a decoder is given: PNG, or WAV."""
    return ("input.wav", encode_wav(medium)) if isinstance(medium, Audio) else ("input.png", encode_png(medium))
