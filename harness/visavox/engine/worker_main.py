"""The process that runs the model under test: ``python -m visavox.engine.worker_main --fd N --harness PID``.

It loads one editor, says that it is ready, and answers batches until the harness closes the connection. The editor's
standard output goes where its standard error goes; only the private descriptor carries answers. Whatever ``edit``
raises becomes an answer, ``SystemExit`` included.
"""

from __future__ import annotations

import argparse
import faulthandler
import os
import re
import socket
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any

from visavox.engine import guardian

if TYPE_CHECKING:
    from collections.abc import Sequence

    from visavox.engine.ipc import Array, Channel, Message
    from visavox.ports.editor import Editor, EditRequest, Media

EXIT_CONNECTION_LOST = 71
MAX_BATCH = 32
MAX_REASON = 500
_ADDRESS = re.compile(r"0x[0-9a-fA-F]{6,}")


def main() -> None:
    """Entry of the worker process."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--fd", type=int, required=True)
    parser.add_argument("--harness", type=int, required=True)
    arguments = parser.parse_args()
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # as in the command: idle threads sleep
    guardian.split(arguments.harness)
    faulthandler.enable()
    os.set_inheritable(arguments.fd, False)

    from visavox.engine.ipc import Channel

    channel = Channel(socket.socket(fileno=arguments.fd))
    try:
        _serve(channel)
    except EOFError:
        return  # the harness is done
    except OSError:
        os._exit(EXIT_CONNECTION_LOST)  # nothing is flushed: the editor may have closed every descriptor


def _serve(channel: Channel) -> None:
    order = channel.receive()
    editor, ready = _load(order)
    channel.send(ready)
    while editor is not None:
        body, arrays = _answer(editor, channel.receive(), order.body["spec"].get("tool_class"))
        channel.send(body, arrays)


def _load(message: Message) -> tuple[Editor | None, dict[str, Any]]:
    """The editor and what to say of it; no editor and the error if it cannot be loaded."""
    from visavox.core.errors import UsageError, VisavoxError
    from visavox.core.registry import load_plugins
    from visavox.ports.editor import EditorContext, editors

    order = message.body
    try:
        load_plugins()
        context = EditorContext(order["spec"], order["device"], Path(order["scratch"]), order["timeout_s"])
        editor = editors.get(order["spec"]["kind"])(context)
        if not callable(getattr(editor, "edit", None)):
            raise TypeError(f"a {type(editor).__qualname__} was loaded, which has no method edit")
        return editor, {"type": "ready", "max_batch": _max_batch(editor)}
    except VisavoxError as error:
        return None, {"type": "error", "reason": str(error)[:4000], "is_usage": isinstance(error, UsageError)}
    except BaseException as error:  # noqa: BLE001 - foreign code: SystemExit at import is its answer too
        traceback.print_exc()
        return None, {"type": "error", "reason": _describe(error), "trace": _own_frames(error)}


def _own_frames(error: BaseException) -> str:
    """The traceback without this package's and the import system's frames."""
    here = str(Path(__file__).resolve().parents[1])
    frames = traceback.extract_tb(error.__traceback__)
    own = [f for f in frames if not f.filename.startswith((here, "<frozen"))]
    return "".join(traceback.format_list(own))[-2000:]


def _max_batch(editor: Editor) -> int:
    declared = getattr(editor, "max_batch", 1)
    if isinstance(declared, bool) or not isinstance(declared, int) or declared < 1:
        raise TypeError(f"max_batch is {declared!r}, not a whole number from 1")
    return min(declared, MAX_BATCH)


def _answer(editor: Editor, message: Message, tool_class: str | None) -> tuple[dict[str, Any], list[Array]]:
    """Edits one batch: results, or the one error of the batch as a whole."""
    number = message.body["number"]
    requests = [_request(described, message.arrays, tool_class) for described in message.body["requests"]]
    kinds = [_kinds(request) for request in requests]
    arrays: list[Array] = []
    try:
        results = _checked(editor.edit(requests), len(requests))
        described = [_result(result, kind, arrays) for result, kind in zip(results, kinds, strict=True)]
    except _MiscountError as error:
        return {"type": "error", "number": number, "outcome": "invalid", "reason": str(error)}, []
    except BaseException as error:  # noqa: BLE001 - foreign code: whatever it raises is its answer
        traceback.print_exc()
        return {"type": "error", "number": number, "outcome": "failed", "reason": "raised " + _describe(error)}, []
    return {"type": "results", "number": number, "results": described}, arrays


class _MiscountError(Exception):
    """The editor's answer is no sequence of the right length."""


