"""Which properties an XMP packet fills in, and the pictures it holds; never their values.

The packet is XML by a stranger: a document type (and with it every entity) is refused, depth and size are bounded.

References:
    ISO 16684-1:2019 (XMP core); Adobe XMP specification part 2 (schemas) and part 3 (extended packets).
"""

from __future__ import annotations

import base64
import binascii
from typing import Final, NamedTuple
from xml.parsers import expat

MAX_DEPTH: Final = 64
MAX_ELEMENTS: Final = 200_000
_PICTURES: Final = {
    "http://ns.adobe.com/xap/1.0/g/img/ image",
    "http://ns.google.com/photos/1.0/image/ Data",
}
_REGIONS: Final = "http://www.metadataworkinggroup.com/schemas/regions/ "
_NO_PEOPLE: Final = {"Pet", "Focus", "BarCode"}
_LI: Final = "http://www.w3.org/1999/02/22-rdf-syntax-ns# li"


class XmpContent(NamedTuple):
    """What a packet holds.

    Attributes:
        filled: ``namespace name`` of every property with a value; a value of zeros alone is none. A named region of a
            person (Metadata Working Group) is ``... regions/ Name``.
        pictures: the files it holds in base64.
        is_whole: whether all of it could be read.
    """

    filled: frozenset[str]
    pictures: tuple[bytes, ...]
    is_whole: bool


class _RefusedXmlError(Exception):
    pass


def read_xmp(packet: bytes) -> XmpContent:
    """Reads a packet as far as it can be read; never raises."""
    reader = _Reader()
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.buffer_text = True
    parser.StartElementHandler = reader.start
    parser.EndElementHandler = reader.end
    parser.CharacterDataHandler = reader.text
    parser.StartDoctypeDeclHandler = reader.refuse
    parser.EntityDeclHandler = reader.refuse
    try:
        parser.Parse(packet if b"\0" in packet[:4] else packet.strip(b"\0 \t\r\n"), True)  # UTF-16 as it is
        is_whole = reader.is_sound
    except (_RefusedXmlError, expat.ExpatError, ValueError):
        is_whole = False
    return XmpContent(frozenset(reader.filled), tuple(reader.pictures), is_whole)


class _Element:
    __slots__ = ("is_filled", "kind", "name", "named", "parts")

    def __init__(self, name: str) -> None:
        self.name, self.parts = name, list[str]()
        self.is_filled = False
        self.named, self.kind = False, ""  # of a region


class _Reader:
    """Handlers of one parse: a stack of open elements, what was found below each of them."""

    def __init__(self) -> None:
        self.filled: set[str] = set()
        self.pictures: list[bytes] = []
        self.is_sound = True
        self._open: list[_Element] = []
        self._seen = 0

    def refuse(self, *_: object) -> None:
        raise _RefusedXmlError

    def start(self, name: str, attributes: dict[str, str]) -> None:
        self._seen += 1
        if len(self._open) >= MAX_DEPTH or self._seen > MAX_ELEMENTS:
            raise _RefusedXmlError
        self._open.append(_Element(name))
        for key, value in attributes.items():
            if not key.startswith(("http://www.w3.org/", "xml:")):
                self._take(key, value.strip(), is_filled=False)

    def text(self, text: str) -> None:
        if self._open:
            self._open[-1].parts.append(text)

    def end(self, name: str) -> None:
        element = self._open[-1]
        text = "".join(element.parts).strip()
        if name == _LI and element.named and element.kind not in _NO_PEOPLE:
            self.filled.add(_REGIONS + "Name")
        self._open.pop()
        self._take(name, text, is_filled=element.is_filled)

    def _take(self, name: str, text: str, *, is_filled: bool) -> None:
        """Notes a property, and in the elements around it that there is a value below them."""
        if name in _PICTURES and text:
            try:
                self.pictures.append(base64.b64decode("".join(text.split()), validate=True))
            except (binascii.Error, ValueError):
                self.is_sound = False
            return
        is_filled = is_filled or bool(text.strip("0. "))
        if name.startswith(_REGIONS):
            self._note_region(name.removeprefix(_REGIONS), text)
        elif is_filled:
            self.filled.add(name)
        if self._open and is_filled:
            self._open[-1].is_filled = True

    def _note_region(self, key: str, text: str) -> None:
        region = next((element for element in reversed(self._open) if element.name == _LI), None)
        if region is not None and key == "Name" and text:
            region.named = True
        elif region is not None and key == "Type":
            region.kind = text
