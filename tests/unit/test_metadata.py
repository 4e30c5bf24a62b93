"""What files give away: every field in every container, embedded pictures wherever they lie, and hostile bytes."""

from __future__ import annotations

import base64
import random
import struct
import time
import zlib
from collections.abc import Callable

import image_files as files
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from image_files import ASCII, BYTE, LONG, RATIONAL, SHORT, UNDEFINED, Placed
from PIL import Image

from visavox.media import containers
from visavox.media.image import decode_image
from visavox.media.leaks import Leak
from visavox.media.metadata import MAX_PICTURES, examine, leaks_of
from visavox.media.xmp import read_xmp

PICTURE = files.scene(1, 96, 128)
OTHER = files.small(files.scene(2), (64, 48))
FORMATS = ("JPEG", "PNG", "WEBP", "TIFF", "BMP", "GIF")
NAME = "Fictional Person"
BARE = {kind: files.encoded(PICTURE, kind) for kind in FORMATS}


def codes(data: bytes) -> set[str]:
    return {leak.value for leak in examine(data).leaks}


def shown(data: bytes) -> list[np.ndarray]:
    return list(examine(data).pictures)


def assert_shows(data: bytes, picture: np.ndarray, within: float = 8.0) -> None:
    """Exactly one embedded picture, and it is that one."""
    (found,) = shown(data)
    assert found.shape == picture.shape
    assert np.abs(found.astype(int) - picture).mean() < within


# ---------------------------------------------------------------- clean files
@pytest.mark.parametrize("kind", FORMATS)
def test_a_bare_file_gives_nothing_away(kind: str) -> None:
    assert examine(BARE[kind]) == examine(b"") == examine(files.encoded(PICTURE[:1, :1], kind))
    assert (examine(BARE[kind]).leaks, examine(BARE[kind]).pictures) == (frozenset(), ())


def test_what_is_harmless_is_not_counted() -> None:
    exif = files.tiff([(0x010F, ASCII, b"Maker\0"), (0x0131, ASCII, b"Editor 1.0\0"), (0x0112, SHORT, b"\1\0")])
    assert (
        codes(files.encoded(PICTURE, exif=exif, dpi=(72, 72), comment=b"made by an editor", progressive=True)) == set()
    )
    text = files.chunk(b"tEXt", b"Software\0Editor 1.0")
    assert codes(files.with_chunks(BARE["PNG"], text, files.chunk(b"tIME", bytes(7)))) == set()
    assert codes(packed("PNG", "xmp", xmp("<dc:title>A title</dc:title><xmp:CreatorTool>E</xmp:CreatorTool>"))) == set()


# ---------------------------------------------------------------- EXIF
def packed(kind: str, what: str, block: bytes) -> bytes:
    """A file of that kind with an EXIF or XMP block, put in by hand."""
    if what == "exif":
        return {
            "JPEG": lambda: files.with_segments(BARE["JPEG"], files.segment(0xE1, b"Exif\0\0" + block)),
            "PNG": lambda: files.with_chunks(BARE["PNG"], files.chunk(b"eXIf", block)),
            "WEBP": lambda: files.with_riff_chunk(BARE["WEBP"], b"EXIF", block),
            "profile": lambda: files.with_chunks(BARE["PNG"], raw_profile("exif", b"Exif\0\0" + block)),
        }[kind]()
    return {
        "JPEG": lambda: files.with_segments(BARE["JPEG"], files.segment(0xE1, files.XMP_HEADER + block)),
        "PNG": lambda: files.with_chunks(BARE["PNG"], files.chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + block)),
        "zPNG": lambda: files.with_chunks(
            BARE["PNG"], files.chunk(b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + zlib.compress(block))
        ),
        "WEBP": lambda: files.with_riff_chunk(BARE["WEBP"], b"XMP ", block),
        "GIF": lambda: BARE["GIF"][:-1] + b"!\xff\x0bXMP DataXMP" + block + b"<?xpacket end='w'?>\1\0;",
        "TIFF": lambda: files.encoded(PICTURE, "TIFF", tiffinfo={700: block}),
    }[kind]()


