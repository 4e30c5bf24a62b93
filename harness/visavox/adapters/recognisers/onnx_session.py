"""Sessions of onnxruntime over a network whose bytes were checked before."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from visavox.core.errors import WeightsError

from .sources import import_package


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
