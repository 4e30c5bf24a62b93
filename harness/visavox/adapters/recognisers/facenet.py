"""The FaceNet networks of facenet-pytorch: MTCNN, a crop of 160 px, InceptionResnetV1, cosine of unit vectors.

``facenet-vggface2`` and ``facenet-casia-webface`` differ in weights alone, which come with no package: see
``facenet_weights``. The suite may say ``path`` (a file, or a folder that holds it), ``sha256`` (of a file that is not
the published one), ``download`` (nothing is fetched without it) and ``margin_px`` (0, the library's default).

Their accuracy was never measured by this project, for want of the weights: that the templates are the library's own is
shown with weights of the same layout that a test makes. Published by their author: 99.65 and 99.05 % on LFW, some of
whose people they were trained on (593 of VGGFace2's and 17 of CASIA-WebFace's are in LFW by the lists of
happynear/FaceDatasets), hence ``training_overlap`` = some.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Final

import numpy as np
import numpy.typing as npt
from PIL import Image as PillowImage
from pydantic import BaseModel, ConfigDict, Field, StrictBool, model_validator

from visavox.core.digest import sha256_json
from visavox.core.errors import WeightsError
from visavox.core.records import RecogniserSpec, Sha256
from visavox.core.terms import Modality
from visavox.media.image import Image, check_image
from visavox.ports.editor import Media
from visavox.ports.recogniser import FailureToAcquire, Region, Vectors

from ..parameters import checked
from .alignment import region_fault
from .cosine import cosines, unit
from .crops_ahead import crops_ahead
from .facenet_weights import RELEASES, read_weights
from .mtcnn import load_mtcnn
from .sources import import_package, require_packages

INPUT_PX: Final = 160
_BATCH = {"cpu": 8, "cuda": 256}


class FacenetParams(BaseModel):
    """The suite's words about a FaceNet.

    Attributes:
        path: the weight file or its folder, absolute; without it, where facenet-pytorch keeps downloads.
        sha256: of the file; the published file's by default.
        download: whether the published file may be fetched where it is not there.
        margin_px: added to the box's sides in all, in pixels of the crop, as facenet-pytorch's ``MTCNN(margin=...)``.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    path: Path | None = None
    sha256: Sha256 | None = None
    download: StrictBool = False
    margin_px: Annotated[int, Field(ge=0, le=80)] = 0

    @model_validator(mode="after")
    def _one_source(self) -> FacenetParams:
        if self.path is not None and self.download:
            raise ValueError("path and download exclude each other")
        return self


def build(spec: RecogniserSpec, device: str) -> Facenet:
    """The recogniser ``facenet-vggface2`` or ``facenet-casia-webface``.

    Raises:
        ConfigError: if a parameter is unknown or wrong.
        MissingDependencyError: if facenet-pytorch or torch is absent.
        WeightsError: if the weights are absent, not the pinned ones, or of another layout.
    """
    todo = f"it takes {', '.join(FacenetParams.model_fields)}"
    params = checked(FacenetParams, dict(spec.params), what=f"recogniser {spec.id!r} ({spec.name})", todo=todo)
    return Facenet(spec.id, spec.name, params, device)


