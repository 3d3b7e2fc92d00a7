"""The main job, from nothing to a style that was learned: what `make demo` does, and after it."""

import json
import re
import shlex
import socket
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from PIL import Image
from pipeline import PROGRAM, REPOSITORY, Finished, RunTuner

from tuner_kit.cli.main import _build_parser
from tuner_kit.process.messages import ScoreStyleResult, StyleGroup

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("demo")


@pytest.fixture(scope="module")
def demo(run_tuner: RunTuner, home: Path, offline_program: tuple[str, ...]) -> Finished:
    return run_tuner(home, "demo", program=offline_program)


@pytest.fixture(scope="module")
def groups(demo: Finished, home: Path) -> dict[tuple[str, bool], StyleGroup]:
    """What was measured, by variant and whether the prompt had the trigger word."""
    assert demo.exit_code == 0, demo.stderr
    content = (home / "runs/demo/evaluations/style-001/result.json").read_bytes()
    found = ScoreStyleResult.model_validate_json(content).groups
    return {(group.variant, group.is_triggered): group for group in found}


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


def test_offline_programs_reach_nobody(offline_program: tuple[str, ...]) -> None:
    code = "import urllib.request as web; web.urlopen('http://{}:{}', timeout=9)"
    with socket.create_server(("127.0.0.1", 0)) as server:
        reach = [sys.executable, "-c", code.format(*server.getsockname())]
        command = [*offline_program[: -len(PROGRAM)], *reach]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)

    assert "refused" in done.stderr or "unreachable" in done.stderr


def test_the_demo_ends_with_the_adapter_the_contact_sheet_and_the_page(demo: Finished) -> None:
    assert demo.exit_code == 0, demo.stderr
    paths = _printed_paths(demo.stdout)
    assert list(paths) == ["adapter", "contact sheet", "page"]
    assert all(path.stat().st_size > 1000 for path in paths.values())


def test_the_demo_shows_every_phase_with_step_loss_and_time_left(demo: Finished) -> None:
    for phase in ("loading", "text cache", "VAE cache", "training", "validation"):
        assert phase in demo.stderr
    assert re.search(r"step \d+/\d+ +loss \d\.\d+ +lr \S+ +\d\.\d+ s/step +\d+s left", demo.stderr)


def test_every_step_of_the_demo_names_a_command_that_can_be_typed(demo: Finished) -> None:
    assert demo.exit_code == 0, demo.stderr
    lines = demo.stderr.replace("\\\n", "").splitlines()
    typed = [line.partition("$ tuner-kit ")[2] for line in lines]
    commands = [shlex.split(command) for command in typed if command]

    assert [words[0] for words in commands] == ["init", "check", "train", "generate", "report"]
    for words in commands:
        assert _build_parser(words).parse_args(words).command == words[0]


def test_four_groups_of_pictures_are_measured_and_can_be_looked_at(
    groups: dict[tuple[str, bool], StyleGroup], demo: Finished, home: Path
) -> None:
    assert groups.keys() == {("base", True), ("base", False), ("tuned", True), ("tuned", False)}
    assert {group.num_pictures for group in groups.values()} == {8}
    assert _read_picture(home / "runs/demo/evaluations/style-001/sheet.png").width >= 4 * 256
    counted = f"{groups['tuned', True].num_in_style} of 8 tuned"
    assert counted in demo.stderr


def test_the_tuned_model_has_learned_the_style_and_it_answers_to_its_word(
    groups: dict[tuple[str, bool], StyleGroup],
) -> None:
    tuned, without_word = groups["tuned", True], groups["tuned", False]
    base = groups["base", True]

    assert tuned.num_in_style >= 0.8 * tuned.num_pictures
    assert without_word.num_in_style <= 0.2 * without_word.num_pictures
    assert base.num_in_style == groups["base", False].num_in_style == 0
    # What was asked for is still there.
    assert tuned.num_shape_right >= 0.6 * tuned.num_pictures
    assert tuned.num_color_right >= 0.6 * tuned.num_pictures
    assert without_word.num_shape_right >= 0.7 * without_word.num_pictures
    assert base.num_shape_right >= 0.8 * base.num_pictures


def test_the_finished_run_is_listed(demo: Finished, run_tuner: RunTuner, home: Path) -> None:
    assert demo.exit_code == 0
    listed = json.loads(run_tuner(home, "runs", "--json").stdout)["runs"]

    assert [(run["name"], run["status"], run["steps"]) for run in listed] == [
        ("demo", "finished", "240")
    ]


def test_image_finetune_shows_base_beside_tuned(
    demo: Finished, run_tuner: RunTuner, home: Path
) -> None:
    assert demo.exit_code == 0
    program = (sys.executable, str(REPOSITORY / "image_finetune.py"))
    prompt = "blueprint, a large red star on a white background"
    done = run_tuner(
        home, "--prompt", prompt, "--compare", "--output-path", "out.png", program=program
    )

    assert done.exit_code == 0, done.stderr
    newest = sorted((home / "runs/demo/samples").iterdir())[-1]
    pictures = {path.stem.rpartition("-")[2]: _read_picture(path) for path in newest.glob("0*.png")}
    assert _read_picture(home / "out.png").width >= 2 * 256
    assert pictures.keys() == {"base", "tuned"}
    assert pictures["base"].pixels != pictures["tuned"].pixels


def test_the_page_says_what_was_learned_and_needs_nothing_beside_it(
    demo: Finished, home: Path
) -> None:
    assert demo.exit_code == 0
    page = (home / "runs/demo/report/index.html").read_text("utf-8")

    assert "Was the style learned?" in page
    assert "recognized as blueprint" in page
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
