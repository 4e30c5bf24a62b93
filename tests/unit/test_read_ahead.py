"""Media are read beside the device: in order, one unit ahead, and not where images are large."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from visavox.core.errors import MediaError
from visavox.engine import embed
from visavox.engine.embed import Item, read_ahead
from visavox.engine.medium import FaceMedium


def items(first: int, count: int, read: Callable[[int], np.ndarray]) -> list[Item]:
    return [Item(str(n), "", lambda n=n: read(n), "") for n in range(first, first + count)]


def image(number: int) -> np.ndarray:
    return np.full((4, 4, 3), number, np.uint8)


def test_units_come_in_order_and_one_unit_early() -> None:
    seen, second = [], threading.Event()

    def read(number: int) -> np.ndarray:
        seen.append(number)
        if len([n for n in seen if n >= 3]) == 2:
            second.set()
        return image(number)

    with ThreadPoolExecutor(2) as pool:
        units = read_ahead(pool, [items(0, 3, read), items(3, 2, read), items(5, 1, read)], FaceMedium())
        assert [int(i[0, 0, 0]) for i in next(units)] == [0, 1, 2]
        assert second.wait(10)  # the second unit is read though nobody asked for it yet
        assert 5 not in seen
        assert [[int(i[0, 0, 0]) for i in unit] for unit in units] == [[3, 4], [5]]


def test_large_images_wait_their_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embed, "_AHEAD_BYTES", 100)
    seen: list[int] = []
    with ThreadPoolExecutor(2) as pool:
        units = read_ahead(pool, [items(0, 3, lambda n: (seen.append(n), image(n))[1]) for _ in range(2)], FaceMedium())
        assert len(next(units)) == 3
        pool.submit(int).result()
        assert sorted(seen) == [0, 1, 2]
        assert len(next(units)) == 3


def test_a_file_that_cannot_be_read_ends_its_own_unit() -> None:
    def read(number: int) -> np.ndarray:
        if number == 3:
            raise MediaError("decode an image", found="nothing")
        return image(number)

    with ThreadPoolExecutor(2) as pool:
        units = read_ahead(pool, [items(0, 2, read), items(2, 2, read)], FaceMedium())
        assert len(next(units)) == 2
        with pytest.raises(MediaError):
            next(units)
