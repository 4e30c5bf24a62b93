"""The error tree. A message says what was asked, what was found and what to do.

VisavoxError                    exit 3
├── UsageError                  exit 4   the caller's words or files have to change
│   ├── ConfigError                      suite, --set, policy file
│   ├── ManifestError                    every fault of a manifest, with row numbers
│   └── UnknownNameError                 a name that no registered plug-in bears
├── UndefinedMetricError                 a figure that does not exist for this input
├── MediaError                           bytes that are no usable image or sound
├── EditorError                          the model under test could not be run at all
│   └── WorkerProtocolError              what came over the private pipe is not the protocol
├── PluginError                          an entry point failed to import or to register
├── MissingDependencyError               an optional package is absent
├── WeightsError                         weights absent, or their SHA-256 differs
├── DatasetError                         a public data set's files absent, incomplete, or not the pinned ones
├── LedgerError                          counts that do not add up
├── RunFolderError                       a run folder is absent, locked or unreadable
│   └── SuiteChangedError                the suite differs from the one the folder was begun with
├── RegistryError                        a model registry cannot be reached, or has no such model
└── EvidenceError                        a report or seal that is absent, unreadable or altered
"""

from __future__ import annotations

from typing import ClassVar


class VisavoxError(Exception):
    """Base of every error this package raises on purpose.

    Args:
        asked: what was asked for.
        found: what was found instead; may be empty.
        todo: what the reader can do about it; may be empty.
    """

    exit_code: ClassVar[int] = 3

    def __init__(self, asked: str, *, found: str = "", todo: str = "") -> None:
        self.asked, self.found, self.todo = asked, found, todo
        super().__init__("\n".join(part for part in (asked, found, todo) if part))


class UsageError(VisavoxError):
    """Wrong usage or configuration."""

    exit_code = 4


class ConfigError(UsageError):
    """A suite, an override or a policy file is not valid."""


class ManifestError(UsageError):
    """A manifest is not valid; carries every fault found."""


class UnknownNameError(UsageError):
    """No registered plug-in bears this name."""


class UndefinedMetricError(VisavoxError):
    """A figure is not defined for this input (never answered with 0, 1 or NaN)."""


class MediaError(VisavoxError):
    """Bytes or an array that are no usable image or sound."""


class EditorError(VisavoxError):
    """The editor could not be started, or every one of its first cases failed."""


class WorkerProtocolError(EditorError):
    """The worker's answer is not the protocol."""


class PluginError(VisavoxError):
    """A plug-in could not be imported or registered."""


class MissingDependencyError(VisavoxError):
    """An optional package is not installed."""


class WeightsError(VisavoxError):
    """Model weights are absent, unreadable or not the pinned ones."""


class DatasetError(VisavoxError):
    """The files of a public data set are absent, incomplete or not the pinned ones."""


class LedgerError(VisavoxError):
    """Counts that have to add up do not."""


class RunFolderError(VisavoxError):
    """A run folder is absent, in use, or not one of ours."""


class SuiteChangedError(RunFolderError):
    """The suite differs from the one this run folder was begun with."""


class RegistryError(VisavoxError):
    """A model registry cannot be reached, refuses, or has no such model."""


class EvidenceError(VisavoxError):
    """A report or seal is absent, unreadable or altered."""
