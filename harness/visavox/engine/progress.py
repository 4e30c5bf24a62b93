"""How a run tells what it is doing; the records lie with the doors, so that data sets can tell too."""

from visavox.ports.progress import Progress, Step, silent

__all__ = ["Progress", "Step", "silent"]
