"""Detectability on real media: the baselines, and fakes that others' generators made; prints detectability.md's tables.

python docs/studies/detectability.py KIT OUT [NAME ...]   runs what is not there yet (all, or the named), prints tables

Every run is a suite of the main job. The fakes go through the editor `folder` by the people whose speech went in, with
a column `species`; their own bona fide recordings and the kit's other speakers are the negatives.

Of the faked faces 13 have a photograph of whom they were made from. The 128 of the few-shot generator have none: each
of its nine hosts goes by the number of one of the 96 bona fide people, from whom detection takes the fold and nothing
else. Once by the host alone; once as swaps, where host and donor are of one fold, or the output is left out.
"""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from visavox import load_suite, run
from visavox_datasets.manifest import assign_folds

FACES = {
    "identity": "{kind: baseline, name: identity, tool_class: anonymise}",
    "pixelate-8": "{kind: baseline, name: pixelate, tool_class: anonymise, params: {block_px: 8}}",
    "blur-8": "{kind: baseline, name: blur, tool_class: anonymise, params: {sigma_px: 8}}",
    "k-same-10": "{kind: baseline, name: k_same, tool_class: anonymise, params: {k: 10}}",
    "poisson-swap": "{kind: baseline, name: poisson_swap, tool_class: swap}",
    "replace": "{kind: baseline, name: replace, tool_class: anonymise}",
}
VOICES = {
    "voice-identity": "{kind: baseline, name: identity, tool_class: anonymise, operation: voice-anonymisation}",
    "mcadams": "{kind: baseline, name: mcadams, tool_class: anonymise}",
    "pitch-shift": "{kind: baseline, name: pitch_shift, tool_class: anonymise}",
    "world-conversion": "{kind: baseline, name: world_conversion, tool_class: swap}",
}
FAKES = "fakes"
FAKED_FACES = {
    "faked-faces": "tool_class: anonymise, operation: face-anonymisation",
    "faked-faces-both": "tool_class: swap, operation: face-swap",
}
FEW_SHOT = "fewshot"
SEED = 7
SUITE = """name: {name}
editor: {editor}
dataset: {{kind: manifest, path: {manifest}}}
recognisers: [{judge}]
detectors: [spectral, in_loop]
assessments: {{detectability: {{perturbations: {pack}}}}}
policy: baseline
seed: {seed}
execution: {{cache: true}}
"""
COLUMNS = ("tpr", "realised_fpr", "d_eer", "detector_auc")
CHAINS = ("feed", "messenger", "shared-twice", "wideband-call", "landline", "recorded-call")


def fakes(kit: Path, out: Path) -> Path:
    """A manifest of bona fide recordings and a list of fakes by species, beside copies of the files."""
    folder = out / "others"
    folder.mkdir(parents=True, exist_ok=True)
    rows = list(csv.DictReader((kit / "manifest.csv").open(newline="")))
    by_set = [row for row in rows if row["path"].startswith("fakes/voices/")]
    real = [row for row in by_set if row["label"] == "real"]
    others = list(csv.DictReader((kit / "voices.csv").open(newline="")))
    with (folder / "manifest.csv").open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["path", "subject_id", "modality"])
        for number, row in enumerate([*real, *others]):
            file = folder / f"real-{number}{Path(row['path']).suffix}"
            file.write_bytes((kit / row["path"]).read_bytes())
            writer.writerow([file.name, row["subject_id"], "voice"])
    known = {row["subject_id"] for row in real}
    with (folder / "outputs.csv").open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["output_path", "from_subject", "species"])
        for number, row in enumerate(by_set):
            if row["label"] == "fake" and row["from_subject"] in known:
                species, file = row["path"].split("/")[2], Path(row["path"])
                copy = folder / f"fake-{number}{file.suffix}"
                copy.write_bytes((kit / file).read_bytes())
                writer.writerow([copy.name, row["from_subject"], species])
    return folder


def faked_faces(kit: Path, out: Path, name: str) -> Path:
    """As ``fakes``, of faces; no file and no row bears a person's name.

    Args:
        name: of ``FAKED_FACES``; as swaps the list names donors too.
    """
    folder = out / f"{name}-files"
    folder.mkdir(parents=True, exist_ok=True)
    rows = list(csv.DictReader((kit / "manifest.csv").open(newline="")))
    by_set = [row for row in rows if row["path"].startswith("fakes/faces/")]
    others = list(csv.DictReader((kit / "faces-medium.csv").open(newline="")))
    real = [*others, *(row for row in by_set if row["label"] == "real")]
    number = {one: n for n, one in enumerate(dict.fromkeys(row["subject_id"] for row in real))}
    few_shot = [row for row in by_set if row["path"].split("/")[2] == FEW_SHOT]
    absent = sorted({row[key] for row in few_shot for key in ("from_subject", "to_subject")})
    folds = assign_folds([(f"person {number[row['subject_id']]}", "", False) for row in real], SEED)
    by_fold = [[n for n in number.values() if folds[f"person {n}"] == f"test-{fold}"] for fold in range(3)]
    number |= {one: by_fold[n % 3][n // 3] for n, one in enumerate(absent)}  # stand-ins, as many of each fold
    with (folder / "manifest.csv").open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["path", "subject_id", "modality"])
        for n, row in enumerate(real):
            file = folder / f"real-{n}{Path(row['path']).suffix}"
            file.write_bytes((kit / row["path"]).read_bytes())
            writer.writerow([file.name, f"person {number[row['subject_id']]}", "face"])
    with (folder / "outputs.csv").open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["output_path", "from_subject", "to_subject", "species"])
        for n, row in enumerate(by_set):
            if row["label"] != "fake" or not {row["from_subject"], row["to_subject"]} <= number.keys():
                continue
            copy = folder / f"fake-{n}{Path(row['path']).suffix}"
            copy.write_bytes((kit / row["path"]).read_bytes())
            people = [f"person {number[row[key]]}" for key in ("from_subject", "to_subject")]
            if "swap" not in FAKED_FACES[name]:
                people[1] = ""
            writer.writerow([copy.name, *people, FEW_SHOT if row in few_shot else "four others"])
    return folder


