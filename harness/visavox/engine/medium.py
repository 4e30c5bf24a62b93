"""What differs between faces and voices on their way through the engine: one `Medium` a modality, nothing else.

Bytes to arrays and back, what counts as blank or unchanged, what an attacker embeds where nothing was located in an
output, and what is left of a recording without its biometric part.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

import numpy as np

from visavox.core.digest import sha256_bytes
from visavox.core.terms import Modality
from visavox.media.audio import Audio, decode_audio, encode_flac, is_silent
from visavox.media.image import Image, decode_image, encode_png, is_blank
from visavox.media.speech import tone_stretches
from visavox.ports.assessment import DETECTED, FALLBACK, NO_TEMPLATE
from visavox.ports.editor import Media
from visavox.ports.recogniser import FailureToAcquire, Located, Region, Speech

from .clipping import clipping

MASK_MARGIN = 0.1
"""The masked box is larger than the face's by this share of its sides, each way."""


class LocatedIn(NamedTuple):
    """What was located in a medium, and the medium's size: (height, width) in pixels, or (seconds,)."""

    found: Located | FailureToAcquire
    size: tuple[float, ...]


class Medium(ABC):
    """One modality's media.

    Attributes:
        repeats: what is said of a file with the content of another one, before that one's name.
    """

    repeats: str

    @abstractmethod
    def decode(self, data: bytes) -> Any:
        """The medium of a file's bytes; raises MediaError."""

    @abstractmethod
    def encode(self, media: Any) -> bytes:
        """The bytes an output is stored as: the same medium gives the same bytes."""

    @abstractmethod
    def size(self, media: Any) -> tuple[float, ...]:
        """See `LocatedIn`."""

    @abstractmethod
    def shape(self, media: Any) -> tuple[int, ...]:
        """Shape of its array."""

    @abstractmethod
    def n_bytes(self, media: Any) -> int:
        """Memory that it takes."""

    @abstractmethod
    def is_blank(self, media: Any) -> bool:
        """Whether it shows, or sounds, nothing at all."""

    def defect(self, output: Any, source: Any) -> str:
        """What is to be said of an output that is neither blank nor unusable; empty where nothing is.

        Args:
            source: the unedited input; None where it is not known.
        """
        return ""

    @abstractmethod
    def content(self, media: Any) -> str:
        """SHA-256 over what it shows or sounds, whatever its file was."""

    @abstractmethod
    def fallback(self, source: LocatedIn, media: Any) -> Located | None:
        """The input's located part, brought to the output's size; None where it has none."""

    @abstractmethod
    def background(self, media: Any, located: Any) -> tuple[Any, Located | FailureToAcquire]:
        """The medium without its biometric part, and what to embed of it."""

    def is_same(self, one: Any, other: Any) -> bool:
        """Whether two media are equal to the last bit."""
        return type(one) is type(other) and self.content(one) == self.content(other)

    def attacked(self, found: Located | FailureToAcquire, media: Media, source: LocatedIn | None) -> Attacked:
        """What an attacker embeds of an output, and its state.

        Where something was located: that, unless the output shows more faces than its input (a decoy): which one the
        attacker takes is not modelled, so it counts as a failure to acquire. Where nothing was: the input's part.

        Args:
            found: in the medium itself.
            source: in the unedited input; None for originals and for media made elsewhere.
        """
        if not isinstance(found, FailureToAcquire):
            if source is not None and _n_found(found) > _n_found(source.found):
                return Attacked(FailureToAcquire("the output shows more faces than its input"), NO_TEMPLATE)
            return Attacked(found, DETECTED)
        chosen = None if source is None else self.fallback(source, media)
        return Attacked(found, NO_TEMPLATE) if chosen is None else Attacked(chosen, FALLBACK)


class Attacked(NamedTuple):
    """What an attacker embeds, and its state (``visavox.ports.assessment``)."""

    found: Located | FailureToAcquire
    state: int


def _n_found(found: Located | FailureToAcquire) -> float:
    """How many faces; of a medium without any, too many to be exceeded."""
    return found.n_found if isinstance(found, Region) else 1.0 if isinstance(found, Speech) else np.inf


class FaceMedium(Medium):
    """Pictures."""

    repeats = "shows the very pixels of"

    def decode(self, data: bytes) -> Image:
        return decode_image(data)

    def encode(self, media: Image) -> bytes:
        return encode_png(media)

    def size(self, media: Image) -> tuple[float, ...]:
        return (float(media.shape[0]), float(media.shape[1]))

    def shape(self, media: Image) -> tuple[int, ...]:
        return tuple(media.shape)

    def n_bytes(self, media: Image) -> int:
        return media.nbytes

    def is_blank(self, media: Image) -> bool:
        return is_blank(media)

    def content(self, media: Image) -> str:
        return sha256_bytes(repr(media.shape).encode() + media.tobytes())

    def fallback(self, source: LocatedIn, media: Image) -> Located | None:
        if not isinstance(source.found, Region):
            return None
        height, width = source.size
        return source.found.scaled(media.shape[1] / width, media.shape[0] / height)

    def background(self, media: Image, located: Region) -> tuple[Image, Region]:
        """The face's box, enlarged by ``MASK_MARGIN`` each way, filled with the picture's mean colour."""
        height, width = media.shape[:2]
        x0, y0, x1, y1 = located.box
        dx, dy = MASK_MARGIN * (x1 - x0), MASK_MARGIN * (y1 - y0)
        left, right = (int(np.clip(round(v), 0, width)) for v in (x0 - dx, x1 + dx))
        top, bottom = (int(np.clip(round(v), 0, height)) for v in (y0 - dy, y1 + dy))
        result = media.copy()
        result[top:bottom, left:right] = media.reshape(-1, 3).mean(axis=0).round().astype(np.uint8)
        return result, located


class VoiceMedium(Medium):
    """Sounds."""

    repeats = "holds the very samples of"

    def decode(self, data: bytes) -> Audio:
        return decode_audio(data)

    def encode(self, media: Audio) -> bytes:
        return encode_flac(media)

    def size(self, media: Audio) -> tuple[float, ...]:
        return (media.duration_s,)

    def shape(self, media: Audio) -> tuple[int, ...]:
        return tuple(media.samples.shape)

    def n_bytes(self, media: Audio) -> int:
        return media.samples.nbytes

    def is_blank(self, media: Audio) -> bool:
        return is_silent(media)

    def defect(self, output: Audio, source: Any) -> str:
        """Clipping: the tool's, or the input's."""
        return clipping(output, source if isinstance(source, Audio) else None)

    def content(self, media: Audio) -> str:
        return sha256_bytes(f"{media.sample_rate_hz} Hz {len(media.samples)}\n".encode() + media.samples.tobytes())

    def fallback(self, source: LocatedIn, media: Audio) -> Located | None:
        """The input's speech, its times stretched to the output's length; None where tones may lie there instead.

        A loud beep before a quiet voice leaves no speech in reach of it, and moves the voice away from those times.
        """
        if not isinstance(source.found, Speech) or tone_stretches(media):
            return None
        return source.found.stretched(media.duration_s)

    def background(self, media: Audio, located: Speech) -> tuple[Audio, Speech | FailureToAcquire]:
        """What is not speech: the room, the noise, the recording chain."""
        pauses = located.pauses()
        return media, pauses if pauses.segments else FailureToAcquire("nothing but speech: no background to embed")


MEDIA: Final[Mapping[Modality, Medium]] = {Modality.FACE: FaceMedium(), Modality.VOICE: VoiceMedium()}
"""The medium of each modality that this version runs."""
