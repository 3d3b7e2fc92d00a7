"""The program behind the embedded models: it works, repeats itself, and survives a kill."""

import hashlib
import json
import subprocess
import sys
import time
from pathlib import Path

import pytest
from pipeline import REPOSITORY

pytestmark = pytest.mark.e2e

PROGRAM = (
    sys.executable,
    str(REPOSITORY / "tools/make_tiny_models.py"),
    "--trial",
    "--threads",
    "1",
)
"""One thread: with two, a sum's order may depend on the machine's load."""


def make_models(work_dir: Path) -> None:
    done = subprocess.run(
        [*PROGRAM, "--work", str(work_dir)], check=False, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-2000:]


def make_until_killed(work_dir: Path, file_name: str) -> None:
    process = subprocess.Popen(
        [*PROGRAM, "--work", str(work_dir)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    while process.poll() is None and not (work_dir / file_name).exists():
        time.sleep(0.01)
    process.kill()
    assert process.wait() != 0, "it ended before it could be killed"


def weights_of(work_dir: Path) -> dict[str, str]:
    models_dir = work_dir / "models"
    return {
        str(path.relative_to(models_dir)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in models_dir.rglob("*.safetensors")
    }


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    work_dir = tmp_path_factory.mktemp("made")
    make_models(work_dir)
    return work_dir


def test_the_embedded_models_are_made_from_nothing_with_card_and_figures(made: Path) -> None:
    figures = json.loads((made / "models/figures.json").read_text("utf-8"))
    card = (made / "models/README.md").read_text("utf-8")

    assert len(weights_of(made)) == 9  # five of SD3, one of CLIP, three of SD1
    assert figures["drawn"]["prompts"] == 10
    assert "4 steps on 8 crops" in card


def test_a_killed_making_goes_on_and_ends_with_the_same_weights(made: Path, tmp_path: Path) -> None:
    make_until_killed(tmp_path, "denoiser.state.pt")
    make_models(tmp_path)

    assert weights_of(tmp_path) == weights_of(made)
