"""Labels in files that exiftool, FFmpeg, mutagen, Pillow and c2pa-python wrote; every rule broken; hostile bytes."""

from __future__ import annotations

import base64
import json
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import label_files as files
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from label_files import CREATED, DST, EDITED, FIELDS, GOOD, WRAPPED
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from visavox.core.terms import ToolClass
from visavox.media import containers
from visavox.media.image import decode_image
from visavox.media.labels import (
    AigcFindings,
    AigcVerdict,
    Carrier,
    CredentialState,
    IptcState,
    Shape,
    aigc_findings,
    check_label,
    credential_findings,
    iptc_findings,
    read_labels,
)
from visavox.media.metadata import leaks_of

IMAGES = {"jpg": "JPEG", "png": "PNG", "webp": "WEBP", "tif": "TIFF", "gif": "GIF"}


def assert_compliant(
    found: AigcFindings, place: str, shape: Shape = Shape.BARE, warnings: tuple[str, ...] = ()
) -> None:
    assert (found.verdict, found.broken_rules, found.warnings) == (AigcVerdict.COMPLIANT, (), warnings), found
    (label,) = found.labels
    assert (label.place, label.shape, dict(label.fields)) == (place, shape, FIELDS)


# ---------------------------------------------------------------- where it stands
@pytest.mark.parametrize("suffix", IMAGES)
def test_exiftool_writes_xmp_into_an_image(suffix: str, tmp_path: Path) -> None:
    bare = files.picture(IMAGES[suffix])
    assert aigc_findings(bare).verdict is AigcVerdict.NOT_FOUND
    labelled = files.by_exiftool(tmp_path, suffix, bare, f"-XMP-TC260:AIGC={WRAPPED}")
    assert_compliant(aigc_findings(labelled), "XMP TC260:AIGC", Shape.WRAPPED)


@pytest.mark.parametrize("suffix", ["jpg", "webp"])
def test_exiftool_writes_a_user_comment(suffix: str, tmp_path: Path) -> None:
    labelled = files.by_exiftool(tmp_path, suffix, files.picture(IMAGES[suffix]), f"-EXIF:UserComment={WRAPPED}")
    warnings = () if suffix == "jpg" else ("tc260-pg-place",)
    assert_compliant(aigc_findings(labelled), "EXIF UserComment", Shape.WRAPPED, warnings)
    harmless = files.by_exiftool(tmp_path, suffix, files.picture(IMAGES[suffix]), "-EXIF:UserComment=made by AIGC")
    assert aigc_findings(harmless).verdict is AigcVerdict.NOT_FOUND
    bare = files.by_exiftool(tmp_path, suffix, files.picture(IMAGES[suffix]), f"-EXIF:UserComment={GOOD}")
    assert aigc_findings(bare).broken_rules == ("gb45438-E.a-field-name",)


def test_pillow_and_exiftool_write_png_texts(tmp_path: Path) -> None:
    for is_compressed in (False, True):
        text = PngInfo()
        text.add_text("AIGC", GOOD, zip=is_compressed)
        assert_compliant(aigc_findings(files.picture("PNG", pnginfo=text)), "PNG text AIGC")
    international = PngInfo()
    international.add_itxt("AIGC", WRAPPED, zip=True)
    assert_compliant(aigc_findings(files.picture("PNG", pnginfo=international)), "PNG text AIGC", Shape.WRAPPED)
    by_exiftool = files.by_exiftool(tmp_path, "png", files.picture("PNG"), f"-PNG:AIGC={GOOD}")
    assert_compliant(aigc_findings(by_exiftool), "PNG text AIGC")


PLACES = {
    "mp3": "ID3v2 TXXX AIGC",
    "flac": "Vorbis comment AIGC",
    "ogg": "Vorbis comment AIGC",
    "m4a": "moov.udta.meta.keys AIGC",
    "mp4": "moov.udta.meta.keys AIGC",
    "mov": "moov.udta.meta.keys AIGC",
    "mka": "Matroska SimpleTag AIGC",
}


