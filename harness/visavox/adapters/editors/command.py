"""The editor kind ``command``: a program that reads files, pictures (PNG) or sounds (WAV), and writes one.

The suite names it as ``argv``, a list in which whole elements may be ``{input}`` (the host, else the subject),
``{donor}``, ``{output}``, ``{seed}``, ``{case_id}`` and ``{consent}``. No shell reads it. The program runs once a case.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from visavox.adapters.editors.outcome import FailedAs, noun
from visavox.core.errors import EditorError, MediaError
from visavox.core.terms import Consent, Modality, Operation, Outcome
from visavox.media.audio import encode_wav
from visavox.media.image import encode_png
from visavox.ports.editor import (
    Audio,
    EditedFile,
    Editor,
    EditorContext,
    EditRequest,
    EditResult,
    Failed,
    Media,
    Refused,
)

TOKENS = ("{input}", "{donor}", "{output}", "{seed}", "{case_id}", "{consent}")
REFUSED_CODE = os.EX_NOPERM
"""A program that ends with this code (77) has refused the case; see sysexits.h."""
SUFFIXES = {
    Modality.FACE: (".png", ".jpg", ".jpeg", ".webp", ".bmp"),
    Modality.VOICE: (".wav", ".flac", ".mp3", ".ogg", ".opus", ".m4a"),
}
"""Files that the program may write; the first one where the suite names none."""
MAX_OUTPUT_BYTES = 256 << 20


def build(context: EditorContext) -> Editor:
    """Checks the command; nothing of it runs yet.

    The spec's keys: ``argv``; ``output_suffix`` (``.png``, of voices ``.wav``); ``cwd``, the folder it
    runs in (the harness's own).

    Raises:
        EditorError: if ``argv`` is malformed, or its program is not found.
    """
    spec = context.spec
    argv, cwd, suffix = spec.get("argv"), spec.get("cwd"), spec.get("output_suffix")
    asked = f"run the command {argv!r} as the editor"
    if not isinstance(argv, list | tuple) or not argv or not all(isinstance(a, str) and a for a in argv):
        raise EditorError(
            asked, found="argv is not a list of texts", todo='write argv: [program, "{input}", "{output}"]'
        )
    for argument in argv:
        partial = [token for token in TOKENS if token in argument and token != argument]
        if partial:
            raise EditorError(
                asked, found=f"{partial[0]} is a part of {argument!r}", todo="a token is a whole element of argv"
            )
    if "{input}" not in argv or "{output}" not in argv:
        raise EditorError(asked, found="{input} or {output} is missing from argv", todo="name both")
    suffixes = [known for kinds in SUFFIXES.values() for known in kinds]
    if suffix is not None and suffix not in suffixes:
        raise EditorError(asked, found=f"output_suffix {suffix!r}", todo="one of " + " ".join(suffixes))
    program = argv[0] if cwd is None or os.sep not in argv[0] else os.path.join(cwd, argv[0])  # noqa: PTH118
    found = shutil.which(program)
    if found is None:
        raise EditorError(
            asked, found=f"the program {argv[0]!r} is not found or not executable", todo="install it, or give its path"
        )
    return _CommandEditor((str(Path(found).absolute()), *argv[1:]), context.scratch, suffix, cwd)


class _CommandEditor:
    max_batch = 1

    def __init__(self, argv: Sequence[str], scratch: Path, suffix: str | None, cwd: str | None) -> None:
        self._argv, self._scratch, self._suffix, self._cwd = argv, scratch, suffix, cwd

    def edit(self, requests: Sequence[EditRequest]) -> list[EditResult]:
        return [self._edit(request) for request in requests]

    def _edit(self, request: EditRequest) -> EditResult:
        folder = self._scratch / "case"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(mode=0o700)
        try:
            return self._run(request, folder)
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def _run(self, request: EditRequest, folder: Path) -> EditResult:
        output = folder / f"output{self._suffix or SUFFIXES[Operation(request.operation).modality][0]}"
        values = {
            "{output}": str(output),
            "{seed}": str(request.seed),
            "{case_id}": request.case_id,
            "{consent}": request.consent or Consent.UNSTATED.value,
        }
        for token, media in _inputs(request.media).items():
            if token in self._argv:
                data, suffix = (encode_wav(media), "wav") if isinstance(media, Audio) else (encode_png(media), "png")
                path = folder / f"{token.strip('{}')}.{suffix}"
                path.write_bytes(data)
                values[token] = str(path)
        missing = [argument for argument in self._argv if argument in TOKENS and argument not in values]
        if missing:
            return Failed(
                f"the case has no {noun(request)} for {missing[0]}; its roles are {', '.join(sorted(request.media))}"
            )
        code = _call([values.get(argument, argument) for argument in self._argv], self._cwd)
        if code == REFUSED_CODE:
            return Refused(f"the program ended with {code}: refused")
        if code:
            return Failed(f"the program ended with {_words(code)}")
        return _read(output, request)


def _inputs(media: Mapping[str, Media]) -> dict[str, Media]:
    """Token -> medium: ``{input}`` is the host, else the subject, else the first contributor."""
    named = {"{input}": ("host", "subject", "contributor_1"), "{donor}": ("donor", "contributor_2")}
    found = {token: [media[role] for role in roles if role in media] for token, roles in named.items()}
    return {token: values[0] for token, values in found.items() if values}


def _call(argv: Sequence[str], cwd: str | None) -> int:
    """Runs a program to its end, in a process group of its own of which nothing outlives it."""
    process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, cwd=cwd, process_group=0)
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)  # ended, yet its id is still its own
    os.killpg(process.pid, signal.SIGKILL)
    return process.wait()


def _words(code: int) -> str:
    return f"exit code {code}" if code > 0 else f"signal {-code}"


def _read(path: Path, request: EditRequest) -> EditResult:
    if not path.is_file():
        return FailedAs("the program wrote no output file", Outcome.INVALID)
    if path.stat().st_size > MAX_OUTPUT_BYTES:
        return FailedAs(f"the output file is larger than {MAX_OUTPUT_BYTES >> 20} MB", Outcome.INVALID)
    data = path.read_bytes()
    if not data:
        return FailedAs("the output file is empty", Outcome.INVALID)
    try:
        return EditedFile.from_bytes(data, request)
    except MediaError as error:
        return FailedAs(
            f"the output file is no readable {noun(request)}: {error.found or error.asked}", Outcome.INVALID
        )
