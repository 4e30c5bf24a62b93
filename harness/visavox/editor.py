"""What the author of a ``python`` editor imports.

>>> from visavox.editor import EditRequest, Refused, Failed, Image, Audio
"""

from visavox.ports.editor import Audio, Editor, EditRequest, EditResult, Failed, Image, LoadEditor, Media, Refused

__all__ = ["Audio", "EditRequest", "EditResult", "Editor", "Failed", "Image", "LoadEditor", "Media", "Refused"]
