"""What a sound's file gives away beside the sound: position, serial numbers, names, ids, embedded pictures.

Only codes leave this module, never a value. Fields are known by name, whoever the writer: a name in a title or a
comment is free text, and nobody can tell that it is one. Who encoded a file and which program or device model made it
are no leak; whose work it is, is.

References:
    ID3v2.4 native frames; Xiph Vorbis comment field names; RIFF 1.0, LIST INFO; EBU Tech 3285 (bext) and R 99;
    QuickTime metadata keys; 3GPP TS 26.244; MusicBrainz Picard tag mapping; iXML 3.01.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final

from .containers import Block, BlockKind
from .leaks import Leak
from .metadata import examine_parts
from .tags import Tag, TagKind, TagPlace, tags

_FIELDS: Final[Mapping[TagPlace, Mapping[str, Leak]]] = {
    TagPlace.ID3: {
        "TPE1": Leak.PERSON_NAME,  # lead performer
        "TPE2": Leak.PERSON_NAME,  # accompaniment
        "TPE3": Leak.PERSON_NAME,  # conductor
        "TPE4": Leak.PERSON_NAME,  # interpreted or remixed by
        "TCOM": Leak.PERSON_NAME,  # composer
        "TEXT": Leak.PERSON_NAME,  # text writer
        "TOPE": Leak.PERSON_NAME,  # original performer
        "TOLY": Leak.PERSON_NAME,  # original text writer
        "TOWN": Leak.PERSON_NAME,  # owner of the file
        "TIPL": Leak.PERSON_NAME,  # involved people
        "TMCL": Leak.PERSON_NAME,  # musicians
        "IPLS": Leak.PERSON_NAME,
        "TSOP": Leak.PERSON_NAME,  # the performer, as sorted
        "POPM": Leak.PERSON_NAME,  # whose rating: an address
        "TSRC": Leak.UNIQUE_ID,  # ISRC: the recording
        "UFID": Leak.UNIQUE_ID,
        "MCDI": Leak.UNIQUE_ID,
    },
    TagPlace.RIFF_INFO: {
        "IART": Leak.PERSON_NAME,  # artist
        "IENG": Leak.PERSON_NAME,  # engineer
        "ITCH": Leak.PERSON_NAME,  # technician
        "ICMS": Leak.PERSON_NAME,  # commissioned by
        "ISRC": Leak.PERSON_NAME,  # who supplied the original
        "ISTR": Leak.PERSON_NAME,  # starring
        "IMUS": Leak.PERSON_NAME,
        "IWRI": Leak.PERSON_NAME,
    },
    TagPlace.BWF: {"OriginatorReference": Leak.UNIQUE_ID, "UMID": Leak.UNIQUE_ID},  # EBU R 99: with a serial number
    TagPlace.AIFF_CHUNK: {"AUTH": Leak.PERSON_NAME},
    TagPlace.MP4_ITEM: {"\xa9ART": Leak.PERSON_NAME, "\xa9wrt": Leak.PERSON_NAME, "aART": Leak.PERSON_NAME},
    TagPlace.MP4_BOX: {
        "\xa9ART": Leak.PERSON_NAME,
        "\xa9wrt": Leak.PERSON_NAME,
        "\xa9aut": Leak.PERSON_NAME,
        "\xa9prf": Leak.PERSON_NAME,
        "\xa9dir": Leak.PERSON_NAME,
        "\xa9prd": Leak.PERSON_NAME,
        "\xa9cam": Leak.PERSON_NAME,
        "auth": Leak.PERSON_NAME,
        "perf": Leak.PERSON_NAME,
        "\xa9xyz": Leak.GPS,
        "loci": Leak.GPS,
    },
}
_NAMES: Final[Mapping[Leak, frozenset[str]]] = {
    # Of fields whose names are free: without case and punctuation, whole or what follows the last full stop.
    Leak.PERSON_NAME: frozenset(
        {
            "artist", "artists", "albumartist", "albumartistsort", "artistsort", "performer", "performers",
            "composer", "author", "authors", "writer", "lyricist", "conductor", "arranger", "engineer", "mixer",
            "producer", "djmixer", "director", "remixer", "narrator", "speaker", "speakername", "speakerid",
            "singer", "vocalist", "voiceactor", "host", "guest", "interviewee", "person", "personname", "owner",
            "ownername", "contact", "creator", "actor", "originalartist", "leadperformer", "recordedby", "username",
            "email",
        }
    ),
    Leak.GPS: frozenset(
        {
            "gps", "gpsposition", "gpslatitude", "gpslongitude", "gpscoordinates", "latitude", "longitude", "geo",
            "geolocation", "geotag", "coordinates", "locationiso6709", "iso6709", "locationeng", "xyz",
        }
    ),
    Leak.SERIAL_NUMBER: frozenset(
        {
            "serial", "serialno", "serialnumber", "deviceserial", "deviceserialnumber", "recorderserial",
            "recorderserialnumber", "cameraserialnumber", "micserial", "microphoneserial", "deviceid", "imei",
            "bodyserialnumber",
        }
    ),
    Leak.UNIQUE_ID: frozenset(
        {
            "isrc", "uuid", "guid", "umid", "acoustid", "acoustidid", "acoustidfingerprint", "musicbrainztrackid",
            "musicbrainzartistid", "musicbrainzrecordingid", "musicbrainzreleasetrackid", "contentidentifier",
            "uniqueid", "creationuuid", "recordingid", "fileuid", "identifier",
        }
    ),
}  # fmt: skip
_COORDINATES: Final = re.compile(r"[+-]?\d{1,3}\.\d+")
_IXML: Final[Mapping[str, Leak]] = {
    "LOCATION_GPS": Leak.GPS,
    "FILE_UID": Leak.UNIQUE_ID,
    "BWF_ORIGINATOR_REFERENCE": Leak.UNIQUE_ID,
    "BWF_UMID": Leak.UNIQUE_ID,
}
_BLOCKS: Final = {
    TagKind.PICTURE: BlockKind.PICTURE,
    TagKind.XMP: BlockKind.XMP,
    TagKind.BINARY: BlockKind.OTHER,  # searched for pictures: content credentials keep one of each ingredient
}


def sound_leaks(data: bytes) -> tuple[str, ...]:
    """The codes of a sound's or video's file, sorted; never raises.

    Looked at: the tags of WAV (Broadcast Wave included), AIFF, FLAC, Ogg, MP3, AAC, MP4/MOV and Matroska/WebM, XMP, and
    pictures with their own metadata. ``unreadable``: a part is damaged, or beyond the bounds.
    """
    leaks: set[Leak] = set()

    def blocks() -> Iterator[Block]:
        for tag in tags(data):
            if tag.kind is TagKind.TEXT:
                leaks.update(_of_text(tag))
            else:
                yield Block(_BLOCKS[tag.kind], tag.data)

    findings = examine_parts(blocks())
    if findings.pictures:
        leaks.add(Leak.EMBEDDED_PICTURE)
    return tuple(sorted(leak.value for leak in leaks | findings.leaks))


def _of_text(tag: Tag) -> Iterator[Leak]:
    text = tag.data.decode("utf-8", "replace").strip("\0 \t\r\n")
    if not text:
        return
    if tag.name == "iXML":
        yield from (leak for name, leak in _IXML.items() if re.search(rf"<{name}>\s*[^<\s]", text))
        return
    leak = _FIELDS.get(tag.place, {}).get(tag.name) or _by_name(tag.name, text)
    if leak in {Leak.SERIAL_NUMBER, Leak.UNIQUE_ID, Leak.GPS} and not text.strip("0.+-/ "):
        return  # a number of zeros is none
    if leak is not None:
        yield leak


def _by_name(name: str, text: str) -> Leak | None:
    """A field whose name is free, as Vorbis comments', TXXX's and QuickTime keys' are."""
    plain = re.sub(r"[^a-z0-9.]", "", name.lower())
    for spelling in (plain.replace(".", ""), plain.rpartition(".")[2]):
        for leak, names in _NAMES.items():
            if spelling in names:
                return leak
        if spelling in {"location", "recordinglocation"} and _COORDINATES.search(text):
            return Leak.GPS
    return None