def _checked(answer: Any, n: int) -> list[Any]:
    if not hasattr(answer, "__len__") or not hasattr(answer, "__getitem__"):
        raise _MiscountError(f"edit returned a {type(answer).__qualname__}, not a sequence of results")
    if len(answer) != n:
        raise _MiscountError(f"edit returned {len(answer)} results to {n} request{'s' if n > 1 else ''}")
    return [answer[i] for i in range(n)]


class RoleError(KeyError):
    """The editor asked for a role that its cases do not have; a ``KeyError`` whose text is a sentence."""

    def __str__(self) -> str:
        return str(self.args[0])


class _Roles(dict[str, "Media"]):
    """Role -> image or sound; says which roles there are when another one is asked for."""

    tool_class: str | None = None

    def __missing__(self, role: object) -> Media:
        giver = "the case has" if self.tool_class is None else f"tool_class {self.tool_class} gives"
        raise RoleError(f"{giver} the roles {', '.join(self)}; the adapter asked for {role!r}")


def _request(described: dict[str, Any], arrays: Sequence[Array], tool_class: str | None) -> EditRequest:
    from visavox.engine.ipc import get_media
    from visavox.ports.editor import EditRequest

    media = _Roles({role: get_media(value, arrays) for role, value in described["media"].items()})
    media.tool_class = tool_class
    plain = {key: described[key] for key in ("case_id", "operation", "seed", "consent", "params", "person")}
    return EditRequest(media=media, tool_class=tool_class, **plain)


def _kinds(request: EditRequest) -> set[str]:
    from visavox.engine.ipc import kind_of

    return {kind_of(media) for media in request.media.values()}


def _result(result: Any, kinds: set[str], arrays: list[Array]) -> dict[str, Any]:
    """One result for the header. ``Failed`` may carry an ``outcome`` of its own (media made elsewhere)."""
    from visavox.engine.ipc import fault_of, kind_of, put_labels, put_media
    from visavox.ports.editor import EditedFile, Failed, Refused

    if isinstance(result, Refused):
        return {"outcome": "refused", "reason": _short(result.reason)}
    if isinstance(result, Failed):
        return {"outcome": str(getattr(result, "outcome", "failed")), "reason": _short(result.reason)}
    fault = fault_of(result)
    if fault:
        return {"outcome": "invalid", "reason": _short(fault)}
    media: Media = result.media if isinstance(result, EditedFile) else result
    if len(kinds) == 1 and kind_of(media) not in kinds:
        return {"outcome": "invalid", "reason": f"{kind_of(media)} in answer to a case of {kinds.pop()}s"}
    found = {"leaks": list(result.leaks), "labels": put_labels(result.labels)} if isinstance(result, EditedFile) else {}
    return {"outcome": "edited", "media": put_media(media, arrays), **found}


def _describe(error: BaseException) -> str:
    try:
        text = str(error)
    except BaseException:  # noqa: BLE001 - a hostile __str__
        text = "(its text cannot be read)"
    name = type(error).__qualname__
    return _short(f"{name}: {text}" if text else name)


def _short(text: object) -> str:
    """At most 500 characters, without memory addresses: the same fault reads the same in every run."""
    plain = _ADDRESS.sub("0x...", text if isinstance(text, str) else repr(text))
    return plain if len(plain) <= MAX_REASON else plain[: MAX_REASON - 3] + "..."


if __name__ == "__main__":
    main()