def raw_profile(kind: str, block: bytes) -> bytes:
    text = f"\n{kind}\n{len(block):8}\n".encode() + block.hex().encode() + b"\n"
    return files.chunk(b"zTXt", f"Raw profile type {kind}".encode() + b"\0\0" + zlib.compress(text))


def exif_with(tag: int, kind: int, value: bytes, where: str = "ifd0", order: str = "<") -> bytes:
    pointers = {"exif": 0x8769, "gps": 0x8825}
    field = (tag, kind, value)
    return files.tiff([field] if where == "ifd0" else [(pointers[where], LONG, [field])], order=order)


def degrees(order: str = "<") -> bytes:
    return files.rationals((48, 1), (51, 1), (2400, 100), order=order)


EXIF_CASES = [
    ("person_name", 0x013B, ASCII, NAME.encode() + b"\0", "ifd0"),
    ("person_name", 0x9C9D, BYTE, NAME.encode("utf-16le") + b"\0\0", "ifd0"),
    ("person_name", 0xA430, ASCII, NAME.encode() + b"\0", "exif"),
    ("person_name", 0xA437, ASCII, NAME.encode() + b"\0", "exif"),
    ("person_name", 0xA438, ASCII, NAME.encode() + b"\0", "exif"),
    ("serial_number", 0xA431, ASCII, b"0012045\0", "exif"),
    ("serial_number", 0xA435, ASCII, b"77\0", "exif"),
    ("serial_number", 0xC62F, ASCII, b"A77\0", "ifd0"),
    ("unique_id", 0xA420, ASCII, b"4fb1" * 8 + b"\0", "exif"),
]


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "profile"])
@pytest.mark.parametrize(("code", "tag", "form", "value", "where"), EXIF_CASES)
def test_exif_fields(code: str, tag: int, form: int, value: bytes, where: str, kind: str) -> None:
    for order in "<>":
        assert codes(packed(kind, "exif", exif_with(tag, form, value, where, order))) == {code}
    blank = b" " * (len(value) - 1) + b"\0" if form == ASCII else bytes(len(value))
    assert codes(packed(kind, "exif", exif_with(tag, form, blank, where))) == set()


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_position(kind: str) -> None:
    for order in "<>":
        assert codes(packed(kind, "exif", exif_with(2, RATIONAL, degrees(order), "gps", order))) == {"gps"}
    version = exif_with(0, BYTE, b"\2\3\0\0", "gps")
    no_fix = exif_with(2, RATIONAL, files.rationals((0, 1), (0, 1), (0, 1)), "gps")
    void = exif_with(4, RATIONAL, files.rationals((0, 0), (0, 0), (0, 0)), "gps")
    assert [codes(packed(kind, "exif", block)) for block in (version, no_fix, void)] == [set(), set(), set()]


def test_files_that_pillow_writes() -> None:
    """An independent writer: Pillow's own EXIF in every format that it can put one in."""
    exif = Image.Exif()
    exif[0x013B] = NAME
    exif.get_ifd(0x8825).update({1: "N", 2: (48.0, 51.0, 24.0), 3: "E", 4: (2.0, 21.0, 3.0)})
    exif.get_ifd(0x8769)[0xA431] = "12345"
    exif[0x8825], exif[0x8769] = exif.get_ifd(0x8825), exif.get_ifd(0x8769)  # TIFF takes them as fields alone
    for kind in ("JPEG", "PNG", "WEBP", "TIFF"):
        assert codes(files.encoded(PICTURE, kind, exif=exif)) == {"gps", "person_name", "serial_number"}, kind


