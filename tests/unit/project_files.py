"""A person's folder to train in, and the fake trainer that stands in for SimpleTuner."""

import json
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dataset_files import write_photo
from pixel_looking import remember_pixels

from tuner_kit.catalog.base_models import embedded_model_dir
from tuner_kit.runs.layout import Run

FAKE_TRAINER_PATH = Path(__file__).parents[1] / "fakes" / "fake_trainer.py"
LAYER = "transformer_blocks.0.attn.to_q"
EDGE = 128
"""Of the one layer that the fake trainer adapts, see `fake_trainer.py`."""

CONFIG = """\
name: cats
model:
  base: embedded:tiny-sd3
datasets:
  - path: photos
    resolution_px: 64
lora:
  rank: 2
training:
  max_train_steps: 6
  checkpointing_steps: 2
  lr_scheduler: constant
  optimizer: torch-adamw
  mixed_precision: "no"
validation:
  prompts: [a cat, a dog]
  validation_steps: 2
  resolution_px: 64
"""

_WRAPPER = """\
import sys
import tuner_kit.simpletuner.job
from tuner_kit.cli.main import main

tuner_kit.simpletuner.job.START_ARGUMENTS = ({start})
sys.exit(main(sys.argv[1:]))
"""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a person sees of a command."""

    exit_code: int
    stdout: str
    stderr: str


type Tuner = Callable[[list[str]], Outcome]
"""Runs the command line in this process."""


@dataclass(frozen=True, slots=True)
class FakeTrainer:
    """Decides how the next training goes, and tells what it was given."""

    scenario_path: Path

    @property
    def start_arguments(self) -> tuple[str, ...]:
        """What Python is given; it starts in 20 ms without site-packages."""
        return ("-I", "-S", str(FAKE_TRAINER_PATH), str(self.scenario_path))

    def dies(self, death: str, *, after_step: int = 0) -> None:
        self._write({"death": death, "after_step": after_step})

    def holds(self, gpu_gib: float, death: str = "", *, after_step: int = 0) -> None:
        """Let each phase hold so much GPU memory, and perhaps let it die."""
        self._write({"gpu_gib": gpu_gib, "death": death, "after_step": after_step})

    def takes(self, seconds_per_step: float) -> None:
        self._write({"seconds_per_step": seconds_per_step})

    def lives(self) -> None:
        self._write({})

    def seen(self) -> dict[str, Any]:
        content: dict[str, Any] = json.loads(self.scenario_path.with_name("seen.json").read_text())
        return content

    def _write(self, scenario: dict[str, object]) -> None:
        self.scenario_path.write_text(json.dumps(scenario))


@dataclass(frozen=True, slots=True)
class Project:
    """A folder with a tuner.yaml and photographs, and who trains there."""

    dir: Path
    trainer: FakeTrainer

    @property
    def config_path(self) -> Path:
        return self.dir / "tuner.yaml"

    @property
    def photos_dir(self) -> Path:
        return self.dir / "photos"

    @property
    def run(self) -> Run:
        return Run(self.dir / "runs" / "cats")

    def edit(self, old: str, new: str) -> None:
        """Replace words in tuner.yaml."""
        text = self.config_path.read_text()
        assert old in text
        self.config_path.write_text(text.replace(old, new))

    def copy_base_model(self) -> Path:
        """Use a copy of the embedded base model, which may be changed."""
        self.edit("embedded:tiny-sd3", "./base")
        return Path(shutil.copytree(embedded_model_dir("tiny-sd3"), self.dir / "base"))

    def checkpoint_names(self) -> list[str]:
        return sorted(path.name for path in self.run.checkpoints_dir.glob("*checkpoint-*"))


def write_project(folder: Path, trainer: FakeTrainer) -> Project:
    """Write tuner.yaml and three photographs with captions, which were looked at before.

    Only a test that changes them waits for the worker (0.7 s) that looks at new images.
    """
    project = Project(folder, trainer)
    trainer.lives()
    project.config_path.write_text(CONFIG)
    for index in range(3):
        path = project.photos_dir / f"{index}.png"
        write_photo(path, index, caption=f"photograph number {index}")
    remember_pixels(project.photos_dir)
    return project


def write_wrapper(folder: Path, trainer: FakeTrainer) -> list[str]:
    """Write a program that is `tuner-kit` with the fake trainer; return how to start it."""
    path = folder / "tuner_kit_with_fake.py"
    start = ", ".join(map(repr, trainer.start_arguments))
    path.write_text(_WRAPPER.format(start=start))
    return [sys.executable, str(path)]
