"""The run of the approved version of a registered model, among run folders at hand."""

from __future__ import annotations

import json
from pathlib import Path

from visavox.adapters.registries.mlflow import look_up, parse_alias, tracking_uri_of
from visavox.core.digest import sha256_file
from visavox.core.errors import EvidenceError, UsageError

_REPORT_TAG = "visavox.report.sha256"


def baseline_run(run: str | Path, baseline: str, *, runs: Path | None = None, tracking_uri: str | None = None) -> Path:
    """The folder of the run that approved a version: found by the digest of its report, never by a path in a registry.

    The registry holds no trial-level scores; the run folder has to be at hand.

    Args:
        run: the folder of the run that is to be compared.
        baseline: ``models:/NAME@ALIAS``, or the alias alone where the run's editor is a registered model.
        runs: folder whose sub-folders are looked through; by default the one that ``run`` lies in.
        tracking_uri: by default the environment's ``MLFLOW_TRACKING_URI``, else that of the run's suite.

    Raises:
        UsageError: nothing says which model.
        RegistryError: the registry cannot be reached, or no version bears the alias.
        EvidenceError: the version was not gated, or its run is not at hand.
    """
    editor = _editor(Path(run))
    name, alias = parse_alias(baseline) or (_name_of(editor), baseline)
    if not name:
        raise UsageError(
            f"--baseline {baseline}",
            found=f"the editor of {run} is no registered model, so the alias belongs to none",
            todo="write models:/NAME@ALIAS",
        )
    stated = editor.get("tracking_uri")
    approved = look_up(name, alias, tracking_uri_of(tracking_uri, stated if isinstance(stated, str) else None))
    digest = approved.tags.get(_REPORT_TAG)
    if not digest:
        raise EvidenceError(
            f"find the run of {approved.version}",
            found=f"it has no tag {_REPORT_TAG}: it bears the alias without a verdict of `visavox gate`",
            todo="gate its run with --register, or name its run folder: visavox compare RUN_A RUN_B",
        )
    root = Path(run).absolute().parent if runs is None else runs
    for report in sorted(root.glob("*/report.json")):
        if report.is_file() and sha256_file(report) == digest:
            return report.parent
    raise EvidenceError(
        f"find the run of {approved.version}",
        found=f"no folder in {root} holds the report {digest[:16]} that approved it",
        todo="copy that run folder there, name its folder with --runs, or name both runs: visavox compare RUN_A RUN_B",
    )


def _editor(run: Path) -> dict[str, object]:
    try:
        editor = json.loads((run / "suite.yaml").read_bytes()).get("editor")
    except (OSError, ValueError, AttributeError) as error:
        raise EvidenceError(f"read the suite of {run}", found=str(error), todo="name the folder of a run") from error
    return editor if isinstance(editor, dict) else {}


def _name_of(editor: dict[str, object]) -> str:
    address = str(editor.get("resolved") or "")
    return address.removeprefix("models:/").rpartition("/")[0] if address.startswith("models:/") else ""
