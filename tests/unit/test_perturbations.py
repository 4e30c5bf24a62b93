"""Perturbations: each does what it says, to the bit again for the same seed, and harder from rung to rung."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as PillowImage

from visavox.core.errors import ConfigError, MediaError, UnknownNameError
from visavox.core.resources import configs_dir
from visavox.core.seeding import generator
from visavox.core.terms import Modality
from visavox.media.audio import Audio, decode_audio
from visavox.media.image import Image, decode_image
from visavox.media.perturbations import image_codecs, pixels, sound_codecs, waveforms
from visavox.metrics.utility import psnr_db
from visavox.ports.perturbation import Pack, Perturbation, load_pack, operations, pack_names

SETS = Path(__file__).parents[2] / "datasets" / "visavox_datasets" / "sets"
PACKS = {name: load_pack(name) for name in pack_names()}
FACE, VOICE = Modality.FACE, Modality.VOICE


def every(modality: Modality) -> list[Perturbation]:
    """Each perturbation of a modality once, by name of pack and its own."""
    return [one for name, pack in PACKS.items() if name != "image-default" for one in pack.of(modality)] + [
        one for one in PACKS["image-default"].of(modality) if not one.name.startswith("df-")
    ]


@pytest.fixture(scope="module")
def faces() -> list[Image]:
    return [decode_image((SETS / "people-100" / f"{person:04d}-0.jpg").read_bytes()) for person in (3, 40, 77)]


@pytest.fixture(scope="module")
def voices() -> list[Audio]:
    sounds = [decode_audio((SETS / "speakers-60" / f"{speaker:04d}-0.opus").read_bytes()) for speaker in (2, 31)]
    return [Audio(sound.samples[:24_000], sound.sample_rate_hz) for sound in sounds]


def any_random() -> np.random.Generator:
    return generator(1, "test")


def tone(hz: float, *, rate: int = 16_000, seconds: float = 1.0, level: float = 0.5) -> Audio:
    t = np.arange(round(rate * seconds)) / rate
    return Audio((level * np.sin(2 * np.pi * hz * t)).astype(np.float32), rate)


def frequency(audio: Audio) -> float:
    """The strongest frequency of the middle of a sound."""
    middle = audio.samples[len(audio.samples) // 4 : -len(audio.samples) // 4]
    spectrum = np.abs(np.fft.rfft(middle * np.hanning(len(middle)), 1 << 18))
    return float(spectrum.argmax() * audio.sample_rate_hz / (1 << 18))


def power_db(audio: Audio) -> float:
    middle = audio.samples[2000:-2000].astype(np.float64)
    return float(10 * np.log10((middle**2).mean()))


def snr_db(original: Audio, changed: Audio) -> float:
    signal = original.samples.astype(np.float64)
    error = changed.samples - signal
    return float(10 * np.log10((signal @ signal) / (error @ error)))


def loss_of_image(original: Image, changed: Image) -> float:
    """Minus PSNR, a changed size brought back first."""
    if changed.shape != original.shape:
        size = original.shape[1::-1]
        changed = np.array(PillowImage.fromarray(changed).resize(size, PillowImage.Resampling.BICUBIC))
    return -psnr_db(original, changed)


# ---------------------------------------------------------------- packs
def test_the_default_packs_are_the_lists_of_the_field_guide() -> None:
    def ladders(pack: Pack) -> dict[str, list[float | None]]:
        return {name: [p.strength for p in pack.perturbations if p.ladder == name] for name in dict.fromkeys(
            p.ladder for p in pack.perturbations)}  # fmt: skip

    fives = {
        "df-saturation": [0.4, 0.3, 0.2, 0.1, 0.0],
        "df-contrast": [0.85, 0.725, 0.6, 0.475, 0.35],
        "df-blocks": [16, 32, 48, 64, 80],
        "df-noise": [0.001, 0.002, 0.005, 0.01, 0.05],
        "df-blur": [7, 9, 13, 17, 21],
        "df-resolution": [2, 3, 4, 5, 6],
        "df-video": [30, 32, 35, 38, 40],
    }
    assert ladders(PACKS["deeperforensics-5"]) == fives
    assert ladders(PACKS["image-default"]) == {
        "jpeg": [90, 70, 50, 30],
        "resize": [0.75, 0.5, 0.25],
        "blur": [0.5, 1, 2],
        "noise": [0.02, 0.05, 0.1],
        "crop": [0.9, 0.75, 0.5],
        "rotate": [5, 15, 30],
        "darker": [0.7],
        "brighter": [1.3],
        "flatter": [0.7],
        "starker": [1.3],
        **fives,
    }
    assert ladders(PACKS["audio-default"]) == {
        "noise": [40, 30, 20, 10, 5],
        "mp3": [40, 32, 24, 16, 8],
        "opus": [31, 16, 8],
        "mu-law": [8000],
        "resample": [11025, 8000],
        "low-pass": [7000, 3400],
        "slower": [0.9],
        "faster": [1.1],
        "lower": [-1],
        "higher": [1],
        "quantise": [8, 6, 4],
        "reverb": [0.3, 0.6, 0.9],
        "louder": [6],
        "softer": [-6],
    }
    assert {name for name in PACKS if PACKS[name].of(VOICE)} == {
        "audio-default", "call-centre", "screen-record", "social-media"
    }  # fmt: skip


def test_every_parameter_says_where_it_comes_from() -> None:
    for pack in PACKS.values():
        assert all(one.source for one in pack.perturbations)


def write(folder: Path, name: str, body: str) -> str:
    path = folder / f"{name}.yaml"
    path.write_text(f"name: {name}\nversion: 1\nsummary: of a test\n{body}")
    return str(path)


MIXED = "chains: [{name: c, source: s, steps: [{operation: jpeg, strength: 5}, {operation: mp3, strength: 8}]}]\n"
LADDER = "ladders:\n  - {{name: q, operation: {0}, strengths: {1}, source: a test}}\n"


@pytest.mark.parametrize(
    ("body", "found"),
    [
        (LADDER.format("jpeg", "[50, 70]"), "70 is not harder than 50"),
        (LADDER.format("jpeg", "[100]"), "not harder than 100"),
        (LADDER.format("brightness", "[0.7, 1.3]"), "1.3 is not harder than 0.7"),
        (LADDER.format("noise", "[20, 20]"), "20 is not harder than 20"),
        ("", "no ladder and no chain"),
        (LADDER.format("jpeg", "[50]") + LADDER.format("jpeg", "[50, 30]").partition("\n")[2], "named twice: q/50"),
        ("ladders:\n  - {name: q, operation: jpeg, strengths: [50]}\n", "source: required"),
        (MIXED, "mixes images and sounds"),
        (MIXED.replace("mp3, strength: 8", "jpeg, strength: 100"), "100 is not harder than 100"),
        (MIXED.replace("jpeg, strength: 5", "reverb, strength: 1, params: {rooms: 2}"), "reverb takes no rooms"),
    ],
)
def test_a_faulty_pack_is_refused(tmp_path: Path, body: str, found: str) -> None:
    with pytest.raises(ConfigError, match=found):
        load_pack(write(tmp_path, "mine", body))


def test_unknown_packs_and_operations_are_named(tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError, match="image-default"):
        load_pack("image-defualt")
    with pytest.raises(UnknownNameError, match="did you mean 'jpeg'"):
        load_pack(write(tmp_path, "mine", LADDER.format("jpg", "[50]")))


def test_a_pack_that_includes_itself_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path, "mine", LADDER.format("jpeg", "[50]"))
    Path(path).write_text(Path(path).read_text() + f"includes: [{path}]\n")
    with pytest.raises(ConfigError, match="includes itself"):
        load_pack(path)


def test_the_digest_follows_every_parameter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = (configs_dir() / "perturbations" / "audio-default.yaml").read_text()
    copy = tmp_path / "audio-default.yaml"
    digests = set()
    for old, new in (("", ""), ("0.9]", "0.8]"), ("m3: 60", "m3: 70"), ("version: 1", "version: 2")):
        copy.write_text(text.replace(old, new, 1))
        digests.add(load_pack(str(copy)).digest)
    assert len(digests) == 4
    assert load_pack("audio-default").digest in digests
    whole = PACKS["audio-default"].digest
    now = operations.get("quantise")
    monkeypatch.setitem(operations._entries, "quantise", replace(now, version=now.version + 1))
    assert PACKS["audio-default"].digest != whole


# ---------------------------------------------------------------- every perturbation
@pytest.mark.parametrize("one", every(FACE), ids=lambda one: one.name)
def test_images_go_through_and_come_out_the_same_again(one: Perturbation, faces: list[Image]) -> None:
    image = faces[0].copy()
    image.flags.writeable = False
    first, again = one.perturb(image, 5), one.perturb(image.copy(), 5)
    assert np.array_equal(first, again)
    assert np.array_equal(image, faces[0])
    assert first.shape == image.shape or one.name.split("/")[0] in {
        "resize", "crop", "square-feed", "shared-twice", "screenshot", "screen-video", "screen-photograph"
    }  # fmt: skip
    random = {"image_noise", "chroma_noise", "blocks"} & {step.operation for step in one.steps}
    assert np.array_equal(first, one.perturb(image, 6)) == (not random)
    for shape in ((1, 1, 3), (3, 17, 3)):
        one.perturb(np.full(shape, 90, np.uint8), 5)


@pytest.mark.parametrize("one", every(VOICE), ids=lambda one: one.name)
def test_sounds_go_through_and_come_out_the_same_again(one: Perturbation, voices: list[Audio]) -> None:
    sound = Audio(voices[0].samples[:9_000].copy(), 16_000)
    sound.samples.flags.writeable = False
    first, again = one.perturb(sound, 5), one.perturb(sound, 5)
    assert np.array_equal(first.samples, again.samples)
    assert first.sample_rate_hz == 16_000
    assert len(first.samples) == 9_000 or one.ladder in {"slower", "faster"}
    assert np.abs(first.samples).max() <= 1
    random = {"noise", "reverb", "packet_loss"} & {step.operation for step in one.steps}
    assert np.array_equal(first.samples, one.perturb(sound, 6).samples) == (not random)
    silent = one.perturb(Audio(np.zeros(4_000, np.float32), 22_050), 5)
    assert silent.sample_rate_hz == 22_050
    assert np.abs(silent.samples).max() < 1e-2
    one.perturb(Audio(np.full(400, 0.1, np.float32), 8_000), 5)


def groups(modality: Modality) -> list[tuple[str, list[Perturbation]]]:
    ladders: dict[str, list[Perturbation]] = {}
    for one in every(modality):
        ladders.setdefault(one.ladder, []).append(one)
    return [(name, rungs) for name, rungs in ladders.items() if len(rungs) > 1]


@pytest.mark.parametrize(("name", "rungs"), groups(FACE), ids=lambda value: value if isinstance(value, str) else "")
def test_each_rung_costs_an_image_more_than_the_one_before(
    name: str, rungs: list[Perturbation], faces: list[Image]
) -> None:
    losses = [np.mean([loss_of_image(face, one.perturb(face, 9)) for face in faces]) for one in rungs]
    assert [one.rung for one in rungs] == list(range(1, len(rungs) + 1))
    assert (np.diff(losses) > 0).all(), dict(zip([one.name for one in rungs], np.round(losses, 2), strict=True))


@pytest.mark.parametrize(("name", "rungs"), groups(VOICE), ids=lambda value: value if isinstance(value, str) else "")
def test_each_rung_costs_a_sound_more_than_the_one_before(
    name: str, rungs: list[Perturbation], voices: list[Audio]
) -> None:
    losses = [np.mean([-snr_db(voice, one.perturb(voice, 9)) for voice in voices]) for one in rungs]
    assert (np.diff(losses) > 0).all(), dict(zip([one.name for one in rungs], np.round(losses, 2), strict=True))


def test_the_wrong_kind_of_medium_is_refused(voices: list[Audio], faces: list[Image]) -> None:
    image, sound = PACKS["image-default"].of(FACE)[0], PACKS["audio-default"].of(VOICE)[0]
    with pytest.raises(MediaError):
        image.perturb(voices[0], 1)
    with pytest.raises(MediaError):
        sound.perturb(faces[0], 1)


# ---------------------------------------------------------------- pixels, against other programs
def test_blur_and_downsampling_are_those_of_opencv(faces: list[Image]) -> None:
    import cv2

    for k in (7, 21):
        theirs = cv2.GaussianBlur(faces[0], (k, k), k / 6)
        assert np.abs(pixels.kernel_blur(faces[0], k, any_random()).astype(int) - theirs).max() <= 1
    odd = faces[0][:101, :150]
    for k in (2, 3, 6):
        small = cv2.resize(odd.astype(np.float32), (150 // k, 101 // k))  # of bytes OpenCV rounds within
        theirs = cv2.resize(np.rint(small), (150, 101))
        assert np.abs(pixels.downsample(odd, k, any_random()) - theirs).max() < 1.5  # ties of a half go either way


def test_light_and_chroma(faces: list[Image]) -> None:
    image = faces[1]
    assert np.array_equal(pixels.brightness(image, 0.5, any_random()), np.rint(image * 0.5).astype(np.uint8))
    grey = pixels.saturation(image, 0.0, any_random())
    assert (grey == grey[..., :1]).all()
    assert np.abs(grey[..., 0].astype(int) - np.array(PillowImage.fromarray(image).convert("L"))).max() <= 1
    flat = pixels.contrast(image, 0.0, any_random())
    assert (flat == flat[0, 0]).all()


def test_noise_has_the_level_it_says() -> None:
    grey = np.full((200, 200, 3), 128, np.uint8)
    drawn = pixels.noise(grey, 0.05, any_random()).astype(float) - 128
    assert drawn.std() == pytest.approx(0.05 * 255, rel=0.02)
    assert abs(np.corrcoef(drawn[..., 0].ravel(), drawn[..., 1].ravel())[0, 1]) < 0.02
    coloured = pixels.chroma_noise(grey, 0.001, any_random()).astype(float) - 128
    luma = coloured @ [0.299, 0.587, 0.114]
    assert luma.std() == pytest.approx(255 * np.sqrt(0.001) * 255 / 219, rel=0.03)


def test_blocks_of_one_seed_are_added_to() -> None:
    white = np.full((300, 520, 3), 255, np.uint8)
    few, many = (pixels.blocks(white, count, any_random()) == 128 for count in (16, 80))
    assert (many | ~few).all()
    assert many.sum() > few.sum() > 10 * 64 * 3
    assert (pixels.blocks(np.full((600, 600, 3), 255, np.uint8), 16, any_random()) == 128).sum() > 16 * 64 * 3


def test_jpeg_is_what_pillow_writes_at_that_quality(faces: list[Image]) -> None:
    buffer = io.BytesIO()
    PillowImage.fromarray(faces[0]).save(buffer, "JPEG", quality=50, subsampling="4:2:0")
    theirs = np.array(PillowImage.open(io.BytesIO(buffer.getvalue())))
    assert np.array_equal(image_codecs.jpeg(faces[0], 50, any_random()), theirs)


# ---------------------------------------------------------------- waveforms, against their definitions
def test_noise_is_at_its_ratio(voices: list[Audio]) -> None:
    for ratio in (40, 20, 5):
        assert snr_db(voices[0], waveforms.noise(voices[0], ratio, any_random())) == pytest.approx(ratio, abs=0.05)


def test_bands_pass_inside_and_stop_outside() -> None:
    for hz, change in ((1000, 0.0), (3400, -3.01), (6800, -48.2)):
        found = power_db(waveforms.low_pass(tone(hz), 3400, any_random())) - power_db(tone(hz))
        assert found == pytest.approx(change, abs=0.15)
    for hz, change in ((150, -48.2), (300, -3.01), (1000, 0.0), (3400, -3.01)):
        found = power_db(waveforms.band_pass(tone(hz), 3400, any_random(), low_hz=300)) - power_db(tone(hz))
        assert found == pytest.approx(change, abs=0.4)
    narrow = tone(1000, rate=8_000)
    assert waveforms.low_pass(narrow, 7000, any_random()) is narrow


def test_speed_and_pitch_move_apart() -> None:
    sound = tone(440)
    for rate in (0.9, 1.1):
        changed = waveforms.time_stretch(sound, rate, any_random())
        assert changed.duration_s == pytest.approx(1 / rate, abs=1e-3)
        assert frequency(changed) == pytest.approx(440, rel=0.005)
    for semitones in (-1, 1):
        changed = waveforms.pitch(sound, semitones, any_random())
        assert len(changed.samples) == len(sound.samples)
        assert frequency(changed) == pytest.approx(440 * 2 ** (semitones / 12), rel=0.005)


def test_rooms_decay_as_long_as_they_say() -> None:
    click = np.zeros(32_000, np.float32)
    click[0] = 1.0
    for rt60_s in (0.3, 0.6, 0.9):
        heard = waveforms.reverb(Audio(click, 16_000), rt60_s, any_random()).samples.astype(np.float64)
        left = np.cumsum(heard[::-1] ** 2)[::-1]  # Schroeder's backward integration
        level_db = 10 * np.log10(np.maximum(left / left[1], 1e-12))
        early, late = (int(np.argmax(level_db[1:] < level)) for level in (-5, -25))
        assert 3 * (late - early) / 16_000 == pytest.approx(rt60_s, rel=0.1)
        direct_db = 10 * np.log10(heard[0] ** 2 / left[1])
        assert direct_db == pytest.approx(20 * np.log10(0.057 * np.sqrt(60 / rt60_s)), abs=0.01)


def test_steps_gain_and_losses(voices: list[Audio]) -> None:
    voice = voices[0]
    assert len(np.unique(waveforms.quantise(voice, 4, any_random()).samples)) <= 17
    assert waveforms.gain(voice, -6, any_random()).samples.max() == pytest.approx(voice.samples.max() * 10**-0.3)
    few, many = (waveforms.packet_loss(voice, share, any_random()).samples for share in (0.05, 0.3))
    assert (many[few == 0] == 0).all()
    frames = np.abs(many[: len(many) // 320 * 320].reshape(-1, 320)).max(axis=1)
    assert 0.1 < (frames == 0).mean() < 0.5


def test_mu_law_is_within_the_telephones_own_step(voices: list[Audio]) -> None:
    import soundfile

    narrow = Audio(np.ascontiguousarray(voices[0].samples[::2]), 8_000)
    buffer = io.BytesIO()
    soundfile.write(buffer, narrow.samples, 8_000, format="WAV", subtype="ULAW")
    theirs = decode_audio(buffer.getvalue())
    ours = sound_codecs.mu_law(narrow, 8_000, any_random())
    assert snr_db(narrow, ours) == pytest.approx(snr_db(narrow, theirs), abs=1.5)
    assert snr_db(narrow, ours) > 30


@pytest.mark.parametrize(("codec", "kbps"), [("mp3", 24), ("opus", 16), ("aac", 32), ("g722", 64)], ids=str)
@pytest.mark.parametrize("rate", [8_000, 16_000, 44_100])
def test_codecs_come_back_aligned(codec: str, kbps: float, rate: int, voices: list[Audio]) -> None:
    from visavox.media.audio import resampled

    sound = resampled(voices[1], rate)
    decoded = getattr(sound_codecs, codec)(sound, kbps, any_random())
    length = 2 * len(sound.samples)
    spectra = np.fft.rfft(decoded.samples, length) * np.conj(np.fft.rfft(sound.samples, length))
    lag = int(np.fft.irfft(spectra, length).argmax())
    assert min(lag, length - lag) <= max(1, rate // 8_000)
    assert snr_db(sound, decoded) > 3
