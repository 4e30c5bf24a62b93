"""The door ``transcriber``: speech recognisers, which write down what is said; never who says it.

The word error rate, a figure of utility, rests on them; nothing else does. A suite that names none runs none.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, Protocol, TypeAlias

from visavox.core.registry import Registry

from .editor import Audio


class Transcriber(Protocol):
    """One speech recogniser.

    Attributes:
        id: what reports call it: its name, and of what network where the name does not say so.
    """

    id: str

    def transcribe(self, sounds: Sequence[Audio]) -> list[str]:
        """What is said in each sound, words apart by spaces; same length, same order; empty where nothing is heard."""
        ...


TranscriberFactory: TypeAlias = Callable[[Mapping[str, Any], str], Transcriber]
"""(params with absolute paths, device) -> speech recogniser; weights are checked here and loaded when first used."""

transcribers: Final[Registry[TranscriberFactory]] = Registry("transcribers")
"""Names of the suite's ``assessments.utility.transcriber``."""
