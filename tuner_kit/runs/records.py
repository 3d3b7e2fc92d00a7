"""What a run remembers, as files with a schema version: manifest, process, outcome."""

from datetime import datetime
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError

from tuner_kit.errors import Problem, RunStateError
from tuner_kit.runs.atomic import write_model_atomically
from tuner_kit.runs.layout import Attempt, Run

type OutcomeStatus = Literal["finished", "interrupted", "failed"]


class Record(BaseModel):
    """Base of everything stored in a run; unknown keys of a newer version are kept out."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, defer_build=True)

    schema_version: Literal[1] = 1


class StageRecord(Record):
    """One completed stage."""

    stage: Literal["train", "generate", "evaluate", "report"]
    label: str
    """Which of several results of the stage; its folder's name."""
    started_at: datetime
    finished_at: datetime
    outputs: tuple[str, ...]
    """Paths relative to the run."""
    inputs_hash: str
    """Of what the stage was built on: a report older than its run has another hash."""
    summary: dict[str, JsonValue] = Field(default_factory=dict)
    """What `tuner-kit runs` and the report say about it."""


class Manifest(Record):
    """What is complete in a run. An entry here comes after the files it names."""

    stages: tuple[StageRecord, ...] = ()

    def last(self, stage: str) -> StageRecord | None:
        """Return the newest record of a stage, or None."""
        return next((entry for entry in reversed(self.stages) if entry.stage == stage), None)


class ProcessRecord(Record):
    """The trainer's process: a pid alone could be another process by now."""

    pid: int = Field(gt=0)
    process_started_at: float
    """Seconds since the epoch, as the kernel says."""
    started_at: datetime


class Outcome(Record):
    """How an attempt at training ended."""

    ended_at: datetime
    exit_code: int
    """As the shell counts: negative for a signal."""
    status: OutcomeStatus
    last_step: int | None
    reason: str | None = None


def load_manifest(run: Run) -> Manifest:
    """Read a run's manifest; a run without one has completed nothing.

    Raises:
        RunStateError: the file can't be read, is damaged, or of a newer version (R01).
    """
    try:
        return Manifest.model_validate_json(run.manifest_path.read_bytes())
    except FileNotFoundError:
        return Manifest()
    except OSError as error:
        raise RunStateError(_damaged(run, error.strerror or str(error))) from error
    except ValidationError as error:
        is_newer = any(detail["loc"] == ("schema_version",) for detail in error.errors())
        raise RunStateError(_newer(run) if is_newer else _damaged(run, "damaged")) from error


def _damaged(run: Run, reason: str) -> Problem:
    return Problem(
        id="R01",
        what=f"the manifest of run {run.name} can't be read: {reason}",
        where=str(run.manifest_path),
        fix="move the file away: the run's results stay, its stages can be repeated",
    )


def _newer(run: Run) -> Problem:
    return Problem(
        id="R01",
        what=f"run {run.name} was written by a newer tuner-kit",
        where=str(run.manifest_path),
        fix="use that version of tuner-kit for this run",
    )


def add_stage(run: Run, entry: StageRecord) -> None:
    """Record a completed stage; a stage of the same label takes the old one's place."""
    manifest = load_manifest(run)
    kept = [s for s in manifest.stages if (s.stage, s.label) != (entry.stage, entry.label)]
    write_model_atomically(run.manifest_path, Manifest(stages=(*kept, entry)))


def load_record[R: Record](path: Path, kind: type[R]) -> R | None:
    """Read a record, or None where it is missing or damaged."""
    try:
        return kind.model_validate_json(path.read_bytes())
    except (OSError, ValidationError):
        return None


def load_outcome(attempt: Attempt) -> Outcome | None:
    """Read how an attempt ended, or None while it runs (or if it vanished)."""
    return load_record(attempt.outcome_path, Outcome)