class Facenet:
    """InceptionResnetV1 on MTCNN's box; scores are cosines of its 512 numbers.

    Attributes:
        is_pinned: whether the weights are the published ones. Of others nothing is known: their training overlap is
            ``unknown``, and they count as one family with every undeclared network.
    """

    modality: Final = Modality.FACE
    score: Final = "cosine"

    def __init__(self, name: str, release: str, params: FacenetParams, device: str) -> None:
        pinned = RELEASES[release]
        sha256 = params.sha256 or pinned.sha256
        require_packages("torch", "facenet_pytorch")
        read_weights(pinned, params.path, sha256, download=params.download)
        self.id = name
        self.is_pinned = sha256 == pinned.sha256
        self.families = frozenset({"facenet", "inception-resnet-v1"} | (set() if self.is_pinned else {"undeclared"}))
        self.training_overlap = "some" if self.is_pinned else "unknown"
        self._release, self._params, self._sha256, self._device_name = release, params, sha256, device
        self._detector = load_mtcnn(device)
        self.detector = self._detector.identity
        self.digest = sha256_json(
            {"sha256": sha256, "detector": self.detector, "input_px": INPUT_PX, "margin_px": params.margin_px}
        )
        if not self.is_pinned:
            _ = self._network  # nobody has vouched for that file: whether it is such a network is tried before the run

    @cached_property
    def _torch(self) -> Any:
        return import_package("torch")

    @cached_property
    def _device(self) -> Any:
        return self._torch.device(self._device_name)

    @cached_property
    def _network(self) -> Any:
        params = self._params
        data = read_weights(RELEASES[self._release], params.path, self._sha256, download=params.download)
        return _network(self._torch, data, self._release).to(self._device)

    def locate(self, media: Sequence[Media]) -> list[Region | FailureToAcquire]:
        """The main face of each image, by MTCNN."""
        return self._detector.locate(media)

    def embed(self, media: Sequence[Media], regions: Sequence[Region]) -> list[Vectors | FailureToAcquire]:
        """Unit vectors of 512 numbers of each region's box."""
        images = [check_image(value) for value in media]
        faults = [region_fault(region, image) for image, region in zip(images, regions, strict=True)]
        usable = [k for k, fault in enumerate(faults) if fault is None]
        answers: list[Vectors | FailureToAcquire] = [fault or np.zeros(0, np.float32) for fault in faults]
        batches = crops_ahead(
            lambda k: face_crop(images[k], regions[k].box, self._params.margin_px), usable, _BATCH[self._device_name]
        )
        vectors = (vector for crops in batches for vector in self._forward(crops))
        for k, vector in zip(usable, vectors, strict=True):
            answers[k] = unit(vector)
        return answers

    def compare(self, references: Vectors, probes: Vectors) -> npt.NDArray[np.float32]:
        """Cosines, shape (n_references, n_probes)."""
        return cosines(references, probes)

    def _forward(self, crops: Image) -> npt.NDArray[np.float32]:
        torch = self._torch
        exact = torch.backends.cudnn.flags(enabled=True, benchmark=False, deterministic=True, allow_tf32=False)
        with torch.inference_mode(), exact:
            planes = (torch.from_numpy(crops).to(self._device).permute(0, 3, 1, 2) - 127.5) / 128.0
            vectors: npt.NDArray[np.float32] = self._network(planes).cpu().numpy()
        return vectors


def face_crop(image: Image, box: tuple[float, float, float, float], margin_px: int) -> Image:
    """The box widened by the margin, cut to whole pixels of the image, resized to 160 x 160.

    Pillow's bilinear filter, as in facenet-pytorch's ``extract_face`` of a Pillow image (of an array it would use
    OpenCV's, which gives other templates), so on the CPU on every device: no GPU library gives the same bytes.
    """
    x0, y0, x1, y1 = box
    height, width = image.shape[:2]
    x, y = (margin_px * side / (INPUT_PX - margin_px) / 2 for side in (x1 - x0, y1 - y0))
    rows = slice(int(max(y0 - y, 0)), int(min(y1 + y, height)))
    columns = slice(int(max(x0 - x, 0)), int(min(x1 + x, width)))
    picture = PillowImage.fromarray(np.ascontiguousarray(image[rows, columns]))
    return np.asarray(picture.resize((INPUT_PX, INPUT_PX), PillowImage.Resampling.BILINEAR))


def _network(torch: Any, data: bytes, release: str) -> Any:
    """InceptionResnetV1 with those weights; the classifier over the training people is left out, as it is not used."""
    asked = f"load the weights of {release} (SHA-256 checked)"
    library = import_package("facenet_pytorch")
    with torch.device("meta"):  # no random start, which would cost time and the process's random state
        network = library.InceptionResnetV1()
    try:
        state = torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
        layers = {key: value for key, value in state.items() if not key.startswith("logits.")}
        network.load_state_dict(layers, assign=True)
    except Exception as error:  # torch raises a dozen kinds over a file that is no state dictionary of this network
        first = str(error).strip().splitlines()[0] if str(error).strip() else ""
        raise WeightsError(
            asked, found=f"{type(error).__name__}: {first}", todo="give a state dictionary of InceptionResnetV1"
        ) from error
    return network.float().eval().to(memory_format=torch.channels_last)
