"""What SimpleTuner left behind: steps, validation pictures, the folders it trained on.

A training of 100,000 steps leaves 50 MB of metrics, so they are read line by line.
"""

import json
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from pydantic import JsonValue

from tuner_kit.runs.layout import Attempt, Run

_PICTURE_NAME = re.compile(r"step_(?P<step>\d+)_(?P<prompt>prompt-\d+)_\d+_\d+x\d+\.png")


@dataclass(frozen=True, slots=True)
class TrainedStep:
    """One optimizer step as the trainer recorded it."""

    step: int
    loss: float | None
    """Null where the trainer recorded no finite number."""
    learning_rate: float | None
    at: datetime | None


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


def list_validation_pictures(validation_dir: Path) -> tuple[ValidationPicture, ...]:
    """Return the pictures of all validations by step and prompt."""
    found = []
    for path in validation_dir.glob("step_*.png"):
        match = _PICTURE_NAME.fullmatch(path.name)
        if match is not None:
            found.append(ValidationPicture(int(match["step"]), match["prompt"], path))
    return tuple(sorted(found, key=lambda picture: (picture.step, picture.prompt_name)))


def list_training_folders(run: Run, attempt: Attempt) -> tuple[Path, ...]:
    """Return the private image folders of an attempt that are still there.

    Only the name is taken from the trainer's file: the run may have been moved since.
    """
    try:
        entries = json.loads(attempt.backend_path.read_bytes())
    except (OSError, ValueError):
        return ()
    names = [
        Path(str(entry.get("instance_data_dir"))).name
        for entry in entries
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
            step = _parse_step(line)
            if step is not None:
                yield step


def _parse_step(line: bytes) -> TrainedStep | None:
    try:
        entry = json.loads(line)
    except ValueError:
        return None
    metrics = entry.get("metrics") if isinstance(entry, dict) else None
    # Some lines hold the load of the system only.
    if not isinstance(metrics, dict) or "train_loss" not in metrics:
        return None
    if not isinstance(entry.get("step"), int):
        return None
    return TrainedStep(
        step=entry["step"],
        loss=_finite(metrics["train_loss"]),
        learning_rate=_finite(metrics.get("learning_rate")),
        at=_time(entry.get("timestamp")),
    )


def _finite(value: JsonValue) -> float | None:
    """Python's JSON reader takes the NaN that a diverged training writes."""
    return float(value) if isinstance(value, int | float) and math.isfinite(value) else None


def _time(value: JsonValue) -> datetime | None:
    try:
        return datetime.fromisoformat(str(value))
    except ValueError:
        return None
