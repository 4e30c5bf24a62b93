"""Detector ``onnx``: any classifier of synthetic media in ONNX form; the suite says what the file does not.

Faces: the whole picture, resized to ``input_px`` (height and width; bilinear, antialiased, proportions not kept), as
(pixel - mean) / std in the network's order of channels and axes. Voices: windows of ``window_s`` of the sound at
``sample_rate_hz``, one after the other, a shorter rest repeated or filled with zeros; their scores are pooled.

A network that was trained elsewhere is worth what it shows on this run's media: on media of our own test kit two
published ones did worse than chance. No rate of it means anything without its control.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Final, Literal, TypeAlias

import numpy as np
import numpy.typing as npt
from PIL import Image as PillowImage
from pydantic import BaseModel, ConfigDict, Field

from visavox.adapters.parameters import checked
from visavox.adapters.recognisers.onnx_session import BATCH, BatchNetwork, inputs_of, open_session, takes
from visavox.adapters.recognisers.sources import read_pinned
from visavox.core.digest import sha256_json
from visavox.core.errors import ConfigError
from visavox.core.records import Sha256
from visavox.core.terms import Modality
from visavox.media.audio import Audio, check_audio, is_silent, resampled
from visavox.media.image import Image, check_image
from visavox.ports.detector import Scored
from visavox.ports.editor import Media
from visavox.ports.recogniser import FailureToAcquire

Floats32 = npt.NDArray[np.float32]
PerChannel: TypeAlias = float | tuple[float, float, float]
Positive: TypeAlias = Annotated[float, Field(gt=0)]
Side: TypeAlias = Annotated[int, Field(ge=16, le=2048)]

LEAST_SIDE_PX: Final = 16
LEAST_S: Final = 0.25
_SURE: Final = 1e-7  # probabilities are cut off this far from 0 and 1: float32 tells no more
_VERSION: Final = 1


class OnnxParameters(BaseModel):
    """What both modalities need.

    Attributes:
        path: the file, absolute.
        sha256: its pinned digest.
        higher_is: what a larger value of the output means.
        value: what the output is: ``score`` (a logit, or anything that rises with the class: taken as it is),
            ``probability`` (its log odds are taken), ``logits`` (one a class, before softmax: ``index`` against the
            rest).
        output: number of the graph's output.
        index: which of its numbers; may be left out where there is one.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    path: Path
    sha256: Sha256
    higher_is: Literal["synthetic", "bona_fide"]
    value: Literal["score", "probability", "logits"]
    output: Annotated[int, Field(ge=0, le=63)] = 0
    index: Annotated[int, Field(ge=0, le=4095)] | None = None


class OnnxImageParameters(OnnxParameters):
    """The suite's words about a classifier of pictures.

    Attributes:
        input_px: side of the square, or height and width.
        layout: axes of the input.
        mean, std: (pixel - mean) / std, pixels of 0 to 255; one number, or one a channel in the order of ``channel``.
        channel: the network's order of channels.
    """

    input_px: Side | tuple[Side, Side]
    layout: Literal["nchw", "nhwc"]
    mean: PerChannel
    std: Positive | tuple[Positive, Positive, Positive]
    channel: Literal["rgb", "bgr"]

    @property
    def size(self) -> tuple[int, int]:
        """Height and width."""
        return (self.input_px, self.input_px) if isinstance(self.input_px, int) else self.input_px

    @property
    def input_shape(self) -> tuple[int | str, ...]:
        """The axes of the network's input."""
        return ("n", 3, *self.size) if self.layout == "nchw" else ("n", *self.size, 3)


