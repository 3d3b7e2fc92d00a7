"""Measures with a progress line, and prints what was planned beside what was measured."""

import argparse
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NoReturn

from tuner_kit.cli.console import print_json, print_note, print_problems, print_table
from tuner_kit.cli.progress import ProgressLine, format_seconds
from tuner_kit.cli.stop_requests import StopOnSignal
from tuner_kit.errors import ConfigError, ExitCode, Problem
from tuner_kit.planning.estimate import Estimate
from tuner_kit.planning.memory import Phase, PhaseMemory
from tuner_kit.preflight.probe_record import MeasuredPhase, ProbeRecord, RanOut
from tuner_kit.preflight.run_costs import format_gib
from tuner_kit.stages.probe import ProbeOutcome, ProbeWatch, probe

_MIB_PER_GIB = 1024
_OF_A_RUN = (".yaml", ".yml", "")
_UNKNOWN = "unknown"
_NOT_REACHED = "not reached"


def execute_probe(options: argparse.Namespace) -> int:
    """Measure, print the result, and fail when memory did not suffice."""
    if options.data is not None or options.config.suffix.lower() not in _OF_A_RUN:
        _refuse()
    outcome = probe_with_progress(options.config)
    if options.json:
        print_json(outcome.record.model_dump(mode="json"))
    else:
        print_probe(outcome)
    return ExitCode.OK if outcome.record.ran_out is None else ExitCode.MACHINE


def _refuse() -> NoReturn:
    raise ConfigError(
        Problem(
            id="C07",
            what="only the settings of a tuner.yaml can be measured",
            where="--probe",
            fix="tuner-kit check --probe tuner.yaml",
        )
    )


def probe_with_progress(config_path: Path) -> ProbeOutcome:
    """Measure two steps, and show how it goes; Ctrl-C ends it and leaves nothing."""
    # Without a training to save, its handler turns SIGTERM into an interrupt as well.
    with ProgressLine() as line, StopOnSignal():
        watch = ProbeWatch(
            on_findings=print_problems, on_event=line.on_event, on_progress=line.on_training
        )
        return probe(config_path, watch)


def print_probe(outcome: ProbeOutcome) -> None:
    """Print planned and measured values of each phase, and what follows."""
    record = outcome.record
    if any(found.gpu_gib is not None for found in record.phases):
        print_table(("GPU memory", "planned (low to high)", "measured"), tuple(_gpu_rows(outcome)))
    print_table(("RAM", "planned (low to high)", "measured"), tuple(_ram_rows(outcome)))
    print_table(("time", "planned (low to high)", "measured"), tuple(_time_rows(outcome)))
    print_note(_conclusion(outcome))


def _gpu_rows(outcome: ProbeOutcome) -> Iterator[tuple[str, str, str]]:
    for phase, planned, measured in _by_phase(outcome):
        size = None if measured is None else measured.gpu_gib
        shown = _shown(outcome.record, phase, size, "GPU memory")
        yield phase, _UNKNOWN if planned is None else format_gib(planned.gpu), shown


def _ram_rows(outcome: ProbeOutcome) -> Iterator[tuple[str, str, str]]:
    for phase, planned, measured in _by_phase(outcome):
        size = None if measured is None else measured.ram_gib
        shown = _shown(outcome.record, phase, size, "RAM")
        yield phase, _UNKNOWN if planned is None else format_gib(planned.ram), shown


def _by_phase(
    outcome: ProbeOutcome,
) -> Iterator[tuple[Phase, PhaseMemory | None, MeasuredPhase | None]]:
    planned: Mapping[Phase, PhaseMemory] = {found.phase: found for found in outcome.planned}
    measured = {found.phase: found for found in outcome.record.phases}
    for phase in Phase:
        if phase in planned or phase in measured:
            yield phase, planned.get(phase), measured.get(phase)


def _shown(record: ProbeRecord, phase: Phase, size: float | None, kind: str) -> str:
    text = _NOT_REACHED if size is None else format_size(size)
    if record.ran_out == RanOut(phase=phase, memory="RAM" if kind == "RAM" else "GPU memory"):
        return "ran out" if size is None else f"{text}, then ran out"
    return text


def _time_rows(outcome: ProbeOutcome) -> Iterator[tuple[str, str, str]]:
    record = outcome.record
    step, startup = record.seconds_per_step, record.startup_seconds
    yield (
        "one step",
        _format_step(outcome.planned_seconds_per_step),
        _NOT_REACHED if step is None else f"{step:.3g} s",
    )
    yield "start-up", "", _NOT_REACHED if startup is None else f"{startup:.0f} s"


def _format_step(planned: Estimate | None) -> str:
    if planned is None:
        return _UNKNOWN
    return f"{planned.likely:.3g} s ({planned.low:.3g} to {planned.high:.3g})"


def _conclusion(outcome: ProbeOutcome) -> str:
    record = outcome.record
    took = f"measured on {record.device} in {format_seconds(outcome.seconds)}"
    if record.ran_out is None:
        return f"{took}: `tuner-kit check` plans with it from now on"
    phase = record.ran_out.phase or "starting"
    return (
        f"{took}: {record.ran_out.memory} ran out while {_DOING[record.ran_out.phase]} ({phase}); "
        "use a smaller train_batch_size or resolution_px, set model.quantization, or let "
        "`tuner-kit init` choose settings for this machine"
    )


_DOING: Mapping[Phase | None, str] = {
    None: "the trainer was starting",
    Phase.CAPTIONS: "captions were encoded",
    Phase.IMAGES: "images were encoded",
    Phase.LOADING: "the base model was loaded",
    Phase.TRAINING: "a step was trained",
    Phase.VALIDATION: "a picture was drawn",
    Phase.SAVING: "a checkpoint was written",
}


def format_size(gib: float) -> str:
    """Write a size in GiB, or below one in MiB."""
    return f"{gib * _MIB_PER_GIB:.0f} MiB" if gib < 1 else f"{gib:.1f} GiB"
