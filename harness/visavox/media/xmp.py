"""Which properties an XMP packet fills in, the pictures it holds, and the values of properties asked for by name.

The packet is XML by a stranger: a document type (and with it every entity) is refused, depth and size are bounded.

References:
    ISO 16684-1:2019 (XMP core); Adobe XMP specification part 2 (schemas) and part 3 (extended packets).
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
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
_RDF: Final = "http://www.w3.org/1999/02/22-rdf-syntax-ns# "
_LI: Final = _RDF + "li"


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
    is_whole = _parse(packet, reader) and reader.is_sound
    return XmpContent(frozenset(reader.filled), tuple(reader.pictures), is_whole)


class XmpValue(NamedTuple):
    """The value of one property.

    Attributes:
        name: ``namespace name``.
        text: its text; of a list the items' texts one after another.
        is_plain: whether it is a text or a list of texts, not a structure of fields.
    """

    name: str
    text: str
    is_plain: bool


class XmpValues(NamedTuple):
    """The properties that were asked for, in order, and whether all of the packet could be read."""

    values: tuple[XmpValue, ...]
    is_whole: bool


def xmp_values(packet: bytes, is_wanted: Callable[[str], bool]) -> XmpValues:
    """The values of the properties whose ``namespace name`` is wanted, as far as they can be read; never raises.

    >>> xmp_values(b'<a xmlns="urn:x"><b>1</b></a>', lambda name: name == "urn:x b").values
    (XmpValue(name='urn:x b', text='1', is_plain=True),)
    """
    reader = _Values(is_wanted)
    is_whole = _parse(packet, reader)
    return XmpValues(tuple(reader.values), is_whole)


def _parse(packet: bytes, reader: _Reader | _Values) -> bool:
    """Whether the whole packet went through the reader's handlers."""
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.buffer_text = True
    parser.StartElementHandler = reader.start
    parser.EndElementHandler = reader.end
    parser.CharacterDataHandler = reader.text
    parser.StartDoctypeDeclHandler = _refuse
    parser.EntityDeclHandler = _refuse
    try:
        parser.Parse(packet if b"\0" in packet[:4] else packet.strip(b"\0 \t\r\n"), True)  # UTF-16 as it is
    except (_RefusedXmlError, expat.ExpatError, ValueError):
        return False
    return True


def _refuse(*_: object) -> None:
    raise _RefusedXmlError


class _Values:
    """Handlers of one parse: the wanted properties that are open, and those that were closed."""

    def __init__(self, is_wanted: Callable[[str], bool]) -> None:
        self.values: list[XmpValue] = []
        self._is_wanted = is_wanted
        self._depth = self._seen = 0
        self._open: list[tuple[int, str, list[str]]] = []
        self._structured: set[int] = set()

    def start(self, name: str, attributes: dict[str, str]) -> None:
        self._seen += 1
        self._depth += 1
        if self._depth > MAX_DEPTH or self._seen > MAX_ELEMENTS:
            raise _RefusedXmlError
        if self._open and (not name.startswith(_RDF) or name == _RDF + "Description"):
            self._structured.add(self._open[-1][0])
        if self._is_wanted(name):
            self._open.append((self._depth, name, []))
            resource = attributes.get(_RDF + "resource")
            if resource:
                self._open[-1][2].append(resource)
            elif attributes.get(_RDF + "parseType") == "Resource":
                self._structured.add(self._depth)
        self.values += [XmpValue(key, text, True) for key, text in attributes.items() if self._is_wanted(key)]

    def text(self, text: str) -> None:
        if self._open:
            self._open[-1][2].append(text)

    def end(self, name: str) -> None:
        if self._open and self._open[-1][0] == self._depth:
            depth, wanted, parts = self._open.pop()
            self.values.append(XmpValue(wanted, "".join(parts).strip(), depth not in self._structured))
            self._structured.discard(depth)
        self._depth -= 1


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
