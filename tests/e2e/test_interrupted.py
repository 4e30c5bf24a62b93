"""Ctrl-C and ``kill`` end the command, wherever it is and however it was started."""

from __future__ import annotations

import subprocess
import sys

import pytest

BUSY = """
import os, signal, sys, time, weakref
from visavox import cli

number, is_ignored, is_swallowed = getattr(signal, sys.argv[1]), sys.argv[2] == "True", sys.argv[3] == "True"

class Thing:
    pass

def hear(*_):
    os.kill(os.getpid(), number)
    time.sleep(1)

def busy(**_):
    if is_swallowed:  # an error in a weak reference's callback is told and forgotten
        thing = Thing()
        reference = weakref.ref(thing, hear)
        del thing
    else:
        hear()
    time.sleep(20)

signal.signal(signal.SIGINT, signal.SIG_IGN if is_ignored else signal.default_int_handler)
cli.cli.main = busy
cli.main([])
"""


@pytest.mark.parametrize(
    ("name", "is_ignored", "is_swallowed"),
    [
        ("SIGINT", False, False),
        ("SIGINT", False, True),
        ("SIGTERM", True, False),  # what a script starts with ``&`` ignores SIGINT
        ("SIGTERM", True, True),
    ],
)
def test_the_command_ends_with_130(name: str, is_ignored: bool, is_swallowed: bool) -> None:
    words = [sys.executable, "-c", BUSY, name, str(is_ignored), str(is_swallowed)]
    ended = subprocess.run(words, capture_output=True, text=True, timeout=15, check=False)
    assert ended.returncode == 130
    assert ended.stderr == "interrupted; the same command continues the run\n"
