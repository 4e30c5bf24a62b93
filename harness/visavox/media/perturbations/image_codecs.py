"""Pictures through lossy codecs and back: JPEG and WebP by Pillow, H.264 by FFmpeg through PyAV.

References: ITU-T T.81 (JPEG), RFC 9649 (WebP), ITU-T H.264.
"""

from __future__ import annotations

import io
from fractions import Fraction
from typing import Any

import numpy as np
from PIL import Image as PillowImage

from visavox.core.errors import MissingDependencyError
from visavox.media.image import Image, decode_image

Random = np.random.Generator


def jpeg(image: Image, quality: float, random: Random) -> Image:
    """JPEG at a libjpeg quality (1..100), chroma halved in both directions (4:2:0), as most programs do."""
    return _by_pillow(image, "JPEG", quality=int(quality), subsampling=2)


def webp(image: Image, quality: float, random: Random) -> Image:
    """Lossy WebP at a quality (0..100), libwebp's method 4."""
    return _by_pillow(image, "WEBP", quality=int(quality), method=4)


def h264(image: Image, crf: float, random: Random) -> Image:
    """One intra frame of H.264 by x264 at a constant rate factor, preset medium, 4:2:0; size as before.

    A still has no motion to predict: what a video of it loses in later frames is not seen here. An odd side gets one
    more row or column, repeated from the edge, which is cut off again.

    Raises:
        MissingDependencyError: PyAV is not installed, or was built without x264.
    """
    height, width = image.shape[:2]
    even = np.pad(image, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")
    decoded = _intra_frame(even, int(crf))
    return np.ascontiguousarray(decoded[:height, :width])


def _by_pillow(image: Image, kind: str, **options: Any) -> Image:
    buffer = io.BytesIO()
    PillowImage.fromarray(image).save(buffer, format=kind, **options)
    return decode_image(buffer.getvalue())


def _intra_frame(image: Image, crf: int) -> Image:
    try:
        import av

        encoder: Any = av.CodecContext.create("libx264", "w")
    except (ImportError, ValueError) as error:  # PyAV: UnknownCodecError is a ValueError
        raise MissingDependencyError(
            "encode a picture as H.264",
            found=f"{type(error).__name__}: {error}",
            todo="pip install 'visavox[voices]' (PyAV with x264), or leave these perturbations out",
        ) from error
    encoder.height, encoder.width = image.shape[:2]
    encoder.pix_fmt, encoder.time_base, encoder.framerate = "yuv420p", Fraction(1, 25), Fraction(25)
    encoder.options = {"crf": str(crf), "preset": "medium"}
    encoder.thread_count = 1  # the same bytes on every machine
    frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(image), format="rgb24")
    packets = [*encoder.encode(frame.reformat(format="yuv420p")), *encoder.encode(None)]
    decoder: Any = av.CodecContext.create("h264", "r")
    decoder.thread_count = 1
    frames = [shown for packet in packets for shown in decoder.decode(packet)] + list(decoder.decode(None))
    decoded: Image = frames[0].to_ndarray(format="rgb24")
    return decoded
