"""The numbers behind one picture, drawn by name: adding a parameter changes nobody.

An identity is what ``IDENTITY`` draws from ``(seed, identity)``; each picture adds what ``NUISANCE`` and the camera
draw from ``(seed, identity, image)``. Every number has a generator of its own, keyed by its name.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TypeAlias

from visavox.core.seeding import child_seed, generator

Params: TypeAlias = dict[str, float]
"""Parameters of one picture by name."""

# Uniform in [low, high]; lengths in cm, angles in rad, the rest without unit. Wide, roughly anthropometric ranges:
# Gaussian draws gave look-alikes.
IDENTITY = MappingProxyType(
    {
        # skull and jaw
        "cranium_w": (6.9, 8.0),
        "cranium_h": (7.6, 9.2),
        "face_w": (5.7, 6.9),
        "face_len": (0.88, 1.10),
        "taper": (0.0, 0.45),
        "jaw_w": (3.9, 6.0),
        "jaw_y": (-7.0, -5.4),
        "chin_w": (1.5, 3.0),
        "chin_drop": (1.9, 3.1),
        "chin_z": (5.6, 7.4),
        "cheekbone": (1.4, 2.7),
        "cheekbone_y": (-3.4, -1.8),
        "cheek_fat": (0.6, 1.2),
        "ear": (0.8, 1.2),
        "neck_w": (3.9, 5.0),
        # eyes and brows
        "eye_x": (2.75, 3.65),
        "eye_w": (1.35, 1.85),
        "eye_up": (0.42, 0.82),
        "eye_low": (0.30, 0.55),
        "eye_tilt": (-0.14, 0.20),
        "socket": (0.2, 1.1),
        "crease": (0.0, 1.0),
        "crease_y": (0.25, 0.55),
        "iris_r": (0.56, 0.68),
        "iris_hue": (0.0, 1.0),
        "brow_ridge": (0.4, 1.7),
        "brow_y": (1.25, 2.35),
        "brow_arch": (-0.1, 0.7),
        "brow_tilt": (-0.14, 0.20),
        "brow_h": (0.25, 0.85),
        "brow_in": (0.7, 1.7),
        "brow_len": (3.4, 4.8),
        "brow_dens": (0.6, 1.0),
        "under_eye": (0.0, 0.6),
        # nose
        "nose_len": (3.2, 4.9),
        "nose_z": (0.9, 2.3),
        "nose_bridge": (0.6, 1.15),
        "nose_root_z": (-0.2, 0.9),
        "nose_tip": (0.75, 1.25),
        "ala_x": (0.85, 1.6),
        "ala_r": (0.6, 0.95),
        "nose_hump": (-0.4, 0.5),
        # mouth
        "mouth_drop": (2.1, 3.4),
        "mouth_w": (1.95, 3.1),
        "lip_up": (0.30, 0.95),
        "lip_low": (0.45, 1.15),
        "cupid": (0.0, 0.45),
        "muzzle": (-0.4, 0.8),
        "lip_tint": (0.0, 1.0),
        # skin
        "melanin": (0.0, 1.0),
        "undertone": (-1.0, 1.0),
        "freckles": (-1.2, 1.0),
        "age": (-0.5, 1.0),
        "blush": (0.1, 0.9),
        "mottle": (0.3, 1.0),
        # hair
        "hair_tone": (0.0, 1.0),
        "hair_thick": (0.25, 2.4),
        "hairline": (5.4, 8.6),
        "hair_open_w": (5.6, 7.2),
        "hair_len": (0.0, 1.0),
        "hair_part": (-1.0, 1.0),
        "hair_curl": (0.0, 1.0),
        "bald": (0.0, 1.0),
        "moustache": (-1.6, 1.0),
        "beard": (-1.6, 1.0),
        # build: facial hair, heavy brows and broad jaws go together (see ``_tie``)
        "masc": (0.0, 1.0),
        # glasses
        "glasses": (-2.6, 1.0),
        "glass_r": (1.75, 2.35),
        "glass_sq": (2.0, 5.0),
        "glass_tone": (0.0, 1.0),
    }
)

NUISANCE = MappingProxyType(
    {
        "yaw": (-0.436, 0.436),
        "pitch": (-0.20, 0.20),
        "roll": (-0.14, 0.14),
        "zoom": (0.92, 1.12),
        "shift_x": (-1.2, 1.2),
        "shift_y": (-1.0, 1.0),
        "smile": (-0.3, 1.0),
        "open": (-0.6, 0.7),
        "brow_raise": (-0.3, 0.5),
        "blink": (0.0, 0.35),
        "gaze_x": (-0.22, 0.22),
        "gaze_y": (-0.08, 0.08),
        "light_x": (-1.0, 1.0),
        "light_y": (0.1, 1.0),
        "key": (0.75, 1.2),
        "fill": (0.42, 0.75),
        "warmth": (-1.0, 1.0),
        "exposure": (0.88, 1.15),
        "cloth_hue": (0.0, 1.0),
        "cloth_val": (0.08, 0.8),
        "stripes": (0.0, 1.0),
        "light_size": (0.0, 1.0),
        "bg_place": (0.0, 1.0),
        "bg_hue": (0.0, 1.0),
        "bg_val": (0.15, 0.9),
        "bg_seed": (0.0, 97.0),
    }
)

_STRATA = MappingProxyType({"masc": 2, "age": 3, "melanin": 6})
"""Into how many equal parts the range of a parameter is cut, and dealt out evenly (see ``stratum``)."""

_CAMERA = MappingProxyType({"blur_px": (0.0, 0.8), "noise": (0.002, 0.012), "jpeg_quality": (60.0, 95.0)})


@dataclass(frozen=True)
class Camera:
    """How one picture is taken.

    Attributes:
        blur_px: sigma of the lens blur for 224 px pictures; in proportion for other sizes.
        noise: standard deviation of the sensor noise, on a scale of 0 to 1.
        jpeg_quality: 60 to 95.
        noise_seed: seed of the sensor noise.
    """

    blur_px: float
    noise: float
    jpeg_quality: int
    noise_seed: int


def draw_parameters(seed: int, identity: int, image: int) -> Params:
    """All parameters of the head and the scene of one picture, dependent ones included."""
    drawn = {name: _draw_identity(name, seed, identity) for name in IDENTITY}
    drawn |= {name: _draw(NUISANCE[name], seed, "image", identity, image, name) for name in NUISANCE}
    return _derived(_tie(drawn))


def draw_camera(seed: int, identity: int, image: int) -> Camera:
    """The camera of one picture."""
    path = (seed, "camera", identity, image)
    blur, noise, quality = (_draw(bounds, *path, name) for name, bounds in _CAMERA.items())
    return Camera(blur, noise, round(quality), child_seed(*path, "noise"))


def stratum(name: str, identity: int) -> int:
    """The part of a stratified parameter's range that a person falls into, counted from 0.

    Six people in a row hold every sex with every age band, and every skin tone once; 36 in a row hold every
    combination of the three once.
    """
    place = {"masc": identity % 2, "age": identity // 2 % 3, "melanin": (identity + identity // 6) % 6}
    return place[name]


def _draw_identity(name: str, seed: int, identity: int) -> float:
    low, high = IDENTITY[name]
    if name in _STRATA:
        width = (high - low) / _STRATA[name]
        low += width * stratum(name, identity)
        high = low + width
    return _draw((low, high), seed, "identity", identity, name)


def _draw(bounds: tuple[float, float], seed: int, *path: str | int) -> float:
    low, high = bounds
    return low + (high - low) * float(generator(seed, *path).random())


def _tie(drawn: Params) -> Params:
    """Ties build and age to features that go with them: needed for plausibility, not for recognisers."""
    p, masc = dict(drawn), drawn["masc"]
    p["jaw_w"] += 0.5 * (masc - 0.5)
    p["brow_ridge"] += 0.5 * (masc - 0.5)
    p["brow_h"] *= 0.75 + 0.5 * masc
    p["neck_w"] += 0.8 * (masc - 0.5)
    if masc < 0.5:
        p["moustache"] = p["beard"] = -1.0
        p["hair_len"] = 0.45 + 0.55 * p["hair_len"]
        p["bald"] = 1.0
    else:
        p["hair_len"] *= 0.55
        p["hair_thick"] = min(p["hair_thick"], 1.6)
    dark_skin = max(p["melanin"] - 0.35, 0.0) / 0.65
    p["hair_tone"] *= 1.0 - 0.55 * dark_skin
    p["iris_hue"] *= 1.0 - 0.8 * dark_skin
    p["grey"] = min(max(p["age"] - 0.65, 0.0) * 2.6, 0.9)
    return p


def _derived(drawn: Params) -> Params:
    """Adds what follows from the drawn parameters."""
    p = dict(drawn)
    p["mouth_y"] = -p["nose_len"] - p["mouth_drop"] * p["face_len"]
    p["chin_y"] = p["mouth_y"] - p["chin_drop"]
    p["shoulder_y"] = p["chin_y"] - 4.6
    p["long_hair"] = float(p["hair_len"] > 0.5)
    p["hair_bottom"] = -6.0 - 26.0 * (p["hair_len"] - 0.5) if p["long_hair"] else 2.4 - 5.0 * p["hair_len"]
    p["hair_z"] = 2.2 - 2.7 * p["long_hair"]
    p["has_hair"] = float(p["bald"] >= 0.16)
    p["has_glasses"] = float(p["glasses"] >= 0.0)
    p["glass_z"] = 9.0 + 0.25 * p["brow_ridge"] + 0.5 * max(p["nose_root_z"], 0.0)
    p["glass_w"] = 0.09 + 0.10 * p["glass_tone"]
    return p
