"""What the author of a ``python`` editor imports.

>>> from visavox.editor import EditRequest, Refused, Failed, Image, Audio
"""

from visavox.ports.editor import (
    Audio,
    EditedFile,
    Editor,
    EditRequest,
    EditResult,
    Failed,
    Image,
    LoadEditor,
    Media,
    Refused,
)

__all__ = [
    "Audio",
    "EditRequest",
    "EditResult",
    "EditedFile",
    "Editor",
    "Failed",
    "Image",
    "LoadEditor",
    "Media",
    "Refused",
]
