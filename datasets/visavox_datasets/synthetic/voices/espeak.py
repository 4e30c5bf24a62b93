"""eSpeak NG, spoken through ctypes: one sentence in a voice of given numbers.

The library keeps state from sentence to sentence (the phase of its flutter, the memory of its filters, random numbers
seeded by the time of day), which its own termination does not clear. So it is loaded anew for each sentence, and what
it says depends on nothing said before.

References:
    eSpeak NG 1.52, docs/voices.md (voice variants) and src/include/espeak-ng/speak_lib.h.
"""

from __future__ import annotations

import _ctypes
import ctypes
import shutil
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from visavox.core.errors import MissingDependencyError, VisavoxError

from .parameters import N_FORMANTS, Params

RATE_HZ: Final = 22_050
_SYNCHRONOUS: Final = 2
_DO_NOT_EXIT: Final = 0x8000
_UTF8: Final = 1
_RATE, _PITCH, _RANGE = 1, 3, 4
_DATA: Final = ("phondata", "phonindex", "phontab", "intonations", "en_dict", "lang/gmw")
_VARIANT: Final = "drawn"
_SOURCES: Final = (0, 0, 0, 1, 2, 3, 4)
"""0 is eSpeak's own generator, 1 to 4 are Klatt's with different glottal sources."""
_ONE_AT_A_TIME: Final = threading.Lock()  # the library's state is the process's


class Espeak:
    """The library with a private data folder, in which a voice can be written; a context manager.

    Raises:
        MissingDependencyError: if espeakng-loader is not installed.
    """

    def __init__(self) -> None:
        try:
            import espeakng_loader  # type: ignore[import-untyped]
        except ImportError as error:
            raise MissingDependencyError(
                "make a synthetic voice",
                found=str(error),
                todo="pip install 'visavox[voices,synthetic-voices]' (eSpeak NG, GPL-3.0-or-later); "
                "the shipped speakers need none",
            ) from error
        self._library = espeakng_loader.get_library_path()
        self._folder = tempfile.TemporaryDirectory(prefix="visavox-espeak-")
        data, here = Path(espeakng_loader.get_data_path()), Path(self._folder.name) / "espeak-ng-data"
        for name in _DATA:
            copy = shutil.copytree if (data / name).is_dir() else shutil.copyfile
            (here / name).parent.mkdir(parents=True, exist_ok=True)
            copy(data / name, here / name)
        self._variant = here / "voices" / "!v" / _VARIANT
        self._variant.parent.mkdir(parents=True)

    def __enter__(self) -> Espeak:
        return self

    def __exit__(self, *_: object) -> None:
        self._folder.cleanup()

    def say(
        self, text: str, voice: Params, *, accent: str, female: bool, rate_wpm: int, pitch: int, pitch_range: int
    ) -> npt.NDArray[np.int16]:
        """The sentence at ``RATE_HZ``; the same arguments give the same samples.

        Args:
            text: the sentence.
            voice: the numbers of ``parameters.IDENTITY``, and ``pitch_hz``.
            accent: identifier of the voice file that the voice varies.
            female: eSpeak's gender of the voice.
            rate_wpm: words per minute.
            pitch, pitch_range: 0 to 99; 50 as the voice says.

        Raises:
            VisavoxError: if eSpeak NG refuses.
        """
        with _ONE_AT_A_TIME, _loaded(self._library) as library:
            self._variant.write_text(variant_text(voice, female=female))
            samples = _Collected()
            if library.espeak_Initialize(_SYNCHRONOUS, 0, self._folder.name.encode(), _DO_NOT_EXIT) != RATE_HZ:
                raise _refusal("to start")
            library.espeak_SetSynthCallback(samples.callback)
            library.espeak_ng_SetRandSeed(1)
            if library.espeak_SetVoiceByName(f"{accent}+{_VARIANT}".encode()) != 0:
                raise _refusal(f"the voice {accent}")
            for parameter, value in ((_RATE, rate_wpm), (_PITCH, pitch), (_RANGE, pitch_range)):
                library.espeak_SetParameter(parameter, value, 0)
            words = text.encode()
            if library.espeak_Synth(words, len(words) + 1, 0, 1, 0, _UTF8, None, None) != 0:
                raise _refusal("to speak")
            library.espeak_Synchronize()
            library.espeak_Terminate()
        return samples.joined()


def variant_text(voice: Params, *, female: bool) -> str:
    """The voice variant file of a voice, in whole numbers as eSpeak NG reads them."""
    whole = {name: int(value) for name, value in voice.items()}
    breath = [whole[f"breath_{i}"] if voice["breathy"] > 0.6 else 0 for i in range(1, N_FORMANTS + 1)]
    lines = [
        "language variant",
        f"name {_VARIANT}",
        f"gender {'female' if female else 'male'}",
        f"pitch {whole['pitch_hz']} {int(voice['pitch_hz'] * voice['pitch_span'])}",
        f"roughness {whole['roughness']}",
        f"flutter {whole['flutter']}",
        f"voicing {whole['voicing']}",
        f"consonants {whole['consonants_noise']} {whole['consonants_voiced']}",
        f"breath {' '.join(map(str, breath))}",
        "breathw 150 150 200 200 400 400 600 600",
        "formant 0 100 100 100",
    ]
    for i in range(1, N_FORMANTS + 1):
        lines.append(f"formant {i} " + " ".join(str(whole[f"formant_{i}_{p}"]) for p in _PROPERTIES))
    if source := _SOURCES[whole["source"]]:
        lines.append(f"klatt {source}")
    return "\n".join(lines) + "\n"


_PROPERTIES: Final = ("frequency", "strength", "width")


class _Collected:
    """The samples that the library hands over while it speaks."""

    def __init__(self) -> None:
        self._parts: list[npt.NDArray[np.int16]] = []
        kind = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p)
        self.callback = kind(self._collect)

    def _collect(self, samples: Any, count: int, _events: object) -> int:
        if samples and count > 0:
            self._parts.append(np.ctypeslib.as_array(samples, (count,)).copy())
        return 0

    def joined(self) -> npt.NDArray[np.int16]:
        if not self._parts:
            raise _refusal("to say anything")
        return np.concatenate(self._parts)


@contextmanager
def _loaded(path: str) -> Iterator[ctypes.CDLL]:
    library = ctypes.CDLL(path)
    library.espeak_ng_SetRandSeed.argtypes = [ctypes.c_long]
    library.espeak_Synth.argtypes = [
        ctypes.c_char_p,
        ctypes.c_size_t,
        ctypes.c_uint,
        ctypes.c_int,
        ctypes.c_uint,
        ctypes.c_uint,
        ctypes.c_void_p,
        ctypes.c_void_p,
    ]
    try:
        yield library
    finally:
        # Unloading resets the library's statics.
        if sys.platform == "win32":
            _ctypes.FreeLibrary(library._handle)
        else:
            _ctypes.dlclose(library._handle)


def _refusal(what: str) -> VisavoxError:
    return VisavoxError("make a synthetic voice", found=f"eSpeak NG refused {what}", todo="reinstall espeakng-loader")
