"""What SimpleTuner left behind: steps, validation pictures, the folders it trained on.

A training of 100,000 steps leaves 50 MB of metrics, so they are read line by line.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tuner_kit.runs.layout import Attempt, Run
from tuner_kit.simpletuner.json_lines import parse_line
from tuner_kit.simpletuner.metrics import TrainedStep, parse_step

_PICTURE_NAME = re.compile(r"step_(?P<step>\d+)_(?P<prompt>prompt-\d+)_\d+_\d+x\d+\.png")


@dataclass(frozen=True, slots=True)
class ValidationPicture:
    """A picture that was rendered while training."""

    step: int
    """0 is the base model."""
    prompt_name: str
    """Key of the prompt in `validation_prompts`."""
    path: Path


def read_trained_steps(metrics_path: Path) -> tuple[TrainedStep, ...]:
    """Read every step in order; one that was trained twice counts as the last time.

    A training that continues from a checkpoint repeats the steps after it. Lines that
    were cut off or hold no step are passed over; a missing file has no steps.
    """
    steps = {entry.step: entry for entry in _parse_lines(metrics_path)}
    return tuple(steps[step] for step in sorted(steps))


def validation_picture_name(step: int, prompt_name: str, size_px: int) -> str:
    """Name a picture as the trainer does; each run renders one resolution, number 0."""
    return f"step_{step}_{prompt_name}_0_{size_px}x{size_px}.png"


def list_validation_pictures(validation_dir: Path) -> tuple[ValidationPicture, ...]:
    """Return the pictures of all validations by step and prompt."""
    found = []
    for path in validation_dir.glob("step_*.png"):
        match = _PICTURE_NAME.fullmatch(path.name)
        if match is not None:
            found.append(ValidationPicture(int(match["step"]), match["prompt"], path))
    return tuple(sorted(found, key=lambda picture: (picture.step, picture.prompt_name)))


def load_backend(attempt: Attempt) -> tuple[Mapping[str, Any], ...]:
    """Read which folders an attempt gave the trainer; empty where that can't be read."""
    try:
        return tuple(dict(entry) for entry in json.loads(attempt.backend_path.read_bytes()))
    except (OSError, TypeError, ValueError):
        return ()


def list_training_folders(run: Run, attempt: Attempt) -> tuple[Path, ...]:
    """Return the private image folders of an attempt that are still there.

    Only the name is taken from the trainer's file: the run may have been moved since.
    """
    names = [
        Path(str(entry.get("instance_data_dir"))).name
        for entry in load_backend(attempt)
        if entry.get("dataset_type") == "image"
    ]
    folders = (run.cache_dir / name for name in names)
    return tuple(folder for folder in folders if folder.is_dir())


def _parse_lines(metrics_path: Path) -> Iterator[TrainedStep]:
    try:
        file = metrics_path.open("rb")
    except FileNotFoundError:
        return
    with file:
        for line in file:
            step = parse_step(parse_line(line) or {})
            if step is not None:
                yield step