@pytest.mark.parametrize("kind", PLACES)
def test_ffmpeg_writes_into_a_sound(kind: str) -> None:
    assert aigc_findings(files.bare_sound(kind)).verdict is AigcVerdict.NOT_FOUND
    assert_compliant(aigc_findings(files.by_ffmpeg(kind, {"AIGC": GOOD})), PLACES[kind])


@pytest.mark.parametrize("kind", ["mp4", "mov", "m4a"])
def test_ffmpeg_drops_the_label_without_use_metadata_tags(kind: str) -> None:
    """Silently: the program's exit code is 0 and the file is sound."""
    assert aigc_findings(files.by_ffmpeg(kind, {"AIGC": GOOD}, keeps_tags=False)).verdict is AigcVerdict.NOT_FOUND


@pytest.mark.parametrize(
    ("kind", "place", "warnings"),
    [
        ("mp3", "ID3v2 TXXX AIGC", ()),
        ("flac", "Vorbis comment AIGC", ()),
        ("ogg", "Vorbis comment AIGC", ()),
        ("wav", "ID3v2 TXXX AIGC", ("tc260-pg-place",)),
        ("m4a", "MP4 ilst item AIGC", ("tc260-pg-place",)),
    ],
)
def test_mutagen_writes_into_a_sound(kind: str, place: str, warnings: tuple[str, ...]) -> None:
    """Of MP3 in UTF-16, of WAV and M4A where no guide says: an ID3 chunk, a free-form atom."""
    found = aigc_findings(files.by_mutagen(kind, files.bare_sound(kind), {"AIGC": GOOD}))
    assert_compliant(found, place, warnings=warnings)


def test_a_wav_has_a_chunk() -> None:
    assert_compliant(
        aigc_findings(files.wav_chunk(files.bare_sound("wav"), "AIGC", WRAPPED.encode())),
        "RIFF chunk AIGC",
        Shape.WRAPPED,
    )


def test_exiftool_writes_xmp_into_a_film_where_no_guide_says(tmp_path: Path) -> None:
    film = files.by_exiftool(tmp_path, "mp4", files.bare_sound("mp4"), f"-XMP-TC260:AIGC={GOOD}")
    assert_compliant(aigc_findings(film), "XMP in MP4 box uuid, TC260:AIGC", warnings=("tc260-pg-place",))


def test_a_segment_of_its_own_is_found_where_no_guide_says() -> None:
    body = b"AIGC" + GOOD.encode()
    segment = b"\xff\xe9" + (len(body) + 2).to_bytes(2, "big") + body
    found = aigc_findings(b"\xff\xd8" + segment + files.picture("JPEG")[2:])
    assert_compliant(found, "a segment of its own", warnings=("tc260-pg-place",))


# ---------------------------------------------------------------- every rule
def label(value: str | None = None, **changes: Any) -> AigcFindings:
    """What becomes of a FLAC file with this value, or with fields that are changed (``None``: left out)."""
    if value is None:
        merged = {**FIELDS, **changes}
        value = json.dumps({key: found for key, found in merged.items() if found is not ...}, ensure_ascii=False)
    return aigc_findings(files.by_mutagen("flac", files.bare_sound("flac"), {"AIGC": value}))


