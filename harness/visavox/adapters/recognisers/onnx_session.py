"""Networks run by onnxruntime: sessions over bytes that were checked before, graphs' inputs, and batches."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from visavox.core.errors import WeightsError

from .sources import import_package

Floats32 = npt.NDArray[np.float32]

BATCH: Final = 32


def open_session(data: bytes, path: Path, device: str, *, threads: int | None) -> Any:
    """A session over a network's bytes.

    Args:
        path: where they came from, for the message.
        device: ``cuda`` is used where onnxruntime has it.
        threads: within one run; None leaves it to onnxruntime.

    Raises:
        MissingDependencyError: if onnxruntime is absent.
        WeightsError: if the bytes are no ONNX network.
    """
    runtime = import_package("onnxruntime")
    options = runtime.SessionOptions()
    options.log_severity_level = 3
    if threads is not None:
        options.intra_op_num_threads = threads
    wanted = ["CUDAExecutionProvider", "CPUExecutionProvider"] if device == "cuda" else ["CPUExecutionProvider"]
    available = set(runtime.get_available_providers())
    try:
        return runtime.InferenceSession(data, options, providers=[p for p in wanted if p in available])
    except Exception as error:  # onnxruntime has an exception class for every status
        raise WeightsError(
            f"load the network {path}", found=f"{type(error).__name__}: {error}", todo="give a valid ONNX file"
        ) from error


def takes(session: Any, wanted: tuple[int | str, ...]) -> bool:
    """Whether a graph has one float input with these axes: numbers, or names of axes that it leaves open.

    The first axis, ``n``, may be open or 1.
    """
    inputs = session.get_inputs()
    return (
        len(inputs) == 1
        and inputs[0].type == "tensor(float)"
        and len(inputs[0].shape) == len(wanted)
        and all(
            not isinstance(found, int) or found == (1 if want == "n" else want)
            for found, want in zip(inputs[0].shape, wanted, strict=True)
        )
    )


def inputs_of(session: Any) -> str:
    """A graph's inputs in words."""
    return "its graph takes " + ", ".join(f"{i.name} {i.type} {i.shape}" for i in session.get_inputs())


class BatchNetwork:
    """A network with one float input over items of one shape: what an item gives never depends on the others.

    Attributes:
        session: as `open_session` gave it; `takes` was asked of it before.
        input_name: of its one input.
        batching: ``dynamic`` where the graph takes any number of items at once and gives each what it gives it alone,
            which is tried on two; ``fixed`` where not, and items go through it one by one on several threads.
    """

    def __init__(
        self,
        reopen: Callable[[int | None], Any],
        session: Any,
        prepare: Callable[[npt.NDArray[Any]], Floats32],
        trial: npt.NDArray[Any],
        *,
        output: int = 0,
    ) -> None:
        """Tries the network on two items.

        Args:
            reopen: another session over the same bytes with so many threads.
            prepare: items to the network's input.
            trial: two items.
            output: number of the output that is read.
        """
        self.session, self._prepare = session, prepare
        self._threads = min(8, os.cpu_count() or 1)
        self.input_name, self._output = session.get_inputs()[0].name, session.get_outputs()[output].name
        self.batching = "fixed" if session.get_inputs()[0].shape[0] == 1 else "dynamic"
        if self.batching == "dynamic" and not self._takes_batches(trial):
            self.batching = "fixed"
        if self.batching == "fixed":
            self.session = reopen(1)

    def run(self, items: npt.NDArray[Any]) -> Floats32:
        """The output of each item, (n, numbers)."""
        step = 1 if self.batching == "fixed" else BATCH
        parts = [items[start : start + step] for start in range(0, len(items), step)]
        if self.batching == "dynamic" or len(parts) < 2:
            outputs = [self.forward(part) for part in parts]
        else:
            with ThreadPoolExecutor(self._threads) as pool:
                outputs = list(pool.map(self.forward, parts))
        return np.concatenate(outputs) if outputs else np.zeros((0, 0), np.float32)

    def forward(self, items: npt.NDArray[Any]) -> Floats32:
        """The output of items that go through it at once."""
        output: Floats32 = self.session.run([self._output], {self.input_name: self._prepare(items)})[0]
        return output.reshape(len(items), -1)

    def _takes_batches(self, trial: npt.NDArray[Any]) -> bool:
        """A graph may say n and still have been drawn for one."""
        try:
            together = self.forward(trial)
        except Exception:  # noqa: BLE001 - onnxruntime has an exception class for every status
            return False
        alone = np.concatenate([self.forward(trial[:1]), self.forward(trial[1:])])
        lengths = np.linalg.norm(alone, axis=1, keepdims=True)
        return together.shape == alone.shape and bool((np.abs(together - alone) <= 1e-5 * lengths).all())
