"""Figures across runs: taken again only where nothing at all that they follow from has changed."""

from __future__ import annotations

import hashlib
import json
import shutil
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pixels
import pytest
import yaml
from pretend import BASELINE, PYTHON, texture

from visavox import load_suite, run
from visavox.api import known
from visavox.core.errors import MediaError
from visavox.core.resources import configs_dir, user_cache_dir
from visavox.engine import edit_cache, kept
from visavox.engine.surroundings import surroundings
from visavox.media.image import encode_png

ENTRY = Path(__file__).parents[1] / "editors_under_test.py"


class Ended:
    """One finished run: its report without the clock, its score files, how many pictures were embedded for it."""

    def __init__(self, folder: Path, embedded: int) -> None:
        self.report: dict[str, Any] = json.loads((folder / "report.json").read_text())
        self.is_known = self.report.pop("clock")["has_known_figures"]
        files = [folder / "people.parquet", *sorted((folder / "scores").rglob("*.parquet"))]
        self.files = {
            path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files
        }
        self.svgs = {path.name: path.read_text() for path in sorted((folder / "charts").glob("*.svg"))}
        self.embedded = embedded


Go = Callable[..., Ended]


@pytest.fixture
def people(make_people: Callable[..., Path]) -> Path:
    return make_people(8, 3)


@pytest.fixture
def go(
    tmp_path: Path,
    people: Path,
    pixels_suite: Callable[..., Path],
    monkeypatch: pytest.MonkeyPatch,
    register_folder: Path,
) -> Go:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    counted: list[int] = []
    embed = pixels.Pixels.embed

    def counting(self: Any, media: Any, regions: Any) -> Any:
        counted.append(len(media))
        return embed(self, media, regions)

    monkeypatch.setattr(pixels.Pixels, "embed", counting)
    runs = iter(range(99))

    def start(*overrides: str, editor: str = BASELINE.format(name="identity"), cache: bool = True) -> Ended:
        counted.clear()
        out = tmp_path / f"run-{next(runs)}"
        words = [f"execution.cache={json.dumps(cache)}", *overrides]
        run(load_suite(pixels_suite(people, editor), overrides=words), out)
        return Ended(out, sum(counted))

    return start


def test_a_second_run_is_the_first_without_a_template_or_a_chart(go: Go, monkeypatch: pytest.MonkeyPatch) -> None:
    import vl_convert

    first = go()
    assert not first.is_known and first.embedded > 0
    shutil.rmtree(user_cache_dir() / "templates")  # not even from there

    def draw(*_: object, **__: object) -> str:
        raise AssertionError("drawn again")

    monkeypatch.setattr(vl_convert, "vegalite_to_svg", draw)
    monkeypatch.setattr(known, "check_inputs", draw)
    second = go()
    assert second.is_known and second.embedded == 0
    assert not list((user_cache_dir() / "templates").glob("*/*"))
    assert second.report == first.report
    assert second.files == first.files and len(first.files) > 3
    assert second.svgs == first.svgs and first.svgs


def test_they_are_what_a_run_without_any_cache_computes(go: Go) -> None:
    go()
    known, computed = go(), go(cache=False)
    assert known.is_known and not computed.is_known
    assert known.report == computed.report
    assert known.files == computed.files
    assert known.svgs == computed.svgs


def test_figures_of_utility_are_known_with_the_others(go: Go, tmp_path: Path) -> None:
    words = "assessments={identity_leak: {attackers: [ignorant]}, utility: {figures: [psnr_db, ssim]}}"
    first, known, computed = go(words), go(words), go(words, cache=False)
    assert [one.is_known for one in (first, known, computed)] == [False, True, False]
    assert first.report == known.report == computed.report
    (result,) = [result for result in known.report["results"] if result["assessment"] == "utility"]
    assert {estimate["name"] for estimate in result["estimates"]} >= {"ssim"}
    parts = [sorted((tmp_path / f"run-{n}" / "utility").glob("*.parquet")) for n in range(3)]
    contents = [[path.read_bytes() for path in part] for part in parts]
    assert contents[0] == contents[1] == contents[2] and contents[0]
    assert not go(words.replace("psnr_db, ssim", "ssim")).is_known


