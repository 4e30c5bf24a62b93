"""Named plug-ins. A door (``visavox.ports``) owns one registry; plug-ins register factories by name."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator
from importlib import metadata
from typing import Generic, TypeVar

from .errors import PluginError, UnknownNameError

ENTRY_POINT_GROUP = "visavox.plugins"


T = TypeVar("T")


class Registry(Generic[T]):
    """Factories of one door, by name.

    Args:
        noun: what the door holds, in the plural, as errors and ``visavox list`` say it.
    """

    def __init__(self, noun: str) -> None:
        self.noun = noun
        self._entries: dict[str, T] = {}
        self._summaries: dict[str, str] = {}

    def register(self, name: str, factory: T, *, summary: str = "") -> None:
        """Adds a factory.

        Raises:
            PluginError: if another factory bears the name already.
        """
        if self._entries.get(name, factory) is not factory:
            raise PluginError(
                f"register {name!r} among the {self.noun}",
                found="another plug-in has registered that name",
                todo="rename one of the two",
            )
        self._entries[name] = factory
        self._summaries[name] = summary

    def get(self, name: str) -> T:
        """The factory of that name; plug-ins are loaded first.

        Raises:
            UnknownNameError: if there is none; the message lists the names there are.
        """
        load_plugins()
        if name not in self._entries:
            near = difflib.get_close_matches(name, self._entries, n=1)
            raise UnknownNameError(
                f"{name!r} is not among the {self.noun}",
                found="there are: " + (", ".join(sorted(self._entries)) or "none"),
                todo=f"did you mean {near[0]!r}?" if near else "",
            )
        return self._entries[name]

    def summary(self, name: str) -> str:
        """The one-line description given at registration."""
        return self._summaries.get(name, "")

    def __iter__(self) -> Iterator[str]:
        load_plugins()
        return iter(sorted(self._entries))

    def __contains__(self, name: object) -> bool:
        load_plugins()
        return name in self._entries


_state = {"loaded": False}


def load_plugins() -> None:
    """Loads every entry point of the group once; each is a callable without arguments that registers.

    Raises:
        PluginError: if one fails to import or to register; a broken plug-in is never passed over.
    """
    if _state["loaded"]:
        return
    _state["loaded"] = True
    for point in sorted(metadata.entry_points(group=ENTRY_POINT_GROUP), key=lambda p: p.name):
        try:
            register: Callable[[], None] = point.load()
            register()
        except Exception as error:
            _state["loaded"] = False
            raise PluginError(
                f"load the plug-in {point.name!r} ({point.value})",
                found=f"{type(error).__name__}: {error}",
                todo="repair or uninstall the package that declares it",
            ) from error
