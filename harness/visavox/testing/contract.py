"""The contract of an editor, checked through the real worker: run it before you run an assessment.

>>> report = check_editor("visavox.testing.editors:always_noise")
>>> report.passed
True
>>> [check.name for check in report.checks]
['loads', 'answers', 'edits', 'order', 'repeats', 'leaves_requests_alone', 'small_image', 'large_image']
"""

from __future__ import annotations

import inspect
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from visavox.core.errors import ConfigError, EditorError
from visavox.core.seeding import child_seed, generator
from visavox.core.terms import Modality, Operation, Outcome
from visavox.engine.worker import CaseResult, EditorLimits, EditorWorker
from visavox.ports.editor import Audio, EditRequest, Image, Media
from visavox.testing import witness

LoadOrSpec: TypeAlias = "Mapping[str, Any] | str | Callable[..., Any]"

SIZES = ((128, 128), (160, 120), (97, 131), (200, 256), (128, 128))
SMALL = (8, 8)
LARGE = (1536, 2048)
SOUNDS = ((1.5, 16_000), (2.0, 22_050), (1.2, 8_000), (1.0, 48_000), (1.5, 16_000))
"""Seconds and Hz of the generated sounds."""
SHORT = (0.02, 16_000)
LONG = (12.0, 48_000)
LIMITS = EditorLimits(timeout_s=60.0, load_timeout_s=600.0, memory_mb=8192)
EXTREMES = {
    Modality.FACE: ("small_image", "large_image"),
    Modality.VOICE: ("short_sound", "long_sound"),
}
"""Names of the last two checks."""
_SEED = 20_240_601
_SAME_WITHIN = 1.0
_SAME_SOUND_WITHIN = 1e-3


class ContractCheck(NamedTuple):
    """One check: its name, whether it holds, and what was found."""

    name: str
    passed: bool
    found: str


class ContractReport(NamedTuple):
    """Every check of an editor's contract."""

    checks: tuple[ContractCheck, ...]

    @property
    def passed(self) -> bool:
        """Whether every check holds."""
        return all(check.passed for check in self.checks)


def contract_requests(
    images: Sequence[Media] | None = None,
    *,
    roles: Sequence[str] = ("subject",),
    operation: str = Operation.FACE_ANONYMISATION,
    params: Mapping[str, Any] | None = None,
) -> list[EditRequest]:
    """The cases that `check_editor` runs: one for each image or sound, then a small and a large one.

    Args:
        images: images, or sounds where the operation edits voices, of what the editor is for; without them, five
            generated ones of four sizes that show no face, or of four rates that hold no speech.
        roles: the roles of each case; the n-th role of a case is given the n-th next image.
        operation: of every case.
        params: of every case.
    """
    is_voice = Operation(operation).modality is Modality.VOICE
    usual: list[Media] = [_sound(i, *s) for i, s in enumerate(SOUNDS)] if is_voice else []
    usual = usual or [_generated(i, size) for i, size in enumerate(SIZES)]
    given = usual if images is None else list(images)
    cases = [[given[(i + k) % len(given)] for k in range(len(roles))] for i in range(len(given))]
    for extreme in (0, 1):
        first = len(cases)
        cases.append(
            [
                _sound(first + k, *(SHORT, LONG)[extreme])
                if is_voice
                else _generated(first + k, (SMALL, LARGE)[extreme])
                for k in range(len(roles))
            ]
        )
    return [
        EditRequest(
            case_id=f"{child_seed(_SEED, 'case', i):016x}",
            operation=str(operation),
            seed=child_seed(_SEED, "seed", i),
            media=dict(zip(roles, media, strict=True)),
            params=dict(params or {}),
        )
        for i, media in enumerate(cases)
    ]


