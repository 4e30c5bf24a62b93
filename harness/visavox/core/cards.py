"""Cards: what is known of each data set kind, recogniser, detector and baseline (``configs/cards``), read strictly.

One file a card, ``configs/cards/<kind>s/<name>.yaml``; every key of `Card` is written out, none is left empty. What is
not known is said in words.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal, TypeAlias, get_args

from pydantic import ValidationError

from .config import explain, read_yaml
from .errors import ConfigError
from .report import Card
from .resources import configs_dir

CardKind: TypeAlias = Literal["dataset", "recogniser", "detector", "baseline"]


def card(kind: CardKind, name: str) -> Card | None:
    """The card of a registered name; None where none was written, as for a plug-in of somebody else.

    Raises:
        ConfigError: if the file is not a complete card of that kind and name.
    """
    path = _folder(kind) / f"{name}.yaml"
    return read_card(path, kind) if path in _files(kind) else None


def all_cards() -> tuple[Card, ...]:
    """Every card, by kind and then by name.

    Raises:
        ConfigError: if one of the files is not a complete card.
    """
    return tuple(read_card(path, kind) for kind in get_args(CardKind) for path in _files(kind))


def read_card(path: Path, kind: CardKind) -> Card:
    """One card's file.

    Raises:
        ConfigError: if it is unreadable, lacks a key, has one too many or an empty one, or bears another kind or name
            than its place says.
    """
    what = f"the card {path.parent.name}/{path.name}"
    try:
        found = Card.model_validate(read_yaml(path.read_text("utf-8"), what=what))
    except ValidationError as error:
        raise explain(error, what=what) from error
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"read {what}", found=str(error), todo="make it a readable UTF-8 file") from error
    if (found.kind, found.name) != (kind, path.stem):
        raise ConfigError(
            f"read {what}",
            found=f"it is the card of the {found.kind} {found.name!r}",
            todo=f"write kind: {kind} and name: {path.stem}, or move the file",
        )
    empty = [key for key, value in found if not value or (isinstance(value, tuple) and not all(value))]
    if empty:
        raise ConfigError(f"read {what}", found=f"nothing under {', '.join(empty)}", todo="say what is not known, too")
    return found


def _folder(kind: CardKind) -> Path:
    return configs_dir() / "cards" / f"{kind}s"


def _files(kind: CardKind) -> list[Path]:
    return sorted(_folder(kind).glob("*.yaml"))
