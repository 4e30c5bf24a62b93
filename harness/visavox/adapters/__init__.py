"""Layer 3: one file per outside thing. Registered lazily: nothing heavy is imported before it is used."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

from visavox.core.terms import Modality

# Modules, not names: the subpackages `editors` and `recognisers` would take the place of equal names here.
from visavox.ports import detector as detector_port
from visavox.ports import editor as editor_port
from visavox.ports import recogniser as recogniser_port
from visavox.ports import sink as sink_port
from visavox.ports import transcriber as transcriber_port
from visavox.ports import watermark as watermark_port

from . import perturbations


def _lazy(module: str, attribute: str) -> Callable[..., Any]:
    def call(*args: Any, **kwargs: Any) -> Any:
        return getattr(import_module(f"visavox.adapters.{module}"), attribute)(*args, **kwargs)

    return call


def register() -> None:
    """Registers the shipped editors, baselines, judges, perturbations and sinks (entry point ``visavox.plugins``)."""
    for kind, summary in {
        "python": "a Python entry: load(*, device, artifact, params) -> Editor",
        "command": "a program: argv with {input} {donor} {output} {seed} {case_id} {consent}",
        "folder": "media made elsewhere: a CSV of case_id, output_path, outcome",
        "mlflow": "a model out of MLflow, logged from code: models:/NAME/VERSION, models:/NAME@ALIAS, runs:/RUN/PATH",
        "http": "a service: url; a form with the media goes out, the edited medium comes back",
        "baseline": "a reference editor of known behaviour",
    }.items():
        editor_port.editors.register(kind, _lazy(f"editors.{kind}", "build"), summary=summary)
    for name, summary in {
        "identity": "returns its input: leaks everything",
        "replace": "another synthetic person or speaker per case: leaks nothing",
        "blur": "Gaussian blur of the face, sigma_px",
        "pixelate": "mosaic of the face, block_px",
        "mask": "a solid box over the face, margin",
        "k_same": "average of the k nearest aligned faces, k",
        "poisson_swap": "the donor's inner face in the host's picture, with a Poisson seam",
        "mcadams": "formants moved by a power of their angle, alpha",
        "pitch_shift": "pitch and formants moved together, semitones",
        "world_conversion": "the host's words in pieces of the donor's voice, through WORLD",
        "landmark_morph": "two faces warped to their mean shape and blended, alpha",
    }.items():
        editor_port.baselines.register(name, _lazy(f"editors.baselines.{name}", "load"), summary=summary)
    for name, summary in {
        "dlib": "dlib ResNet (128-d, Euclidean); MTCNN boxes, 5-point predictor",
        "onnx_face": "any ArcFace-like network: path, sha256, input_px, template, mean, std, channel",
    }.items():
        recogniser_port.recognisers.register(name, _lazy(f"recognisers.{name}", "build"), summary=summary)
    for name, summary in {
        "resemblyzer": "GE2E encoder of voices (256-d, cosine); weights of its wheel",
        "onnx_voice": "any ECAPA- or WeSpeaker-like network: path, sha256, features, layout, n_mels, sample_rate_hz",
        "ubm": "UBM-GMM verifier (MAP supervectors, WCCN, 150-d, cosine); fitted to synthetic speakers, or cohort",
        "wavlm": "WavLM's speaker head (512-d, cosine); weights fetched apart: path, sha256, download",
    }.items():
        recogniser_port.recognisers.register(
            name, _lazy(f"recognisers.{name}", "build"), summary=summary, modality=Modality.VOICE
        )
    for name, people in {"facenet-vggface2": "VGGFace2", "facenet-casia-webface": "CASIA-WebFace"}.items():
        summary = f"FaceNet of {people} (512-d, cosine); MTCNN boxes; weights fetched apart: path, sha256, download"
        recogniser_port.recognisers.register(name, _lazy("recognisers.facenet", "build"), summary=summary)
    for name, summary in {
        "in_loop": "residuals or cepstra of this editor's outputs, fitted in the run to people it is not judged by",
        "spectral": "spectra and a logistic regression, fitted in the run to people it is not judged by: penalty",
        "onnx": "any classifier: path, sha256, higher_is, value, and input_px ... or sample_rate_hz, window_s, padding",
    }.items():
        detector_port.detectors.register(name, _lazy(f"detectors.{name}", "build"), summary=summary)
    summary = "letters by CTC, wav2vec 2.0 (English); weights fetched apart: path, sha256, download"
    transcriber_port.transcribers.register("wav2vec2", _lazy("transcribers.wav2vec2", "build"), summary=summary)
    for name, summary in {
        "python": "a Python entry: load(*, device, artifact, params) -> decoder of bits or a score",
        "command": "a program: argv with {input}; prints JSON, bits or a score",
    }.items():
        watermark_port.watermarks.register(name, _lazy(f"watermarks.{name}", "build"), summary=summary)
    summary = "the package invisible-watermark: method dwtDct or dwtDctSvd, pictures from 256 x 256 pixels"
    watermark_port.watermarks.register(
        "invisible_watermark", _lazy("watermarks.invisible_watermark", "build"), summary=summary
    )
    summary = "AudioSeal's detector, 16 bits; weights fetched apart: path, sha256"
    watermark_port.watermarks.register("audioseal", _lazy("watermarks.audioseal", "build"), summary=summary)
    sink_port.sinks.register("mlflow", _lazy("sinks.mlflow", "build"), summary="runs in MLflow: uri, experiment")
    perturbations.register()
