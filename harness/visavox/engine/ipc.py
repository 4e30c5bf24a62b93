"""What passes between the harness and the worker: a JSON header and raw arrays over a private socket.

One message is

    "VXV1" | header length, u32 | payload length, u64 | header, JSON in UTF-8 | payload, the arrays one after another

(big-endian lengths, little-endian array elements). The header is ``{"body": {...}, "arrays": [[dtype, shape], ...]}``.
Sizes are bounded before anything is read; only ``uint8`` and ``float32`` arrays pass; nothing is ever unpickled.
Each side judges what the other one sends.
"""

from __future__ import annotations

import json
import math
import socket
import struct
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt
from pydantic import ValidationError

from visavox.core.errors import MediaError, WorkerProtocolError
from visavox.core.records import FileLabelCodes
from visavox.media.audio import check_audio
from visavox.media.leaks import Leak
from visavox.ports.editor import Audio, EditedFile, Failed, Media, Refused

Array: TypeAlias = npt.NDArray[np.uint8] | npt.NDArray[np.float32]

MAX_HEADER_BYTES = 8 << 20
MAX_ARRAY_BYTES = 512 << 20
MAX_PAYLOAD_BYTES = 2 << 30
MAX_ARRAYS = 1024
MAX_DIMENSIONS = 3
TICK_S = 0.1

_MAGIC = b"VXV1"
_PREFIX = struct.Struct(">4sIQ")
_DTYPES: dict[str, np.dtype[Any]] = {"uint8": np.dtype("u1"), "float32": np.dtype("<f4")}


class Message(NamedTuple):
    """One message: its JSON body and its arrays."""

    body: dict[str, Any]
    arrays: list[Array]


class Channel:
    """One end of the private socket.

    Args:
        connection: a connected stream socket; owned from here on.
    """

    def __init__(self, connection: socket.socket) -> None:
        self._socket = connection
        self._socket.settimeout(TICK_S)

    def send(
        self,
        body: Mapping[str, Any],
        arrays: Sequence[Array] = (),
        *,
        deadline: float | None = None,
        watch: Callable[[], None] = lambda: None,
    ) -> None:
        """Sends one message.

        Args:
            body: JSON values.
            arrays: uint8 or float32, at most three dimensions.
            deadline: on ``time.monotonic``'s clock, for the message as a whole; None = wait for ever.
            watch: called at least every 0.1 s while waiting; may raise.

        Raises:
            WorkerProtocolError: if the message breaks a bound.
            TimeoutError: if the deadline passes.
            OSError: if the other end is closed.
        """
        described = [[array.dtype.name, list(array.shape)] for array in arrays]
        header = json.dumps({"body": body, "arrays": described}, allow_nan=False).encode()
        payload = _check_sizes(len(header), described)
        self._drain(memoryview(_PREFIX.pack(_MAGIC, len(header), payload) + header), deadline, watch)
        for array in arrays:
            self._drain(_raw(np.ascontiguousarray(array, dtype=_DTYPES[array.dtype.name])), deadline, watch)

    def receive(self, *, deadline: float | None = None, watch: Callable[[], None] = lambda: None) -> Message:
        """Receives one message; ``deadline`` and ``watch`` as in `send`.

        Raises:
            WorkerProtocolError: if what comes is not a message, or breaks a bound.
            TimeoutError: if the deadline passes before the message is whole, however much of it has come.
            EOFError: if the other end is closed.
            OSError: if the socket fails.
        """
        prefix = bytearray(_PREFIX.size)
        self._fill(memoryview(prefix), deadline, watch)
        magic, header_bytes, payload_bytes = _PREFIX.unpack(prefix)
        if magic != _MAGIC:
            raise WorkerProtocolError("read a message", found=f"it begins with {bytes(magic)!r}")
        _check_bound("header", header_bytes, MAX_HEADER_BYTES)
        header = bytearray(header_bytes)
        self._fill(memoryview(header), deadline, watch)
        body, described = _parse(bytes(header))
        if _check_sizes(header_bytes, described) != payload_bytes:
            raise WorkerProtocolError("read a message", found="the payload's length is not that of its arrays")
        arrays: list[Array] = []
        for name, shape in described:
            array = np.empty(shape, dtype=_DTYPES[name])
            self._fill(_raw(array), deadline, watch)
            arrays.append(array)
        return Message(body, arrays)

    def close(self) -> None:
        """Closes this end."""
        self._socket.close()

    def _fill(self, view: memoryview, deadline: float | None, watch: Callable[[], None]) -> None:
        while view:
            got = self._patiently(self._socket.recv_into, view, deadline, watch)
            if not got:
                raise EOFError("the other end is closed")
            view = view[got:]

    def _drain(self, view: memoryview, deadline: float | None, watch: Callable[[], None]) -> None:
        while view:
            view = view[self._patiently(self._socket.send, view, deadline, watch) :]

    @staticmethod
    def _patiently(
        step: Callable[[memoryview], int], view: memoryview, deadline: float | None, watch: Callable[[], None]
    ) -> int:
        while True:
            watch()
            if deadline is not None and time.monotonic() >= deadline:
                raise TimeoutError
            try:
                return step(view)
            except TimeoutError:
                continue


