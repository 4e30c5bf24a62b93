"""What sounds' files give away, in tags that mutagen, FFmpeg, exiftool and c2pa-python wrote."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from pathlib import Path

import label_files as files
import numpy as np
import pytest
from label_files import CREATED, EDITED

from visavox.core.errors import WorkerProtocolError
from visavox.engine.ipc import fault_of, get_leaks
from visavox.media.audio import Audio, encode_wav
from visavox.media.leaks import Leak
from visavox.media.sound_leaks import sound_leaks
from visavox.ports.editor import EditedFile, EditRequest

NAME = "Fictional Person"
COVER = files.picture("PNG")
AT = "+48.8584+002.2945/"


@pytest.mark.parametrize("kind", files.SOUNDS)
def test_a_bare_sound_gives_nothing_away(kind: str) -> None:
    """FFmpeg's own name stands in each of them."""
    assert sound_leaks(files.bare_sound(kind)) == ()


@pytest.mark.parametrize("kind", files.SOUNDS)
def test_ffmpeg_names_the_artist(kind: str) -> None:
    assert sound_leaks(files.by_ffmpeg(kind, {"artist": NAME}, keeps_tags=False)) == ("person_name",)
    assert sound_leaks(files.by_ffmpeg(kind, {"title": "A title", "comment": "no name"}, keeps_tags=False)) == ()
    assert sound_leaks(files.by_ffmpeg(kind, {"artist": " "}, keeps_tags=False)) == ()


@pytest.mark.parametrize("kind", ["mp4", "mov", "m4a"])
def test_ffmpeg_writes_quicktime_keys(kind: str) -> None:
    keys = {"com.apple.quicktime.author": NAME, "com.apple.quicktime.location.ISO6709": AT}
    assert sound_leaks(files.by_ffmpeg(kind, keys)) == ("gps", "person_name")


TEXTS = [
    ("mp3", {"TPE1": NAME}, "person_name"),
    ("mp3", {"TCOM": NAME}, "person_name"),
    ("mp3", {"TOWN": NAME}, "person_name"),
    ("mp3", {"TSRC": "XX0000000001"}, "unique_id"),
    ("mp3", {"Speaker": NAME}, "person_name"),
    ("mp3", {"Serial Number": "R-4711"}, "serial_number"),
    ("wav", {"TPE1": NAME}, "person_name"),
    ("flac", {"PERFORMER": NAME}, "person_name"),
    ("flac", {"ISRC": "XX0000000001"}, "unique_id"),
    ("flac", {"LOCATION": "48.8584, 2.2945"}, "gps"),
    ("ogg", {"speaker": NAME}, "person_name"),
    ("ogg", {"GPS_LATITUDE": "48.8584"}, "gps"),
    ("ogg", {"DEVICE_SERIAL": "R-4711"}, "serial_number"),
    ("ogg", {"MUSICBRAINZ_TRACKID": "0f3c"}, "unique_id"),
    ("m4a", {"\xa9ART": NAME}, "person_name"),
    ("m4a", {"ISRC": "XX0000000001"}, "unique_id"),
]


@pytest.mark.parametrize(("kind", "tags", "leak"), TEXTS)
def test_mutagen_writes_fields(kind: str, tags: Mapping[str, str], leak: str) -> None:
    assert sound_leaks(files.by_mutagen(kind, files.bare_sound(kind), tags)) == (leak,)


@pytest.mark.parametrize(
    "tags",
    [
        {"title": NAME},
        {"LOCATION": "in the open"},
        {"serial": "0000"},
        {"gps": "0.0"},
        {"encoder": "x"},
        {"artist": " "},
    ],
)
def test_what_is_harmless_is_not_counted(tags: Mapping[str, str]) -> None:
    assert sound_leaks(files.by_mutagen("flac", files.bare_sound("flac"), tags)) == ()


@pytest.mark.parametrize("kind", ["mp3", "wav", "flac", "ogg", "m4a"])
def test_mutagen_embeds_a_picture(kind: str) -> None:
    assert sound_leaks(files.by_mutagen(kind, files.bare_sound(kind), {}, COVER)) == ("embedded_picture",)


def test_a_picture_s_own_metadata_count(tmp_path: Path) -> None:
    cover = files.by_exiftool(tmp_path, "png", COVER, f"-EXIF:Artist={NAME}", "-EXIF:GPSLatitude=48.8584")
    found = sound_leaks(files.by_mutagen("mp3", files.bare_sound("mp3"), {}, cover))
    assert found == ("embedded_picture", "gps", "person_name")


def test_exiftool_writes_into_a_film(tmp_path: Path) -> None:
    film = files.by_exiftool(
        tmp_path,
        "mp4",
        files.bare_sound("mp4"),
        f"-XMP-dc:Creator={NAME}",
        "-UserData:GPSCoordinates=48.8584, 2.2945, 0",
    )
    assert sound_leaks(film) == ("gps", "person_name")


