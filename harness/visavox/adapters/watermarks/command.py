"""The watermark kind ``command``: the vendor's decoder as a program, run once a medium, that prints JSON.

The suite names it as ``argv``, a list in which one whole element is ``{input}``: a PNG or WAV file. No shell reads it.
It answers on standard output: ``{"bits": "0110..."}`` or ``{"score": 0.7}``, or ``{"failed": "why"}``.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, ValidationError

from visavox.core.digest import sha256_file, sha256_json
from visavox.core.errors import ConfigError
from visavox.core.records import Record
from visavox.core.terms import Modality
from visavox.ports.editor import Media
from visavox.ports.recogniser import FailureToAcquire
from visavox.ports.watermark import Decoded

from .answers import MAX_ANSWER_BYTES, file_of, read_answer


class CommandParameters(Record):
    """``argv``; ``cwd``, the folder it runs in; ``timeout_s`` of one medium; ``n_bits`` of the message."""

    argv: Annotated[tuple[str, ...], Field(min_length=1)]
    cwd: str = "."
    timeout_s: Annotated[float, Field(gt=0, le=3600)] = 60.0
    n_bits: Annotated[int, Field(ge=0)] = 0


class CommandWatermark:
    """See the module's text."""

    def __init__(self, modality: Modality, parameters: CommandParameters) -> None:
        self.id, self.modality, self._parameters = "command", modality, parameters
        folder = Path(parameters.cwd)
        words = [sha256_file(folder / word) if (folder / word).is_file() else word for word in parameters.argv[1:]]
        self.digest = sha256_json(["command", sha256_file(_program(parameters.argv[0], folder)), words])

    def decode(self, media: Sequence[Media]) -> list[Decoded | FailureToAcquire]:
        """One run of the program a medium; a program that ends in an error has read nothing."""
        return [self._decode(medium) for medium in media]

    def _decode(self, medium: Media) -> Decoded | FailureToAcquire:
        name, data = file_of(medium)
        with tempfile.TemporaryDirectory(prefix="visavox-") as folder:
            path, out = Path(folder) / name, Path(folder) / "answer"
            path.write_bytes(data)
            argv = [str(path) if word == "{input}" else word for word in self._parameters.argv]
            with out.open("wb") as stream:
                code = _call(argv, self._parameters, stream)
            if code is None:
                return FailureToAcquire(f"the decoder took more than {self._parameters.timeout_s:g} s")
            if code != 0:
                return FailureToAcquire(f"the decoder ended with exit code {code}")
            if out.stat().st_size > MAX_ANSWER_BYTES:
                return FailureToAcquire(f"the decoder's answer is larger than {MAX_ANSWER_BYTES >> 20} MB")
            return read_answer(out.read_bytes(), self._parameters.n_bits)


def _call(argv: Sequence[str], parameters: CommandParameters, out: Any) -> int | None:
    """Runs a program to its end, in a group of its own of which nothing outlives it; None where it took too long."""
    process = subprocess.Popen(
        argv, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.DEVNULL, cwd=parameters.cwd, process_group=0
    )
    try:
        process.wait(parameters.timeout_s)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        return None
    return process.returncode


def _program(word: str, folder: Path) -> Path:
    found = shutil.which(str(folder / word) if "/" in word else word)
    if found is None:
        raise ConfigError(
            f"watermark.argv: the program {word!r}", found="is not on PATH and is no executable file", todo="install it"
        )
    return Path(found)


def build(params: Mapping[str, Any], modality: Modality, device: str) -> CommandWatermark:
    """Checks the command; nothing of it runs yet.

    Raises:
        ConfigError: an unknown parameter, no ``{input}``, or a program that is not found.
    """
    asked = "load the watermark `command`"
    try:
        parameters = CommandParameters.model_validate(dict(params))
    except ValidationError as error:
        faults = "; ".join(f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors())
        raise ConfigError(asked, found=faults, todo="its params: argv, cwd, timeout_s") from error
    if parameters.argv.count("{input}") != 1:
        raise ConfigError(asked, found=f"{list(parameters.argv)}", todo='write argv: [program, "{input}"]')
    return CommandWatermark(modality, parameters)