def test_a_directory_without_its_last_pointer_is_read() -> None:
    """Some writers end a block with the last entry; a value that breaks off is another matter."""
    block = exif_with(0x0112, SHORT, b"\1\0")
    assert codes(packed("JPEG", "exif", block[:-4])) == set()
    block = exif_with(0x013B, ASCII, NAME.encode() + b"\0")
    assert "unreadable" in codes(packed("JPEG", "exif", block[:-9]))


def maker(name: bytes, note: bytes) -> bytes:
    return files.tiff([(0x010F, ASCII, name + b"\0"), (0x8769, LONG, [(0x927C, UNDEFINED, note)])])


def test_serial_numbers_in_maker_notes() -> None:
    inline = lambda tag: struct.pack("<HHHI4sI", 1, tag, LONG, 1, struct.pack("<I", 420_042), 0)  # noqa: E731
    fuji = b"FUJIFILM" + struct.pack("<IHHHII", 12, 1, 0x10, ASCII, 8, 30) + bytes(4) + b"FX-1234\0"
    notes = {
        b"Canon": inline(0x000C),
        b"Panasonic": b"Panasonic\0\0\0" + inline(0x0025),
        b"NIKON CORPORATION": b"Nikon\0\2\x10\0\0" + files.tiff([(0x001D, ASCII, b"3001234\0")], order=">"),
        b"FUJIFILM": fuji,
    }
    for name, note in notes.items():
        assert codes(packed("JPEG", "exif", maker(name, note))) == {"serial_number"}, name
    assert codes(packed("JPEG", "exif", maker(b"Canon", inline(0x0001)))) == set()
    assert codes(packed("JPEG", "exif", maker(b"Unheard of", inline(0x000C)))) == set()
    assert codes(packed("JPEG", "exif", maker(b"Canon", b"\xff" * 40))) == set()


# ---------------------------------------------------------------- XMP
SPACES = {
    "rdf": "http://www.w3.org/1999/02/22-rdf-syntax-ns#",
    "dc": "http://purl.org/dc/elements/1.1/",
    "xmp": "http://ns.adobe.com/xap/1.0/",
    "xmpMM": "http://ns.adobe.com/xap/1.0/mm/",
    "xmpGImg": "http://ns.adobe.com/xap/1.0/g/img/",
    "stRef": "http://ns.adobe.com/xap/1.0/sType/ResourceRef#",
    "exif": "http://ns.adobe.com/exif/1.0/",
    "exifEX": "http://cipa.jp/exif/1.0/",
    "aux": "http://ns.adobe.com/exif/1.0/aux/",
    "tiff": "http://ns.adobe.com/tiff/1.0/",
    "Iptc4xmpExt": "http://iptc.org/std/Iptc4xmpExt/2008-02-29/",
    "mwg-rs": "http://www.metadataworkinggroup.com/schemas/regions/",
    "MPReg": "http://ns.microsoft.com/photo/1.2/t/Region#",
    "GImage": "http://ns.google.com/photos/1.0/image/",
}


def xmp(inside: str, attributes: str = "") -> bytes:
    spaces = " ".join(f'xmlns:{prefix}="{space}"' for prefix, space in SPACES.items())
    return (
        f'<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/">'
        f'<rdf:RDF {spaces}><rdf:Description rdf:about="" {attributes}>{inside}</rdf:Description></rdf:RDF></x:xmpmeta>'
    ).encode()


XMP_CASES = [
    ("gps", "exif:GPSLatitude", "48,51.4N"),
    ("gps", "exif:GPSLongitude", "2,21.05E"),
    ("serial_number", "aux:SerialNumber", "12345"),
    ("serial_number", "exifEX:LensSerialNumber", "12345"),
    ("person_name", "tiff:Artist", NAME),
    ("person_name", "aux:OwnerName", NAME),
    ("person_name", "exifEX:CameraOwnerName", NAME),
    ("person_name", "MPReg:PersonDisplayName", NAME),
    ("unique_id", "xmpMM:DocumentID", "xmp.did:4b1c"),
    ("unique_id", "xmpMM:OriginalDocumentID", "xmp.did:4b1c"),
    ("unique_id", "Iptc4xmpExt:DigImageGUID", "4b1c"),
]