class OnnxSoundParameters(OnnxParameters):
    """The suite's words about a classifier of sounds.

    Attributes:
        sample_rate_hz: that the network was trained at.
        window_s: length of what it is given at once.
        padding: what fills a sound, or its last window, that is shorter: the same again, or zeros.
        pooling: of the windows' scores; ``first`` looks at the beginning alone.
    """

    sample_rate_hz: Annotated[int, Field(ge=8000, le=48_000)]
    window_s: Annotated[float, Field(ge=0.1, le=60.0)]
    padding: Literal["repeat", "zeros"]
    pooling: Literal["mean", "max", "first"] = "mean"

    @property
    def size(self) -> int:
        """Samples of a window."""
        return round(self.window_s * self.sample_rate_hz)

    @property
    def input_shape(self) -> tuple[int | str, ...]:
        """The axes of the network's input."""
        return ("n", self.size)


class OnnxDetector:
    """A classifier run by onnxruntime.

    Attributes:
        batching: ``dynamic`` or ``fixed``, as of `BatchNetwork`.
    """

    id = "onnx"

    def __init__(self, modality: Modality, params: OnnxImageParameters | OnnxSoundParameters, device: str) -> None:
        data = read_pinned(params.path, params.sha256)
        self.modality, self._params = modality, params
        self.digest = sha256_json(["onnx", _VERSION, modality.value, params.model_dump(mode="json", exclude={"path"})])
        session = open_session(data, params.path, device, threads=None)
        if not takes(session, params.input_shape):
            wanted = ", ".join(map(str, params.input_shape))
            raise _refused(
                f"a network with one float input ({wanted})",
                inputs_of(session),
                "set input_px and layout" if modality is Modality.FACE else "set sample_rate_hz and window_s",
            )
        n_outputs = len(session.get_outputs())
        if params.output >= n_outputs:
            raise _refused(f"its output number {params.output}", f"the graph has {n_outputs}", "count from 0")
        trial = np.concatenate([self._items(medium) for medium in _trial_media(params)])
        self._network = BatchNetwork(
            lambda threads: open_session(data, params.path, device, threads=threads),
            session,
            self._prepared,
            trial,
            output=params.output,
        )
        self.batching = self._network.batching
        self._index = _index(self._network.run(trial[:1]).shape[1], params)

    def score(self, media: Sequence[Media]) -> list[Scored]:
        """The attack score of each medium, or why it has none.

        Raises:
            MediaError: one is no image, or no sound.
        """
        check = check_image if self.modality is Modality.FACE else check_audio
        checked_media: list[Any] = [check(medium) for medium in media]
        scores: list[Scored] = []
        for start in range(0, len(checked_media), BATCH):
            items = [_why_not(medium) or self._items(medium) for medium in checked_media[start : start + BATCH]]
            usable = [part for part in items if not isinstance(part, FailureToAcquire)]
            values = iter(self._values(np.concatenate(usable)) if usable else ())
            for part in items:
                if isinstance(part, FailureToAcquire):
                    scores.append(part)
                else:
                    scores.append(self._pooled([next(values) for _ in part]))
        return scores

    def _items(self, medium: Any) -> npt.NDArray[Any]:
        """What of a medium goes through the network: one picture, or the windows of a sound."""
        if isinstance(self._params, OnnxImageParameters):
            return _resized(medium, self._params.size)[None]
        return _windows(medium, self._params)

    def _prepared(self, items: npt.NDArray[Any]) -> Floats32:
        params = self._params
        if isinstance(params, OnnxSoundParameters):
            return np.ascontiguousarray(items, np.float32)
        pixels = items[..., ::-1] if params.channel == "bgr" else items
        scaled = (pixels.astype(np.float32) - np.asarray(params.mean, np.float32)) / np.asarray(params.std, np.float32)
        return np.ascontiguousarray(scaled.transpose(0, 3, 1, 2) if params.layout == "nchw" else scaled, np.float32)

    def _values(self, items: npt.NDArray[Any]) -> list[float]:
        """The attack score of each item."""
        outputs = self._network.run(items).astype(np.float64)
        values = outputs[:, self._index]
        if self._params.value == "probability":
            share = np.clip(values, _SURE, 1.0 - _SURE)
            values = np.log(share / (1.0 - share))
        elif self._params.value == "logits":
            rest = np.delete(outputs, self._index, axis=1)
            largest = rest.max(axis=1)
            values = values - largest - np.log(np.exp(rest - largest[:, None]).sum(axis=1))
        sign = 1.0 if self._params.higher_is == "synthetic" else -1.0  # the one place where a score is turned
        return [sign * float(value) for value in values]

    def _pooled(self, scores: list[float]) -> Scored:
        if not np.isfinite(scores).all():
            return FailureToAcquire("the network's output is not finite")
        if isinstance(self._params, OnnxSoundParameters) and self._params.pooling != "first":
            return float(np.mean(scores)) if self._params.pooling == "mean" else max(scores)
        return scores[0]


