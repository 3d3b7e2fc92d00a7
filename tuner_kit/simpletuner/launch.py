"""Starts the trainer, watches it, and stops it with a checkpoint when asked."""

import contextlib
import json
import shlex
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

import psutil
from pydantic import JsonValue

from tuner_kit.process.child import end_child, peak_memory_mib, start_child
from tuner_kit.process.environment import without_secrets
from tuner_kit.runs.atomic import write_model_atomically, write_text_atomically
from tuner_kit.runs.disk_errors import explain_disk_errors
from tuner_kit.runs.records import ProcessRecord
from tuner_kit.simpletuner.checkpoints import newest_whole_step
from tuner_kit.simpletuner.job import TrainerJob
from tuner_kit.simpletuner.json_lines import size_of
from tuner_kit.simpletuner.progress import ProgressReader, TrainingProgress

_LOOK_EVERY_S = 0.2
_HEARTBEAT_EVERY_S = 5.0
_SETTING_PREFIXES = (
    *("ACCELERATE_", "CONFIG_", "HF_HUB_", "PYTHONSAFEPATH", "SIMPLETUNER_", "TUNER_KIT_"),
)
"""Variables that decide what the trainer does; the rest is the person's own environment."""
_STOP_NOW = 2
"""Requests after which the trainer is ended without waiting for a checkpoint."""


class StopRequests(Protocol):
    """How often the person asked to stop: once saves first, twice ends at once."""

    @property
    def count(self) -> int:
        """Number of requests so far."""


@dataclass(frozen=True, slots=True)
class TrainerExit:
    """How the trainer's process ended."""

    exit_code: int
    progress: TrainingProgress
    was_stopped: bool
    """It ended because we asked it to."""
    seconds: float
    peak_memory_mib: int
    """The most main memory that it held; GPU memory is not in it."""


def write_job(job: TrainerJob, versions: Mapping[str, str]) -> None:
    """Write everything that the launch is made of into the attempt's folder."""
    attempt = job.attempt
    _write_json(attempt.config_path, dict(job.files.config))
    _write_json(attempt.backend_path, [dict(entry) for entry in job.files.backend])
    _write_json(attempt.prompts_path, dict(job.files.prompts))
    if job.files.lycoris is not None:
        _write_json(attempt.lycoris_path, dict(job.files.lycoris))
    _write_json(attempt.signal_path, {})
    _write_json(attempt.environment_path, dict(_recordable_environment(job)))
    _write_json(attempt.versions_path, dict(versions))
    command = f"cd {shlex.quote(str(attempt.dir))} && {_repeat_command(job)}\n"
    write_text_atomically(attempt.command_path, command)


def _recordable_environment(job: TrainerJob) -> dict[str, str]:
    """Write the home folder as `~`: a run may be given to others."""
    home = job.child.env.get("HOME", "").rstrip("/")
    return {
        name: "~" if value == home else value.replace(f"{home}/", "~/" if home else "/")
        for name, value in without_secrets(job.child.env).items()
    }


def _repeat_command(job: TrainerJob) -> str:
    given = [
        f"{name}={shlex.quote(value)}"
        for name, value in without_secrets(job.child.env).items()
        if name.startswith(_SETTING_PREFIXES)
    ]
    return " ".join([*given, shlex.join(job.child.argv)])


def run_trainer(
    job: TrainerJob, *, stop: StopRequests, on_progress: Callable[[TrainingProgress], None]
) -> TrainerExit:
    """Run the trainer until it ends, or until it has saved after a request to stop."""
    started = time.monotonic()
    # A resumed training appends to the metrics of the one before it.
    reader = ProgressReader(
        job.run.metrics_path,
        job.attempt.events_path,
        total_steps=job.total_steps,
        skip_bytes=size_of(job.run.metrics_path),
    )

    def look() -> TrainingProgress:
        progress = reader.read()
        on_progress(progress)
        return progress

    look()  # from here on, a request to stop is one to the training
    with explain_disk_errors(job.attempt.dir):
        log = job.attempt.log_path.open("wb")
    with log:
        child = start_child(job.child, stdout=log, stderr=subprocess.STDOUT)
        try:
            _record_process(job, child.pid)
            was_stopped = _watch(child, job, stop, look)
        finally:
            exit_code = end_child(child)
    seconds = time.monotonic() - started
    return TrainerExit(exit_code, look(), was_stopped, seconds, peak_memory_mib())


def recall_exit(job: TrainerJob) -> TrainerExit:
    """Describe a training that an earlier attempt finished."""
    reader = ProgressReader(
        job.run.metrics_path, job.attempt.events_path, total_steps=job.total_steps
    )
    return TrainerExit(0, reader.read(), was_stopped=False, seconds=0.0, peak_memory_mib=0)


def _record_process(job: TrainerJob, pid: int) -> None:
    try:
        created = psutil.Process(pid).create_time()
    except psutil.NoSuchProcess:  # it ended before we looked
        return
    record = ProcessRecord(pid=pid, process_started_at=created, started_at=datetime.now(UTC))
    write_model_atomically(job.attempt.process_path, record)


def _watch(
    child: subprocess.Popen[bytes],
    job: TrainerJob,
    stop: StopRequests,
    look: Callable[[], TrainingProgress],
) -> bool:
    """Look at the trainer until it ends by itself (False) or may be ended (True)."""
    saving = _SaveThenStop(job)
    next_heartbeat = 0.0
    while not _has_ended(child):
        step = look().step
        if stop.count and saving.may_end(step, num_requests=stop.count):
            return True
        if time.monotonic() >= next_heartbeat:
            with contextlib.suppress(OSError):  # a full disk is the trainer's to survive
                job.attempt.heartbeat_path.touch()
            next_heartbeat = time.monotonic() + _HEARTBEAT_EVERY_S
    return False


def _has_ended(child: subprocess.Popen[bytes]) -> bool:
    try:
        child.wait(_LOOK_EVERY_S)
    except subprocess.TimeoutExpired:
        return False
    return True


class _SaveThenStop:
    """Asks for a checkpoint and says when it is safely on disk.

    SimpleTuner's own answer to Ctrl-C is exit code 0 with nothing saved. But it looks at
    SIMPLETUNER_ACCELERATE_SIGNAL_FILE after each step and saves when a counter has grown.
    """

    def __init__(self, job: TrainerJob) -> None:
        self._job = job
        self._wanted_step: int | None = None

    def may_end(self, step: int, *, num_requests: int) -> bool:
        """Whether the trainer may be ended at this step, after this many requests."""
        if num_requests >= _STOP_NOW or step == 0:  # before the first step nothing is lost
            return True
        if self._wanted_step is None:
            self._wanted_step = step
            _write_json(self._job.attempt.signal_path, {"manual_checkpoint": 1})
        return newest_whole_step(self._job.run.checkpoints_dir) >= self._wanted_step


def _write_json(path: Path, value: JsonValue) -> None:
    write_text_atomically(path, json.dumps(value, indent=2, ensure_ascii=False) + "\n")
