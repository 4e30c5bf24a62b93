"""An editor that inverts images, and does the fault named in its params to the cases named there."""

from __future__ import annotations

import ctypes
import gc
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from visavox.editor import Audio, EditRequest, Failed, Refused


class Odd(BaseException):
    def __str__(self) -> str:
        raise RuntimeError("no text")


def _raise(error: BaseException) -> None:
    raise error


def _hog() -> None:
    hoard = []
    while True:
        hoard.append(np.ones(16 << 20, np.uint8))
        time.sleep(0.01)


def _child_hog() -> None:
    code = "import time\nhoard = []\nwhile True: hoard.append(b'x' * (16 << 20)); time.sleep(0.01)"
    subprocess.run([sys.executable, "-c", code], check=True)


def _private_socket() -> socket.socket:
    return next(o for o in gc.get_objects() if isinstance(o, socket.socket) and o.fileno() >= 0)


def _drip() -> None:
    """A message that begins well and then comes byte by byte, for ever."""
    private = _private_socket()
    private.sendall(b"VXV1" + (1 << 20).to_bytes(4, "big") + bytes(8))
    while True:
        private.sendall(b" ")
        time.sleep(0.02)


def _flood_stdout() -> None:
    print("noise on stdout" * 10)
    os.write(1, b"VXV1" + b"\0" * 5000)
    os.system("echo noise of a child")


def _daemon() -> None:
    """Leaves a daemon in a session of its own behind, then ends at once."""
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            Path(os.environ["FAULT_PID_FILE"]).write_text(str(os.getpid()))
            time.sleep(60)
        os._exit(0)
    while not Path(os.environ["FAULT_PID_FILE"]).exists():
        time.sleep(0.01)
    os._exit(9)


def _poison() -> None:
    """From here on everything in this process fails, as after a device-side assertion."""
    POISONED.append(True)
    raise RuntimeError("poisoned")


POISONED: list[bool] = []
FAULTS: dict[str, Callable[[], object]] = {
    "abort": os.abort,
    "segfault": lambda: ctypes.string_at(0),
    "hang": lambda: time.sleep(60),
    "spin": lambda: any(iter(int, 1)),
    "memory": _hog,
    "memory of a child": _child_hog,
    "raise": lambda: _raise(ValueError("bad case")),
    "raise BaseException": lambda: _raise(Odd()),
    "KeyboardInterrupt": lambda: _raise(KeyboardInterrupt()),
    "sys.exit": lambda: sys.exit(0),
    "os._exit": lambda: os._exit(3),
    "exit thread": lambda: threading.Thread(target=os._exit, args=(4,)).start() or time.sleep(60),
    "close all": lambda: os.closerange(0, 4096),
    "close all and hang": lambda: os.closerange(0, 4096) or time.sleep(60),
    "garbage on the socket": lambda: _private_socket().sendall(b"GET / HTTP/1.1\r\n\r\n" * 4),
    "huge header on the socket": lambda: _private_socket().sendall(b"VXV1" + b"\xff" * 12),
    "drip": _drip,
    "daemon": _daemon,
    "poison": _poison,
    "stdout noise": _flood_stdout,
}

ANSWERS: dict[str, Callable[[Any], Any]] = {
    "None": lambda image: None,
    "text": lambda image: "edited",
    "float image": lambda image: image / 255.0,
    "grey image": lambda image: image[..., 0],
    "rgba image": lambda image: np.dstack([image, image[..., :1]]),
    "empty image": lambda image: image[:0],
    "NaN sound": lambda image: Audio(np.array([0.0, np.nan], np.float32), 16000),
    "float64 sound": lambda image: Audio(np.zeros(4), 16000),
    "empty sound": lambda image: Audio(np.zeros(0, np.float32), 16000),
    "sound rate": lambda image: Audio(np.zeros(4, np.float32), 0),
    "sound for an image": lambda image: Audio(np.zeros(4, np.float32), 16000),
    "refuses": lambda image: Refused("no consent"),
    "fails": lambda image: Failed("no face found at <object at 0x7f0011223344>"),
}


@dataclass
class Faulty:
    """``faults``: case id -> its fault; ``once``: a file whose presence says that the fault has happened."""

    faults: dict[str, str]
    once: Path | None
    max_batch: int

    def edit(self, requests: list[EditRequest]) -> Any:
        results = [self._one(request) for request in requests]
        words = {self.faults.get(request.case_id) for request in requests}
        if "one too few" in words:
            return results[1:]
        if "one too many" in words:
            return [*results, results[0]]
        if "no sequence" in words:
            return iter(results)
        return results

    def _one(self, request: EditRequest) -> Any:
        if POISONED:
            raise RuntimeError("still poisoned")
        image = request.media["subject"]
        fault = self.faults.get(request.case_id, "")
        if not fault or (self.once and self.once.exists()):
            return 255 - image
        if self.once:
            self.once.touch()
        print("about to", fault, file=sys.stderr, flush=True)
        if fault in FAULTS:
            FAULTS[fault]()
        return ANSWERS[fault](image) if fault in ANSWERS else 255 - image


def load(*, device: str, artifact: Path | None, params: dict[str, Any]) -> Faulty:
    if params.get("load") in FAULTS:
        print("about to load badly", file=sys.stderr, flush=True)
        FAULTS[params["load"]]()
    once = params.get("once")
    return Faulty(params.get("faults", {}), Path(once) if once else None, params.get("max_batch", 4))


def load_nothing(*, device: str, artifact: Path | None, params: dict[str, Any]) -> object:
    return object()
