"""Dependency audit: pinned, hashed, consistent, and free of known vulnerabilities where the service answers.

Exits 1 on a finding. Where no vulnerability service can be reached that part is said to be unchecked; it is never
reported as clean.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from importlib import metadata
from pathlib import Path

from packaging.markers import Marker

HERE = Path(__file__).resolve().parent
PIN = re.compile(r"^(?P<name>[A-Za-z0-9._-]+)(?:\[[^\]]*\])?==(?P<version>[^ ;\\]+)(?: *; *(?P<marker>[^\\]+))?")
FORBIDDEN_LICENCES = re.compile(r"\bA?GPL", re.IGNORECASE)
LGPL_OR_EXCEPTION = re.compile(r"LGPL|Lesser|exception", re.IGNORECASE)


def pins(path: Path) -> dict[str, tuple[str, int]]:
    """Name -> (version, number of hashes) of the lines that apply to this interpreter."""
    found: dict[str, tuple[str, int]] = {}
    for block in path.read_text().replace("\\\n", " ").splitlines():
        match = PIN.match(block)
        if match and (not match["marker"] or Marker(match["marker"].split("--hash")[0]).evaluate()):
            found[canonical(match["name"])] = (match["version"], block.count("--hash=sha256:"))
    return found


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def lock_faults(path: Path) -> list[str]:
    """Lines without a hash, registry hosts, and installed versions that differ from the lock."""
    faults = [
        f"{path.name}: names a host or an index" for _ in [0] if re.search(r"https?://|--index", path.read_text())
    ]
    for name, (version, hashes) in pins(path).items():
        if not hashes:
            faults.append(f"{path.name}: {name} has no hash")
        try:
            installed = metadata.version(name)
        except metadata.PackageNotFoundError:
            faults.append(f"{name} is locked and not installed")
            continue
        if installed != version:
            faults.append(f"{name} is {installed}, the lock says {version}")
    return faults


def licence_faults(names: list[str]) -> list[str]:
    """Installed packages under a licence that an Apache-2.0 product cannot link to."""
    faults = []
    for name in names:
        data = metadata.metadata(name)
        stated = [
            data.get("License-Expression") or "",
            *(c for c in data.get_all("Classifier") or [] if "License" in c),
        ]
        text = " ".join(stated)
        if FORBIDDEN_LICENCES.search(text) and not LGPL_OR_EXCEPTION.search(text) and " OR " not in text:
            faults.append(f"{name}: {text}")
    return faults


def vulnerabilities(path: Path) -> tuple[list[str], str]:
    """(findings, why it could not be checked or '')."""
    command = [
        sys.executable,
        "-m",
        "pip_audit",
        "-r",
        str(path),
        "--disable-pip",
        "--progress-spinner",
        "off",
        "-f",
        "json",
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    try:
        rows = json.loads(done.stdout)["dependencies"]
    except (ValueError, KeyError):
        return [], (done.stderr.strip().splitlines() or ["no answer"])[-1][:200]
    known = [row for row in rows if "skip_reason" not in row]
    found = [f"{r['name']} {r['version']}: {v['id']}" for r in known for v in r.get("vulns", [])]
    if len(known) < len(rows):
        return found, f"the service knew {len(known)} of {len(rows)} packages"
    return found, ""


def main() -> int:
    lock = HERE / "lock.txt"
    faults = lock_faults(lock) + lock_faults(HERE / "gate.txt") + licence_faults(sorted(pins(lock)))
    found, unchecked = vulnerabilities(lock)
    for fault in faults + found:
        print(f"FAULT {fault}")
    print(f"{len(pins(lock))} packages pinned and hashed, licences read, {len(faults)} faults")
    print(f"known vulnerabilities: NOT CHECKED ({unchecked})" if unchecked else f"known vulnerabilities: {len(found)}")
    return 1 if faults or found else 0


if __name__ == "__main__":
    sys.exit(main())
