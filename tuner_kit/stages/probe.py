"""probe: two real steps on this machine, and what each phase took, kept for every later plan."""

import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from tuner_kit.config.load import ConfigFile, load_config
from tuner_kit.errors import ERROR_OF_KIND, Problem, RunStateError, raise_for_errors
from tuner_kit.planning.estimate import Estimate
from tuner_kit.planning.memory import Phase, PhaseMemory
from tuner_kit.preflight.accelerators import Accelerator, find_accelerators
from tuner_kit.preflight.dataset_examination import ExaminedDataset
from tuner_kit.preflight.probe_record import (
    MeasuredPhase,
    MemoryKind,
    ProbeRecord,
    RanOut,
    deciding_versions,
    probe_dir,
    probe_key,
    record_path,
)
from tuner_kit.preflight.resource_rules import plan_costs
from tuner_kit.preflight.run_costs import RunCosts
from tuner_kit.preflight.run_rules import run_rules
from tuner_kit.preflight.target_gpu import describe_gpus
from tuner_kit.process.child import describe_exit
from tuner_kit.process.worker import OnEvent
from tuner_kit.runs.atomic import write_model_atomically
from tuner_kit.runs.disk_errors import explain_disk_errors
from tuner_kit.runs.layout import Run
from tuner_kit.runs.lock import hold_lock
from tuner_kit.simpletuner.diagnosis import NO_REASON, diagnose
from tuner_kit.simpletuner.job import TrainerJob
from tuner_kit.simpletuner.launch import TrainerExit, run_trainer
from tuner_kit.simpletuner.memory_file import (
    MEMORY_VARIABLE,
    PhasePeak,
    TrainerMemory,
    load_trainer_memory,
)
from tuner_kit.simpletuner.progress import TrainingProgress
from tuner_kit.stages.probe_inputs import NUM_STEPS, choose_images, shorten
from tuner_kit.stages.training_start import prepare_job

_KILLED = (-9, 137)
_MIB_PER_GIB = 1024
_MEASURED_ANYWAY = frozenset({"M05"})
"""Errors that are an estimate: whether memory suffices is what a probe finds out."""


@dataclass(frozen=True, slots=True)
class ProbeWatch:
    """Where a probe's progress goes; it is stopped by an interrupt, and leaves nothing then."""

    on_findings: Callable[[tuple[Problem, ...]], None]
    """Warnings and notices of the check, before anything heavy starts."""
    on_event: OnEvent
    """Reading images."""
    on_progress: Callable[[TrainingProgress], None]


@dataclass(frozen=True, slots=True)
class ProbeOutcome:
    """What was measured, and what had been planned."""

    record: ProbeRecord
    planned: tuple[PhaseMemory, ...]
    """Empty for a base model that was never counted."""
    planned_seconds_per_step: Estimate | None
    """None where nothing is known about what trains."""
    seconds: float
    """Wall time of the trainer."""
    record_path: Path
    """Where it is kept."""


@dataclass(frozen=True, slots=True)
class _NeverStopped:
    """A probe has nothing to save: it is interrupted instead of asked to stop."""

    count: int = 0


def probe(config_path: Path, watch: ProbeWatch) -> ProbeOutcome:
    """Measure what the settings of a tuner.yaml take; memory that runs out is a result, too.

    Args:
        config_path: the tuner.yaml.
        watch: receives progress.

    Raises:
        TunerError: the check found errors; another probe of these settings runs; the trainer
            failed for another reason than memory.
    """
    file = load_config(config_path)
    accelerators = find_accelerators()
    with run_rules(file, watch.on_event) as findings:
        raise_for_errors(each for each in findings.problems if each.id not in _MEASURED_ANYWAY)
        watch.on_findings(findings.problems)
        key = probe_key(file, accelerators)
        planned = plan_costs(file, findings.datasets, describe_gpus(accelerators).profile)
        with _throw_away_run(key) as run:
            job = _prepare(run, file, findings.datasets)
            ended = run_trainer(job, stop=_NeverStopped(), on_progress=watch.on_progress)
            record = _record(key, job, ended, accelerators)
            write_model_atomically(record_path(key), record)
    return _outcome(record, planned, ended)


def _outcome(record: ProbeRecord, planned: RunCosts | None, ended: TrainerExit) -> ProbeOutcome:
    return ProbeOutcome(
        record=record,
        planned=() if planned is None else planned.phases,
        planned_seconds_per_step=None if planned is None else planned.seconds_per_step,
        seconds=ended.seconds,
        record_path=record_path(record.key),
    )


@contextmanager
def _throw_away_run(key: str) -> Iterator[Run]:
    """Give a run that nobody else uses, and remove it with all that it holds."""
    run = Run(probe_dir(key) / "run")
    try:
        with _own_lock(run):
            _remove_content(run)  # of a probe that was killed
            try:
                yield run
            finally:
                shutil.rmtree(run.dir, ignore_errors=True)
    finally:
        with suppress(OSError):  # it stays with the record of an earlier probe
            probe_dir(key).rmdir()


@contextmanager
def _own_lock(run: Run) -> Iterator[None]:
    with ExitStack() as stack:
        try:
            stack.enter_context(hold_lock(run))
        except RunStateError as error:
            problem = Problem(
                id="R03",
                what="another process is measuring these settings",
                where=str(run.dir),
                fix="wait until it ends: `tuner-kit check` will use its result",
            )
            raise RunStateError(problem) from error
        yield


