"""The data set kind ``att-faces``: the Database of Faces of AT&T Laboratories Cambridge (formerly ORL).

40 people, ten grey pictures of 92 x 112 pixels each, taken from April 1992 to April 1994. The PGM files are unpacked
as PNG with the same grey values.

The publisher states no digest. The pin is that of one public project which fetched the archive from the publisher's
address in September 2026 and stated size (3,769,022 bytes) and SHA-256; this project has never held the file. A wrong
pin refuses the file.

References:
    F. Samaria, A. Harter, Parameterisation of a stochastic model for human face identification, Proc. 2nd IEEE
    Workshop on Applications of Computer Vision (1994).
"""

from __future__ import annotations

import io
import re
from pathlib import Path
from typing import Final

import numpy as np
from PIL import Image as PillowImage

from visavox.core.errors import DatasetError
from visavox.core.records import DatasetSpec
from visavox.core.resources import user_cache_dir
from visavox.media.image import encode_png

from ..manifest import ManifestDataset
from .archives import Archive, Kept, by_hand, download, unpack
from .listing import Recording, Size, listed, parameters

KIND: Final = "att-faces"
LICENCE: Final = "free of charge; give credit to AT&T Laboratories Cambridge"
ARCHIVE: Final = Archive(
    "att_faces.zip",
    "https://www.cl.cam.ac.uk/Research/DTG/attarchive/pub/data/att_faces.zip",
    "509d763bd2276aa054d260d7f1000e8be212738134f2f83d8ff13bc2adf1c8ec",
    8 << 20,
)
SIZE: Final = Size(people=40, files=400)
FOLDER: Final = "att_faces"
_PICTURE = re.compile(r"(?:^|/)s(\d{1,2})/(\d{1,2})\.pgm$")


def load_att_faces(spec: DatasetSpec, seed: int, *, archive: Archive = ARCHIVE, size: Size = SIZE) -> ManifestDataset:
    """The photographs, downloaded where they are not there yet.

    Args:
        spec: ``path``, a folder with the archive; without it the user's cache folder.
        seed: seed of the run; decides the folds.
        archive, size: what is published.

    Raises:
        ConfigError: an unknown parameter.
        DatasetError: the files are neither there nor to be had, are incomplete, or not the pinned ones.
    """
    parameters(spec, {})
    folder = Path(spec.path) if spec.path else user_cache_dir() / KIND
    place = folder / FOLDER
    if not place.is_dir():
        if not (folder / archive.file).is_file():
            if spec.path:
                found = f"neither {archive.file} nor the folder {FOLDER}"
                raise DatasetError(
                    f"load the data set {KIND} from {folder}", found=found, todo=by_hand(archive, folder)
                )
            download(archive, folder)
        unpack(archive, folder, place, _picture)
    pictures = [Recording(f"{FOLDER}/{p.parent.name}/{p.name}", p.parent.name) for p in place.glob("*/*.png")]
    return listed(KIND, folder, pictures, size, LICENCE, seed)


def _picture(name: str, data: bytes) -> Kept | None:
    """A PGM file as PNG: the decoder of the harness reads no PGM."""
    found = _PICTURE.search(name)
    if found is None:
        return None
    try:
        with PillowImage.open(io.BytesIO(data), formats=("PPM",)) as picture:
            pixels = np.asarray(picture.convert("RGB"))
    except (OSError, SyntaxError, ValueError) as error:
        raise DatasetError(
            f"unpack {name} of {ARCHIVE.file}", found=str(error), todo="fetch the archive anew"
        ) from error
    return Kept(f"s{int(found[1]):02d}/{int(found[2]):02d}.png", encode_png(pixels))
