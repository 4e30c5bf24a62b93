"""Weight files of facenet-pytorch's layout that hold no trained network: what the tests have in place of the real ones.

A random network maps every picture to about the same vector, which would hide faults of the crop or the scaling. So
the normalisation layers are set from photographs: their templates then lie as far apart as a trained network's.
"""

from __future__ import annotations

import atexit
import hashlib
import shutil
import tempfile
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import cv2
import facenet_pytorch
import numpy as np
import torch
from kit_photos import photo

N_CLASSES = 8631  # of VGGFace2; CASIA-WebFace has 10575
SETTING = "7103d58ab1ac90a6 c8c68f9d45069c6a 798a416151aabf4e ec91fa34ac7eaf02 9857d8a69f483890 6c12828bef8c7a8e"


class WeightFile(NamedTuple):
    path: Path
    sha256: str

    @property
    def params(self) -> dict[str, str]:
        """The parameters by which a suite names it."""
        return {"path": str(self.path), "sha256": self.sha256}


@lru_cache(maxsize=1)
def made_weights() -> WeightFile:
    """A file with every layer of the published ones, and the classifier of VGGFace2's."""
    with torch.random.fork_rng():
        torch.manual_seed(1)
        network = facenet_pytorch.InceptionResnetV1(classify=True, num_classes=N_CLASSES)
    for layer in network.modules():
        if isinstance(layer, torch.nn.BatchNorm1d | torch.nn.BatchNorm2d):
            layer.momentum = None  # the mean over what it is shown
    network.dropout.p = 0.0
    network.train()
    with torch.no_grad():
        network(_views())
    folder = Path(tempfile.mkdtemp(prefix="visavox-weights-"))
    atexit.register(shutil.rmtree, folder)
    path = folder / "made.pt"
    torch.save(network.state_dict(), path)
    return WeightFile(path, hashlib.sha256(path.read_bytes()).hexdigest())


def _views() -> torch.Tensor:
    """Each photograph and two thirds of it, mirrored."""
    images = []
    for image in map(photo, SETTING.split()):
        height, width = image.shape[:2]
        part = image[height // 6 : -height // 6, width // 6 : -width // 6][:, ::-1]
        images += [cv2.resize(image, (160, 160)), cv2.resize(part, (160, 160))]
    return torch.from_numpy((np.stack(images).transpose(0, 3, 1, 2).astype(np.float32) - 127.5) / 128)
