"""The attacker who learns from outputs: back-ends, their choice, and the protocol that keeps people apart.

``models`` compares templates, ``choice`` picks a back-end on training people, ``semi_informed`` scores every pair by a
model that has seen neither of its people, ``saturation`` says whether more people would have made it stronger.
Templates are arrays, people are numbers; faces and voices are the same to it.
"""

from .choice import Choice, LeaveOut, choose
from .models import CANDIDATES, Backend, Compare, fit, fit_all, two_covariance
from .saturation import SHARES, Saturation, saturation
from .semi_informed import TRAIN, ModelChoice, SemiInformed, permuted_classes, semi_informed_scores

__all__ = [
    "CANDIDATES",
    "SHARES",
    "TRAIN",
    "Backend",
    "Choice",
    "Compare",
    "LeaveOut",
    "ModelChoice",
    "Saturation",
    "SemiInformed",
    "choose",
    "fit",
    "fit_all",
    "permuted_classes",
    "saturation",
    "semi_informed_scores",
    "two_covariance",
]
