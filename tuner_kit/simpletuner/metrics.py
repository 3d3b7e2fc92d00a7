"""One line of the trainer's own record, `training_metrics.jsonl`."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from pydantic import JsonValue


@dataclass(frozen=True, slots=True)
class TrainedStep:
    """One optimizer step as the trainer recorded it."""

    step: int
    loss: float | None
    """Null where the trainer recorded no finite number."""
    learning_rate: float | None
    seconds_per_step: float | None
    at: datetime | None


def parse_step(entry: Mapping[str, JsonValue]) -> TrainedStep | None:
    """Read a line's step; None for a line that holds none, such as the system's load."""
    metrics, step = entry.get("metrics"), entry.get("step")
    if not isinstance(metrics, dict) or "train_loss" not in metrics or not isinstance(step, int):
        return None
    return TrainedStep(
        step=step,
        loss=finite_number(metrics["train_loss"]),
        learning_rate=finite_number(metrics.get("learning_rate")),
        seconds_per_step=finite_number(metrics.get("seconds_per_step")),
        at=parse_time(entry.get("timestamp")),
    )


def parse_time(value: JsonValue) -> datetime | None:
    """Read a time, UTC where it names no zone; None for one that is damaged."""
    try:
        time = datetime.fromisoformat(str(value))
    except ValueError:
        return None
    return time if time.tzinfo else time.replace(tzinfo=UTC)


def finite_number(value: JsonValue) -> float | None:
    """Return a finite number: Python's JSON reader takes the NaN of a diverged training."""
    return float(value) if isinstance(value, int | float) and math.isfinite(value) else None
