"""Pictures of people who do not exist.

Nobody is depicted: an identity is the numbers of ``parameters.IDENTITY``, drawn from ``(seed, identity)``; a picture
adds pose, expression, light, clothes, backdrop and camera drawn from ``(seed, identity, image)``. They look like decent
computer graphics, not like photographs: figures of forgery detectors on them mean nothing.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image as PillowImage

from visavox.core.errors import ConfigError, MissingDependencyError
from visavox.ports.editor import Image

from .parameters import Camera, draw_camera, draw_parameters

if TYPE_CHECKING:
    from torch import Tensor

MIN_SIZE_PX, MAX_SIZE_PX = 32, 2048
_BLUR_AT_PX = 224


def render_faces(seed: int, people: Sequence[tuple[int, int]], *, size_px: int, device: str = "cpu") -> list[Image]:
    """Renders one picture for each (identity, image) pair: what ``render_files`` writes, decoded.

    Returns:
        uint8 arrays of shape (size_px, size_px, 3), RGB.
    """
    files = render_files(seed, people, size_px=size_px, device=device)
    return [np.asarray(PillowImage.open(io.BytesIO(file)).convert("RGB")) for file in files]


def render_files(seed: int, people: Sequence[tuple[int, int]], *, size_px: int, device: str = "cpu") -> list[bytes]:
    """Renders one JPEG file for each (identity, image) pair, as its camera wrote it.

    Args:
        seed: the world of people, >= 0.
        people: whole numbers >= 0; equal identities show the same person in another pose, light and expression.
        size_px: side of the square pictures, 32 to 2048; a render costs in proportion to its square.
        device: ``cpu`` or ``cuda``. The same numbers give the same bytes on one machine's CPU, alone or in any batch;
            a GPU's pictures look alike but differ in single bits.

    Returns:
        the content of JPEG files of ``size_px`` x ``size_px`` pixels, RGB, quality 60 to 95.

    Raises:
        ConfigError: if a number is negative or the size out of range.
        MissingDependencyError: if torch is not installed.
    """
    if not MIN_SIZE_PX <= size_px <= MAX_SIZE_PX:
        raise ConfigError(f"render faces of {size_px} px", todo=f"give a size_px from {MIN_SIZE_PX} to {MAX_SIZE_PX}")
    if seed < 0 or any(number < 0 for pair in people for number in pair):
        raise ConfigError("render faces", found="a negative seed, identity or image", todo="count from 0")
    try:
        import torch

        from .tracing import trace
    except ModuleNotFoundError as error:
        raise MissingDependencyError(
            "render synthetic faces", found=f"{error.name} is not installed", todo="install visavox[models]"
        ) from error
    files = []
    threads = torch.get_num_threads()
    torch.set_flush_denormal(True)  # products of vanishing weights take many times as long otherwise
    torch.set_num_threads(1)  # thousands of small steps: waking a second thread costs more than it does
    try:
        with torch.inference_mode():
            for identity, image in people:
                picture = trace(draw_parameters(seed, identity, image), size_px, device)
                files.append(_photograph(picture, draw_camera(seed, identity, image)))
    finally:
        torch.set_num_threads(threads)
        torch.set_flush_denormal(False)
    return files


def _photograph(picture: Tensor, camera: Camera) -> bytes:
    """Display values (3, h, w) in 0..1 to a JPEG file after lens blur and sensor noise."""
    from scipy.ndimage import gaussian_filter

    values = picture.permute(1, 2, 0).cpu().numpy()
    sigma_px = camera.blur_px * values.shape[0] / _BLUR_AT_PX
    if sigma_px > 0.1:
        values = gaussian_filter(values, (sigma_px, sigma_px, 0.0), mode="reflect", radius=(3, 3, 0))
    rng = np.random.Generator(np.random.PCG64(camera.noise_seed))
    values = values + rng.normal(0.0, camera.noise, values.shape).astype(np.float32) * (0.5 + values)
    pixels = (np.clip(values, 0.0, 1.0) * 255.0 + 0.5).astype(np.uint8)
    file = io.BytesIO()
    PillowImage.fromarray(pixels).save(file, "JPEG", quality=camera.jpeg_quality)
    return file.getvalue()
