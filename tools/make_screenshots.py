"""Take the pictures of the terminal that the documentation shows.

    .venv/bin/python tools/make_screenshots.py

Needs tmux, which runs the real program in a terminal of 80 columns, and a Chromium, which turns
what is on its screen into a PNG; neither is needed for anything else.
"""

import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from io import StringIO
from pathlib import Path

from rich.console import Console
from rich.terminal_theme import MONOKAI
from rich.text import Text

from tuner_kit.process.messages import DrawShapesRequest, DrawShapesResult
from tuner_kit.process.worker import run_worker

IMAGES_DIR = Path(__file__).parents[1] / "docs" / "images"
TUNER_KIT = Path(sys.executable).parent / "tuner-kit"
COLUMNS = 80
SESSION = "screenshots"
_SETTLE_S = 2.0
_NUM_PICTURES = 24
_BROKEN_CONFIG = """\
{
  "model_family": "sd3",
  "model_flavour": "medium",
  "model_type": "lora",
  "optimizer": "adamw_bf16",
  "mixed_precision": "no",
  "base_model_precision": "fp8-quanto",
  "output_dir": "output",
  "data_backend_config": "multidatabackend.json",
  "learning_rat": 1e-4,
  "gradient_checkpointing": "false",
  "max_train_steps": 2000,
  "seed": 42
}
"""
_BROKEN_DATASETS = """\
[
  {"id": "cats", "type": "local", "instance_data_dir": "stars", "crop": "False",
   "caption_strategy": "textfile", "resolution": 1024, "resolution_type": "area",
   "cache_dir_vae": "cache/vae"},
  {"id": "text", "type": "local", "dataset_type": "text_embeds", "default": true,
   "cache_dir": "cache/text"}
]
"""


@dataclass(frozen=True, slots=True)
class Screenshot:
    """A screen of the program, and what a person types to see it."""

    name: str
    words: Sequence[str]
    """Of the command line."""
    keys: Sequence[str]
    """For tmux: `Enter`, `Down`, or text."""
    rows: int


SCREENSHOTS = (
    Screenshot(
        "wizard-questions",
        ["init"],
        ["stars", "Enter", "Enter", "C-u", "tovex", "Enter", "Enter", "Enter", "Down", "Down"],
        46,
    ),
    Screenshot(
        "wizard-plan",
        ["init", "--data", "stars", "--purpose", "style", "--trigger", "tovex", "--gpu", "12 GB"],
        ["Enter"] * 10,
        62,
    ),
    Screenshot("check-config", ["check", "config.json"], [], 62),
)


def main() -> None:
    """Take every picture."""
    for name in ("tmux", "chromium"):
        find_program(name)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        request = DrawShapesRequest(
            dataset_dir=folder / "stars", num_pictures=_NUM_PICTURES, style="blueprint", seed=369
        )
        run_worker("draw_shapes", request, DrawShapesResult, folder / "work", lambda _: None)
        shutil.rmtree(folder / "work")
        (folder / "config.json").write_text(_BROKEN_CONFIG, encoding="utf-8")
        (folder / "multidatabackend.json").write_text(_BROKEN_DATASETS, encoding="utf-8")
        for screenshot in SCREENSHOTS:
            take(screenshot, folder)
            print(screenshot.name)


def find_program(name: str) -> str:
    """Return the path of a program that must be installed."""
    return shutil.which(name) or sys.exit(f"install {name} first")


def take(screenshot: Screenshot, folder: Path) -> None:
    """Run the program, type, and keep what is on the screen."""
    for left in folder.glob(".tuner-draft*"):
        left.unlink()
    with _terminal(screenshot, folder):
        time.sleep(_SETTLE_S)
        for key in screenshot.keys:
            _tmux("send-keys", "-t", SESSION, key)
            time.sleep(_SETTLE_S / 2)
        screen = _tmux("capture-pane", "-e", "-p", "-t", SESSION)
    _write_png(screen.rstrip("\n"), IMAGES_DIR / f"{screenshot.name}.png")


@contextmanager
def _terminal(screenshot: Screenshot, folder: Path) -> Iterator[None]:
    size = ("-x", str(COLUMNS), "-y", str(screenshot.rows))
    words = " ".join(f"'{word}'" for word in (str(TUNER_KIT), *screenshot.words))
    command = f"cd '{folder}'; XDG_CACHE_HOME='{folder}/cache' {words}; sleep 60"
    _tmux("new-session", "-d", "-s", SESSION, *size, command)
    try:
        yield
    finally:
        _tmux("kill-session", "-t", SESSION)


def _tmux(*words: str) -> str:
    return subprocess.run(
        [find_program("tmux"), *words], check=True, capture_output=True, text=True
    ).stdout


def _write_png(screen: str, path: Path) -> None:
    """Draw a screen with its colors; its height follows from what is on it."""
    console = Console(record=True, width=COLUMNS, file=StringIO(), force_terminal=True)
    console.print(Text.from_ansi(screen))
    svg = console.export_svg(title="tuner-kit", theme=MONOKAI)
    with tempfile.TemporaryDirectory() as name:
        page, picture = Path(name) / "screen.html", Path(name) / "screen.png"
        page.write_text(f"<style>body {{ margin: 0 }}</style>{svg}", encoding="utf-8")
        width, height = _size_of(svg)
        subprocess.run(
            [
                find_program("chromium"),
                "--headless",
                "--no-sandbox",
                "--hide-scrollbars",
                f"--window-size={width},{height}",
                f"--screenshot={picture}",
                page.as_uri(),
            ],
            check=True,
            capture_output=True,
        )
        shutil.copyfile(picture, path)


def _size_of(svg: str) -> tuple[int, int]:
    box = svg.partition('viewBox="')[2].partition('"')[0].split()
    return round(float(box[2])), round(float(box[3]))


if __name__ == "__main__":
    main()
