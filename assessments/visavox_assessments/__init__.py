"""The shipped assessments: plug-ins by the same door as anyone else's."""

from __future__ import annotations

from visavox.ports.assessment import Assessment, assessments


def _identity_leak() -> Assessment:
    from .identity_leak import IdentityLeak

    return IdentityLeak()


def _impersonation() -> Assessment:
    from .impersonation import Impersonation

    return Impersonation()


def _utility() -> Assessment:
    from .utility import Utility

    return Utility()


def _detectability() -> Assessment:
    from .detectability import Detectability

    return Detectability()


def _consent() -> Assessment:
    from .consent import Consent

    return Consent()


def register() -> None:
    """Registers the shipped assessments (entry point ``visavox.plugins``)."""
    assessments.register(
        "identity_leak", _identity_leak, summary="does the output betray the people who went in, or resemble others?"
    )
    assessments.register(
        "impersonation", _impersonation, summary="does the output pass as a chosen person, with or without consent?"
    )
    assessments.register(
        "detectability", _detectability, summary="can an output be told from bona fide media, now and after sharing?"
    )
    assessments.register("consent", _consent, summary="does an editor that takes consent tokens refuse the wrong ones?")
    assessments.register("utility", _utility, summary="what does the edit leave of the picture or the voice?")