BROKEN: list[tuple[str, Callable[[], AigcFindings], set[str]]] = [
    ("number in place of text", lambda: label(Label=1), {"E.c-text"}),
    ("a word for the value", lambda: label(Label="AIGC"), {"E.c-value"}),
    ("a value that is none of three", lambda: label(Label="4"), {"E.c-value"}),
    ("empty label", lambda: label(Label=""), {"6.1a-Label"}),
    ("blank producer", lambda: label(ContentProducer=" "), {"6.1a-ContentProducer"}),
    ("empty number", lambda: label(ProduceID=""), {"6.1a-ProduceID"}),
    ("empty propagator", lambda: label(ContentPropagator=""), {"6.1a-ContentPropagator"}),
    ("null propagation number", lambda: label(PropagateID=None), {"6.1a-PropagateID"}),
    ("no propagation number", lambda: label(PropagateID=...), {"6.1a-PropagateID", "E.b-keys"}),
    ("no reserved key", lambda: label(ReservedCode2=...), {"E.b-keys"}),
    ("reserved null", lambda: label(ReservedCode1=None), {"E.f-text"}),
    ("producer an object", lambda: label(ContentProducer={"name": "x"}), {"E.d-text"}),
    ("number a number", lambda: label(ProduceID=7), {"E.e-text"}),
    ("propagator a list", lambda: label(ContentPropagator=["x"]), {"E.g-text"}),
    ("propagation number true", lambda: label(PropagateID=True), {"E.h-text"}),
    ("reserved a number", lambda: label(ReservedCode2=0), {"E.i-text"}),
    ("no JSON", lambda: label("generated by AI"), {"E.b-format"}),
    ("empty value", lambda: label(""), {"E.b-format"}),
    ("list", lambda: label(f"[{GOOD}]"), {"E.b-format"}),
    ("broken off", lambda: label(GOOD[:-1]), {"E.b-format"}),
    ("Base64", lambda: label(base64.b64encode(GOOD.encode()).decode()), {"E.b-format"}),
    ("text within text", lambda: label(json.dumps({"AIGC": GOOD})), {"E.b-format"}),
    ("a key twice", lambda: label(GOOD.replace('"ProduceID"', '"Label": "2", "ProduceID"')), {"E.b-format"}),
    ("nested without end", lambda: label("[" * 60_000), {"E.b-format"}),
    ("number without end", lambda: label('{"Label": ' + "9" * 9_000 + "}"), {"E.b-format"}),
    ("larger than is read", lambda: label(json.dumps(FIELDS | {"ReservedCode1": "x" * 70_000})), {"E.b-format"}),
    ("empty object", lambda: label("{}"), {"E.b-keys", *(f"6.1a-{key}" for key in FIELDS if key[0] != "R")}),
]


@pytest.mark.parametrize(("make", "rules"), [pytest.param(make, rules, id=name) for name, make, rules in BROKEN])
def test_a_broken_rule_is_named(make: Callable[[], AigcFindings], rules: set[str]) -> None:
    found = make()
    assert found.verdict is AigcVerdict.NONCOMPLIANT
    assert set(found.broken_rules) == {f"gb45438-{rule}" for rule in rules}
    assert {detail.rule for detail in found.details} >= set(found.broken_rules)
    assert all(detail.clause.startswith("GB 45438-2025") and detail.found and detail.todo for detail in found.details)


def test_base64_is_recognised_for_what_it_is() -> None:
    assert "Base64" in label(base64.b64encode(GOOD.encode()).decode()).details[0].found


def test_one_label_a_file(tmp_path: Path) -> None:
    """Twice in one place, and in two places, alike or not."""
    flac = files.by_ffmpeg("flac", {"AIGC": GOOD})
    twice = files.wav_chunk(files.wav_chunk(files.bare_sound("wav"), "AIGC", GOOD.encode()), "AIGC", GOOD.encode())
    text = PngInfo()
    text.add_text("AIGC", GOOD)
    png = files.by_exiftool(tmp_path, "png", files.picture("PNG", pnginfo=text), f"-XMP-TC260:AIGC={WRAPPED}")
    for data in (twice, png):
        found = aigc_findings(data)
        assert found.verdict is AigcVerdict.NONCOMPLIANT and found.broken_rules == ("gb45438-6.1c-one-label",)
        assert found.details[0].clause == "GB 45438-2025 6.1 c)" and len(found.labels) == 2
    assert aigc_findings(flac).broken_rules == ()


@pytest.mark.parametrize(
    ("changes", "warning"),
    [
        ({"ContentProducer": "虚构公司", "ContentPropagator": "虚构公司"}, "gb45438-E.j-characters"),
        ({"ContentProducer": "a b", "ContentPropagator": "a b"}, "gb45438-E.j-characters"),
        ({"ReservedCode1": "back\\slash"}, "gb45438-E.j-characters"),
        ({"ReservedCode1": "half \ud800".encode("utf-8", "replace").decode()}, "gb45438-E.j-characters"),
        ({"Label": "2"}, "gb45438-E.c-platform-value"),
        ({"ContentPropagator": "another"}, "gb45438-E-note1-first-write"),
        ({"Model": "x"}, "gb45438-E.b-further-keys"),
    ],
)
def test_a_remark_breaks_no_rule(changes: dict[str, Any], warning: str) -> None:
    found = label(**changes)
    assert (found.verdict, found.broken_rules, found.warnings) == (AigcVerdict.COMPLIANT, (), (warning,))


