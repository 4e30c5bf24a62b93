"""The stage ``detection``: attack scores of bona fide media and outputs, clean and under each perturbation."""

from .looked_for import write_looked_for
from .models import AnyDetector
from .parts import STAGE
from .reading import read_detection
from .stage import Asked, DetectionStage, ReadMarks, media_to_score

__all__ = [
    "STAGE",
    "AnyDetector",
    "Asked",
    "DetectionStage",
    "ReadMarks",
    "media_to_score",
    "read_detection",
    "write_looked_for",
]