def test_one_changed_thing_finds_nothing(go: Go, people: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = go()
    policy = yaml.safe_load((configs_dir() / "policies" / "baseline.yaml").read_text())
    control = next(control for control in policy["controls"] if control.get("limit"))
    control["limit"]["value"] = control["limit"]["value"] / 2
    (tmp_path / "policy.yaml").write_text(yaml.safe_dump(policy))
    changes: dict[str, Callable[[], Ended]] = {
        "seed": lambda: go("seed=8"),
        "option": lambda: go("assessments.identity_leak={fmr: 0.01}"),
        "limit": lambda: go(f"policy={tmp_path / 'policy.yaml'}"),
        "editor": lambda: go('editor.version="9.9"'),
        "fewer cases": lambda: go("execution.max_cases=20"),
    }
    for what, change in changes.items():
        found = change()
        assert not found.is_known, what
    assert go().is_known
    with monkeypatch.context() as patch:
        for module in (known, edit_cache):
            patch.setattr(module, "surroundings", lambda: "another line of code")
        changed = go()
        assert not changed.is_known and changed.report == first.report
    (people.parent / "0-0.png").write_bytes(encode_png(texture(0, 99)))
    assert not go().is_known


def test_another_output_finds_nothing(go: Go, tmp_path: Path) -> None:
    """Of an editor of one's own the outputs are made anew, and count by their digests."""
    weights = tmp_path / "weights.txt"
    entry = tmp_path / "adapter.py"
    entry.write_text(
        "from pathlib import Path\n"
        f"SHIFT = int(Path({str(weights)!r}).read_text())\n"
        "class Editor:\n"
        "    max_batch, concurrency = 4, 1\n"
        "    def edit(self, requests):\n"
        "        return [r.media['subject'] // 2 + SHIFT for r in requests]\n"
        "def load(*, device, artifact, params):\n"
        "    return Editor()\n"
    )
    editor = PYTHON.format(entry=f"{entry}:load", params="{}")
    found = []
    for shift in (3, 90, 90):
        weights.write_text(str(shift))
        found.append(go(editor=editor))
    assert [one.is_known for one in found] == [False, False, True]
    assert found[2].report == found[1].report and found[2].files == found[1].files


def test_nothing_is_kept_unless_asked_nor_where_media_stay(go: Go) -> None:
    folder = user_cache_dir() / "figures"
    for overrides in (["execution.retention=all"], ["execution.worst_leaks=3"]):
        go(*overrides)
        assert not go(*overrides).is_known
    go(cache=False)
    assert not list(folder.glob("*/*"))
    go()
    assert len(list(folder.glob("*/*"))) == 1
    assert {stat.S_IMODE((user_cache_dir() / name).stat().st_mode) for name in ("figures", "charts", "inputs")} == {
        0o700
    }


def test_what_was_altered_is_computed_again(go: Go) -> None:
    first = go()
    (file,) = (user_cache_dir() / "figures").glob("*/*")
    whole = file.read_bytes()
    for altered in (whole[:-1], whole.replace(b'"value":0.', b'"value":1.', 1)):
        file.write_bytes(altered)
        again = go()
        assert not again.is_known and again.report == first.report
    other = file.with_name("0" * len(file.name))
    shutil.copy(file, other)
    assert kept.Kept("figures").get(other.parent.name + other.name) is None  # a value counts for its own key alone


def test_a_run_that_another_session_began_keeps_nothing(
    go: Go, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An earlier version of the program may have made its scores."""
    suite_overrides = ["execution.cache=true"]
    with monkeypatch.context() as patch:
        patch.setattr("visavox.api.running.assess_all", lambda *_: (_ for _ in ()).throw(MediaError("stop")))
        with pytest.raises(MediaError, match="stop"):
            go()
    suite = load_suite(tmp_path / "pixels.yaml", overrides=suite_overrides)
    run(suite, tmp_path / "run-0")
    assert not list((user_cache_dir() / "figures").glob("*/*"))
    assert not go().is_known
    assert go().is_known


def test_a_sample_that_cannot_be_used_is_refused_each_time(go: Go, people: Path) -> None:
    (people.parent / "0-0.png").write_bytes(b"no picture")
    for _ in range(2):
        with pytest.raises(MediaError, match="0-0"):
            go()


def test_the_cache_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    one = kept.Kept("figures")
    for number in range(4):
        one.put(f"{number:064d}", bytes(1000))
    assert one.get(f"{3:064d}") == bytes(1000)
    kept.Kept("figures", limit_bytes=2500)
    assert len(list((user_cache_dir() / "figures").glob("*/*"))) == 2


def test_code_configuration_packages_and_threads_are_in_the_digest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from visavox.engine import surroundings as place

    def now() -> str:
        surroundings.cache_clear()
        return surroundings()

    before = now()
    assert now() == before
    configs = shutil.copytree(configs_dir(), tmp_path / "configs")
    (configs / "contracts.yaml").write_text((configs / "contracts.yaml").read_text() + "\n")
    changes: list[tuple[Any, str, Any]] = [
        (place, "configs_dir", lambda: configs),
        (place, "_code_below", lambda root: [["changed.py", "0"]]),
        (place, "_installed", lambda: ["numpy-1.0.dist-info"]),
    ]
    for owner, name, value in changes:
        with monkeypatch.context() as patch:
            patch.setattr(owner, name, value)
            assert now() != before, name
    with monkeypatch.context() as patch:
        patch.setenv("OMP_NUM_THREADS", "7")
        assert now() != before
    assert now() == before
    assert any(name.startswith("numpy-") for name in place._installed())
