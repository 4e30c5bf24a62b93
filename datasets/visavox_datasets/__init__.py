"""Data sets: manifests of recorded people, and synthetic people. Registered lazily by the entry point."""

from __future__ import annotations

from collections.abc import Sequence

from visavox.core.records import DatasetSpec
from visavox.ports.dataset import Dataset, datasets, renderers, voice_renderers
from visavox.ports.editor import Audio, Image


def _manifest(spec: DatasetSpec, seed: int) -> Dataset:
    from .manifest import load_manifest

    return load_manifest(spec, seed)


def _synthetic_faces(spec: DatasetSpec, seed: int) -> Dataset:
    from .synthetic.people import load_synthetic_faces

    return load_synthetic_faces(spec, seed)


def _synthetic_voices(spec: DatasetSpec, seed: int) -> Dataset:
    from .synthetic.voices.speakers import load_synthetic_voices

    return load_synthetic_voices(spec, seed)


def _lfw(spec: DatasetSpec, seed: int) -> Dataset:
    from .recipes.lfw import load_lfw

    return load_lfw(spec, seed)


def _att_faces(spec: DatasetSpec, seed: int) -> Dataset:
    from .recipes.att_faces import load_att_faces

    return load_att_faces(spec, seed)


def _librispeech(spec: DatasetSpec, seed: int) -> Dataset:
    from .recipes.librispeech import load_librispeech

    return load_librispeech(spec, seed)


def _render(seed: int, people: Sequence[tuple[int, int]], *, size_px: int, device: str = "cpu") -> list[Image]:
    from .synthetic.faces import render_faces

    return render_faces(seed, people, size_px=size_px, device=device)


def _render_voices(seed: int, utterances: Sequence[tuple[int, int]]) -> list[Audio]:
    from .synthetic.voices.utterances import render_voices

    return render_voices(seed, utterances)


def register() -> None:
    """Registers the shipped data sets and the renderers of faces and voices (entry point ``visavox.plugins``)."""
    datasets.register("manifest", _manifest, summary="a table of files and people: CSV, JSONL or Parquet")
    datasets.register(
        "synthetic-faces", _synthetic_faces, summary="people who do not exist: 100 x 4 shipped, or any number"
    )
    datasets.register(
        "synthetic-voices", _synthetic_voices, summary="speakers who do not exist: 60 x 6 shipped, or any number"
    )
    datasets.register("lfw", _lfw, summary="Labeled Faces in the Wild, fetched by scikit-learn: path, funneled")
    datasets.register("att-faces", _att_faces, summary="40 people of AT&T Laboratories Cambridge, fetched: path")
    datasets.register(
        "librispeech", _librispeech, summary="40 readers of English books, fetched from OpenSLR: path, part, utterances"
    )
    renderers.register("synthetic-faces", _render, summary="people who do not exist, drawn from whole numbers")
    voice_renderers.register("synthetic-voices", _render_voices, summary="speakers who exist nowhere, by eSpeak NG")
