"""A run's state, derived from what is on disk and alive, never from a stored flag."""

from enum import StrEnum

import psutil

from tuner_kit.runs.layout import Attempt, Run
from tuner_kit.runs.records import ProcessRecord, load_manifest, load_outcome, load_record


class RunStatus(StrEnum):
    """Where a run stands."""

    NEW = "new"
    RUNNING = "running"
    INTERRUPTED = "interrupted"
    FAILED = "failed"
    CRASHED = "crashed"
    FINISHED = "finished"


_CLOCK_TOLERANCE_S = 2.0
"""The kernel's start time of a process is rounded differently on each system."""


def is_alive(process: ProcessRecord) -> bool:
    """Whether this very process runs: same pid and same start time."""
    try:
        actual = psutil.Process(process.pid)
        if actual.status() == psutil.STATUS_ZOMBIE:
            return False
        return abs(actual.create_time() - process.process_started_at) < _CLOCK_TOLERANCE_S
    except psutil.Error:
        return False


def is_training(attempt: Attempt) -> bool:
    """Whether the trainer of this attempt is alive."""
    process = load_record(attempt.process_path, ProcessRecord)
    return process is not None and is_alive(process)


def derive_status(run: Run) -> RunStatus:
    """Say where a run stands, from its manifest, its last attempt and the process table."""
    attempts = run.attempts()
    if attempts and is_training(attempts[-1]):
        return RunStatus.RUNNING
    if load_manifest(run).last("train") is not None:
        return RunStatus.FINISHED
    if not attempts:
        return RunStatus.NEW
    outcome = load_outcome(attempts[-1])
    if outcome is None:
        return RunStatus.CRASHED
    return RunStatus.INTERRUPTED if outcome.status == "interrupted" else RunStatus.FAILED
