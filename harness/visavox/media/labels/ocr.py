"""Words in a picture, read by tesseract: a program of its own, without a shell, bounded in time and size.

References:
    R. Smith, An Overview of the Tesseract OCR Engine, ICDAR 2007; tesseract(1), output format TSV.
"""

from __future__ import annotations

import csv
import io
import os
import shutil
import subprocess
from collections.abc import Iterator
from functools import cache
from typing import Final, NamedTuple

from visavox.core.errors import MediaError, MissingDependencyError

PROGRAM: Final = "tesseract"
LANGUAGES: Final = ("chi_sim", "eng")
TIME_LIMIT_S: Final = 60.0
MAX_OUTPUT_BYTES: Final = 4 << 20
INSTALL: Final = (
    "apt-get install tesseract-ocr tesseract-ocr-chi-sim, or tesseract 5 with chi_sim and eng from elsewhere"
)
_SPARSE: Final = "11"  # as much text as possible, in no particular order


class Word(NamedTuple):
    """One word, or Chinese character, as it was read.

    Attributes:
        left, top, right, bottom: its box in pixels.
        confidence: the program's own, 0 to 100.
        line: equal for the words of one line.
    """

    text: str
    left: int
    top: int
    right: int
    bottom: int
    confidence: float
    line: tuple[int, ...]


def read_words(png: bytes) -> tuple[Word, ...]:
    """The words of a picture.

    Args:
        png: the file of a picture, dark text on a light ground where it has text.

    Raises:
        MissingDependencyError: tesseract or one of its languages is not installed.
        MediaError: it failed, or took too long.
    """
    program = _program()
    command = [program, "stdin", "stdout", "-l", "+".join(LANGUAGES), "--psm", _SPARSE, "--dpi", "150", "tsv"]
    try:
        done = subprocess.run(
            command,
            input=png,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=TIME_LIMIT_S,
            env={**os.environ, "OMP_THREAD_LIMIT": "1", "LC_ALL": "C.UTF-8"},
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise MediaError("read the words of a picture", found=f"nothing after {TIME_LIMIT_S:g} s") from None
    if done.returncode != 0 or len(done.stdout) > MAX_OUTPUT_BYTES:
        raise MediaError("read the words of a picture", found=f"{PROGRAM} ended with exit code {done.returncode}")
    return tuple(_words(done.stdout.decode("utf-8", "replace")))


@cache
def version() -> str:
    """The program and its version, ``tesseract 5.5.0``.

    Raises:
        MissingDependencyError: as `read_words`.
    """
    return _ask("--version").partition("\n")[0].strip() or PROGRAM


@cache
def _program() -> str:
    missing = set(LANGUAGES) - set(_ask("--list-langs").split())
    if missing:
        raise MissingDependencyError(
            "read the words of a picture",
            found=f"{PROGRAM} without its language {', '.join(sorted(missing))}",
            todo=INSTALL,
        )
    return shutil.which(PROGRAM) or PROGRAM


def _ask(option: str) -> str:
    program = shutil.which(PROGRAM)
    if program is None:
        raise MissingDependencyError("read the words of a picture", found=f"{PROGRAM} is not installed", todo=INSTALL)
    done = subprocess.run([program, option], capture_output=True, text=True, timeout=TIME_LIMIT_S, check=False)
    return done.stdout + done.stderr


def _words(tsv: str) -> Iterator[Word]:
    for row in csv.DictReader(io.StringIO(tsv), delimiter="\t", quoting=csv.QUOTE_NONE):
        text = (row.get("text") or "").strip()
        if row.get("level") != "5" or not text:
            continue
        left, top, width, height = (int(row[key]) for key in ("left", "top", "width", "height"))
        line = tuple(int(row[key]) for key in ("block_num", "par_num", "line_num"))
        yield Word(text, left, top, left + width, top + height, float(row["conf"]), line)