def test_the_standard_s_own_characters_are_no_remark() -> None:
    """Everything from 0x21 to 0x7E but the backslash; the quotation mark is written as an escape."""
    every = "".join(chr(code) for code in range(0x21, 0x7F) if chr(code) != "\\")
    assert label(ReservedCode1=every).warnings == ()
    assert label(ReservedCode1=json.dumps({"SecurityData": {"Type": "1"}}, separators=(",", ":"))).warnings == ()


XMP = (
    '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    '<rdf:Description rdf:about="" xmlns:TC260="http://www.tc260.org.cn/ns/AIGC/1.0/" {attributes}>{body}'
    "</rdf:Description></rdf:RDF></x:xmpmeta>"
)


def of_xmp(body: str = "", attributes: str = "") -> AigcFindings:
    packet = XMP.format(body=body, attributes=attributes)
    return aigc_findings(files.picture("WEBP", xmp=packet.encode()))


def test_the_forms_of_xmp() -> None:
    escaped = GOOD.replace('"', "&quot;")
    assert_compliant(of_xmp(f"<TC260:AIGC>{escaped}</TC260:AIGC>"), "XMP TC260:AIGC")
    assert_compliant(of_xmp(f"<TC260:AIGC><![CDATA[{GOOD}]]></TC260:AIGC>"), "XMP TC260:AIGC")
    assert_compliant(of_xmp(attributes=f'TC260:AIGC="{escaped}"'), "XMP TC260:AIGC")
    listed = f'<TC260:AIGC><rdf:Alt><rdf:li xml:lang="x-default">{escaped}</rdf:li></rdf:Alt></TC260:AIGC>'
    assert_compliant(of_xmp(listed), "XMP TC260:AIGC")
    fields = "".join(f"<TC260:{key}>{value}</TC260:{key}>" for key, value in FIELDS.items())
    for structure in (f'<TC260:AIGC rdf:parseType="Resource">{fields}</TC260:AIGC>', fields):
        assert "gb45438-E.b-format" in of_xmp(structure).broken_rules
    assert of_xmp().verdict is AigcVerdict.NOT_FOUND


# ---------------------------------------------------------------- what cannot be known
def test_a_damaged_file_is_inconclusive_and_a_broken_rule_counts_all_the_same() -> None:
    good, bad = PngInfo(), PngInfo()
    good.add_text("AIGC", GOOD)
    bad.add_text("AIGC", "{}")
    whole = files.picture("PNG", pnginfo=good)
    found = aigc_findings(whole[:-6])
    assert (found.verdict, found.broken_rules) == (AigcVerdict.INCONCLUSIVE, ()) and found.reason and found.labels
    assert aigc_findings(files.picture("PNG", pnginfo=bad)[:-6]).verdict is AigcVerdict.NONCOMPLIANT
    for unknown in (b"", b"text", b"%PDF-1.7", b"\0\0\0\x18ftypheic" + bytes(40)):
        assert aigc_findings(unknown).verdict is AigcVerdict.INCONCLUSIVE
    assert aigc_findings(whole.replace(b"AIGC", b"None")).verdict is AigcVerdict.NOT_FOUND


@pytest.mark.parametrize(("packet", "is_found"), [("<TC260:AIGC>", False), ("<!DOCTYPE a><a/>", False)])
def test_xmp_that_cannot_be_read_is_inconclusive(packet: str, is_found: bool) -> None:
    found = aigc_findings(files.picture("WEBP", xmp=packet.encode()))
    assert found.verdict is AigcVerdict.INCONCLUSIVE and "XMP" in found.reason
    assert iptc_findings(files.picture("WEBP", xmp=packet.encode())).state is IptcState.UNREADABLE


