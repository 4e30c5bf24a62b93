"""WORLD: a voice as pitch, spectral envelope and aperiodicity, and back.

pyworld's package imports ``pkg_resources``, which setuptools no longer has; its compiled module is loaded by its path.

References:
    M. Morise, F. Yokomori, K. Ozawa, WORLD: a vocoder-based high-quality speech synthesis system for real-time
    applications, IEICE Transactions E99-D(7), 2016.
"""

from __future__ import annotations

import sysconfig
from functools import cache
from importlib.machinery import ExtensionFileLoader, ModuleSpec
from importlib.util import module_from_spec
from typing import Any, Final, NamedTuple

import numpy as np

from visavox.adapters.recognisers.sources import file_of_package
from visavox.core.errors import MissingDependencyError

from .sound_editor import Floats

RATE_HZ: Final = 16_000
FRAME_S: Final = 0.005
F0_HZ: Final = (60.0, 500.0)
_MIN_VOICED: Final = 0.1  # share of frames


class Voice(NamedTuple):
    """What WORLD takes a sound of ``RATE_HZ`` apart into, every ``FRAME_S``.

    Attributes:
        f0: Hz, shape (n,); 0 where nothing is voiced.
        envelope: power, shape (n, bins), above 0.
        aperiodicity: share of noise in [0, 1], shape (n, bins).
    """

    f0: Floats
    envelope: Floats
    aperiodicity: Floats


def analysed(samples: Floats) -> Voice:
    """The parts of a sound: pitch by DIO and StoneMask, envelope by CheapTrick, aperiodicity by D4C.

    Where DIO finds hardly any voice (creaky or noisy ones) Harvest, many times slower, looks again.

    Raises:
        MissingDependencyError: if pyworld is not installed.
    """
    world = vocoder()
    search = {"f0_floor": F0_HZ[0], "f0_ceil": F0_HZ[1], "frame_period": 1000.0 * FRAME_S}
    rough, times = world.dio(samples, RATE_HZ, **search)
    f0 = world.stonemask(samples, rough, times, RATE_HZ)
    if np.count_nonzero(f0) < _MIN_VOICED * len(f0):
        f0, times = world.harvest(samples, RATE_HZ, **search)
    envelope = world.cheaptrick(samples, f0, times, RATE_HZ)
    return Voice(f0, envelope, world.d4c(samples, f0, times, RATE_HZ))


def spoken(voice: Voice) -> Floats:
    """The sound of the parts, shape (n_frames * 80,)."""
    samples: Floats = vocoder().synthesize(*voice, RATE_HZ, 1000.0 * FRAME_S)
    return samples


@cache
def vocoder() -> Any:
    """The compiled module of pyworld.

    Raises:
        MissingDependencyError: if pyworld is not installed, or does not load.
    """
    path = file_of_package("pyworld", f"pyworld{sysconfig.get_config_var('EXT_SUFFIX')}", extra="voices")
    loader = ExtensionFileLoader("pyworld.pyworld", str(path))
    try:
        module = module_from_spec(ModuleSpec(loader.name, loader, origin=loader.path))
        loader.exec_module(module)
    except ImportError as error:
        raise MissingDependencyError(
            f"load {path.name} of pyworld", found=str(error), todo="pip install 'visavox[voices]'"
        ) from error
    return module