@pytest.mark.parametrize(("code", "name", "value"), XMP_CASES)
def test_xmp_properties(code: str, name: str, value: str) -> None:
    assert codes(packed("JPEG", "xmp", xmp(f"<{name}>{value}</{name}>"))) == {code}
    assert codes(packed("JPEG", "xmp", xmp("", f'{name}="{value}"'))) == {code}
    assert codes(packed("JPEG", "xmp", xmp(f"<{name}> </{name}>"))) == set()


def test_xmp_lists_and_structures() -> None:
    person = f"<rdf:Bag><rdf:li>{NAME}</rdf:li></rdf:Bag>"
    assert codes(packed("PNG", "xmp", xmp(f"<dc:creator>{person}</dc:creator>"))) == {"person_name"}
    assert codes(packed("PNG", "xmp", xmp("<dc:creator><rdf:Seq><rdf:li/></rdf:Seq></dc:creator>"))) == set()
    assert codes(packed("PNG", "xmp", xmp(f"<Iptc4xmpExt:PersonInImage>{person}</Iptc4xmpExt:PersonInImage>"))) == {
        "person_name"
    }
    derived = '<xmpMM:DerivedFrom stRef:documentID="xmp.did:1"/>'
    assert codes(packed("PNG", "xmp", xmp(derived))) == {"unique_id"}


@pytest.mark.parametrize(
    ("form", "found"),
    [
        ('<rdf:li mwg-rs:Name="{name}" mwg-rs:Type="Face"/>', {"person_name"}),
        ('<rdf:li mwg-rs:Name="{name}" mwg-rs:Type="Pet"/>', set()),
        ('<rdf:li mwg-rs:Name="" mwg-rs:Type="Face"/>', set()),
        ('<rdf:li mwg-rs:Type="Face"/>', set()),
        ('<rdf:li><rdf:Description mwg-rs:Type="Face" mwg-rs:Name="{name}"/></rdf:li>', {"person_name"}),
        (
            "<rdf:li><mwg-rs:Type>Face</mwg-rs:Type><mwg-rs:Name>{name}</mwg-rs:Name></rdf:li>",
            {"person_name"},
        ),
        ("<rdf:li><mwg-rs:Name>Rex</mwg-rs:Name><mwg-rs:Type>Pet</mwg-rs:Type></rdf:li>", set()),
    ],
)
def test_face_regions_with_names(form: str, found: set[str]) -> None:
    regions = "<mwg-rs:Regions><mwg-rs:RegionList><rdf:Bag>{}</rdf:Bag></mwg-rs:RegionList></mwg-rs:Regions>"
    assert codes(packed("JPEG", "xmp", xmp(regions.format(form.format(name=NAME))))) == found


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "zPNG", "WEBP", "GIF", "TIFF"])
def test_xmp_in_every_container(kind: str) -> None:
    assert codes(packed(kind, "xmp", xmp(f"<tiff:Artist>{NAME}</tiff:Artist>"))) == {"person_name"}


def test_xmp_of_other_encodings_and_padding() -> None:
    packet = xmp(f"<tiff:Artist>{NAME}</tiff:Artist>").decode()
    assert codes(packed("JPEG", "xmp", packet.encode("utf-16"))) == {"person_name"}
    assert codes(packed("JPEG", "xmp", packet.encode() + b" " * 2000 + b"\0\0")) == {"person_name"}


def test_hostile_xml_is_refused() -> None:
    laughs = "".join(f'<!ENTITY l{i} "{f"&l{i - 1};" * 10}">' for i in range(1, 10))
    for document_type in (f'<!DOCTYPE x [<!ENTITY l0 "ha">{laughs}]>', '<!DOCTYPE x SYSTEM "file:///etc/passwd">'):
        packet = document_type.encode() + b"<x>&l9;</x>"
        assert codes(packed("PNG", "xmp", packet)) == {"unreadable"}
    assert codes(packed("PNG", "xmp", b"<a>" * 100_000)) == {"unreadable"}
    broken = xmp(f"<tiff:Artist>{NAME}</tiff:Artist>")[:-30]
    assert codes(packed("PNG", "xmp", broken)) == {"unreadable", "person_name"}  # what came before counts


