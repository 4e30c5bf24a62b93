"""Both forms of installation carry the shipped files, and the gate needs no torch."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The built wheel, unpacked."""
    out = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(out)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    (built,) = out.glob("*.whl")
    with zipfile.ZipFile(built) as archive:
        archive.extractall(out / "site")
    return out / "site"


def in_wheel(wheel: Path, code: str) -> str:
    env = {**os.environ, "PYTHONPATH": str(wheel)}
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_wheel_carries_configs_and_plugins(wheel: Path) -> None:
    assert (wheel / "visavox" / "_configs" / "policies" / "baseline.yaml").is_file()
    assert not (wheel / "tests").exists()
    out = in_wheel(
        wheel,
        "import visavox; from visavox.cli import exit_code; from visavox.core.resources import configs_dir;"
        "print(visavox.__file__, configs_dir()); exit_code(['list'])",
    )
    assert str(wheel) in out.splitlines()[0]
    assert "_configs" in out.splitlines()[0]
    for name in ("pixelate", "onnx_face", "manifest", "identity_leak", "baseline"):
        assert name in out


def test_the_editable_form_uses_the_checkout() -> None:
    from visavox.core.resources import configs_dir

    assert configs_dir() == ROOT / "configs"


def test_the_only_media_in_the_wheel_are_the_synthetic_people(wheel: Path) -> None:
    media = {".jpg", ".jpeg", ".png", ".wav", ".flac", ".opus", ".ogg", ".mp3", ".m4a", ".onnx"}
    folders = [str(p.parent.relative_to(wheel)) for p in wheel.rglob("*") if p.suffix.lower() in media]
    people, speakers = (f"visavox_datasets/sets/{name}" for name in ("people-100", "speakers-60"))
    assert sorted(folders) == [people] * 400 + [speakers] * 360
    out = in_wheel(
        wheel,
        "from visavox.core.records import DatasetSpec; from visavox.ports.dataset import datasets\n"
        "people = datasets.get('synthetic-faces')(DatasetSpec(kind='synthetic-faces'), 0)\n"
        "print(len(people.samples), people.location(people.samples[0].id))",
    )
    assert out.startswith(f"400 {wheel}")


def test_the_source_archive_carries_the_synthetic_people(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "hatchling", "build", "-t", "sdist", "-d", str(tmp_path)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    (built,) = tmp_path.glob("*.tar.gz")
    with tarfile.open(built) as archive:
        names = [name for name in archive.getnames() if "/visavox_datasets/sets/" in name]
    assert sum("/people-100/" in name for name in names) == 403
    assert sum("/speakers-60/" in name for name in names) == 363


def test_gate_show_and_list_load_no_learning_framework(tmp_path: Path) -> None:
    code = (
        "import sys; from visavox.cli import exit_code\n"
        f"assert exit_code(['gate', {str(tmp_path)!r}]) == 3\n"
        "assert exit_code(['list']) == 0 and exit_code(['schema', 'suite']) == 0\n"
        "heavy = {'torch', 'torchvision', 'dlib', 'onnxruntime', 'librosa', 'mlflow', 'cv2', 'facenet_pytorch'}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_gate_works_where_torch_is_absent(tmp_path: Path) -> None:
    """The small CI image: importing any extra fails, the gate still answers."""
    code = (
        "import sys\n"
        "for name in ('torch', 'torchvision', 'dlib', 'onnxruntime', 'librosa', 'mlflow', 'cv2'):\n"
        "    sys.modules[name] = None\n"
        "from visavox.cli import exit_code\n"
        f"sys.exit(0 if exit_code(['gate', {str(tmp_path)!r}]) == 3 and exit_code(['doctor']) == 0 else 1)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_lock_names_no_host_and_hashes_every_pin() -> None:
    for path in (ROOT / "requirements").glob("*.txt"):
        text = path.read_text()
        assert not re.search(r"https?://|--(extra-)?index-url|--find-links", text), path
        if path.name != "overrides.txt":
            for block in re.split(r"\n(?=[A-Za-z0-9])", text.strip()):
                assert "--hash=sha256:" in block, block


@pytest.mark.parametrize(
    "document", [*sorted(str(p.relative_to(ROOT)) for p in ROOT.glob("docs/how-to/*.md")), "README.md"]
)
def test_every_suite_in_the_documents_is_valid(document: str, tmp_path: Path) -> None:
    from visavox.core.config import parse_suite

    blocks = re.findall(r"```yaml\n(.*?)```", (ROOT / document).read_text(), re.DOTALL)
    suites = [block for block in blocks if block.startswith("name:")]
    for block in suites:
        parse_suite(block, base=tmp_path, what=document)
    if document == "README.md":
        assert suites


def test_links_in_the_documents_lead_somewhere() -> None:
    for document in [ROOT / "README.md", *ROOT.glob("docs/**/*.md")]:
        for target in re.findall(r"\]\(([^)#]+)\)", document.read_text()):
            if "://" not in target:
                assert (document.parent / target).exists(), f"{document.name}: {target}"
