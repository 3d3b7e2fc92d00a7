"""What happens after the trainer ended: why, what it left, and the record of it.

Exit code 0 is not success: SimpleTuner also returns it when it was interrupted and when
validation failed. Success is an adapter that was verified and pictures that are there.
"""

from datetime import UTC, datetime

from tuner_kit.config.run_config import RunConfig
from tuner_kit.errors import ERROR_OF_KIND, Problem, TrainerError, TunerError, WorkerError
from tuner_kit.preflight.accelerators import find_accelerators
from tuner_kit.process.child import describe_exit
from tuner_kit.process.messages import AdapterSummary, Event
from tuner_kit.process.worker import OnEvent, run_worker
from tuner_kit.runs.atomic import write_model_atomically
from tuner_kit.runs.disk_errors import explain_disk_errors
from tuner_kit.runs.records import Outcome, OutcomeStatus
from tuner_kit.simpletuner.diagnosis import NO_REASON, diagnose
from tuner_kit.simpletuner.job import TrainerJob
from tuner_kit.simpletuner.launch import TrainerExit
from tuner_kit.stages.finish_requests import build_finishing
from tuner_kit.stages.recording import StageResult, hash_files, record_stage

_KILLED = (-9, 137)


def finish_adapter(
    job: TrainerJob, ended: TrainerExit, config: RunConfig, on_event: OnEvent
) -> AdapterSummary:
    """Verify what the trainer left and write the run's result: an adapter, or a whole model.

    Raises:
        TrainerError: it stopped with an error (T01, T02), left no sound adapter (T03),
            or did not render the validation pictures (T04).
        AccessError: it may not read the base model (A01).
    """
    on_event(Event(phase="looking at what the trainer left"))
    try:
        _verify_ended_well(job, ended)
        adapter = _run_finishing(job, config, on_event)
        _verify_images(job)
    except TunerError as error:
        record_outcome(job, ended, "failed", error.problems[0].what)
        raise
    except KeyboardInterrupt:
        record_outcome(job, ended, "interrupted", "stopped while the adapter was verified")
        raise
    return adapter


def record_finished(
    job: TrainerJob, ended: TrainerExit, adapter: AdapterSummary, *, started_at: datetime
) -> None:
    """Enter the finished training into the run's records."""
    record_outcome(job, ended, "finished", None)
    result = StageResult(
        stage="train",
        label=job.attempt.dir.name,
        outputs=(job.run.find_result() or job.run.adapter_path,),
        inputs_hash=hash_files([job.attempt.config_path, job.attempt.backend_path]),
        summary={
            "steps": job.total_steps,
            "loss": ended.progress.loss,
            "seconds": round(ended.seconds, 1),
            "device": next((gpu.name for gpu in find_accelerators()), "cpu"),
            "adapter": adapter.model_dump(mode="json"),
        },
    )
    record_stage(job.run, result, started_at=started_at)


def record_outcome(
    job: TrainerJob, ended: TrainerExit, status: OutcomeStatus, reason: str | None
) -> None:
    """Write down how the attempt ended."""
    outcome = Outcome(
        ended_at=datetime.now(UTC),
        exit_code=ended.exit_code,
        status=status,
        last_step=ended.progress.step or None,
        reason=reason,
    )
    write_model_atomically(job.attempt.outcome_path, outcome)


def _verify_ended_well(job: TrainerJob, ended: TrainerExit) -> None:
    if ended.exit_code == 0:
        return
    diagnosis = diagnose(job.attempt.log_path)
    is_killed = ended.exit_code in _KILLED
    shown = "".join(f"\n           {line}" for line in diagnosis.lines)
    is_mute = ended.exit_code < 0 and diagnosis.what == NO_REASON
    what = describe_exit(ended.exit_code) if is_killed or is_mute else diagnosis.what
    problem = Problem(
        id="T02" if is_killed else diagnosis.problem_id,
        what=f"the trainer stopped at step {ended.progress.step} of {job.total_steps}: {what}",
        where=f"{job.attempt.log_path}{shown}",
        fix="use less memory (smaller batch or resolution), then run the same command again"
        if is_killed
        else diagnosis.fix,
        see=f"the command to repeat it alone: {job.attempt.command_path} "
        f"(it held up to {ended.peak_memory_mib} MiB of main memory)",
    )
    raise ERROR_OF_KIND[problem.id[0]](problem)


def _run_finishing(job: TrainerJob, config: RunConfig, on_event: OnEvent) -> AdapterSummary:
    if not job.trained_path.is_file():
        missing = "a model" if config.training.method == "full" else "an adapter"
        raise TrainerError(_no_weights(job, f"the trainer ended without writing {missing}"))
    finishing = build_finishing(job, config)
    workdir = job.run.logs_dir / finishing.worker
    with explain_disk_errors(job.run.dir):
        job.run.adapter_path.parent.mkdir(parents=True, exist_ok=True)
    try:
        return run_worker(finishing.worker, finishing.request, AdapterSummary, workdir, on_event)
    except WorkerError as error:
        found = error.problems[0]
        if found.id != "W02":
            raise
        fix = f"{found.fix}; --force starts from step 0"
        raise TrainerError(
            Problem(id="T03", what=found.what, where=found.where, fix=fix)
        ) from error


def _verify_images(job: TrainerJob) -> None:
    missing = [path for path in job.expected_images if not path.is_file()]
    if missing:
        problem = Problem(
            id="T04",
            what=f"{len(missing)} of {len(job.expected_images)} pictures of the last validation "
            f"are missing: {missing[0].name}",
            where=str(job.attempt.log_path),
            fix="read the log around `validation`; what was trained is sound and is at "
            f"{job.run.find_result()}",
        )
        raise TrainerError(problem)


def _no_weights(job: TrainerJob, what: str) -> Problem:
    return Problem(
        id="T03",
        what=what,
        where=str(job.attempt.log_path),
        fix="run the same command again: it continues from the last checkpoint",
    )
