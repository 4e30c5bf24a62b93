"""The editor kind ``baseline``: a reference editor of known behaviour, by name."""

from __future__ import annotations

from visavox.ports.editor import Editor, EditorContext, baselines


def build(context: EditorContext) -> Editor:
    """Loads the baseline of the spec's ``name`` with its ``params``.

    Raises:
        UnknownNameError: if there is no baseline of that name; the message lists those there are.
    """
    load = baselines.get(str(context.spec.get("name", "")))
    return load(device=context.device, artifact=None, params=dict(context.spec.get("params") or {}))
