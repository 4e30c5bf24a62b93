"""The door ``editor``: the model under test.

An editor takes a batch of requests and answers each one, in the same order, with an edited
image or sound, a refusal, or a failure. It runs in a supervised process of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, TypeAlias, runtime_checkable

import numpy as np
import numpy.typing as npt

from visavox.core.records import FileLabelCodes
from visavox.core.registry import Registry
from visavox.core.terms import Modality, Operation, ToolClass
from visavox.media.audio import Audio as Audio  # noqa: PLC0414 - part of this door
from visavox.media.audio import decode_audio

Image: TypeAlias = npt.NDArray[np.uint8]
"""uint8 array H x W x 3, RGB, sRGB transfer, 0..255."""
Media: TypeAlias = "Image | Audio"


@dataclass(frozen=True)
class Refused:
    """The editor declines this case (consent, policy); not a fault."""

    reason: str


@dataclass(frozen=True)
class Failed:
    """The editor could not do this case and says so."""

    reason: str


@dataclass(frozen=True)
class EditedFile:
    """An edited image or sound that came in a file, and what that file gives away beside it.

    Attributes:
        media: the image or sound.
        leaks: codes of ``visavox.media.leaks.Leak``, sorted.
        labels: what the file's labels are worth; None where nobody looked.
    """

    media: Media
    leaks: tuple[str, ...] = ()
    labels: FileLabelCodes | None = None

    @classmethod
    def from_bytes(cls, data: bytes, request: EditRequest) -> EditedFile:
        """The output that a file holds, what the file gives away, and what its labels are worth.

        For editors whose model or service writes files: the labels in them are looked at as they were written.

        Args:
            data: the file as it is handed to users.
            request: the case that it answers.

        Raises:
            MediaError: it is no readable image, or of voices no readable sound.
        """
        from visavox.media.image import decode_image
        from visavox.media.labels import label_codes
        from visavox.media.metadata import leaks_of
        from visavox.media.sound_leaks import sound_leaks

        tool_class = None if request.tool_class is None else ToolClass(request.tool_class)
        if Operation(request.operation).modality is Modality.VOICE:
            return cls(decode_audio(data), sound_leaks(data), label_codes(data, tool_class=tool_class))
        image = decode_image(data)
        sources = [source for source in request.media.values() if isinstance(source, np.ndarray)]
        return cls(image, leaks_of(data, image, sources), label_codes(data, tool_class=tool_class))


EditResult: TypeAlias = "Image | Audio | EditedFile | Refused | Failed"


@dataclass(frozen=True)
class EditRequest:
    """One case, as the editor sees it.

    Attributes:
        case_id: 16 hex digits; the same case has the same id in every run.
        operation: a term of ``visavox.core.terms.Operation``.
        seed: the case's own seed, 0 <= seed < 2**63.
        media: role -> image or sound; roles are ``subject``, ``host``, ``donor``, ``contributor_1`` ...
        consent: the consent token of the case, if the data set states one.
        params: the suite's ``editor.params``.
        person: a token of whoever plays the first role (subject, host, first contributor), the same in all their cases
            of a run, meaningless in other runs: for tools that edit all recordings of one person alike.
        tool_class: the suite's ``editor.tool_class``; None where nothing states it.
    """

    case_id: str
    operation: str
    seed: int
    media: Mapping[str, Media]
    consent: str | None = None
    params: Mapping[str, Any] = field(default_factory=dict)
    person: str | None = None
    tool_class: str | None = None


@runtime_checkable
class Editor(Protocol):
    """A loaded model. ``max_batch`` (default 1) and ``concurrency`` (default 1) may be declared."""

    def edit(self, requests: Sequence[EditRequest]) -> Sequence[EditResult]:
        """Edits a batch of at most ``max_batch`` requests; same length, same order."""
        ...


class LoadEditor(Protocol):
    """What a ``python`` editor's entry must be: ``load(*, device, artifact, params) -> Editor``."""

    def __call__(self, *, device: str, artifact: Path | None, params: Mapping[str, Any]) -> Editor: ...


@dataclass(frozen=True)
class EditorContext:
    """What a factory gets to build an editor inside the worker.

    Attributes:
        spec: the suite's ``editor`` block as JSON values, paths already absolute.
        device: ``cpu`` or ``cuda``.
        scratch: a private folder of this worker, removed when it stops.
        timeout_s: seconds for one case.
    """

    spec: Mapping[str, Any]
    device: str
    scratch: Path
    timeout_s: float


EditorFactory: TypeAlias = Callable[[EditorContext], Editor]

editors: Registry[EditorFactory] = Registry("editor kinds")
"""Kinds of the suite's ``editor.kind``: python, command, folder, baseline ..."""

baselines: Registry[LoadEditor] = Registry("baseline editors")
"""Names of ``editor.name`` where ``editor.kind`` is ``baseline``."""