def _raw(array: npt.NDArray[Any]) -> memoryview:
    return array.reshape(-1).view(np.uint8).data


def _parse(header: bytes) -> tuple[dict[str, Any], list[tuple[str, list[int]]]]:
    try:
        value = json.loads(header)
        body, arrays = value["body"], [(str(name), list(shape)) for name, shape in value["arrays"]]
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise WorkerProtocolError("read a message's header", found=f"{type(error).__name__}: {error}") from None
    if not isinstance(body, dict):
        raise WorkerProtocolError("read a message's header", found="its body is no JSON object")
    return body, arrays


def _check_bound(what: str, value: int, limit: int) -> None:
    if value > limit:
        raise WorkerProtocolError("pass a message", found=f"{what} of {value} bytes, more than {limit}")


def _check_sizes(header_bytes: int, described: Sequence[Sequence[Any]]) -> int:
    """Bytes of the payload; raises if the header, an array or their sum breaks a bound."""
    _check_bound("a header", header_bytes, MAX_HEADER_BYTES)
    if len(described) > MAX_ARRAYS:
        raise WorkerProtocolError("pass a message", found=f"{len(described)} arrays, more than {MAX_ARRAYS}")
    total = 0
    for name, shape in described:
        sound = all(type(size) is int and 0 <= size <= MAX_ARRAY_BYTES for size in shape)
        if name not in _DTYPES or not sound or not 1 <= len(shape) <= MAX_DIMENSIONS:
            raise WorkerProtocolError("pass an array", found=f"{name} of shape {shape}", todo="uint8 or float32")
        size = math.prod(shape) * _DTYPES[name].itemsize
        _check_bound("an array", size, MAX_ARRAY_BYTES)
        total += size
    _check_bound("a payload", total, MAX_PAYLOAD_BYTES)
    return total


# ---------------------------------------------------------------- media
def fault_of(result: object) -> str:
    """What is wrong with an editor's result, in words; empty if it is a usable image, sound, refusal or failure.

    An image is uint8, H x W x 3, not empty; a sound is `Audio` of finite float32 samples, shape (n,), n >= 1, with a
    sample rate from 1 to 384 kHz.
    """
    if isinstance(result, Refused | Failed):
        return ""
    if isinstance(result, EditedFile):
        return _fault_of_leaks(result.leaks) or _fault_of_labels(result.labels) or _fault_of_media(result.media)
    return _fault_of_media(result)


def _fault_of_media(result: object) -> str:
    return _fault_of_audio(result) if isinstance(result, Audio) else _fault_of_image(result)


def _fault_of_leaks(leaks: object) -> str:
    known = {leak.value for leak in Leak}
    if isinstance(leaks, tuple) and all(isinstance(leak, str) for leak in leaks):
        return "" if list(leaks) == sorted(known.intersection(leaks)) else "leaks that are no sorted known codes"
    return "leaks that are no tuple of texts"