def build(params: Mapping[str, Any], modality: Modality, device: str) -> OnnxDetector:
    """The classifier that the params describe.

    Raises:
        ConfigError: a parameter is absent, unknown or wrong, or the network takes or gives something else.
        MissingDependencyError: onnxruntime is absent.
        WeightsError: the file is absent, not the pinned one, or no ONNX network.
    """
    what = "load the detector `onnx`"
    if modality is Modality.FACE:
        needs = "it needs path, sha256, higher_is, value, input_px, layout, mean, std and channel"
        return OnnxDetector(modality, checked(OnnxImageParameters, params, what=what, todo=needs), device)
    needs = "it needs path, sha256, higher_is, value, sample_rate_hz, window_s and padding"
    return OnnxDetector(modality, checked(OnnxSoundParameters, params, what=what, todo=needs), device)


def _index(n_numbers: int, params: OnnxParameters) -> int:
    """Which number of the output is the class's, if there is that one."""
    index = params.index if params.index is not None else 0
    if index >= n_numbers or (params.index is None and n_numbers > 1):
        raise _refused(
            "one number of the network's output", f"index {params.index}, and {n_numbers} numbers", "set index"
        )
    if params.value == "logits" and n_numbers < 2:
        raise _refused("logits of all classes", "one number", "say value: score, which takes it as it is")
    return index


def _refused(asked: str, found: str, todo: str) -> ConfigError:
    return ConfigError(f"the detector `onnx`: {asked}", found=found, todo=todo)


def _why_not(medium: Image | Audio) -> FailureToAcquire | None:
    if isinstance(medium, Audio):
        if is_silent(medium):
            return FailureToAcquire("the sound is silent")
        return (
            FailureToAcquire(f"{medium.duration_s:.2f} s, under {LEAST_S:g} s") if medium.duration_s < LEAST_S else None
        )
    height, width = medium.shape[:2]
    return (
        FailureToAcquire(f"{width} x {height} px, under {LEAST_SIDE_PX}")
        if min(height, width) < LEAST_SIDE_PX
        else None
    )


def _resized(image: Image, size: tuple[int, int]) -> Image:
    picture = PillowImage.fromarray(np.ascontiguousarray(image))
    return np.asarray(picture.resize(size[::-1], PillowImage.Resampling.BILINEAR), np.uint8)


def _windows(audio: Audio, params: OnnxSoundParameters) -> Floats32:
    """Windows one after the other, (n, size); the last is filled where it is at least half there or the only one."""
    samples, size = resampled(audio, params.sample_rate_hz).samples, params.size
    n = max(round(len(samples) / size), 1) if params.pooling != "first" else 1
    missing = max(n * size - len(samples), 0)
    if params.padding == "zeros":
        return np.pad(samples, (0, missing))[: n * size].reshape(n, size)
    last = samples[(n - 1) * size :]
    whole = np.concatenate([samples[: (n - 1) * size], np.resize(last, max(size, len(last)))])
    return whole[: n * size].reshape(n, size)


def _trial_media(params: OnnxImageParameters | OnnxSoundParameters) -> list[Any]:
    """Two media of noise that make one item each."""
    random = np.random.default_rng(0)
    if isinstance(params, OnnxImageParameters):
        return [random.integers(0, 256, (*params.size, 3), np.uint8) for _ in range(2)]
    return [Audio(0.1 * random.standard_normal(params.size, dtype=np.float32), params.sample_rate_hz) for _ in range(2)]