# ---------------------------------------------------------------- IPTC, Photoshop, PNG text
def test_iptc_and_photoshop() -> None:
    by_line = files.dataset(2, 0, b"\0\2") + files.dataset(2, 80, NAME.encode())
    resources = files.resource(0x0404, by_line)
    header = b"Photoshop 3.0\0"
    whole = files.with_segments(BARE["JPEG"], files.segment(0xED, header + resources))
    cut = [files.segment(0xED, header + part) for part in (resources[:17], resources[17:])]
    assert codes(whole) == codes(files.with_segments(BARE["JPEG"], *cut)) == {"person_name"}
    assert codes(files.with_chunks(BARE["PNG"], raw_profile("iptc", by_line))) == {"person_name"}
    assert codes(files.encoded(PICTURE, "TIFF", tiffinfo={33723: by_line})) == {"person_name"}
    caption = files.resource(0x0404, files.dataset(2, 120, b"A caption") + files.dataset(2, 80, b"  "))
    assert codes(files.with_segments(BARE["JPEG"], files.segment(0xED, header + caption))) == set()
    identifier = files.resource(0x0404, files.dataset(1, 100, b"urn:1"))
    assert codes(files.with_segments(BARE["JPEG"], files.segment(0xED, header + identifier))) == {"unique_id"}
    broken = files.segment(0xED, header + resources[:-6])
    assert codes(files.with_segments(BARE["JPEG"], broken)) == {"unreadable"}


def test_png_text() -> None:
    author = files.chunk(b"tEXt", b"Author\0" + NAME.encode())
    assert codes(files.with_chunks(BARE["PNG"], author)) == {"person_name"}
    bad = files.chunk(b"zTXt", b"Author\0\0" + b"no deflate stream")
    assert codes(files.with_chunks(BARE["PNG"], bad)) == {"unreadable"}


# ---------------------------------------------------------------- embedded pictures
SMALL_JPEG, SMALL_PNG = files.encoded(OTHER), files.encoded(OTHER, "PNG")


def in_exif(jpeg: bytes = SMALL_JPEG) -> bytes:
    first = [(0x0112, SHORT, b"\1\0")]
    return files.tiff(
        first, [(0x0103, SHORT, b"\6\0"), (0x0201, LONG, Placed(jpeg)), (0x0202, LONG, struct.pack("<I", len(jpeg)))]
    )


def uncompressed_in_exif() -> bytes:
    height, width = OTHER.shape[:2]
    number = lambda tag, value: (tag, LONG, struct.pack("<I", value))  # noqa: E731
    return files.tiff(
        [(0x0112, SHORT, b"\1\0")],
        [
            number(0x0100, width), number(0x0101, height), (0x0102, SHORT, struct.pack("<3H", 8, 8, 8)),
            number(0x0103, 1), number(0x0106, 2), (0x0111, LONG, Placed(OTHER.tobytes())), number(0x0115, 3),
            number(0x0116, height), number(0x0117, OTHER.nbytes),
        ],
    )  # fmt: skip


def jfxx(code: int, body: bytes) -> bytes:
    return files.with_segments(BARE["JPEG"], files.segment(0xE0, b"JFXX\0" + bytes([code]) + body))


def in_xmp(name: str) -> bytes:
    return xmp(f"<{name}>\n{base64.encodebytes(SMALL_JPEG).decode()}</{name}>")


def extended() -> bytes:
    """XMP too long for one segment, in two portions, the later one first."""
    packet, half = in_xmp("GImage:Data"), 700
    head = b"0" * 32 + struct.pack(">I", len(packet))
    parts = [(half, packet[half:]), (0, packet[:half])]
    return files.with_segments(
        BARE["JPEG"],
        *(files.segment(0xE1, files.EXTENDED_HEADER + head + struct.pack(">I", at) + part) for at, part in parts),
    )