def check_editor(
    load_or_spec: LoadOrSpec,
    *,
    images: Sequence[Media] | None = None,
    roles: Sequence[str] = ("subject",),
    operation: str = Operation.FACE_ANONYMISATION,
    artifact: Path | None = None,
    params: Mapping[str, Any] | None = None,
    device: str = "cpu",
    limits: EditorLimits = LIMITS,
    must_edit: bool = True,
) -> ContractReport:
    """Runs an editor through the real worker and checks what it answers.

    ``loads``: it can be built. ``answers``: every case has one usable answer (an image, a refusal or a failure that it
    states; nothing raised, crashed, timed out or of a wrong form). ``edits``: at least one case is edited. ``order``: a
    case comes out of a batch as it does alone (mean difference of at most one grey level, of sounds 0.001).
    ``repeats``: a second worker makes the same bytes from the same seed. ``leaves_requests_alone``: no request is
    altered. ``small_image`` (8 x 8) and ``large_image`` (2048 x 1536), of voices ``short_sound`` (0.02 s) and
    ``long_sound`` (12 s at 48 kHz), are answered too; a stated failure is an answer.

    Args:
        load_or_spec: a suite's ``editor`` block with absolute paths, or the entry of a ``python`` editor
            (``/folder/adapter.py:load``, ``package.module:load``), or that function itself.
        images: of what the editor is for, uint8 H x W x 3, or sounds; see `contract_requests`.
        roles: the roles that a case has, for instance ``("host", "donor")``.
        operation: a term of `Operation`; one of voices asks for sounds.
        artifact: of a ``python`` editor.
        params: of the editor and of every request.
        device: ``cpu`` or ``cuda``.
        limits: time and memory.
        must_edit: whether it is a fault that no case is edited.

    Raises:
        ConfigError: if ``load_or_spec`` is a function that the worker could not import.
    """
    spec = _spec(load_or_spec, artifact, params)
    requests = contract_requests(images, roles=roles, operation=operation, params=params)
    with tempfile.TemporaryDirectory(prefix="visavox-contract-") as place:
        folder = Path(place)
        try:
            first, *alone = _run(spec, [requests, *[[r] for r in requests[::-1]]], device, limits, folder / "first")
            (again,) = _run(spec, [requests], device, limits, folder / "second")
        except EditorError as error:
            return ContractReport((ContractCheck("loads", False, str(error)),))
        altered = {case_id for name in ("first", "second") for case_id in witness.read_notes(folder / name / "notes")}
    return ContractReport(
        (
            ContractCheck("loads", True, ""),
            *_checks(
                first,
                [unit[0] for unit in alone[::-1]],
                again,
                altered,
                must_edit=must_edit,
                extremes=EXTREMES[Operation(operation).modality],
            ),
        )
    )


def assert_editor_contract(load_or_spec: LoadOrSpec, **options: Any) -> ContractReport:
    """`check_editor`, for a test.

    Raises:
        AssertionError: if a check fails; the message has one line for each.
    """
    report = check_editor(load_or_spec, **options)
    lines = [f"{check.name}: {check.found}" for check in report.checks if not check.passed]
    if lines:
        raise AssertionError("the editor breaks its contract\n" + "\n".join(lines))
    return report


def _spec(load_or_spec: LoadOrSpec, artifact: Path | None, params: Mapping[str, Any] | None) -> dict[str, Any]:
    if isinstance(load_or_spec, Mapping):
        return dict(load_or_spec)
    entry = load_or_spec if isinstance(load_or_spec, str) else _entry(load_or_spec)
    return {
        "kind": "python",
        "entry": entry,
        "artifact": None if artifact is None else str(artifact.absolute()),
        "params": dict(params or {}),
    }


def _entry(load: Callable[..., Any]) -> str:
    name, file = getattr(load, "__qualname__", ""), inspect.getsourcefile(load) if callable(load) else None
    if not file or not name.isidentifier():
        raise ConfigError(
            f"check the editor that {name or load!r} loads",
            found="the worker can import functions at the top of a file only",
            todo="move it there, or give its entry as text: /folder/adapter.py:load",
        )
    return f"{file}:{name}"


def _run(
    spec: dict[str, Any], units: Sequence[Sequence[EditRequest]], device: str, limits: EditorLimits, folder: Path
) -> list[list[CaseResult]]:
    """Runs units through one worker with a witness in it."""
    folder.mkdir()
    with EditorWorker(
        witness.around(spec, folder / "notes", limits.timeout_s),
        device=device,
        limits=limits,
        scratch=folder / "scratch",
        stderr_path=folder / "stderr.txt",
    ) as worker:
        return [worker.run_unit(unit) for unit in units]


