"""The score door against two public packages, scikit-learn and pyeer, on the same file.

python docs/studies/score_file.py [SCORES.csv]   prints Markdown; columns reference_subject, probe_subject, score.
Without a file it makes one: 30 people who do not exist, four points each, cosines of all pairs.
"""

from __future__ import annotations

import csv
import itertools
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path

import numpy as np
from pyeer.eer_stats import calculate_roc, calculate_roc_auc, get_eer_values, get_fmr_op
from sklearn.isotonic import isotonic_regression
from sklearn.metrics import log_loss, roc_auc_score, roc_curve

from visavox.api.scoring import score_file


def made(folder: Path) -> Path:
    """A small file of scores."""
    rng = np.random.default_rng(0)
    owner = np.repeat(np.arange(30), 4)
    points = np.repeat(1.6 * rng.normal(size=(30, 8)), 4, axis=0) + rng.normal(size=(120, 8))
    points /= np.linalg.norm(points, axis=1, keepdims=True)
    rows = [f"{owner[i]},{owner[j]},{points[i] @ points[j]:.6f}" for i, j in itertools.combinations(range(120), 2)]
    path = folder / "made.csv"
    path.write_text("\n".join(["reference_subject,probe_subject,score", *rows]))
    return path


def read(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Mated and non-mated scores, by a reader of its own."""
    with path.open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    scores = np.array([float(row["score"]) for row in rows])
    same = np.array([row["reference_subject"] == row["probe_subject"] for row in rows])
    return scores[same], scores[~same]


def of_scikit_learn(mated: np.ndarray, non_mated: np.ndarray) -> dict[str, float]:
    """AUC, EER and FNMR from its ROC; minCllr from its isotonic regression and its log loss."""
    labels, scores = np.r_[np.ones(mated.size), np.zeros(non_mated.size)], np.r_[mated, non_mated]
    found = {"auc": float(roc_auc_score(labels, scores))}
    for name, drops in (("eer", False), ("eer, drop_intermediate", True)):
        fpr, tpr, _ = roc_curve(labels, scores, drop_intermediate=drops)
        at = np.argmin(np.abs(fpr - (1 - tpr)))
        found[name] = float((fpr[at] + 1 - tpr[at]) / 2)
    fpr, tpr, _ = roc_curve(labels, scores, drop_intermediate=False)
    for fmr in (1e-2, 1e-3):
        found[f"fnmr_at_fmr_1e{round(np.log10(fmr))}"] = float(1 - tpr[fpr <= fmr].max())
    _, place = np.unique(scores, return_inverse=True)
    weight = np.bincount(place).astype(float)
    posterior = isotonic_regression(np.bincount(place, labels) / weight, sample_weight=weight)[place]
    prior = mated.size / labels.size
    odds = posterior * (1 - prior) / ((1 - posterior) * prior + posterior * (1 - prior))  # at equal priors
    balance = np.where(labels == 1, 0.5 / mated.size, 0.5 / non_mated.size)
    found["min_cllr"] = float(log_loss(labels, odds, sample_weight=balance) / np.log(2))
    return found


def of_pyeer(mated: np.ndarray, non_mated: np.ndarray) -> dict[str, float]:
    """Its EER (FVC2000's interval), AUC and operating points."""
    _, fmr, fnmr = calculate_roc(mated, non_mated)
    *_, eer = get_eer_values(fmr, fnmr)
    found = {"eer": float(eer), "auc": float(calculate_roc_auc(fmr, fnmr))}
    for target in (1e-2, 1e-3):
        at, found[f"fnmr_at_fmr_1e{round(np.log10(target))}"] = get_fmr_op(fmr, fnmr, target)
        print(f"pyeer's threshold for FMR {target:g} realises {fmr[at]:.6f}", file=sys.stderr)
    return {name: float(value) for name, value in found.items()}


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        compare(Path(sys.argv[1]) if len(sys.argv) > 1 else made(Path(folder)))


def compare(path: Path) -> None:
    """One table: our figures, theirs, and the differences."""
    report = score_file(path)
    ours = {estimate.name: estimate.value for estimate in report.estimates}
    scores = read(path)
    theirs = {"scikit-learn": of_scikit_learn(*scores), "pyeer": of_pyeer(*scores)}
    counts = report.counts
    print(f"{counts.n_mated:,} mated and {counts.n_non_mated:,} non-mated comparisons of {counts.n_people} people.\n")
    print("| figure | visavox | " + " | ".join(f"{name} {version(name)} | difference" for name in theirs) + " |")
    print("|---" * (2 + 2 * len(theirs)) + "|")
    for name in ("eer", "eer, drop_intermediate", "auc", "fnmr_at_fmr_1e-2", "fnmr_at_fmr_1e-3", "min_cllr"):
        value = ours[name.split(",")[0]]
        cells = [name, f"{value:.6f}"]
        for found in theirs.values():
            cells += [f"{found[name]:.6f}", f"{found[name] - value:+.1e}"] if name in found else ["-", "-"]
        print("| " + " | ".join(cells) + " |")


if __name__ == "__main__":
    main()
