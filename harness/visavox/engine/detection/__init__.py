"""The stage ``detection``: attack scores of bona fide media and outputs, clean and under each perturbation."""

from .parts import STAGE
from .reading import read_detection
from .stage import Asked, DetectionStage, ReadMarks

__all__ = ["STAGE", "Asked", "DetectionStage", "ReadMarks", "read_detection"]