def _checks(
    batched: list[CaseResult],
    alone: list[CaseResult],
    again: list[CaseResult],
    altered: set[str],
    *,
    must_edit: bool,
    extremes: tuple[str, str],
) -> list[ContractCheck]:
    n = len(batched) - 2
    faults = [_fault(result) for result in batched]
    is_edited = any(result.outcome is Outcome.EDITED for result in batched[:n])
    moved = [i for i in range(n) if not _is_same(batched[i], alone[i], exactly=False)]
    unlike = [i for i in range(n) if not _is_same(batched[i], again[i], exactly=True)]
    return [
        _check("answers", [f"case {i} {fault}" for i, fault in enumerate(faults[:n]) if fault]),
        _check("edits", [f"none of {n} cases is edited: {batched[0].reason}"] if must_edit and not is_edited else []),
        _check("order", [f"case {i} comes out of a batch otherwise than alone" for i in moved]),
        _check("repeats", [f"case {i} differs between two workers though its seed is the same" for i in unlike]),
        _check("leaves_requests_alone", [f"the request of case {case_id} is altered" for case_id in sorted(altered)]),
        _check(extremes[0], [f"the case {fault}" for fault in faults[n : n + 1] if fault]),
        _check(extremes[1], [f"the case {fault}" for fault in faults[n + 1 :] if fault]),
    ]


def _check(name: str, faults: list[str]) -> ContractCheck:
    return ContractCheck(name, not faults, "; ".join(faults))


def _fault(result: CaseResult) -> str:
    """What is wrong with the answer to a case; empty for a medium, a refusal, and a failure that the editor states."""
    if result.outcome is not Outcome.INVALID and not result.is_fault:
        return ""
    wrote = result.stderr_tail.strip()[-500:]
    return f"is {result.outcome}: {result.reason}" + (f" (it wrote: {wrote})" if wrote else "")


def _is_same(a: CaseResult, b: CaseResult, *, exactly: bool) -> bool:
    """Whether two results agree: to the bit, or to a small mean absolute difference."""
    if a.outcome is not b.outcome:
        return False
    left, right = _array(a.media), _array(b.media)
    if left.shape != right.shape or left.dtype != right.dtype:
        return False
    if exactly or not left.size:
        return bool(np.array_equal(left, right))
    within = _SAME_WITHIN if left.dtype == np.uint8 else _SAME_SOUND_WITHIN
    return float(np.abs(left.astype(np.float64) - right).mean()) <= within


def _array(media: Media | None) -> npt.NDArray[Any]:
    if media is None:
        return np.zeros(0)
    return media.samples if isinstance(media, Audio) else media


def _generated(i: int, size: tuple[int, int]) -> Image:
    """A smooth coloured pattern with a little noise, another one for each ``i``; shows no face."""
    draw = generator(_SEED, "image", i)
    y, x = np.mgrid[0 : size[0], 0 : size[1]] / max(size)
    waves = np.stack([np.sin(x * a + y * b + c) for a, b, c in draw.uniform(-12.0, 12.0, (3, 3))], axis=-1)
    pixels = 128.0 + 90.0 * waves + draw.normal(0.0, 6.0, waves.shape)
    return np.clip(pixels, 0, 255).astype(np.uint8)


def _sound(i: int, duration_s: float, rate_hz: int) -> Audio:
    """Three tones that swell and a little noise, another one for each ``i``; holds no speech."""
    draw = generator(_SEED, "sound", i)
    time = np.arange(round(duration_s * rate_hz)) / rate_hz
    tones = np.sin(2.0 * np.pi * draw.uniform(100.0, 1500.0, (3, 1)) * time).sum(axis=0)
    samples = 0.15 * tones * (1.0 + np.sin(2.0 * np.pi * time)) / 2.0 + draw.normal(0.0, 0.01, time.shape)
    return Audio(samples.clip(-1.0, 1.0).astype(np.float32), rate_hz)
