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
import tempfile
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Final, NamedTuple

from visavox.core.errors import MediaError, MissingDependencyError

PROGRAM: Final = "tesseract"
LANGUAGE: Final = "chi_sim"
"""Its models read Latin letters too; with English beside it fewer Chinese labels are read."""
TIME_LIMIT_S: Final = 60.0
MAX_OUTPUT_BYTES: Final = 4 << 20
INSTALL: Final = (
    "apt-get install tesseract-ocr tesseract-ocr-chi-sim, or tesseract 5 with chi_sim and eng from elsewhere"
)
_OPTIONS: Final = ("-l", LANGUAGE, "--psm", "11", "--dpi", "150")  # 11: as much text as possible, in no order


class Word(NamedTuple):
    """One word, or Chinese character, as it was read.

    Attributes:
        picture: number of the picture it stands in.
        left, top, right, bottom: its box in pixels.
        confidence: the program's own, 0 to 100.
        line: equal for the words of one line of a picture.
    """

    picture: int
    text: str
    left: int
    top: int
    right: int
    bottom: int
    confidence: float
    line: tuple[int, ...]


def read_words(pictures: Sequence[bytes]) -> tuple[Word, ...]:
    """The words of some pictures, in one run of the program: loading its models is most of its work.

    Args:
        pictures: PNG files.

    Raises:
        MissingDependencyError: tesseract or its Chinese is not installed.
        MediaError: it failed, or took too long.
    """
    program = _program()
    with tempfile.TemporaryDirectory(prefix="visavox-") as folder:
        names = [Path(folder) / f"{number}.png" for number in range(len(pictures))]
        for path, data in zip(names, pictures, strict=True):
            path.write_bytes(data)
        listed = Path(folder) / "pictures.txt"
        listed.write_text("".join(f"{path}\n" for path in names))
        return tuple(_words(_run([program, str(listed), "stdout", *_OPTIONS, "tsv"])))


def _run(command: Sequence[str]) -> str:
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
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
    return done.stdout.decode("utf-8", "replace")


@cache
def version() -> str:
    """The program and its version, ``tesseract 5.5.0``.

    Raises:
        MissingDependencyError: as `read_words`.
    """
    return _ask("--version").partition("\n")[0].strip() or PROGRAM


@cache
def _program() -> str:
    if LANGUAGE not in _ask("--list-langs").split():
        raise MissingDependencyError(
            "read the words of a picture", found=f"{PROGRAM} without its language {LANGUAGE}", todo=INSTALL
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
        page, *line = (int(row[key]) for key in ("page_num", "block_num", "par_num", "line_num"))
        yield Word(page - 1, text, left, top, left + width, top + height, float(row["conf"]), tuple(line))