LABELLED = {
    "flac": lambda: files.by_ffmpeg("flac", {"AIGC": GOOD}),
    "ogg": lambda: files.by_mutagen("ogg", files.bare_sound("ogg"), {"AIGC": GOOD}),
    "mp3": lambda: files.by_mutagen("mp3", files.bare_sound("mp3"), {"AIGC": GOOD}),
    "mp4": lambda: files.by_ffmpeg("mp4", {"AIGC": GOOD}),
    "mka": lambda: files.by_ffmpeg("mka", {"AIGC": GOOD}),
    "wav": lambda: files.wav_chunk(files.bare_sound("wav"), "AIGC", GOOD.encode()),
    "webp": lambda: files.picture(
        "WEBP", xmp=XMP.format(body=f"<TC260:AIGC>{GOOD}</TC260:AIGC>", attributes="").encode()
    ),
    "png": lambda: files.picture("PNG", exif=_user_comment()),
}


def _user_comment() -> Image.Exif:
    exif = Image.Exif()
    exif[0x8769] = {0x9286: b"ASCII\0\0\0" + WRAPPED.encode()}
    return exif


@pytest.mark.parametrize("kind", LABELLED)
def test_a_file_cut_off_is_never_called_unlabelled_or_wrong(kind: str) -> None:
    data = LABELLED[kind]()
    assert aigc_findings(data).verdict is AigcVerdict.COMPLIANT
    for length in sorted({*range(0, 64), *np.linspace(64, len(data) - 2, 160).astype(int).tolist()}):
        verdict = aigc_findings(data[:length]).verdict
        assert verdict in {AigcVerdict.INCONCLUSIVE, AigcVerdict.COMPLIANT}, (length, len(data))


@pytest.mark.parametrize("kind", LABELLED)
@given(st.data())
@settings(max_examples=60)
def test_hostile_bytes_have_one_outcome(kind: str, draw: st.DataObject) -> None:
    data = bytearray(LABELLED[kind]())
    for _ in range(draw.draw(st.integers(1, 12))):
        at = draw.draw(st.integers(0, min(len(data) - 1, 1500)))
        data[at : at + draw.draw(st.integers(0, 4))] = draw.draw(st.binary(max_size=8))
    assert_one_outcome(bytes(data))


STARTS = (b"RIFF\xff\xff\xff\xffWAVE", b"OggS", b"fLaC", b"ID3\4\0\0\0\0\1\0", b"\0\0\0\x10ftyp", b"\xff\xd8", b"")
STARTS += (b"\x1a\x45\xdf\xa3", b"FORM\0\0\1\0AIFF", b"RIFF\0\0\0\0WEBP", b"II*\0\x08\0\0\0")


@given(st.sampled_from(STARTS), st.binary(max_size=400))
@settings(max_examples=200)
def test_noise_has_one_outcome(start: bytes, noise: bytes) -> None:
    assert_one_outcome(start + noise)


WORDS = st.none() | st.booleans() | st.integers() | st.text(max_size=8)
OBJECTS = st.dictionaries(st.sampled_from([*FIELDS, "AIGC", "x"]), WORDS | st.lists(WORDS, max_size=2), max_size=9)


@given(st.text(max_size=60) | OBJECTS.map(json.dumps) | OBJECTS.map(lambda found: json.dumps({"AIGC": found})))
@settings(max_examples=150)
def test_any_value_has_one_outcome(value: str) -> None:
    found = check_label(Carrier("RIFF chunk AIGC", value))
    assert found.broken or json.loads(value)
    found.label.model_dump_json()


def assert_one_outcome(data: bytes) -> None:
    found = read_labels(data)
    assert found.aigc.verdict in set(AigcVerdict)
    assert bool(found.aigc.broken_rules) == (found.aigc.verdict is AigcVerdict.NONCOMPLIANT)
    assert bool(found.aigc.reason) >= (found.aigc.verdict is AigcVerdict.INCONCLUSIVE)
    found.model_dump_json()


