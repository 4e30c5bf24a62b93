"""Recordings of the real-data kit by sample id (first 16 hex digits of their SHA-256): no name enters a test."""

from __future__ import annotations

import csv
from functools import lru_cache
from pathlib import Path

import numpy as np
from kit_photos import KIT

from visavox.media.audio import Audio, decode_audio


@lru_cache(maxsize=1)
def _paths() -> dict[str, Path]:
    table = KIT / "manifest.csv"
    assert table.is_file(), f"the real-data kit is not at {KIT}: set VISAVOX_KIT to its folder"
    with table.open(newline="") as stream:
        return {row["sha256"][:16]: KIT / row["path"] for row in csv.DictReader(stream)}


def sound(sample_id: str) -> Audio:
    """The recording of a sample id."""
    return decode_audio(_paths()[sample_id].read_bytes())


def speakers(manifest: str) -> tuple[list[Audio], np.ndarray]:
    """Every recording of one of the kit's manifests, and its speaker as a number."""
    with (KIT / manifest).open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    number = {name: k for k, name in enumerate(dict.fromkeys(row["subject_id"] for row in rows))}
    return (
        [decode_audio((KIT / row["path"]).read_bytes()) for row in rows],
        np.array([number[row["subject_id"]] for row in rows]),
    )
