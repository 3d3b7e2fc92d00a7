"""What the trainer is doing: phase, step, loss and time left, from the files it writes.

Steps come from SimpleTuner's own `training_metrics.jsonl`, phases from the announcements
that our start program records in `events.jsonl`. Nothing is parsed from the terminal.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from operator import itemgetter
from pathlib import Path
from types import MappingProxyType

from pydantic import JsonValue

from tuner_kit.simpletuner.json_lines import JsonLinesTail
from tuner_kit.simpletuner.metrics import TrainedStep, finite_number, parse_step, parse_time


class Phase(StrEnum):
    """The phases of a training, in the words of the progress line."""

    LOADING = "loading"
    TEXT_CACHE = "text cache"
    VAE_CACHE = "VAE cache"
    TRAINING = "training"
    VALIDATION = "validation"
    SAVING = "saving"


_PHASE_OF_STAGE: Mapping[str, Phase] = MappingProxyType(
    {
        "init_text_embed_cache": Phase.TEXT_CACHE,
        "init_cache_text_embeds_status_update": Phase.TEXT_CACHE,
        "init_vae_cache": Phase.VAE_CACHE,
        "init_cache_vae_processing_complete": Phase.VAE_CACHE,
        "init_load_base_model": Phase.LOADING,
        "init_prepare_models": Phase.LOADING,
        "checkpoint_save": Phase.SAVING,
        "model_save": Phase.SAVING,
        "validation": Phase.VALIDATION,
        "final_validation": Phase.VALIDATION,
    }
)
"""Phase of each stage that SimpleTuner 4.10.1 announces (trainer.py, webhooks/events.py)."""


@dataclass(frozen=True, slots=True)
class TrainingProgress:
    """Where a training stands at one moment."""

    total_steps: int
    phase: Phase = Phase.LOADING
    step: int = 0
    """Last completed optimizer step."""
    loss: float | None = None
    learning_rate: float | None = None
    seconds_per_step: float | None = None
    """Wall time per step so far, pauses for saving and validation included."""
    cached: int | None = None
    """Captions or images that the present cache phase has done."""
    to_cache: int | None = None

    @property
    def remaining_s(self) -> float | None:
        """Seconds until the last step at the present rate."""
        if self.seconds_per_step is None:
            return None
        return (self.total_steps - self.step) * self.seconds_per_step


class ProgressReader:
    """Reads a running training's files; each look costs only what is new."""

    def __init__(
        self, metrics_path: Path, events_path: Path, *, total_steps: int, skip_bytes: int = 0
    ) -> None:
        """Begin after the first `skip_bytes` of the metrics."""
        self._metrics = JsonLinesTail(metrics_path, skip_bytes=skip_bytes)
        self._events = JsonLinesTail(events_path)
        self._first: tuple[int, datetime] | None = None
        self._progress = TrainingProgress(total_steps)

    def read(self) -> TrainingProgress:
        """Return the present state."""
        entries = [*self._events.read_new(), *self._metrics.read_new()]
        timed = [(time, entry) for entry in entries if (time := _time_of(entry)) is not None]
        for time, entry in sorted(timed, key=itemgetter(0)):
            trained = parse_step(entry)
            if trained is not None:
                self._take_step(trained, time)
            else:
                self._progress = _with_stage(self._progress, entry)
        return self._progress

    def _take_step(self, trained: TrainedStep, now: datetime) -> None:
        self._first = self._first or (trained.step, now)
        self._progress = replace(
            self._progress,
            phase=Phase.TRAINING,
            step=trained.step,
            loss=trained.loss,
            learning_rate=trained.learning_rate,
            seconds_per_step=self._seconds_per_step(trained, now),
            cached=None,
            to_cache=None,
        )

    def _seconds_per_step(self, trained: TrainedStep, now: datetime) -> float | None:
        first_step, first_time = self._first or (trained.step, now)
        if trained.step > first_step:
            return (now - first_time).total_seconds() / (trained.step - first_step)
        return trained.seconds_per_step


def _with_stage(progress: TrainingProgress, event: Mapping[str, JsonValue]) -> TrainingProgress:
    phase = _PHASE_OF_STAGE.get(str(event.get("key")))
    if phase is None:
        return progress
    if event.get("status") in ("completed", "failed"):
        resting = Phase.TRAINING if progress.step else Phase.LOADING
        return replace(progress, phase=resting, cached=None, to_cache=None)
    return replace(
        progress,
        phase=phase,
        cached=_count(event.get("current")),
        to_cache=_count(event.get("total")),
    )


def _time_of(entry: Mapping[str, JsonValue]) -> datetime | None:
    return parse_time(entry.get("timestamp") or entry.get("time"))


def _count(value: JsonValue) -> int | None:
    number = finite_number(value)
    return None if number is None else int(number)