def suites(kit: Path, out: Path) -> Iterator[tuple[str, str]]:
    """Name and text of every suite."""
    for name, editor in FACES.items():
        yield (
            name,
            SUITE.format(
                seed=SEED,
                name=name,
                editor=editor,
                manifest=kit / "faces-medium.csv",
                judge="dlib",
                pack="social-media",
            ),
        )
    for name, editor in VOICES.items():
        yield (
            name,
            SUITE.format(
                seed=SEED,
                name=name,
                editor=editor,
                manifest=kit / "voices.csv",
                judge="resemblyzer",
                pack="call-centre",
            ),
        )
    for name, words in FAKED_FACES.items():
        folder = faked_faces(kit, out, name)
        editor = f"{{kind: folder, path: {folder}/outputs.csv, name: others, version: '1', {words}}}"
        manifest = folder / "manifest.csv"
        yield (
            name,
            SUITE.format(seed=SEED, name=name, editor=editor, manifest=manifest, judge="dlib", pack="social-media"),
        )
    folder = fakes(kit, out)
    editor = (
        f"{{kind: folder, path: {folder}/outputs.csv, name: others, version: '1', tool_class: anonymise, "
        "operation: voice-anonymisation}"
    )
    yield (
        FAKES,
        SUITE.format(
            seed=SEED,
            name=FAKES,
            editor=editor,
            manifest=folder / "manifest.csv",
            judge="resemblyzer",
            pack="call-centre",
        ),
    )


def share(estimate: dict[str, Any] | None, name: str = "") -> str:
    """Value and 95 % interval: percent, an AUC as it is."""
    if estimate is None:
        return "-"
    scale, digits = (1, 3) if "auc" in name else (100, 1)
    value, low, high = (f"{scale * estimate[key]:.{digits}f}" for key in ("value", "low", "high"))
    return f"{value} [{low}, {high}]"


def main(kit: Path, out: Path, names: list[str]) -> None:
    out.mkdir(parents=True, exist_ok=True)
    reports = {}
    for name, text in suites(kit, out):
        if names and name not in names:
            continue
        file = out / f"{name}.yaml"
        file.write_text(text)
        if not (out / name / "report.json").exists():
            print(f"running {name}", file=sys.stderr)
            run(load_suite(file), out / name)
        reports[name] = json.loads((out / name / "report.json").read_text())
    print("| run | detector | TPR, % | FPR realised | D-EER | AUC | format cues, AUC |\n|---|---|---|---|---|---|---|")
    for name, report in reports.items():
        result = next(r for r in report["results"] if r["assessment"] == "detectability")
        for detector in (card["id"] for card in report["detectors"]):
            found = {e["name"]: e for e in result["estimates"] if e["recogniser"] == detector and not e["group"]}
            cues = next(i for i in result["instruments"] if (i["name"], i["recogniser"]) == ("format_cues", detector))
            cells = [share(found.get(column), column) for column in COLUMNS]
            words = f"{cues['value']:.3f} {cues['state']}" if cues["value"] is not None else cues["state"]
            print("|", " | ".join([name, detector, *cells, words]), "|")
    print("\n| run | detector | after | TPR frozen, % | FPR realised | TPR re-calibrated |\n|---|---|---|---|---|---|")
    for name, report in reports.items():
        result = next(r for r in report["results"] if r["assessment"] == "detectability")
        for table in result["tables"]:
            if table["name"].startswith("perturbed_"):
                for after, frozen, _, fpr, again in table["rows"]:
                    if after in CHAINS:
                        cells = ["-" if x is None else f"{100 * x:.1f}" for x in (frozen, fpr, again)]
                        print("|", " | ".join([name, table["name"].removeprefix("perturbed_"), after, *cells]), "|")
    for name in (FAKES, *FAKED_FACES):
        if name in reports:
            by_species(name, reports[name])


def by_species(name: str, report: dict[str, Any]) -> None:
    """What others' generators left, each judged by models that saw it and by models that did not."""
    print(f"\n{name}\n\n| species | detector | figure | AUC | outputs | people |\n|---|---|---|---|---|---|")
    result = next(r for r in report["results"] if r["assessment"] == "detectability")
    for e in sorted(result["estimates"], key=lambda e: (e["group"] or "", e["recogniser"], e["name"])):
        if e["group"] and "auc" in e["name"]:
            cells = [e["group"], e["recogniser"], e["name"], share(e, "auc"), str(e["n"]), str(e["n_subjects"])]
            print("|", " | ".join(cells), "|")
    for missing in result["not_made"]:
        print(f"\nnot made: {missing['name']} {missing['recogniser']} {missing['group'] or ''}: {missing['reason']}")
    for line in result["limitations"]:
        print(f"\nlimitation: {line}")
    for table in result["tables"]:
        if table["name"].startswith("folds_"):
            print(f"\n{table['title']}: {table['rows']}")


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve(), Path(sys.argv[2]).resolve(), sys.argv[3:])
