"""Randomness: generators are passed, named children of one seed."""

from __future__ import annotations

import hashlib

import numpy as np


def child_seed(seed: int, *names: str | int) -> int:
    """A 63-bit seed that depends on ``seed`` and on a path of names, and on nothing else.

    >>> child_seed(7, "cases") == child_seed(7, "cases")
    True
    >>> child_seed(7, "cases") == child_seed(7, "folds")
    False
    """
    text = "\x1f".join([str(seed), *map(str, names)])
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1


def generator(seed: int, *names: str | int) -> np.random.Generator:
    """A PCG64 generator for the named child of ``seed``."""
    return np.random.Generator(np.random.PCG64(child_seed(seed, *names)))