def _remove_content(run: Run) -> None:
    for path in run.dir.iterdir():
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        elif path != run.lock_path:
            path.unlink()


def _prepare(run: Run, file: ConfigFile, datasets: Sequence[ExaminedDataset]) -> TrainerJob:
    """Build the trainer's files, and let it write down what it takes."""
    images = choose_images(datasets, vae_batch_size=file.config.training.vae_batch_size)
    job = prepare_job(run, shorten(file, images.dataset_index), [images.dataset])
    memory_path = str(_memory_path(job))
    return replace(
        job, child=replace(job.child, env={**job.child.env, MEMORY_VARIABLE: memory_path})
    )


def _memory_path(job: TrainerJob) -> Path:
    return job.attempt.dir / "memory.json"


# --------------------------------------------------------------------- what was measured


def _record(
    key: str, job: TrainerJob, ended: TrainerExit, accelerators: Sequence[Accelerator]
) -> ProbeRecord:
    """Describe what was measured.

    Raises:
        TunerError: the trainer did not do its steps, and not for want of memory.
    """
    memory = load_trainer_memory(_memory_path(job))
    ran_out = _find_shortage(job, ended, memory)
    if ran_out is None:
        _verify_complete(key, job, ended, memory)
    phases = () if memory is None else tuple(_measured(*each) for each in memory.phases.items())
    steps = () if memory is None else memory.step_seconds
    return ProbeRecord(
        key=key,
        measured_at=datetime.now(UTC),
        versions=deciding_versions(),
        device=next((each.name for each in accelerators), "CPU"),
        device_memory_gib=_memory_of(accelerators),
        phases=phases if ran_out is None else _with_peak(phases, ran_out, ended),
        seconds_per_step=steps[-1] if len(steps) == NUM_STEPS else None,
        startup_seconds=None if memory is None else memory.startup_seconds,
        ran_out=ran_out,
    )


def _memory_of(accelerators: Sequence[Accelerator]) -> float | None:
    memory_mib = next((each.memory_mib for each in accelerators), None)
    return None if memory_mib is None else memory_mib / _MIB_PER_GIB


def _measured(phase: str, peak: PhasePeak) -> MeasuredPhase:
    return MeasuredPhase(
        phase=Phase(phase),
        gpu_gib=peak.gpu_gib,
        gpu_context_gib=peak.gpu_context_gib,
        ram_gib=peak.ram_gib,
        seconds=peak.seconds,
    )


def _find_shortage(
    job: TrainerJob, ended: TrainerExit, memory: TrainerMemory | None
) -> RanOut | None:
    """Say where memory ran out; None when it was enough, or something else went wrong."""
    running = None if memory is None else memory.running
    if ended.exit_code in _KILLED:
        return RanOut(phase=_phase(running), memory="RAM")
    if memory is not None and memory.out_of_memory_in is not None:
        # Also with exit code 0: the trainer goes on after a validation that failed.
        kind: MemoryKind = "RAM" if memory.device is None else "GPU memory"
        return RanOut(phase=_phase(memory.out_of_memory_in), memory=kind)
    if ended.exit_code != 0 and "out of memory" in diagnose(job.attempt.log_path).what:
        return RanOut(phase=_phase(running), memory="GPU memory")
    return None


def _phase(name: str | None) -> Phase | None:
    return None if name is None else Phase(name)


def _with_peak(
    phases: tuple[MeasuredPhase, ...], ran_out: RanOut, ended: TrainerExit
) -> tuple[MeasuredPhase, ...]:
    """Enter what a process held that the kernel killed: it could not write that down itself."""
    held_gib = ended.peak_memory_mib / _MIB_PER_GIB
    if ran_out.memory != "RAM" or ran_out.phase is None:
        return phases
    others = tuple(found for found in phases if found.phase is not ran_out.phase)
    return (*others, MeasuredPhase(phase=ran_out.phase, ram_gib=held_gib, seconds=0))


def _verify_complete(
    key: str, job: TrainerJob, ended: TrainerExit, memory: TrainerMemory | None
) -> None:
    """Make sure that both steps and the pictures were made; exit code 0 does not say so.

    Raises:
        TunerError: they were not; the trainer's log is kept.
    """
    num_steps = 0 if memory is None else len(memory.step_seconds)
    has_pictures = all(path.is_file() for path in job.expected_images)
    if ended.exit_code == 0 and num_steps == NUM_STEPS and has_pictures:
        return
    diagnosis = diagnose(job.attempt.log_path)
    log_path = probe_dir(key) / "trainer.log"
    with explain_disk_errors(log_path.parent):
        shutil.copyfile(job.attempt.log_path, log_path)
    shown = "".join(f"\n           {line}" for line in diagnosis.lines)
    reason = describe_exit(ended.exit_code) if diagnosis.what == NO_REASON else diagnosis.what
    problem = Problem(
        id=diagnosis.problem_id,
        what=f"the trainer did {num_steps} of {NUM_STEPS} steps to measure: {reason}",
        where=f"{log_path}{shown}",
        fix=diagnosis.fix,
    )
    raise ERROR_OF_KIND[problem.id[0]](problem)
