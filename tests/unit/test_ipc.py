"""The private protocol: what is sent arrives, and nothing else passes."""

from __future__ import annotations

import json
import socket
import struct
import threading
import time
from typing import Any

import numpy as np
import pytest

from visavox.core.errors import WorkerProtocolError
from visavox.engine import ipc
from visavox.engine.ipc import Channel, fault_of, get_media, put_media
from visavox.ports.editor import Audio


@pytest.fixture
def ends() -> Any:
    left, right = socket.socketpair()
    with left, right:
        yield left, Channel(right)


def message(header: Any, payload: bytes = b"", *, payload_length: int | None = None, magic: bytes = b"VXV1") -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    length = len(payload) if payload_length is None else payload_length
    return struct.pack(">4sIQ", magic, len(text), length) + text + payload


def test_arrays_arrive_as_they_were(ends: Any) -> None:
    image = np.random.default_rng(1).integers(0, 256, (700, 900, 3), dtype=np.uint8)
    arrays = [image[::2, ::-1], np.linspace(-1, 1, 7, dtype=np.float32), np.zeros((0, 4, 3), np.uint8)]
    sender = threading.Thread(target=Channel(ends[0]).send, args=({"a": [1, "x", None]}, arrays))
    sender.start()
    body, got = ends[1].receive(deadline=time.monotonic() + 10)
    sender.join()
    assert body == {"a": [1, "x", None]}
    assert all(np.array_equal(a, b) and a.dtype == b.dtype for a, b in zip(arrays, got, strict=True))
    got[0][0, 0] = 1  # what arrives can be written to


@pytest.mark.parametrize(
    ("data", "found"),
    [
        (message({}, magic=b"PKL\x80"), "begins with"),
        (struct.pack(">4sIQ", b"VXV1", ipc.MAX_HEADER_BYTES + 1, 0), "header of"),
        (message(b"{not json"), "JSONDecodeError"),
        (message(b"{\xff\xff"), "UnicodeDecodeError"),
        (message(b"[" * 100_000), "Error"),
        (message([1]), "TypeError"),
        (message({"body": {}}), "KeyError"),
        (message({"body": [], "arrays": []}), "no JSON object"),
        (message({"body": {}, "arrays": [["object", [1]]]}, b"x" * 8), "object of shape"),
        (message({"body": {}, "arrays": [["uint8", [-1]]]}), "of shape"),
        (message({"body": {}, "arrays": [["uint8", [True]]]}, b"x"), "of shape"),
        (message({"body": {}, "arrays": [["uint8", [2.0]]]}, b"xx"), "of shape"),
        (message({"body": {}, "arrays": [["uint8", []]]}, b"x"), "of shape"),
        (message({"body": {}, "arrays": [["uint8", [1, 1, 1, 1]]]}, b"x"), "of shape"),
        (message({"body": {}, "arrays": [["uint8", [1 << 28, 1 << 28]]]}), "an array of"),
        (message({"body": {}, "arrays": [["uint8", [400 << 20]]] * 6}), "a payload of"),
        (message({"body": {}, "arrays": [["uint8", [0]]] * 1025}), "1025 arrays"),
        (message({"body": {}, "arrays": [["uint8", [4]]]}, b"xxx"), "payload's length"),
    ],
)
def test_what_is_not_the_protocol_is_refused_before_it_is_read(ends: Any, data: bytes, found: str) -> None:
    ends[0].sendall(data)
    with pytest.raises(WorkerProtocolError, match=found):
        ends[1].receive(deadline=time.monotonic() + 5)


def test_a_closed_end_is_the_end(ends: Any) -> None:
    ends[0].sendall(message({"body": {}, "arrays": []})[:-1])
    ends[0].close()
    with pytest.raises(EOFError):
        ends[1].receive(deadline=time.monotonic() + 5)


def test_the_deadline_is_of_the_whole_message(ends: Any) -> None:
    stop = threading.Event()

    def drip() -> None:
        for byte in message({"body": {}, "arrays": [["uint8", [1000]]]}, bytes(1000)):
            if stop.wait(0.01):
                return
            ends[0].sendall(bytes([byte]))

    thread = threading.Thread(target=drip)
    thread.start()
    begun = time.monotonic()
    with pytest.raises(TimeoutError):
        ends[1].receive(deadline=begun + 0.4)
    assert 0.4 <= time.monotonic() - begun < 2
    stop.set()
    thread.join()


def test_the_deadline_holds_for_sending_and_the_watch_is_called(ends: Any) -> None:
    calls: list[float] = []
    begun = time.monotonic()
    with pytest.raises(TimeoutError):
        ends[1].send(
            {}, [np.zeros(8 << 20, np.uint8)], deadline=begun + 0.5, watch=lambda: calls.append(time.monotonic())
        )
    assert 0.5 <= time.monotonic() - begun < 2
    assert len(calls) >= 4


@pytest.mark.parametrize("array", [np.zeros(3), np.zeros(3, np.int8), np.array([object()])])
def test_other_arrays_are_not_sent(ends: Any, array: Any) -> None:
    with pytest.raises(WorkerProtocolError):
        ends[1].send({}, [array])


def test_media_arrive_as_they_were() -> None:
    arrays: list[Any] = []
    sound = Audio(np.ones(5, np.float32), 16000)
    described = [put_media(np.zeros((2, 2, 3), np.uint8), arrays), put_media(sound, arrays)]
    assert fault_of(get_media(described[0], arrays)) == ""
    got = get_media(described[1], arrays)
    assert isinstance(got, Audio) and got.sample_rate_hz == 16000 and got.samples is sound.samples


@pytest.mark.parametrize(
    "described",
    [
        None,
        {},
        {"array": -1},
        {"array": 1, "kind": "image"},
        {"array": 0, "kind": "image"},
        {"array": 0, "kind": "audio"},
    ],
)
def test_a_description_that_does_not_fit_is_refused(described: Any) -> None:
    with pytest.raises(WorkerProtocolError):
        get_media(described, [np.zeros(4, np.float32)])