def jumbf() -> bytes:
    """A content-credential box that holds an ingredient's thumbnail, in two segments."""
    box = struct.pack(">I4s", 8 + len(SMALL_JPEG), b"jumb") + SMALL_JPEG
    first, second = box[:600], box[600:]
    head = b"JP\0\1"
    return files.with_segments(
        BARE["JPEG"],
        files.segment(0xEB, head + b"\0\0\0\1" + first),
        files.segment(0xEB, head + b"\0\0\0\2" + box[:8] + second),
    )


def photoshop_thumbnail(identifier: int, picture: np.ndarray) -> bytes:
    body = struct.pack(">6I2H", 1, 64, 48, 192, 9216, 1, 24, 1) + files.encoded(picture, subsampling=0)
    return files.with_segments(BARE["JPEG"], files.segment(0xED, b"Photoshop 3.0\0" + files.resource(identifier, body)))


def tiff_pages() -> bytes:
    return files.encoded(PICTURE, "TIFF", save_all=True, append_images=[Image.fromarray(OTHER)])


PALETTED = Image.fromarray(OTHER).quantize(256)
PLACES: dict[str, Callable[[], bytes]] = {
    "EXIF, JPEG": lambda: packed("JPEG", "exif", in_exif()),
    "EXIF, PNG": lambda: packed("PNG", "exif", in_exif()),
    "EXIF, WebP": lambda: packed("WEBP", "exif", in_exif()),
    "EXIF, not compressed": lambda: packed("JPEG", "exif", uncompressed_in_exif()),
    "EXIF, nothing points at it": lambda: packed("JPEG", "exif", files.tiff([(0x0112, SHORT, b"\1\0")]) + SMALL_JPEG),
    "maker note": lambda: packed("JPEG", "exif", maker(b"Any", b"ANY\0" + SMALL_JPEG)),
    "JFXX, JPEG": lambda: jfxx(0x10, SMALL_JPEG),
    "JFXX, RGB": lambda: jfxx(0x13, bytes([64, 48]) + OTHER.tobytes()),
    "JFXX, palette": lambda: jfxx(
        0x11, bytes([64, 48]) + bytes(PALETTED.getpalette("RGB")).ljust(768, b"\0") + PALETTED.tobytes()
    ),
    "JFIF": lambda: files.with_segments(
        BARE["JPEG"], files.segment(0xE0, b"JFIF\0\1\2\0\0\1\0\1" + bytes([64, 48]) + OTHER.tobytes())
    ),
    "Photoshop": lambda: photoshop_thumbnail(0x040C, OTHER),
    "Photoshop 4": lambda: photoshop_thumbnail(0x0409, OTHER[..., ::-1]),
    "XMP": lambda: packed("JPEG", "xmp", in_xmp("xmpGImg:image")),
    "extended XMP": extended,
    "content credentials, JPEG": jumbf,
    "content credentials, PNG": lambda: files.with_chunks(BARE["PNG"], files.chunk(b"caBX", b"box" + SMALL_JPEG)),
    "content credentials, WebP": lambda: files.with_riff_chunk(BARE["WEBP"], b"C2PA", b"box" + SMALL_JPEG),
    "unknown segment": lambda: files.with_segments(BARE["JPEG"], files.segment(0xE5, b"PREVIEW\0" + SMALL_JPEG)),
    "behind a JPEG": lambda: BARE["JPEG"] + b"trailer" + SMALL_JPEG + b"end",
    "behind a progressive JPEG": lambda: files.encoded(PICTURE, progressive=True) + SMALL_PNG,
    "behind a PNG": lambda: BARE["PNG"] + SMALL_PNG,
    "behind a WebP": lambda: BARE["WEBP"] + files.encoded(OTHER, "WEBP"),
    "behind a BMP": lambda: BARE["BMP"] + SMALL_JPEG,
    "behind a GIF": lambda: BARE["GIF"] + SMALL_JPEG,
    "second page": tiff_pages,
}


