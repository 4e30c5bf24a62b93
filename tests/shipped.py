"""What the package's own entry points register, told by a process of its own: tests register plug-ins in theirs."""

from __future__ import annotations

import json
import subprocess
import sys
from functools import cache

_TOLD = """
import json
from visavox.ports import assessment, dataset, detector, editor, perturbation, recogniser, sink, transcriber
judges = recogniser.recognisers
doors = [editor.editors, editor.baselines, detector.detectors, perturbation.operations, dataset.datasets,
         dataset.renderers, dataset.voice_renderers, assessment.assessments, sink.sinks,
         transcriber.transcribers]
told = {door.noun: list(door) for door in doors}
for modality in ("face", "voice"):
    told[f"{judges.noun} of {modality}s"] = [name for name in judges if judges.modality(name).value == modality]
print(json.dumps(told))
"""


@cache
def _doors() -> dict[str, list[str]]:
    answer = subprocess.run([sys.executable, "-c", _TOLD], check=True, capture_output=True, text=True)
    doors: dict[str, list[str]] = json.loads(answer.stdout)
    return doors


def shipped(noun: str) -> set[str]:
    """Names of one door by its noun: ``baseline editors``, ``recognisers of voices``."""
    return set(_doors()[noun])