def test_compressed_text_is_bounded_as_a_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    """A small file that would unfold into gigabytes; here, with the bound made small."""
    text = PngInfo()
    for number in range(8):
        text.add_text(f"note {number}", "x" * 2000, zip=True)
    text.add_text("AIGC", GOOD)
    data = files.picture("PNG", pnginfo=text)
    assert aigc_findings(data).verdict is AigcVerdict.COMPLIANT
    monkeypatch.setattr(containers, "MAX_TOTAL_BYTES", 10_000)
    assert aigc_findings(data).verdict is AigcVerdict.INCONCLUSIVE


def test_a_damaged_picture_warns_nobody(recwarn: pytest.WarningsRecorder) -> None:
    tiff = files.picture("TIFF")
    for at in range(8, min(len(tiff), 400), 3):
        read_labels(tiff[:at] + b"\xff\xff" + tiff[at + 2 :])
    assert not recwarn.list


# ---------------------------------------------------------------- content credentials
@pytest.fixture(scope="module")
def sign() -> files.Signed:
    return files.Signed()


JPEG = files.picture("JPEG")
SOURCE = files.picture("JPEG", 4)


def test_a_file_without_a_manifest() -> None:
    assert credential_findings(JPEG).state is CredentialState.NOT_FOUND
    assert credential_findings(JPEG + b"c2pa").state is CredentialState.NOT_FOUND


CARRIERS = {
    "JPEG": "image/jpeg", "PNG": "image/png", "WEBP": "image/webp",
    "mp3": "audio/mpeg", "wav": "audio/wav", "flac": "audio/flac", "m4a": "audio/mp4",
}  # fmt: skip


@pytest.mark.parametrize(("kind", "media_type"), CARRIERS.items())
def test_a_generated_file_that_says_so(kind: str, media_type: str, sign: files.Signed) -> None:
    bare = files.picture(kind) if kind.isupper() else files.bare_sound(kind)
    data = sign(bare, media_type, CREATED)
    found = credential_findings(data, tool_class=ToolClass.GENERATE)
    assert (found.state, found.failures, found.broken_rules) == (CredentialState.VALID, (), ())
    assert (found.first_action, found.digital_source_types) == ("c2pa.created", (DST + "trainedAlgorithmicMedia",))
    assert (found.fits_tool_class, found.signer, found.generator) == (True, "Fictional Signer", "acme")
    assert credential_findings(data, trust_anchors=sign.root).state is CredentialState.TRUSTED
    other = files.Signed()
    assert credential_findings(data, trust_anchors=other.root).state is CredentialState.VALID


def test_an_edit_says_what_it_opened(sign: files.Signed) -> None:
    data = sign(JPEG, "image/jpeg", EDITED, parent=SOURCE)
    for tool_class in (ToolClass.ANONYMISE, ToolClass.SWAP, ToolClass.ATTRIBUTE, ToolClass.MORPH):
        found = credential_findings(data, tool_class=tool_class)
        assert (found.state, found.first_action, found.fits_tool_class) == (CredentialState.VALID, "c2pa.opened", True)
        assert found.broken_rules == ()
    assert credential_findings(data).fits_tool_class is None
    found = credential_findings(data, tool_class=ToolClass.GENERATE)
    assert (found.fits_tool_class, found.broken_rules) == (False, ("digital-source-type-fit",))


def test_a_cloned_voice_may_be_generated_whole(sign: files.Signed) -> None:
    sound = sign(files.bare_sound("wav"), "audio/wav", CREATED)
    assert credential_findings(sound, tool_class=ToolClass.SWAP).fits_tool_class is True
    assert credential_findings(sound, tool_class=ToolClass.ANONYMISE).fits_tool_class is False
    assert credential_findings(sign(JPEG, "image/jpeg", CREATED), tool_class=ToolClass.SWAP).fits_tool_class is False


