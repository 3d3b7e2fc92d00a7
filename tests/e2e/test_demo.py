"""The main job, from nothing to pictures: what `make demo` does, and what comes after it."""

import json
import re
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from PIL import Image
from pipeline import REPOSITORY, Finished, RunTuner

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("demo")


@pytest.fixture(scope="module")
def demo(run_tuner: RunTuner, home: Path) -> Finished:
    return run_tuner(home, "demo")


def _printed_paths(output: str) -> dict[str, Path]:
    lines = (re.split(r"\s{2,}", line, maxsplit=1) for line in output.splitlines())
    return {name: Path(path) for name, path in lines}


@dataclass(frozen=True, slots=True)
class Picture:
    width: int
    height: int
    pixels: bytes


def _read_picture(path: Path) -> Picture:
    with Image.open(path) as image:
        return Picture(*image.size, image.convert("RGB").tobytes())


def test_the_demo_ends_with_the_adapter_the_contact_sheet_and_the_page(demo: Finished) -> None:
    assert demo.exit_code == 0, demo.stderr
    paths = _printed_paths(demo.stdout)
    assert list(paths) == ["adapter", "contact sheet", "page"]
    assert all(path.stat().st_size > 1000 for path in paths.values())


def test_the_demo_shows_every_phase_with_step_loss_and_time_left(demo: Finished) -> None:
    for phase in ("loading", "text cache", "VAE cache", "training", "validation"):
        assert phase in demo.stderr
    assert re.search(r"step \d+/100 +loss \d\.\d+ +lr \S+ +\d\.\d+ s/step +\d+s left", demo.stderr)


def test_the_finished_run_is_listed(demo: Finished, run_tuner: RunTuner, home: Path) -> None:
    assert demo.exit_code == 0
    listed = json.loads(run_tuner(home, "runs", "--json").stdout)["runs"]

    assert [(run["name"], run["status"], run["steps"]) for run in listed] == [
        ("demo", "finished", "100")
    ]


def test_image_finetune_shows_base_beside_tuned(
    demo: Finished, run_tuner: RunTuner, home: Path
) -> None:
    assert demo.exit_code == 0
    program = (sys.executable, str(REPOSITORY / "image_finetune.py"))
    done = run_tuner(
        home,
        *("--prompt", "a red tiled roof", "--compare", "--output-path", "out.png"),
        program=program,
    )

    assert done.exit_code == 0, done.stderr
    newest = sorted((home / "runs/demo/samples").iterdir())[-1]
    pictures = {path.stem.rpartition("-")[2]: _read_picture(path) for path in newest.glob("0*.png")}
    assert _read_picture(home / "out.png").width >= 2 * 256
    assert pictures.keys() == {"base", "tuned"}
    assert pictures["base"].pixels != pictures["tuned"].pixels


def test_the_page_needs_nothing_beside_it(demo: Finished, home: Path) -> None:
    assert demo.exit_code == 0
    page = (home / "runs/demo/report/index.html").read_text("utf-8")

    assert "a red tiled roof" in page
    assert page.count("data:image/") >= 8
    assert not re.findall(r"(?:src|href)=\"(?!data:|#)[^\"]+\"", page)
    assert str(Path.home()) not in page


def test_the_run_can_be_moved_and_still_generates(
    demo: Finished, run_tuner: RunTuner, home: Path
) -> None:
    assert demo.exit_code == 0
    moved = home / "elsewhere"
    (home / "runs").rename(moved)
    done = run_tuner(
        home, "generate", "--runs-dir", "elsewhere", "--prompt", "a tree", "--output-path", "t.png"
    )
    moved.rename(home / "runs")

    assert done.exit_code == 0, done.stderr
    picture = _read_picture(home / "t.png")
    assert (picture.width, picture.height) == (128, 128)