@pytest.mark.parametrize("place", PLACES)
def test_embedded_pictures_are_found(place: str) -> None:
    data = PLACES[place]()
    assert decode_image(data).shape == PICTURE.shape  # the file itself is still sound
    assert codes(data) == set()
    assert_shows(data, OTHER)


def test_what_an_embedded_picture_gives_away_counts() -> None:
    inner = files.with_segments(SMALL_JPEG, files.segment(0xE1, b"Exif\0\0" + exif_with(2, RATIONAL, degrees(), "gps")))
    data = BARE["JPEG"] + inner
    assert codes(data) == {"gps"}
    assert_shows(data, OTHER)


def test_a_turned_picture_is_upright() -> None:
    turned = files.with_segments(SMALL_JPEG, files.segment(0xE1, b"Exif\0\0" + exif_with(0x0112, SHORT, b"\6\0")))
    assert_shows(BARE["JPEG"] + turned, np.rot90(OTHER, -1))


def test_a_thumbnail_that_cannot_be_decoded_is_said_to_be_unreadable() -> None:
    assert codes(packed("JPEG", "exif", in_exif(SMALL_JPEG[:-300]))) == {"unreadable"}
    assert codes(jfxx(0x13, bytes([64, 48]) + b"short")) == {"unreadable"}


def test_nothing_of_a_file_is_in_words() -> None:
    data = packed("JPEG", "exif", exif_with(0x013B, ASCII, NAME.encode() + b"\0")) + SMALL_JPEG
    assert NAME not in repr(examine(data)) and "array" not in repr(examine(data))
    assert set(read_xmp(xmp(f"<tiff:Artist>{NAME}</tiff:Artist>")).filled) >= {SPACES["tiff"] + " Artist"}
    assert NAME not in repr(read_xmp(xmp(f"<tiff:Artist>{NAME}</tiff:Artist>")))


# ---------------------------------------------------------------- codes of an output
def test_leaks_of_an_output() -> None:
    source = files.scene(3, 240, 320)
    edited, another = files.with_box(source, "swap"), files.scene(8, 240, 320)
    data = files.encoded(edited)
    kept = packed("JPEG", "exif", exif_with(0x013B, ASCII, NAME.encode() + b"\0"))
    assert leaks_of(data, edited, [source]) == leaks_of(data, edited) == ()
    assert leaks_of(kept, PICTURE, [PICTURE]) == ("person_name",)
    old, new, third = (data + files.encoded(files.small(p)) for p in (source, edited, files.scene(9, 240, 320)))
    assert leaks_of(old, edited, [source]) == leaks_of(old, edited, [another, source]) == ("thumbnail_unedited",)
    assert leaks_of(old, edited) == ("thumbnail_differs",)
    assert leaks_of(new, edited, [source]) == leaks_of(new, edited, [source, another]) == ()
    assert leaks_of(new, edited) == ()
    assert leaks_of(third, edited, [source]) == leaks_of(third, edited) == ("thumbnail_differs",)
    assert all(code in {leak.value for leak in Leak} for code in leaks_of(old, edited, [source]))


# ---------------------------------------------------------------- hostile bytes
def everything() -> bytes:
    """A JPEG with one of each kind of block."""
    blocks = [
        files.segment(0xE1, b"Exif\0\0" + in_exif()),
        files.segment(0xE1, files.XMP_HEADER + in_xmp("xmpGImg:image")),
        files.segment(0xED, b"Photoshop 3.0\0" + files.resource(0x0404, files.dataset(2, 80, NAME.encode()))),
        files.segment(0xE0, b"JFXX\0\x10" + SMALL_JPEG),
    ]
    return files.with_segments(BARE["JPEG"], *blocks) + SMALL_PNG


