"""Phase, step, loss and time left, from the files that the trainer writes."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tuner_kit.cli.progress import describe, format_seconds
from tuner_kit.simpletuner.json_lines import JsonLinesTail, size_of
from tuner_kit.simpletuner.progress import Phase, ProgressReader, TrainingProgress

START = datetime(2026, 1, 1, tzinfo=UTC)


class Trainer:
    """Writes what SimpleTuner and our start program write, at times of the test's own."""

    def __init__(self, folder: Path) -> None:
        self.metrics_path = folder / "training_metrics.jsonl"
        self.events_path = folder / "events.jsonl"

    def reader(self, *, skip_bytes: int = 0) -> ProgressReader:
        return ProgressReader(
            self.metrics_path, self.events_path, total_steps=10, skip_bytes=skip_bytes
        )

    def announces(self, key: str, status: str = "running", *, at: float, **count: int) -> None:
        time = (START + timedelta(seconds=at)).isoformat()
        _append(self.events_path, {"time": time, "key": key, "status": status, **count})

    def trains(self, step: int, *, at: float, **metrics: float) -> None:
        time = (START + timedelta(seconds=at)).isoformat()
        known = {"train_loss": 0.5, "learning_rate": 1e-4, "seconds_per_step": 9.0} | metrics
        _append(self.metrics_path, {"metrics": known, "step": step, "timestamp": time})


@pytest.fixture
def trainer(tmp_path: Path) -> Trainer:
    return Trainer(tmp_path)


def test_before_anything_is_written_it_loads(trainer: Trainer) -> None:
    assert trainer.reader().read() == TrainingProgress(total_steps=10, phase=Phase.LOADING)


def test_the_phases_follow_the_announcements(trainer: Trainer) -> None:
    reader = trainer.reader()
    seen = []
    for at, (key, status) in enumerate(
        [
            ("init_text_embed_cache", "running"),
            ("init_text_embed_cache", "completed"),
            ("init_vae_cache", "running"),
            ("init_cache_vae_processing_complete", "running"),
            ("something_unknown", "running"),
            ("init_vae_cache", "completed"),
            ("validation", "running"),
            ("validation", "completed"),
        ]
    ):
        trainer.announces(key, status, at=at)
        seen.append(reader.read().phase)
    trainer.trains(1, at=20)
    seen.append(reader.read().phase)
    trainer.announces("checkpoint_save", at=21)
    seen.append(reader.read().phase)
    trainer.announces("checkpoint_save", "completed", at=22)
    seen.append(reader.read().phase)

    assert seen == [
        Phase.TEXT_CACHE,
        Phase.LOADING,
        Phase.VAE_CACHE,
        Phase.VAE_CACHE,
        Phase.VAE_CACHE,
        Phase.LOADING,
        Phase.VALIDATION,
        Phase.LOADING,
        Phase.TRAINING,
        Phase.SAVING,
        Phase.TRAINING,
    ]


def test_lines_of_both_files_count_in_the_order_of_their_times(trainer: Trainer) -> None:
    trainer.announces("validation", at=5)
    trainer.trains(1, at=4)

    assert trainer.reader().read().phase is Phase.VALIDATION


def test_caches_are_counted(trainer: Trainer) -> None:
    trainer.announces("init_cache_text_embeds_status_update", at=1, current=3, total=16)

    progress = trainer.reader().read()

    assert (progress.cached, progress.to_cache) == (3, 16)
    assert describe(progress) == "text cache  3/16"


def test_the_rate_counts_pauses_and_gives_the_time_left(trainer: Trainer) -> None:
    reader = trainer.reader()
    trainer.trains(1, at=0)
    first = reader.read()
    trainer.trains(2, at=1)
    trainer.trains(5, at=8)  # a validation in between

    progress = reader.read()

    assert first.seconds_per_step == 9.0  # the trainer's own, as long as there is one step
    assert progress.seconds_per_step == 2.0
    assert progress.remaining_s == 10.0
    assert (
        describe(progress) == "training  step 5/10  loss 0.5000  lr 1.00e-04  2.00 s/step  10s left"
    )


def test_a_continued_training_does_not_count_the_steps_before_it(trainer: Trainer) -> None:
    trainer.trains(4, at=0)
    reader = trainer.reader(skip_bytes=size_of(trainer.metrics_path))

    before = reader.read()
    trainer.trains(5, at=1000)
    trainer.trains(6, at=1003)

    assert before.step == 0
    assert reader.read().seconds_per_step == 3.0


def test_a_loss_that_is_no_number_is_unknown(trainer: Trainer) -> None:
    trainer.trains(3, at=0, train_loss=float("nan"), learning_rate=float("inf"))

    progress = trainer.reader().read()

    assert (progress.step, progress.loss, progress.learning_rate) == (3, None, None)


@pytest.mark.parametrize(
    "line",
    [
        pytest.param({"metrics": {"system/cpu_percent": 9}, "step": 9}, id="load only"),
        pytest.param({"metrics": {"train_loss": 1.0}, "step": "9"}, id="no step"),
        pytest.param({"metrics": [], "step": 9}, id="no metrics"),
    ],
)
def test_lines_that_hold_no_step_are_passed_over(trainer: Trainer, line: dict[str, object]) -> None:
    trainer.trains(1, at=0)
    _append(trainer.metrics_path, line | {"timestamp": "2026-01-01T00:00:09+00:00"})

    assert trainer.reader().read().step == 1


def test_times_may_be_missing_or_without_a_zone(trainer: Trainer) -> None:
    _append(trainer.events_path, {"key": "validation", "status": "running"})
    _append(trainer.events_path, {"key": "validation", "status": "running", "time": "noon"})
    metrics = {"train_loss": 1.0}
    _append(
        trainer.metrics_path, {"metrics": metrics, "step": 2, "timestamp": "2026-01-01T00:00:00"}
    )
    trainer.trains(3, at=1)

    progress = trainer.reader().read()

    assert (progress.step, progress.phase) == (3, Phase.TRAINING)


def test_a_half_written_line_waits_for_its_end(tmp_path: Path) -> None:
    path = tmp_path / "lines.jsonl"
    tail = JsonLinesTail(path)
    missing = tail.read_new()
    path.write_text('{"a": 1}\n{"a"')
    first = tail.read_new()
    with path.open("a") as file:
        file.write(': 2}\nnoise\n[3]\n{"a": 4}\n')

    assert missing == []
    assert first == [{"a": 1}]
    assert tail.read_new() == [{"a": 2}, {"a": 4}]
    assert tail.read_new() == []


def test_a_whole_file_is_read_at_once(tmp_path: Path) -> None:
    path = tmp_path / "lines.jsonl"

    assert JsonLinesTail(path).read_new() == []
    path.write_text('{"a": 1}\n')
    assert JsonLinesTail(path).read_new() == [{"a": 1}]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.4, "0s"),
        (59.4, "59s"),
        (59.6, "1m 00s"),
        (187, "3m 07s"),
        (3599.6, "1h 00m"),
        (7500, "2h 05m"),
        (360_000, "100h 00m"),
    ],
)
def test_durations_are_short(seconds: float, text: str) -> None:
    assert format_seconds(seconds) == text


def test_no_time_is_left_at_the_end() -> None:
    progress = TrainingProgress(total_steps=10, phase=Phase.SAVING, step=10, seconds_per_step=1.0)

    assert "left" not in describe(progress)
    assert "left" in describe(replace(progress, step=9))


def _append(path: Path, line: dict[str, object]) -> None:
    with path.open("a") as file:
        file.write(json.dumps(line) + "\n")