@pytest.mark.parametrize(("kind", "media_type"), [("mp3", "audio/mpeg"), ("wav", "audio/wav"), ("m4a", "audio/mp4")])
def test_a_picture_kept_by_content_credentials_is_one_too(kind: str, media_type: str) -> None:
    """A manifest keeps a thumbnail of what the sound was made from: here, somebody's photograph."""
    sign = files.Signed()
    assert sound_leaks(sign(files.bare_sound(kind), media_type, CREATED)) == ()
    signed = sign(files.bare_sound(kind), media_type, EDITED, parent=files.picture("JPEG"))
    assert sound_leaks(signed) == ("embedded_picture",)


def bext(reference: bytes = b"", umid: bytes = b"") -> bytes:
    """EBU Tech 3285: description 256, originator 32, reference 32, date and time 18, 8, version 2, UMID 64, 190."""
    fields = [(b"a recording", 256), (b"Recorder R-1", 32), (reference, 32), (b"2026-01-0112:00:00", 18)]
    return (
        b"".join(value.ljust(size, b"\0") for value, size in fields) + struct.pack("<QH", 0, 1) + umid.ljust(254, b"\0")
    )


@pytest.mark.parametrize(
    ("name", "body", "leaks"),
    [
        ("bext", bext(), ()),
        ("bext", bext(b"CHACM0000471112000001234"), ("unique_id",)),
        ("bext", bext(umid=bytes(range(1, 65))), ("unique_id",)),
        ("iXML", b"<BWFXML><PROJECT>x</PROJECT><LOCATION/></BWFXML>", ()),
        ("iXML", b"<BWFXML><LOCATION><LOCATION_GPS>48.8584, 2.2945</LOCATION_GPS></LOCATION></BWFXML>", ("gps",)),
        ("iXML", b"<BWFXML><FILE_UID>AB01</FILE_UID></BWFXML>", ("unique_id",)),
        ("junk", b"\0\0\0" + COVER, ("embedded_picture",)),
        ("junk", b"\0\0\0" + COVER[:40], ()),
    ],
)
def test_chunks_of_a_broadcast_wave(name: str, body: bytes, leaks: tuple[str, ...]) -> None:
    assert sound_leaks(files.wav_chunk(files.bare_sound("wav"), name, body)) == leaks


def test_tags_behind_the_sound() -> None:
    """ID3v1 and APEv2, built by hand: no program here writes them."""
    mp3 = files.bare_sound("mp3")
    v1 = b"TAG" + b"A title".ljust(30, b"\0") + NAME.encode().ljust(30, b"\0") + bytes(65)
    assert len(v1) == 128 and sound_leaks(mp3 + v1) == ("person_name",)
    item = struct.pack("<II", len(NAME), 0) + b"Artist\0" + NAME.encode()
    footer = b"APETAGEX" + struct.pack("<IIII", 2000, len(item) + 32, 1, 0) + bytes(8)
    assert sound_leaks(mp3 + item + footer) == ("person_name",)
    assert sound_leaks(mp3 + item + footer + v1.replace(NAME.encode(), bytes(len(NAME)))) == ("person_name",)


def test_damage_is_said(tmp_path: Path) -> None:
    named = files.by_mutagen("flac", files.bare_sound("flac"), {"artist": NAME})
    at = named.find(b"artist")
    assert sound_leaks(named[: at + 3]) == ("unreadable",)
    assert sound_leaks(b"no sound at all") == ("unreadable",)


# ---------------------------------------------------------------- from the editor's file to the journal
REQUEST = EditRequest("0" * 16, "voice-anonymisation", 1, {"subject": Audio(np.zeros(800, np.float32), 8000)})


def test_an_output_s_file_is_looked_at() -> None:
    named = EditedFile.from_bytes(files.by_mutagen("flac", files.bare_sound("flac"), {"artist": NAME}), REQUEST)
    assert isinstance(named.media, Audio) and named.leaks == ("person_name",)
    bare = EditedFile.from_bytes(encode_wav(Audio(np.full(800, 0.5, np.float32), 8000)), REQUEST)
    assert bare.leaks == ()


def test_the_worker_checks_what_a_sound_s_file_states() -> None:
    sound = Audio(np.zeros(800, np.float32), 8000)
    assert fault_of(EditedFile(sound, ("embedded_picture", "gps"))) == ""
    assert "known codes" in fault_of(EditedFile(sound, ("gps", "embedded_picture")))
    assert "samples of shape" in fault_of(EditedFile(Audio(np.zeros((2, 2), np.float32), 8000)))
    assert "neither" in fault_of(EditedFile(EditedFile(sound)))  # type: ignore[arg-type]
    assert get_leaks([Leak.EMBEDDED_PICTURE.value]) == ("embedded_picture",)
    with pytest.raises(WorkerProtocolError):
        get_leaks(["cover"])