SEEDS = [
    everything(),
    packed("PNG", "exif", in_exif()) + SMALL_JPEG,
    packed("zPNG", "xmp", xmp(f"<tiff:Artist>{NAME}</tiff:Artist>")),
    packed("WEBP", "exif", maker(b"Canon", b"\1\0\x0c\0")),
    packed("profile", "exif", exif_with(2, RATIONAL, degrees(), "gps")),
    tiff_pages(),
    packed("GIF", "xmp", xmp("")),
    BARE["BMP"] + SMALL_JPEG,
    packed("JPEG", "exif", uncompressed_in_exif()),
]


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(SEEDS), st.integers(0, 2**32 - 1), st.booleans())
def test_damaged_files_never_raise(seed: bytes, chance: int, cut: bool) -> None:
    draw = random.Random(chance)
    data = bytearray(seed)
    for _ in range(draw.choice((0, 1, 2, 8, 64))):
        at = draw.randrange(len(data) if draw.random() < 0.3 else min(len(data), 400))
        data[at] = draw.choice((0, 1, 0x7F, 0x80, 0xFF, draw.randrange(256)))
    if cut:
        del data[draw.randrange(len(data)) :]
    started = time.process_time()
    leaks = leaks_of(bytes(data), PICTURE, [PICTURE[::-1]])
    assert time.process_time() - started < 5
    assert list(leaks) == sorted({Leak(leak).value for leak in leaks})


@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from(
        [b"", b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"RIFF\xff\xff\0\0WEBP", b"II*\0", b"MM\0+", b"BM", b"GIF89a"]
    ),
    st.binary(max_size=400),
)
def test_random_bytes_never_raise(start: bytes, rest: bytes) -> None:
    examine(start + rest)
    read_xmp(rest)


def bounded(data: bytes, seconds: float = 5.0) -> set[str]:
    started = time.process_time()
    found = codes(data)
    assert time.process_time() - started < seconds
    return found


def test_bombs_are_bounded() -> None:
    """Each of these would cost gigabytes or minutes if it were believed."""
    zeros = zlib.compress(bytes(containers.MAX_BLOCK_BYTES + 1))
    assert bounded(files.with_chunks(BARE["PNG"], files.chunk(b"zTXt", b"Author\0\0" + zeros))) == {"unreadable"}
    starts = BARE["JPEG"] + b"\xff\xd8\xff\xe0" * 250_000
    assert bounded(starts) == {"unreadable"}
    segments = files.with_segments(BARE["JPEG"], files.segment(0xFE, b"") * 200_000)
    assert bounded(segments) == {"unreadable"}
    header = files.chunk(b"IHDR", struct.pack(">II5B", 60_000, 60_000, 8, 2, 0, 0, 0))
    assert bounded(BARE["PNG"] + SMALL_PNG[:8] + header + SMALL_PNG[33:]) == {"unreadable"}
    entries = b"".join(struct.pack("<HHII", 1000 + i, UNDEFINED, 200_000, 8) for i in range(5000))
    overlapping = b"II*\0" + struct.pack("<IH", 8, 5000) + entries + bytes(200_000)
    assert "unreadable" in bounded(packed("PNG", "exif", overlapping))
    loop = files.tiff([(0x0112, SHORT, b"\1\0")])
    loop = loop[:-4] + struct.pack("<I", 8)  # the next directory is the first one
    assert bounded(packed("PNG", "exif", loop)) <= {"unreadable"}
    assert bounded(loop) <= {"unreadable"}


def test_no_more_pictures_than_the_bound_and_it_is_said() -> None:
    many = b"".join(files.encoded(files.scene(i, 24, 24), "PNG") for i in range(MAX_PICTURES + 1))
    findings = examine(BARE["PNG"] + many)
    assert (len(findings.pictures), set(findings.leaks)) == (MAX_PICTURES, {"unreadable"})
    assert len(shown(BARE["PNG"] + SMALL_PNG * 5)) == 1  # the same picture is one picture
