"""Where the files shipped with the package lie, and the user's own folders."""

from __future__ import annotations

from pathlib import Path

import platformdirs


def configs_dir() -> Path:
    """The shipped ``configs``: inside the installed wheel, else in the checkout of an editable install."""
    package = Path(__file__).resolve().parents[1]
    installed = package / "_configs"
    if installed.is_dir():
        return installed
    return package.parents[1] / "configs"


def user_data_dir() -> Path:
    """The user's data folder (register of sealed runs); made 0700 on first use."""
    return _private(Path(platformdirs.user_data_dir("visavox")))


def user_cache_dir() -> Path:
    """The user's cache folder (templates and edits by digest); made 0700 on first use."""
    return _private(Path(platformdirs.user_cache_dir("visavox")))


def _private(path: Path) -> Path:
    path.mkdir(parents=True, exist_ok=True, mode=0o700)
    path.chmod(0o700)
    return path
