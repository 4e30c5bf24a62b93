"""Our three networks and suppression against facenet-pytorch's and torchvision's, to the last bit."""

from __future__ import annotations

import subprocess
import sys

import facenet_pytorch
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torchvision.ops import nms

from visavox.adapters.recognisers.mtcnn_networks import load_network, suppress
from visavox.adapters.recognisers.sources import file_of_package

SIZES = {"pnet": (1, 151, 97), "rnet": (37, 24, 24), "onet": (5, 48, 48)}


@pytest.mark.parametrize("name", SIZES)
def test_networks_give_the_very_bits(name: str) -> None:
    data = file_of_package("facenet_pytorch", "data", f"{name}.pt")
    theirs = getattr(facenet_pytorch.models.mtcnn, {"pnet": "PNet", "rnet": "RNet", "onet": "ONet"}[name])(
        pretrained=False
    )
    theirs.load_state_dict(torch.load(data, weights_only=True))
    theirs = theirs.eval().to(memory_format=torch.channels_last)
    n, height, width = SIZES[name]
    pixels = np.random.default_rng(3).uniform(-1, 1, (n, height, width, 3)).astype(np.float32)
    crops = torch.from_numpy(pixels).permute(0, 3, 1, 2)
    with torch.inference_mode():
        found, expected = load_network(name, data.read_bytes(), torch.device("cpu"))(crops), theirs(crops)
    assert len(found) == len(expected)
    assert all(torch.equal(a, b) for a, b in zip(found, expected, strict=True))


@given(st.integers(0, 2**32 - 1), st.integers(0, 60), st.sampled_from([0.5, 0.7]), st.sampled_from([3, 40, 1000]))
@settings(max_examples=200, deadline=None)
def test_suppression_keeps_what_torchvision_keeps(seed: int, n: int, limit: float, levels: int) -> None:
    """Few levels make ties of scores and of overlaps, and boxes without area."""
    rng = np.random.default_rng(seed)
    corners = rng.integers(0, levels, (n, 2)) * (100 / levels)
    boxes = np.concatenate([corners, corners + rng.integers(0, levels, (n, 2)) * (60 / levels)], 1).astype(np.float32)
    scores = (rng.integers(0, levels, n) / levels).astype(np.float32)
    expected = nms(torch.from_numpy(boxes), torch.from_numpy(scores), limit).numpy()
    assert suppress(boxes, scores, limit).tolist() == expected.tolist()


def test_the_detector_loads_neither_torchvision_nor_torchs_compiler() -> None:
    code = (
        "import sys; from visavox.adapters.recognisers.mtcnn import load_mtcnn; load_mtcnn('cpu');"
        "print([name for name in ('torchvision', 'facenet_pytorch', 'torch._dynamo') if name in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
