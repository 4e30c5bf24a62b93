"""How the templates are read, and where they are kept compiled."""

from __future__ import annotations

import hashlib
import sys
from contextlib import suppress
from functools import cache
from importlib.metadata import version
from importlib.util import cache_from_source
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined
from jinja2.bccache import Bucket, FileSystemBytecodeCache
from markupsafe import Markup

from . import wording


@cache
def environment() -> Environment:
    """The templates of this package: every text is escaped and its invisible characters written out."""
    found = Environment(
        loader=PackageLoader("visavox.reporting", "templates"),
        bytecode_cache=bytecode_cache(),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_shown,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found.filters["exact"] = repr
    return found


def _shown(value: object) -> object:
    return value if isinstance(value, Markup) or not isinstance(value, str) else wording.visible(value)


def bytecode_cache() -> FileSystemBytecodeCache | None:
    """The compiled templates, where Python keeps this package's own bytecode; None where it may write none.

    Loading them runs code, as importing a module does: they lie in ``__pycache__`` (or under
    ``PYTHONPYCACHEPREFIX``), which whoever may change the program itself may write, and nobody else. A template, this
    file or Jinja2 changed: compiled anew.
    """
    if sys.dont_write_bytecode:
        return None
    folder = Path(cache_from_source(__file__)).parent
    with suppress(OSError):
        folder.mkdir(parents=True, exist_ok=True)
    made_by = hashlib.sha256(version("jinja2").encode() + Path(__file__).read_bytes()).hexdigest()[:16]
    return _Kept(str(folder), f"jinja2-{made_by}-%s.cache") if folder.is_dir() else None


class _Kept(FileSystemBytecodeCache):
    def load_bytecode(self, bucket: Bucket) -> None:
        try:
            super().load_bytecode(bucket)
        except Exception:  # noqa: BLE001 - a damaged file raises anything, and Jinja2 forgives only some of it
            bucket.reset()

    def dump_bytecode(self, bucket: Bucket) -> None:
        with suppress(OSError):  # installed where the user may not write: compiled at each start, as modules are
            super().dump_bytecode(bucket)
