"""Run directories and real child processes for the tests about runs."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import psutil

from tuner_kit.runs.atomic import write_model_atomically
from tuner_kit.runs.layout import Attempt, Run
from tuner_kit.runs.records import Outcome, OutcomeStatus, ProcessRecord, StageRecord, add_stage

MOMENT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def make_run(runs_dir: Path, name: str = "cats") -> Run:
    """Make a run that was only configured."""
    run = Run(runs_dir / name)
    run.dir.mkdir(parents=True)
    run.config_path.write_text("name: cats\n", encoding="utf-8")
    return run


def finish(run: Run) -> Run:
    """Give a run a finished training."""
    run.adapter_path.parent.mkdir(parents=True)
    run.adapter_path.write_bytes(b"adapter")
    add_stage(run, stage("train", "01"))
    return run


def stage(kind: str, label: str) -> StageRecord:
    """Build the record of a completed stage."""
    return StageRecord(
        stage=kind,
        label=label,
        started_at=MOMENT,
        finished_at=MOMENT,
        outputs=(),
        inputs_hash="0",
    )


def add_attempt(run: Run, *, ended: OutcomeStatus | None = None) -> Attempt:
    """Add an attempt at training, with its end if it has one."""
    attempt = run.next_attempt()
    attempt.dir.mkdir(parents=True)
    if ended is not None:
        outcome = Outcome(ended_at=MOMENT, exit_code=0, status=ended, last_step=None)
        write_model_atomically(attempt.outcome_path, outcome)
    return attempt


def record_process(attempt: Attempt, pid: int, *, later_s: float = 0.0) -> ProcessRecord:
    """Write down a living process as the attempt's trainer."""
    record = ProcessRecord(
        pid=pid,
        process_started_at=psutil.Process(pid).create_time() + later_s,
        started_at=MOMENT,
    )
    write_model_atomically(attempt.process_path, record)
    return record


@contextmanager
def sleeping_child() -> Iterator[subprocess.Popen[bytes]]:
    """Run a real process that does nothing; it is ended at the end."""
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    try:
        yield child
    finally:
        child.kill()
        child.wait()
