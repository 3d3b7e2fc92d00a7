"""train: SimpleTuner, watched from the first import to a verified adapter."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from tuner_kit.config.load import load_config
from tuner_kit.errors import Problem, raise_for_errors
from tuner_kit.preflight.run_rules import run_rules
from tuner_kit.process.messages import AdapterSummary
from tuner_kit.process.worker import OnEvent
from tuner_kit.runs.layout import Run
from tuner_kit.runs.lock import hold_lock
from tuner_kit.simpletuner.checkpoints import newest_whole_step
from tuner_kit.simpletuner.launch import StopRequests, recall_exit, run_trainer
from tuner_kit.simpletuner.progress import TrainingProgress
from tuner_kit.stages.training_end import finish_adapter, record_finished, record_outcome
from tuner_kit.stages.training_start import is_trained, make_way, prepare_job


@dataclass(frozen=True, slots=True)
class TrainingWatch:
    """Where a training's progress goes, and where requests to stop come from."""

    stop: StopRequests
    on_findings: Callable[[tuple[Problem, ...]], None]
    """Warnings and notices of the check, before anything heavy starts."""
    on_event: OnEvent
    """Work of our own: reading images before training, finishing the adapter after it."""
    on_progress: Callable[[TrainingProgress], None]


@dataclass(frozen=True, slots=True)
class TrainOutcome:
    """How a training ended."""

    run: Run
    adapter: AdapterSummary | None
    """Null when it was stopped on request: the run can be continued."""
    last_step: int
    total_steps: int
    seconds: float
    """Wall time of the trainer in this attempt."""
    resumed_from: int
    """Step of the checkpoint that it continued from; 0 for a fresh start."""
    saved_step: int
    """Step of the newest checkpoint that it can be continued from."""


def train(
    config_path: Path, watch: TrainingWatch, *, force: bool = False, repairs: bool = False
) -> TrainOutcome:
    """Train what a tuner.yaml asks for, or continue where an earlier attempt stopped.

    Args:
        config_path: the tuner.yaml.
        watch: receives progress; asked for requests to stop.
        force: remove an earlier run of this name first.
        repairs: leave out or mend what is damaged, as `repair: true` of a dataset does.

    Raises:
        TunerError: the check found errors; the run is finished or busy; the trainer
            failed; or what it left is not a trained adapter.
    """
    started_at = datetime.now(UTC)
    file = load_config(config_path)
    run = Run(file.resolve(file.config.paths.runs_dir) / file.config.name)
    with run_rules(file, watch.on_event, continues=not force, repairs=repairs) as findings:
        raise_for_errors(findings.problems)
        watch.on_findings(findings.problems)
        with hold_lock(run):
            make_way(run, file, force=force)
            job = prepare_job(run, file, findings.datasets)
        resumed_from = newest_whole_step(run.checkpoints_dir)
        if is_trained(job):  # only what comes after training was missing
            ended = recall_exit(job)
        else:
            ended = run_trainer(job, stop=watch.stop, on_progress=watch.on_progress)
        adapter = None
        if ended.was_stopped:
            record_outcome(job, ended, "interrupted", "stopped on request")
        else:
            adapter = finish_adapter(job, ended, file.config, watch.on_event)
            record_finished(job, ended, adapter, started_at=started_at)
    return TrainOutcome(
        run=run,
        adapter=adapter,
        last_step=ended.progress.step,
        total_steps=job.total_steps,
        seconds=ended.seconds,
        resumed_from=resumed_from,
        saved_step=newest_whole_step(run.checkpoints_dir),
    )
