"""Editors with a known leak, for the verdict paths: entries of ``kind: python`` suites."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from visavox.editor import Editor, EditRequest, EditResult, Failed, Refused
from visavox.media.image import decode_image
from visavox.ports.editor import EditedFile


class Mixed:
    """Returns its input in a seeded share of cases, a stranger's picture otherwise.

    params: ``leak`` (share of cases that leak), ``fail`` and ``refuse`` (shares that fail or are refused), ``log`` (a
    file that gets every edited case's id), ``sleep_s`` (a pause in each case).
    """

    max_batch = 8

    def __init__(self, params: Mapping[str, Any]) -> None:
        self.leak = float(params.get("leak", 0.0))
        self.fail = float(params.get("fail", 0.0))
        self.refuse = float(params.get("refuse", 0.0))
        self.log = params.get("log")
        self.sleep_s = float(params.get("sleep_s", 0.0))

    def edit(self, requests: Sequence[EditRequest]) -> list[EditResult]:
        return [self._one(request) for request in requests]

    def _one(self, request: EditRequest) -> EditResult:
        time.sleep(self.sleep_s)
        if self.log:
            with Path(self.log).open("a") as stream:
                stream.write(f"{request.case_id}\n")
        rng = np.random.default_rng(int(request.case_id, 16))
        draw = rng.random()
        image = np.asarray(request.media["subject"])
        if draw < self.fail:
            return Failed("asked to")
        if draw < self.fail + self.refuse:
            return Refused("asked to")
        if draw < self.fail + self.refuse + self.leak:
            return image.copy()
        field = np.kron(rng.normal(0, 1, (8, 8, 3)), np.ones((4, 4, 1)))
        return np.clip(128 + 40 * field, 0, 255).astype(np.uint8)


class Hiding:
    """Ways to hide a leak from the threshold, each of which a run has to see through.

    params: ``mode`` and ``people`` (the folder of the test people's pictures, ``<person>-<image>.png``).
    """

    max_batch = 8

    def __init__(self, params: Mapping[str, Any]) -> None:
        self.mode = str(params["mode"])
        self.files = sorted(Path(str(params["people"])).glob("*.png"))
        self.pictures = {file.stem: decode_image(file.read_bytes()) for file in self.files}

    def edit(self, requests: Sequence[EditRequest]) -> list[EditResult]:
        return [self._one(request) for request in requests]

    def _one(self, request: EditRequest) -> EditResult:
        rng = np.random.default_rng(int(request.case_id, 16))
        image = np.asarray(request.media["subject"])
        own = next(stem for stem, picture in self.pictures.items() if np.array_equal(picture, image)).split("-")[0]
        others = [picture for stem, picture in self.pictures.items() if stem.split("-")[0] != own]
        other = others[int(rng.integers(len(others)))]
        if self.mode == "roll":
            return other.copy()
        if self.mode == "others":  # three in ten show somebody else, the rest the person themself
            return other.copy() if rng.random() < 0.3 else near(image, rng)
        if self.mode == "avatar":  # a stock picture in some cases, a linkable scramble in all others
            return stock() if rng.random() < 0.06 else near(image[::-1], rng)
        if self.mode == "enlarged":  # the person themself, larger, where no face is found
            return np.kron(image, np.ones((3, 3, 1), np.uint8))
        raise ValueError(self.mode)


def near(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The picture with a little noise: not equal, as recognisable as before."""
    noisy = image.astype(int) + rng.integers(-2, 3, image.shape)
    return np.clip(noisy, 0, 255).astype(np.uint8)


def stock() -> np.ndarray:
    """The same picture for everybody."""
    field = np.kron(np.random.default_rng(99).normal(0, 1, (8, 8, 3)), np.ones((4, 4, 1)))
    return np.clip(128 + 40 * field, 0, 255).astype(np.uint8)


class Pair:
    """Swaps, morphs and attribute edits of the pretend people, with and without a leak.

    params: ``host`` and ``donor``, the weights of the two people's inner pictures in the output's, of a stranger's the
    rest; ``honours`` (refuses where the donor refused consent), ``betrays`` (the output's file holds the unedited
    picture), ``refuse``, the share of first meetings that are refused: the editor remembers what it has seen, and a
    second attempt gets the ``later_host`` weight.
    """

    max_batch = 8

    def __init__(self, params: Mapping[str, Any]) -> None:
        self.weights = float(params.get("host", 0.0)), float(params.get("donor", 1.0))
        self.later_host = float(params.get("later_host", self.weights[0]))
        self.honours, self.betrays = bool(params.get("honours", True)), bool(params.get("betrays", False))
        self.refuse = float(params.get("refuse", 0.0))
        self.seen: set[bytes] = set()

    def edit(self, requests: Sequence[EditRequest]) -> list[EditResult]:
        return [self._one(request) for request in requests]

    def _one(self, request: EditRequest) -> EditResult:
        if self.honours and request.consent in {"refused", "withdrawn"}:
            return Refused("the donor refused")
        pictures = [np.asarray(media) for media in request.media.values()]
        met = b"".join(picture.tobytes() for picture in pictures)
        is_new, rng = met not in self.seen, np.random.default_rng(int(request.case_id, 16))
        self.seen.add(met)
        if is_new and request.consent is None and rng.random() < self.refuse:
            return Refused("not the first time")
        host = self.weights[0] if is_new else self.later_host
        weights = [host, self.weights[1]][: len(pictures)]
        stranger = rng.normal(128, 40, (8, 8, 3)).repeat(4, 0).repeat(4, 1)
        inner = sum(w * picture.astype(float) for w, picture in zip(weights, pictures, strict=True))
        mixed = inner + (1 - sum(weights)) * stranger
        output = near(np.clip(mixed, 0, 255).astype(np.uint8), rng)
        return EditedFile(output, ("thumbnail_unedited",)) if self.betrays else output


def load_pair(*, device: str, artifact: Path | None, params: Mapping[str, Any]) -> Editor:
    return Pair(params)


def load_hiding(*, device: str, artifact: Path | None, params: Mapping[str, Any]) -> Editor:
    return Hiding(params)


def load(*, device: str, artifact: Path | None, params: Mapping[str, Any]) -> Editor:
    return Mixed(params)
