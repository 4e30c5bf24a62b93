"""What the semi-informed attacker finds, and what it does not make up, through the product's own functions.

python docs/studies/semi_informed.py                    minutes; writes semi_informed*.csv and .md beside this file
python docs/studies/semi_informed.py --short            seconds; fewer seeds
python docs/studies/semi_informed.py --out DIR          write elsewhere
python docs/studies/semi_informed.py --outputs RUN ...  no simulation: real outputs of runs that kept their templates
python docs/studies/semi_informed.py --page             no simulation: the page again from the tables
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
sys.path.insert(0, str(Path(__file__).parent))

import numpy as np
import semi_informed_page
from run import read, write

from visavox.metrics import backends, curves
from visavox.metrics.operating_points import threshold_at_fmr
from visavox.metrics.permutation import draw_derangement, label_permutation_auc

Row = dict[str, Any]
Array = np.ndarray
FMR = 1e-3


def people_of(rng: np.random.Generator, k: int, each: int, unequal: bool = False) -> Array:
    counts = rng.integers(max(1, each // 2), each + each // 2 + 1, k) if unequal else np.full(k, each)
    return np.repeat(np.arange(k), counts)


def population(
    rng: np.random.Generator, people: Array, d: int, signal: float, *, axes: int | None = None, rank: int = 8
) -> Array:
    """Templates of outputs: people differ by ``signal`` along every axis (or along ``axes`` of them), recordings by 1.

    The edit adds a loud part along ``rank`` directions, new in each output: it drowns the cosine.
    """
    k, n = int(people.max()) + 1, people.size
    loud = 3 * rng.standard_normal((n, rank)) @ rng.standard_normal((rank, d)) / np.sqrt(rank)
    own = signal * rng.standard_normal((k, d))
    own[:, axes or d :] = 0.0
    rows = own[people] + rng.standard_normal((n, d)) + loud
    return (rows + 2 * rng.standard_normal(d)).astype(np.float32)


def three_folds(rng: np.random.Generator, people: Array) -> Array:
    return rng.permutation(int(people.max()) + 1)[people] % 3


def lazy(rows: Array, people: Array) -> tuple[Array, Array]:
    """Mated and non-mated cosines."""
    unit = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    i, j = np.triu_indices(len(rows), 1)
    scores, mated = (unit @ unit.T)[i, j], people[i] == people[j]
    return scores[mated], scores[~mated]


def match(mated: Array, non_mated: Array) -> Array:
    return np.asarray(mated >= threshold_at_fmr(non_mated, FMR).threshold)


def planted(seeds: int, people: tuple[int, ...] = (48, 96, 177)) -> list[Row]:
    """A leak that the recogniser's own comparison cannot see: what training on other people's outputs finds."""
    rows = []
    for k in people:
        for axes, signal in ((128, 0.0), (128, 0.3), (128, 0.4), (128, 0.6), (8, 1.0), (8, 2.0)):
            found: list[Row] = []
            chosen: Counter[str] = Counter()
            for seed in range(seeds):
                rng = np.random.default_rng([1, seed, k, axes, int(100 * signal)])
                who = people_of(rng, k, 4)
                templates, folds = population(rng, who, 128, signal, axes=axes), three_folds(rng, who)
                mated, non = lazy(templates, who)
                row = {"lazy_auc": curves.auc(mated, non), "lazy_match": float(match(mated, non).mean())}
                hits = {}
                for share in backends.SHARES:
                    scored = backends.semi_informed_scores(
                        templates, who, folds, rng=np.random.default_rng(seed), share=share
                    )
                    same = who[scored.probe] == who[scored.reference]
                    mated, non = scored.score[same], scored.score[~same & scored.is_within_fold]
                    hits[share] = match(mated, non)
                    row[f"match_{share:g}"] = float(hits[share].mean())
                row |= {"auc": curves.auc(mated, non), "eer": curves.eer(mated, non).eer}
                row["rising"] = backends.saturation(hits, who[scored.probe[same]]).is_rising
                chosen.update(model.choice.name for model in scored.choices)
                found.append(row)
            mean = {name: float(np.mean([row[name] for row in found])) for name in found[0]}
            rows.append({"people": k, "axes": axes, "signal": signal, **mean, "chosen": shares(chosen), "runs": seeds})
    return rows


def shares(chosen: Counter[str]) -> str:
    total = sum(chosen.values())
    return ", ".join(f"{name} {100 * count / total:.0f} %" for name, count in chosen.most_common())


def null(
    seeds: int, cells: tuple[tuple[int, int, bool], ...] = ((48, 64, False), (48, 256, False), (96, 64, True))
) -> list[Row]:
    """Nobody leaks: the back-ends as chosen, then each of them alone on the first cell."""
    rows = [null_cell(seeds, *cell, backends.CANDIDATES) for cell in cells]
    return rows + [null_cell(seeds, *cells[0], (name,)) for name in backends.CANDIDATES]


def null_cell(seeds: int, k: int, d: int, unequal: bool, candidates: tuple[str, ...]) -> Row:
    """Match rate at FMR 1e-3 under three rules.

    within: the threshold of the pairs within folds; all: one over all pairs; all_fitted: one over all pairs after
    standardising by people the model was fitted to.
    """
    hits: dict[str, list[float]] = {"within": [], "all": [], "all_fitted": []}
    eers, rising, n_mated = [], [], 0
    for seed in range(seeds):
        rng = np.random.default_rng([2, seed, k, d])
        who = people_of(rng, k, 4, unequal)
        templates, folds = population(rng, who, d, 0.0), three_folds(rng, who)
        steps = {
            share: backends.semi_informed_scores(
                templates, who, folds, rng=np.random.default_rng(seed), share=share, candidates=candidates
            )
            for share in (0.5, 1.0)
        }
        scored = steps[1.0]
        same = who[scored.probe] == who[scored.reference]
        within, across = ~same & scored.is_within_fold, ~same
        refitted = on_fitted_people(scored, templates, who, folds)
        hits["within"].append(match(scored.score[same], scored.score[within]).mean())
        hits["all"].append(match(scored.score[same], scored.score[across]).mean())
        hits["all_fitted"].append(match(refitted[same], refitted[across]).mean())
        eers.append(curves.eer(scored.score[same], scored.score[within]).eer)
        decided = {share: match(s.score[same], s.score[within]) for share, s in steps.items()}
        rising.append(backends.saturation(decided, who[scored.probe[same]]).is_rising)
        n_mated += int(same.sum())
    names = "as chosen" if len(candidates) > 1 else candidates[0]
    row: Row = {"people": k, "dims": d, "unequal": unequal, "back_ends": names, "runs": seeds, "mated": n_mated}
    for name, values in hits.items():
        row |= {name: float(np.mean(values)), f"{name}_se": float(np.std(values, ddof=1) / np.sqrt(seeds))}
    return row | {"eer": float(np.mean(eers)), "rising": float(np.mean(rising))}


def on_fitted_people(scored: backends.SemiInformed, templates: Array, who: Array, folds: Array) -> Array:
    """The same scores, standardised by non-mated scores of the very people each model was fitted to."""
    again = scored.score.copy()
    for number, model in enumerate(scored.choices):
        train = np.flatnonzero(np.isin(folds, model.folds))
        i, j = np.triu_indices(train.size, 1)
        non = who[train[i]] != who[train[j]]
        fitted = backends.fit(model.choice.name, templates[train], who[train])
        values = fitted.score(templates[train], templates[train])[i[non], j[non]]
        here = scored.model == number
        raw = again[here] * model.choice.non_mated_sd + model.choice.non_mated_mean
        again[here] = (raw - values.mean()) / (values.std() or 1.0)
    return again


def permutation(seeds: int) -> list[Row]:
    """The label-permutation check of the protocol as it is, and of back-ends fitted to the people they score."""
    p_values: dict[str, list[float]] = {}
    areas: dict[str, list[float]] = {}
    for seed in range(4 * seeds):
        rng = np.random.default_rng([3, seed])
        who = people_of(rng, 48, 4)
        templates, folds = population(rng, who, 64, 0.6), three_folds(rng, who)
        drawn = draw_derangement(48, rng)
        scored = backends.semi_informed_scores(
            templates, who, folds, rng=np.random.default_rng(seed), derangement=drawn
        )
        check = label_permutation_auc(
            scored.score, who[scored.probe], who[scored.reference], n_people=48, rng=rng, derangement=drawn
        )
        p_values.setdefault("protocol", []).append(check.p_value)
        areas.setdefault("protocol", []).append(check.auc0)
        if seed >= seeds:
            continue
        is_probe = np.isin(np.arange(who.size), scored.probe)
        labels = backends.permuted_classes(who, is_probe, drawn)
        a, b = np.flatnonzero(is_probe), np.flatnonzero(~is_probe)
        i, j = np.nonzero(who[a][:, None] != who[b])
        for name in backends.CANDIDATES:
            values = backends.fit(name, templates, labels).score(templates[a], templates[b])[i, j]
            check = label_permutation_auc(values, who[a[i]], who[b[j]], n_people=48, rng=rng, derangement=drawn)
            p_values.setdefault(f"everyone, {name}", []).append(check.p_value)
            areas.setdefault(f"everyone, {name}", []).append(check.auc0)
    return [
        {"fitted to": name, "auc0": float(np.mean(areas[name])), "red": float((np.array(p) < 1e-3).mean())}
        | {"p<.05": float((np.array(p) < 0.05).mean()), "p<.5": float((np.array(p) < 0.5).mean()), "runs": len(p)}
        for name, p in p_values.items()
    ]


def speed(cells: tuple[tuple[int, int], ...] = ((384, 128), (1200, 128), (1200, 512), (2000, 512))) -> list[Row]:
    """CPU seconds of one call, one thread."""
    rows = []
    for n, d in cells:
        rng = np.random.default_rng(n)
        who = np.arange(n) % (n // 7)
        templates, folds = population(rng, who, d, 0.4), three_folds(rng, who)
        start = time.process_time()
        backends.semi_informed_scores(templates, who, folds, rng=rng)
        rows.append({"outputs": n, "dims": d, "people": n // 7, "cpu_s": time.process_time() - start})
    return rows


def studies(short: bool) -> dict[str, Callable[[], list[Row]]]:
    """Table -> the study that fills it."""
    if short:
        return {
            "planted": lambda: planted(1, (48,)),
            "null": lambda: null(4, ((48, 64, False),)),
            "permutation": lambda: permutation(2),
            "speed": lambda: speed(((384, 128),)),
        }
    return {
        "planted": lambda: planted(10),
        "null": lambda: null(200),
        "permutation": lambda: permutation(150),
        "speed": speed,
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--short", action="store_true", help="fewer seeds")
    parser.add_argument("--out", type=Path, default=None, help="folder to write to")
    parser.add_argument("--outputs", type=Path, nargs="+", default=(), metavar="RUN", help="run folders with templates")
    parser.add_argument("--page", action="store_true", help="the page again from the tables")
    asked = parser.parse_args()
    folder: Path | None = asked.out or (None if asked.short else Path(__file__).parent)
    wanted = {} if asked.page else studies(asked.short)
    if asked.outputs:
        import semi_informed_outputs

        wanted = {"outputs": lambda: semi_informed_outputs.outputs(asked.outputs)}
    tables: dict[str, list[Row]] = {}
    for name in ("planted", "null", "permutation", "speed", "outputs"):
        path = folder / f"semi_informed_{name}.csv" if folder else None
        if name in wanted:
            start = time.perf_counter()
            tables[name] = wanted[name]()
            print(f"{name}: {len(tables[name])} rows, {time.perf_counter() - start:.1f} s", flush=True)
            if path is not None:
                path.parent.mkdir(parents=True, exist_ok=True)
                write(path, tables[name])
        elif path is not None and path.is_file():
            tables[name] = read(path)
    criteria = semi_informed_page.criteria(tables)
    for criterion in criteria:
        print(semi_informed_page.line(criterion))
    if folder is not None:
        (folder / "semi_informed.md").write_text(semi_informed_page.page(tables, criteria), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
