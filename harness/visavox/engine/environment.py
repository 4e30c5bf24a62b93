"""What a run ran on, and what ``visavox doctor`` looks at."""

from __future__ import annotations

import ctypes
import importlib.util
import os
import platform
import shutil
import sys
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import NamedTuple

from visavox.core.errors import ConfigError
from visavox.core.report import Environment

PACKAGES = (
    "numpy",
    "scipy",
    "pillow",
    "pyarrow",
    "pydantic",
    "torch",
    "torchvision",
    "facenet-pytorch",
    "dlib-bin",
    "face-recognition-models",
    "onnxruntime",
    "opencv-python-headless",
    "librosa",
    "mlflow",
)
GATE_PACKAGES = frozenset({"numpy", "scipy", "pillow", "pyarrow", "pydantic"})


def version_of(package: str) -> str | None:
    """The installed version of a distribution, or None."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def resolve_device(wanted: str) -> str:
    """``auto`` -> ``cuda`` where torch sees a GPU, else ``cpu``.

    Raises:
        ConfigError: ``cuda`` was asked for and there is none.
    """
    has_cuda = False
    # Importing torch takes seconds: not where the suite says cpu, nor for `auto` where no driver could give a GPU.
    may_be_cuda = wanted == "cuda" or (wanted == "auto" and _has_gpu_driver())
    if may_be_cuda and importlib.util.find_spec("torch") is not None:
        import torch

        has_cuda = torch.cuda.is_available()
        # Measured paths: no TF32, no autotuned kernels, so that two runs give the same templates.
        torch.backends.cuda.matmul.allow_tf32 = False
        torch.backends.cudnn.allow_tf32 = False
        torch.backends.cudnn.benchmark = False
    if wanted == "cuda" and not has_cuda:
        raise ConfigError(
            "execution.device: cuda", found="torch sees no CUDA device here", todo="set execution.device to auto or cpu"
        )
    return "cuda" if has_cuda else "cpu"


def _has_gpu_driver() -> bool:
    """Whether there is a driver without which torch sees no GPU: NVIDIA's library, or AMD's device."""
    try:
        ctypes.CDLL("nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1")
    except OSError:
        return Path("/dev/kfd").exists()
    return True


def environment(device: str) -> Environment:
    """The environment of this process, without host names or folders."""
    versions = {name: version for name in PACKAGES if (version := version_of(name))}
    return Environment(
        visavox=version_of("visavox") or "unknown",
        python=platform.python_version(),
        platform=f"{platform.system()} {platform.machine()}",
        device=device,
        packages=versions,
    )


class Finding(NamedTuple):
    """One line of ``visavox doctor``."""

    topic: str
    is_well: bool
    text: str


def examine(folder: Path) -> Iterator[Finding]:
    """Versions, devices, weights and disk: what is there, what is missing and how to get it; each once it is known."""
    yield Finding("python", sys.version_info >= (3, 11), f"{platform.python_version()} ({sys.executable})")
    for name in PACKAGES:
        version = version_of(name)
        need = "" if version else ("reinstall visavox" if name in GATE_PACKAGES else _how_to_get(name))
        yield Finding(name, version is not None or name == "mlflow", version or f"not installed: {need}")
    yield _weights()
    yield _facenet_weights()
    free = shutil.disk_usage(folder).free / 2**30
    yield Finding("disk", free > 2, f"{free:.1f} GiB free; runs need about 100 kB per output until they end")
    yield Finding("cpu", True, f"{os.cpu_count()} cores")
    yield _device()  # last: torch takes seconds to load


def _how_to_get(name: str) -> str:
    return "pip install 'visavox[tracking]'" if name == "mlflow" else "pip install 'visavox[models]'"


def _device() -> Finding:
    if importlib.util.find_spec("torch") is None:
        return Finding("device", False, "torch is not installed: `gate`, `show` and `list` work, `run` needs it")
    import torch

    if torch.cuda.is_available():
        return Finding("device", True, f"cuda: {torch.cuda.get_device_name(0)}")
    return Finding("device", True, "cpu (torch sees no CUDA device)")


def _weights() -> Finding:
    spec = importlib.util.find_spec("face_recognition_models")
    places = list(spec.submodule_search_locations or []) if spec else []
    found = [p for place in places for p in (Path(place) / "models").glob("dlib_face_recognition_resnet_model_v1.dat")]
    if found:
        return Finding(
            "weights", True, "dlib ResNet and MTCNN come with their packages; onnx_face needs a file of yours"
        )
    return Finding("weights", False, "dlib's weights are missing: pip install 'visavox[models]'")


def _facenet_weights() -> Finding:
    """No package brings them, and nobody needs them who names other judges: absent is no fault."""
    cache = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    folder = Path(os.environ.get("TORCH_HOME") or f"{cache}/torch").expanduser() / "checkpoints"
    names = [path.name for path in sorted(folder.glob("2018*-*.pt"))]
    need = "" if names else "; the facenet recognisers need `path` or `download: true` in the suite"
    return Finding("facenet weights", True, f"{', '.join(names) or 'none'} in {folder}{need}")
