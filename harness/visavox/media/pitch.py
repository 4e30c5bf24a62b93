"""The pitch of a voice, by WORLD: its fundamental frequency frame by frame.

pyworld's package imports ``pkg_resources``, which setuptools no longer has; its compiled module is loaded by its path.

References:
    M. Morise, F. Yokomori, K. Ozawa, WORLD: a vocoder-based high-quality speech synthesis system for real-time
    applications, IEICE Transactions E99-D(7), 2016.
"""

from __future__ import annotations

import sysconfig
from functools import cache
from importlib.machinery import ExtensionFileLoader, ModuleSpec
from importlib.util import find_spec, module_from_spec
from pathlib import Path
from typing import Any, Final, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from visavox.core.errors import MissingDependencyError

Floats: TypeAlias = npt.NDArray[np.float64]

RATE_HZ: Final = 16_000
FRAME_S: Final = 0.005
F0_HZ: Final = (60.0, 500.0)
_MIN_VOICED: Final = 0.1  # share of frames


class Pitch(NamedTuple):
    """F0 every ``FRAME_S``.

    Attributes:
        f0: Hz, shape (n,); 0 where nothing is voiced.
        times: seconds, shape (n,).
    """

    f0: Floats
    times: Floats


def pitch(samples: Floats, *, thorough: bool = True) -> Pitch:
    """The pitch of a sound of ``RATE_HZ``, by DIO and StoneMask.

    Args:
        samples: shape (n,).
        thorough: where DIO finds hardly any voice (creaky or noisy ones) Harvest, many times slower, looks again.

    Raises:
        MissingDependencyError: if pyworld is not installed.
    """
    world = vocoder()
    search = {"f0_floor": F0_HZ[0], "f0_ceil": F0_HZ[1], "frame_period": 1000.0 * FRAME_S}
    rough, times = world.dio(samples, RATE_HZ, **search)
    f0 = world.stonemask(samples, rough, times, RATE_HZ)
    if thorough and np.count_nonzero(f0) < _MIN_VOICED * len(f0):
        f0, times = world.harvest(samples, RATE_HZ, **search)
    return Pitch(f0, times)


@cache
def vocoder() -> Any:
    """The compiled module of pyworld.

    Raises:
        MissingDependencyError: if pyworld is not installed, or does not load.
    """
    name, todo = f"pyworld{sysconfig.get_config_var('EXT_SUFFIX')}", "pip install 'visavox[voices]'"
    package = find_spec("pyworld")
    if package is None or not package.submodule_search_locations:
        raise MissingDependencyError("find the package pyworld", found="it is not installed", todo=todo)
    path = Path(package.submodule_search_locations[0]) / name
    loader = ExtensionFileLoader("pyworld.pyworld", str(path))
    try:
        module = module_from_spec(ModuleSpec(loader.name, loader, origin=loader.path))
        loader.exec_module(module)
    except ImportError as error:
        raise MissingDependencyError(f"load {name} of pyworld", found=str(error), todo=todo) from error
    return module