def _fault_of_labels(labels: object) -> str:
    if labels is None:
        return ""
    if not isinstance(labels, FileLabelCodes):
        return "labels that are no FileLabelCodes: EditedFile.from_bytes reads them from the file"
    try:
        get_labels(put_labels(labels))
    except (WorkerProtocolError, ValueError, AttributeError):
        return "labels of codes that are not known"
    return ""


def _fault_of_image(image: object) -> str:
    fault = ""
    if not isinstance(image, np.ndarray):
        hint = "; call .cpu().numpy()" if type(image).__module__.partition(".")[0] == "torch" else ""
        fault = f"a {type(image).__qualname__} is neither Image, Audio, Refused nor Failed{hint}"
    elif image.dtype != np.uint8:
        fault = f"{image.dtype} array: an image is uint8"
    elif image.ndim != 3 or image.shape[2] != 3:
        fault = f"array of shape {tuple(image.shape)}: an image is H x W x 3"
    elif not image.size:
        fault = f"empty image of shape {tuple(image.shape)}"
    elif image.nbytes > MAX_ARRAY_BYTES:
        fault = f"image of {image.nbytes >> 20} MB, more than {MAX_ARRAY_BYTES >> 20}"
    return fault


def _fault_of_audio(audio: Audio) -> str:
    try:
        check_audio(audio)
    except MediaError as error:
        return (error.found or error.asked).removeprefix("found ")
    size = audio.samples.nbytes
    return f"sound of {size >> 20} MB, more than {MAX_ARRAY_BYTES >> 20}" if size > MAX_ARRAY_BYTES else ""


def put_media(media: Media, arrays: list[Array]) -> dict[str, Any]:
    """Appends a medium to ``arrays``; its description for the header."""
    if isinstance(media, Audio):
        arrays.append(media.samples)
        return {"kind": "audio", "array": len(arrays) - 1, "sample_rate_hz": int(media.sample_rate_hz)}
    arrays.append(media)
    return {"kind": "image", "array": len(arrays) - 1}


def get_media(described: Any, arrays: Sequence[Array]) -> Media:
    """The medium that `put_media` described.

    Raises:
        WorkerProtocolError: if the description does not fit the arrays, or the medium is not usable (see `fault_of`).
    """
    try:
        array: Any = arrays[_index(described["array"])]
        media: Media = array
        if described["kind"] == "audio":
            media = Audio(array, described["sample_rate_hz"])
    except (KeyError, IndexError, TypeError) as error:
        raise WorkerProtocolError("read a medium", found=f"{type(error).__name__}: {error}") from None
    if fault := fault_of(media):
        raise WorkerProtocolError("read a medium", found=fault)
    return media


def get_leaks(described: object) -> tuple[str, ...] | None:
    """What the file of an output gives away, as ``leaks`` in the header states it; None if nothing is stated.

    Raises:
        WorkerProtocolError: if these are no known codes.
    """
    if described is None:
        return None
    leaks = tuple(described) if isinstance(described, list) else described
    if fault := _fault_of_leaks(leaks):
        raise WorkerProtocolError("read what a file gives away", found=fault)
    return leaks  # type: ignore[return-value]  # checked above


def put_labels(labels: FileLabelCodes | None) -> dict[str, Any] | None:
    """The labels of an output's file for the header."""
    return None if labels is None else labels.model_dump(mode="json", warnings=False)


def get_labels(described: object) -> FileLabelCodes | None:
    """What `put_labels` described; None if nothing is stated.

    Raises:
        WorkerProtocolError: if these are no known codes.
    """
    if described is None:
        return None
    try:
        return FileLabelCodes.model_validate_json(json.dumps(described), strict=True)
    except ValidationError:
        raise WorkerProtocolError("read the labels of a file", found="something other than their codes") from None


def _index(value: object) -> int:
    if type(value) is not int or value < 0:
        raise IndexError(f"array number {value!r}")
    return value


def kind_of(media: Media) -> str:
    """``sound`` or ``image``."""
    return "sound" if isinstance(media, Audio) else "image"
