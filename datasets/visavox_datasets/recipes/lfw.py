"""The data set kind ``lfw``: Labeled Faces in the Wild, fetched by scikit-learn.

scikit-learn's fetcher pins the archive's SHA-256 and unpacks it into its own data folder (``lfw_home`` in
``$SCIKIT_LEARN_DATA``, else ``~/scikit_learn_data``), where later runs and other programs find it. An archive put
there by hand, or into the suite's ``dataset.path``, is unpacked here after its digest was checked.

References:
    G. B. Huang, M. Ramesh, T. Berg, E. Learned-Miller, Labeled Faces in the Wild, UMass Amherst TR 07-49 (2007).
    scikit-learn 1.9, ``sklearn.datasets.fetch_lfw_people``: addresses and digests.
"""

from __future__ import annotations

import re
from http.client import HTTPException
from pathlib import Path
from typing import Final, NamedTuple

from visavox.core.errors import DatasetError, MissingDependencyError
from visavox.core.records import DatasetSpec

from ..manifest import ManifestDataset
from .archives import Archive, Kept, by_hand, unpack
from .listing import Recording, Size, listed, parameters

KIND: Final = "lfw"
LICENCE: Final = "none stated; photographs of news agencies, published for research"
_PICTURE = re.compile(r"(?:^|/)([A-Za-z0-9][^/\\]*)/([A-Za-z0-9][^/\\]*_\d{4}\.jpg)$")
_SKLEARN_LOADS = 300
"""The fetcher also loads pictures; of people with so many it loads fewest."""


class Release(NamedTuple):
    """One form of the set: its archive, the folder it unpacks to, how much it holds."""

    archive: Archive
    folder: str
    size: Size


_SIZE = Size(people=5749, files=13233)
FUNNELED: Final = Release(
    Archive(
        "lfw-funneled.tgz",
        "https://ndownloader.figshare.com/files/5976015",
        "b47c8422c8cded889dc5a13418c4bc2abbda121092b3533a83306f90d900100a",
        400 << 20,
    ),
    "lfw_funneled",
    _SIZE,
)
ORIGINAL: Final = Release(
    Archive(
        "lfw.tgz",
        "https://ndownloader.figshare.com/files/5976018",
        "055f7d9c632d7370e6fb4afc7468d40f970c34a80d4c6f50ffec63f5a8d536c0",
        400 << 20,
    ),
    "lfw",
    _SIZE,
)


def load_lfw(
    spec: DatasetSpec, seed: int, *, funneled: Release = FUNNELED, original: Release = ORIGINAL
) -> ManifestDataset:
    """The photographs, fetched where they are not there yet.

    Args:
        spec: ``path``, a folder with the archive or what it unpacks to; without it scikit-learn's own. ``funneled``,
            true by default: roughly aligned; false: as detected.
        seed: seed of the run; decides the folds.
        funneled, original: the two releases.

    Raises:
        ConfigError: an unknown parameter.
        DatasetError: the files are neither there nor to be had, are incomplete, or not the pinned ones.
        MissingDependencyError: they have to be fetched and scikit-learn is not installed.
    """
    release = funneled if parameters(spec, {"funneled": True})["funneled"] else original
    folder = Path(spec.path) if spec.path else _library_folder()
    place = folder / release.folder
    if not place.is_dir():
        if (folder / release.archive.file).is_file():
            unpack(release.archive, folder, place, _picture)
        elif spec.path:
            raise DatasetError(
                f"load the data set {KIND} from {folder}",
                found=f"neither {release.archive.file} nor the folder {release.folder}",
                todo=by_hand(release.archive, folder),
            )
        else:
            _fetch(release, folder)
    pictures = [Recording(f"{release.folder}/{p.parent.name}/{p.name}", p.parent.name) for p in place.glob("*/*.jpg")]
    return listed(KIND, folder, pictures, release.size, LICENCE, seed)


def _library_folder() -> Path:
    try:
        from sklearn.datasets import get_data_home
    except ModuleNotFoundError as error:
        raise MissingDependencyError(
            f"load the data set {KIND}",
            found="scikit-learn, which fetches it, is not installed",
            todo="pip install 'visavox[recipes]', or name the folder that holds the files: dataset.path",
        ) from error
    return Path(get_data_home()) / "lfw_home"


def _fetch(release: Release, folder: Path) -> None:
    """Lets scikit-learn download, check and unpack."""
    import warnings

    from sklearn.datasets import fetch_lfw_people

    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Retry downloading", UserWarning)
            fetch_lfw_people(
                data_home=folder.parent,
                funneled=release.folder == FUNNELED.folder,
                min_faces_per_person=_SKLEARN_LOADS,
                n_retries=1,
            )
    except (OSError, HTTPException) as error:  # no network and a wrong digest are among them
        found = f"{type(error).__name__}: {error}"
        raise DatasetError(
            f"download the data set {KIND} with scikit-learn", found=found, todo=by_hand(release.archive, folder)
        ) from error


def _picture(name: str, data: bytes) -> Kept | None:
    found = _PICTURE.search(name)
    return Kept(f"{found[1]}/{found[2]}", data) if found else None
