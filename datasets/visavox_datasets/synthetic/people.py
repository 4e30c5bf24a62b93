"""The data set kind ``synthetic-faces``: any number of people who do not exist, each in several pictures.

A picture is rendered once. The reference set lies in the package; every other set is rendered into the user's cache,
one folder for each seed, size, device and version of the renderer, picture by picture, so that a stopped rendering
goes on where it stood and a larger set keeps the pictures of a smaller one.
"""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Annotated

from pydantic import Field

from visavox.core.digest import sha256_bytes, sha256_json
from visavox.core.records import DatasetSpec, Record
from visavox.core.resources import user_cache_dir
from visavox.ports.progress import Step, tell

from ..made_sets import dataset_of, keep, parameters_of, refuse_more, shipped_manifest
from ..manifest import ManifestDataset
from .attributes import attributes
from .faces import MAX_SIZE_PX, MIN_SIZE_PX, render_files

KIND = "synthetic-faces"
LICENCE = "Apache-2.0"
REFERENCE_SET = Path(__file__).parents[1] / "sets" / "people-100"
COLUMNS = ("path", "subject_id", "modality", "session", "consent", "sex", "age_band", "skin_tone", "licence")
MAX_PICTURES = 1_000_000
STAGE = "render people"
"""What a run's progress calls the rendering; it takes about a second a picture."""
_END_OF_JPEG = b"\xff\xd9"


class People(Record):
    """Which people and pictures: the parameters of the kind.

    Attributes:
        people: how many, counted from 0.
        images: pictures of each.
        seed: the world of people; another one holds other people.
        size_px: side of the square pictures.
        device: ``cpu`` or ``cuda``; the bits of a CPU and a GPU differ.
    """

    people: Annotated[int, Field(ge=1)] = 100
    images: Annotated[int, Field(ge=1)] = 4
    seed: Annotated[int, Field(ge=0)] = 7
    size_px: Annotated[int, Field(ge=MIN_SIZE_PX, le=MAX_SIZE_PX)] = 224
    device: Annotated[str, Field(pattern="^(cpu|cuda)$")] = "cpu"


REFERENCE = People()
"""The reference set's numbers, and the defaults."""


def load_synthetic_faces(spec: DatasetSpec, seed: int) -> ManifestDataset:
    """The people that a suite names, rendered where they are not there yet.

    Args:
        spec: ``params`` as ``People``; no ``path``.
        seed: seed of the run; decides the folds, never the people.

    Raises:
        ConfigError: if a parameter is unknown or out of range, or a path is given.
        ManifestError: if a file of the reference set is not what its ``SHA256SUMS`` says.
        MissingDependencyError: if pictures have to be rendered and torch is not installed.
    """
    asked = _checked(spec)
    return dataset_of(KIND, shipped_manifest(REFERENCE_SET) if asked == REFERENCE else prepare(asked), seed)


def prepare(asked: People, *, shipped: Path | None = REFERENCE_SET) -> Path:
    """Renders what is missing into the user's cache; the path of the manifest there.

    Args:
        shipped: folder of the reference set, whose pictures are taken instead of rendered again; None renders all.
    """
    folder = user_cache_dir() / f"{KIND}-{_world(asked)[:16]}"
    folder.mkdir(mode=0o700, exist_ok=True)
    pairs = [(person, image) for person in range(asked.people) for image in range(asked.images)]
    missing = [pair for pair in pairs if not _is_whole(folder / picture_name(*pair))]
    for done, pair in enumerate(missing):
        tell(Step(STAGE, done, len(missing)))
        keep(folder / picture_name(*pair), _picture(asked, *pair, shipped))
    if missing:
        tell(Step(STAGE, len(missing), len(missing)))
    manifest = folder / f"manifest-{asked.people}x{asked.images}.csv"
    keep(manifest, manifest_text(asked).encode())
    return manifest


def manifest_text(asked: People) -> str:
    """The manifest of a set, CSV.

    Every picture is a session of its own: pose, expression, light, clothes, backdrop and camera are drawn anew, and
    two pictures of a person share nothing but the person. Consent is ``granted`` by those who made the pictures;
    nobody is depicted who could grant or refuse it.
    """
    text = io.StringIO()
    table = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    table.writeheader()
    for person in range(asked.people):
        truth = attributes(asked.seed, person)
        for image in range(asked.images):
            row = {"path": picture_name(person, image), "subject_id": f"synthetic-{asked.seed}-{person:04d}"}
            row |= {"modality": "face", "session": str(image), "consent": "granted", "licence": LICENCE}
            table.writerow(row | truth)
    return text.getvalue()


def picture_name(person: int, image: int) -> str:
    """File name of a picture.

    >>> picture_name(3, 1)
    '0003-1.jpg'
    """
    return f"{person:04d}-{image}.jpg"


def renderer_digest() -> str:
    """SHA-256 over the renderer's source files: another renderer draws other pictures."""
    sources = sorted(Path(__file__).parent.glob("*.py"))
    return sha256_json([[p.name, sha256_bytes(p.read_bytes())] for p in sources if p.name not in _NO_RENDERERS])


_NO_RENDERERS = {Path(__file__).name, "attributes.py", "__init__.py"}


def _checked(spec: DatasetSpec) -> People:
    people = parameters_of(spec, People, media="pictures are")
    refuse_more(spec, people.people * people.images, MAX_PICTURES, "pictures")
    return people


def _world(asked: People) -> str:
    return sha256_json([asked.seed, asked.size_px, asked.device, renderer_digest()])


def _picture(asked: People, person: int, image: int, shipped: Path | None) -> bytes:
    is_reference = (asked.seed, asked.size_px, asked.device) == (REFERENCE.seed, REFERENCE.size_px, REFERENCE.device)
    if shipped and is_reference and person < REFERENCE.people and image < REFERENCE.images:
        return (shipped / picture_name(person, image)).read_bytes()
    (file,) = render_files(asked.seed, [(person, image)], size_px=asked.size_px, device=asked.device)
    return file


def _is_whole(path: Path) -> bool:
    return path.is_file() and path.read_bytes().endswith(_END_OF_JPEG)
