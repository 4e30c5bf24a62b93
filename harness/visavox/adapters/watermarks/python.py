"""The watermark kind ``python``: an entry ``load(*, device, artifact, params) -> decoder`` in a file or a module.

The decoder has a method ``decode(media)`` over a list of one image or sound. It answers each with a sequence of bits,
with a number (a score), or with ``(bits, score)``. It is foreign code: it runs in a process of its own, which is given
files and answers JSON, is bounded in time, and is started again after it broke down.
"""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any, Final

from pydantic import Field, ValidationError

from visavox.core.digest import sha256_file, sha256_json, sha256_tree
from visavox.core.errors import ConfigError, EditorError
from visavox.core.records import Pairs, Record
from visavox.core.terms import Modality
from visavox.ports.editor import Media
from visavox.ports.recogniser import FailureToAcquire
from visavox.ports.watermark import Decoded

from .answers import MAX_ANSWER_BYTES, file_of, read_answer

_CHILD: Final = "visavox.adapters.watermarks.python_child"
_END_S: Final = 5.0


class PythonParameters(Record):
    """``entry``, ``artifact`` (a path or null), ``params``; seconds to load and for one medium; ``n_bits``."""

    entry: Annotated[str, Field(pattern=r"^.+:[A-Za-z_][A-Za-z0-9_]*$")]
    artifact: str | None = None
    params: Pairs = ()
    load_timeout_s: Annotated[float, Field(gt=0, le=86_400)] = 600.0
    timeout_s: Annotated[float, Field(gt=0, le=3600)] = 60.0
    n_bits: Annotated[int, Field(ge=0)] = 0


class PythonWatermark:
    """See the module's text. The process ends with this object, or with ``close``."""

    def __init__(self, modality: Modality, parameters: PythonParameters, device: str) -> None:
        self.id, self.modality, self._parameters, self._device = "python", modality, parameters, device
        file = Path(parameters.entry.rpartition(":")[0])
        code = sha256_file(file) if file.suffix == ".py" and file.is_file() else parameters.entry
        weights = sha256_tree(Path(parameters.artifact)) if parameters.artifact else ""
        self.digest = sha256_json(["python", code, weights, dict(parameters.params)])
        self._process: subprocess.Popen[bytes] | None = None

    def decode(self, media: Sequence[Media]) -> list[Decoded | FailureToAcquire]:
        """What each medium holds.

        Raises:
            EditorError: the entry cannot be loaded.
        """
        return [self._decode(medium) for medium in media]

    def close(self) -> None:
        """Ends the process; a second call does nothing."""
        process, self._process = self._process, None
        if process is not None and process.stdin is not None and process.stdout is not None:
            process.stdin.close()
            with suppress(subprocess.TimeoutExpired):
                process.wait(_END_S)
            _end(process)
            process.stdout.close()

    def __del__(self) -> None:
        self.close()

    def _decode(self, medium: Media) -> Decoded | FailureToAcquire:
        process = self._started()
        name, data = file_of(medium)
        with tempfile.TemporaryDirectory(prefix="visavox-") as folder:
            path = Path(folder) / name
            path.write_bytes(data)
            answer = _asked(process, {"path": str(path)}, self._parameters.timeout_s)
        if answer is None:
            self._lose()
            return FailureToAcquire(f"the decoder ended, or took more than {self._parameters.timeout_s:g} s")
        return read_answer(answer, self._parameters.n_bits)

    def _started(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", _CHILD], stdin=subprocess.PIPE, stdout=subprocess.PIPE, process_group=0
            )
            order = {
                "entry": self._parameters.entry,
                "artifact": self._parameters.artifact,
                "params": dict(self._parameters.params),
                "device": self._device,
            }
            answer = _asked(self._process, order, self._parameters.load_timeout_s)
            if answer is None or json.loads(answer) != {"ready": True}:
                self._lose()
                found = "its process ended or was not ready in time" if answer is None else json.loads(answer)["failed"]
                raise EditorError(f"load the watermark's entry {self._parameters.entry!r}", found=str(found)[:2000])
        return self._process

    def _lose(self) -> None:
        if self._process is not None:
            _end(self._process)
        self.close()


def _asked(process: subprocess.Popen[bytes], order: Mapping[str, Any], timeout_s: float) -> bytes | None:
    """One line to the process and one back; None where none came in time."""
    if process.stdin is None or process.stdout is None:
        return None
    deadline, answer = time.monotonic() + timeout_s, b""
    try:
        process.stdin.write(json.dumps(order).encode() + b"\n")
        process.stdin.flush()
        while not answer.endswith(b"\n"):
            ready, _, _ = select.select([process.stdout], [], [], max(0.0, deadline - time.monotonic()))
            part = os.read(process.stdout.fileno(), 1 << 16) if ready else b""
            if not part or len(answer) > MAX_ANSWER_BYTES:
                return None
            answer += part
    except OSError:
        return None
    return answer


def _end(process: subprocess.Popen[bytes]) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def build(params: Mapping[str, Any], modality: Modality, device: str) -> PythonWatermark:
    """The decoder; its process starts with the first medium.

    Raises:
        ConfigError: an unknown parameter, or no entry.
    """
    try:
        parameters = PythonParameters.model_validate(dict(params))
    except ValidationError as error:
        faults = "; ".join(f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors())
        raise ConfigError(
            "load the watermark `python`", found=faults, todo="its params: entry, artifact, params, timeout_s"
        ) from error
    return PythonWatermark(modality, parameters, device)