@pytest.mark.parametrize(
    ("actions", "rules"),
    [
        (({"action": "c2pa.edited", "digitalSourceType": DST + "compositeSynthetic"},), {"c2pa-first-action"}),
        (({"action": "c2pa.created"},), {"c2pa-created-source-type"}),
        (({"action": "c2pa.opened"},), {"c2pa-opened-parent"}),
        (
            ({"action": "c2pa.created", "digitalSourceType": "http://example.org/made"},),
            {"digital-source-type-uri"},
        ),
    ],
)
def test_a_broken_rule_of_c2pa(actions: Any, rules: set[str], sign: files.Signed) -> None:
    found = credential_findings(sign(JPEG, "image/jpeg", actions))
    assert set(found.broken_rules) == rules
    assert all(detail.clause and detail.found and detail.todo for detail in found.details)


def test_a_file_altered_after_signing_is_invalid(sign: files.Signed) -> None:
    data = bytearray(sign(JPEG, "image/jpeg", CREATED))
    data[-40] ^= 1
    found = credential_findings(bytes(data))
    assert (found.state, found.failures) == (CredentialState.INVALID, ("assertion.dataHash.mismatch",))
    assert credential_findings(bytes(data[: len(data) // 2])).state is CredentialState.UNREADABLE


def test_nothing_is_fetched(sign: files.Signed) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"http://127.0.0.1:{server.getsockname()[1]}/manifest.c2pa"
        found = credential_findings(sign(JPEG, "image/jpeg", CREATED, url=url))
        server.settimeout(0.2)
        with pytest.raises(TimeoutError):
            server.accept()
    assert found.state is CredentialState.NOT_EXAMINED and "nothing is fetched" in found.reason


def test_what_cannot_be_examined_says_why(sign: files.Signed, monkeypatch: pytest.MonkeyPatch) -> None:
    ogg = files.by_mutagen("ogg", files.bare_sound("ogg"), {"note": "c2pa"})
    assert credential_findings(ogg).state is CredentialState.NOT_EXAMINED
    data = sign(JPEG, "image/jpeg", CREATED)
    monkeypatch.setitem(sys.modules, "c2pa", None)
    found = credential_findings(data)
    assert found.state is CredentialState.NOT_EXAMINED and "visavox[labels]" in found.reason


def test_an_ingredient_that_shows_the_unedited_picture_is_a_leak(sign: files.Signed) -> None:
    data = sign(JPEG, "image/jpeg", EDITED, parent=SOURCE)
    assert leaks_of(data, decode_image(JPEG), [decode_image(SOURCE)]) == ("thumbnail_unedited",)
    assert leaks_of(JPEG, decode_image(JPEG), [decode_image(SOURCE)]) == ()


@given(st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 255)), min_size=1, max_size=12))
@settings(max_examples=25)
def test_a_hostile_manifest_has_one_outcome(flips: list[tuple[int, int]]) -> None:
    data = bytearray(_signed_once())
    for at, value in flips:
        data[at % len(data)] = value
    assert credential_findings(bytes(data)).state in set(CredentialState)


def _signed_once() -> bytes:
    if not _KEPT:
        _KEPT.append(files.Signed()(files.bare_sound("wav"), "audio/wav", CREATED))
    return _KEPT[0]


_KEPT: list[bytes] = []


# ---------------------------------------------------------------- IPTC
def test_exiftool_writes_a_digital_source_type(tmp_path: Path) -> None:
    code = DST + "compositeWithTrainedAlgorithmicMedia"
    data = files.by_exiftool(tmp_path, "jpg", JPEG, f"-XMP-iptcExt:DigitalSourceType={code}")
    found = iptc_findings(data, tool_class=ToolClass.ATTRIBUTE)
    assert (found.state, found.digital_source_types, found.fits_tool_class) == (IptcState.FOUND, (code,), True)
    assert iptc_findings(data, tool_class=ToolClass.GENERATE).broken_rules == ("digital-source-type-fit",)
    short = files.by_exiftool(tmp_path, "jpg", JPEG, "-XMP-iptcExt:DigitalSourceType=trainedAlgorithmicMedia")
    assert iptc_findings(short).broken_rules == ("digital-source-type-uri",)
    assert iptc_findings(JPEG).state is IptcState.NOT_FOUND
