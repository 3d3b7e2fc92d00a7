"""What two real steps took on this machine, kept for every later plan of the same settings."""

import hashlib
import json
import platform
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Literal

from pydantic import Field, JsonValue

from tuner_kit.catalog.gpus import find_gpu
from tuner_kit.config.load import ConfigFile
from tuner_kit.config.run_config import RunConfig
from tuner_kit.planning.estimate import Estimate, around
from tuner_kit.planning.memory import Phase, PhaseMemory, corrected, peak
from tuner_kit.preflight.accelerators import Accelerator
from tuner_kit.preflight.base_model import resolve_base_model
from tuner_kit.preflight.run_costs import RunCosts
from tuner_kit.process.environment import cache_dir
from tuner_kit.runs.records import Record, load_record

type MemoryKind = Literal["GPU memory", "RAM"]

_DECIDING_PACKAGES = ("torch", "simpletuner")
_RAM_BAR = (0.95, 1.1)
"""Main memory differs from run to run by what the system keeps of mapped files."""
_STEP_BAR = (0.9, 1.1)


class MeasuredPhase(Record):
    """What one phase took at most."""

    phase: Phase
    gpu_gib: float | None = Field(default=None, ge=0)
    """As nvidia-smi shows it, the CUDA context included; null without a GPU."""
    gpu_context_gib: float | None = Field(default=None, ge=0)
    """Of this, what is not torch's."""
    ram_gib: float = Field(ge=0)
    """Resident memory of the process."""
    seconds: float = Field(ge=0)
    """In the probe, which has few images and two steps."""


class RanOut(Record):
    """Where memory ran out."""

    phase: Phase | None
    """Null when that was before the first phase."""
    memory: MemoryKind


class ProbeRecord(Record):
    """What was measured with settings that one key names."""

    key: str
    """See `probe_key`."""
    measured_at: datetime
    versions: Mapping[str, str]
    """Of the packages that trained."""
    device: str
    """What trained."""
    device_memory_gib: float | None = Field(default=None, gt=0)
    """Of the GPU, as its driver reports it; null without one."""
    phases: tuple[MeasuredPhase, ...]
    """Those that were reached, in the order in which they began."""
    seconds_per_step: float | None = Field(default=None, gt=0)
    """Of the second step: the first one warms up."""
    startup_seconds: float | None = Field(default=None, ge=0)
    """From the start of the trainer's process until it loads the first model."""
    ran_out: RanOut | None = None
    """Null when memory was enough."""

    def is_whole(self, phase: Phase) -> bool:
        """Tell whether a phase was measured to its end."""
        reached = any(found.phase is phase for found in self.phases)
        return reached and (self.ran_out is None or self.ran_out.phase is not phase)


# ----------------------------------------------------------------------------- the key


def probe_key(file: ConfigFile, accelerators: Sequence[Accelerator]) -> str:
    """Name settings by everything that decides memory and time: 16 hex digits.

    Args:
        file: what is to be trained; its images and its length don't matter.
        accelerators: those of this machine.
    """
    text = json.dumps(_deciding_values(file, accelerators), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _deciding_values(file: ConfigFile, accelerators: Sequence[Accelerator]) -> dict[str, JsonValue]:
    config = file.config
    training = config.training
    return {
        "base": resolve_base_model(file),
        "model": config.model.model_dump(mode="json", exclude={"base"}),
        "adapter": _adapter_shape(config),
        "training": training.model_dump(
            mode="json",
            include={
                "method",
                "optimizer",
                "mixed_precision",
                "train_batch_size",
                "gradient_accumulation_steps",
                "gradient_checkpointing",
                "vae_batch_size",
            },
        ),
        "images": list[JsonValue](
            sorted({f"{each.resolution_px} {each.crop}" for each in config.datasets})
        ),
        "pictures": config.validation.resolution_px if config.validation.prompts else None,
        "num_gpus": config.hardware.num_gpus,
        # Tiling, offloading and much else that counts has no key of its own.
        "options": dict(config.simpletuner),
        "accelerators": [[each.name, each.driver] for each in accelerators],
        "processor": None if accelerators else platform.processor() or platform.machine(),
        "versions": dict(deciding_versions()),
    }


def _adapter_shape(config: RunConfig) -> JsonValue:
    if config.training.method == "lora":
        return config.lora.rank
    return config.lokr.model_dump(mode="json") if config.training.method == "lokr" else None


def deciding_versions() -> Mapping[str, str]:
    """Return the versions of the packages that decide memory and time."""
    return {name: _version_of(name) for name in _DECIDING_PACKAGES}


def _version_of(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "missing"


# ----------------------------------------------------------------------------- on disk


def probe_dir(key: str) -> Path:
    """Return the folder of one key's measurement; it need not exist."""
    return cache_dir() / "probes" / key


def record_path(key: str) -> Path:
    """Return the file that one key's measurement is kept in."""
    return probe_dir(key) / "record.json"


def read_probe(key: str) -> ProbeRecord | None:
    """Read what was measured; None where nothing was, or the file is damaged."""
    record = load_record(record_path(key), ProbeRecord)
    return record if record is not None and record.key == key else None


def find_probe(file: ConfigFile, accelerators: Sequence[Accelerator]) -> ProbeRecord | None:
    """Read what was measured with a tuner.yaml's settings on this machine, if anything was.

    None as well where the settings are planned for another GPU than the one of this machine.
    """
    named = file.config.hardware.gpu
    here = find_gpu(accelerators[0].name) if accelerators else None
    if named is not None and (here is None or find_gpu(named) != here):
        return None
    return read_probe(probe_key(file, accelerators))


# ----------------------------------------------------------------------------- the plan


def apply_probe(costs: RunCosts, record: ProbeRecord) -> RunCosts:
    """Put what was measured in the place of estimates, and mark it.

    Of the hours only the steps' part is replaced: the probe's few images, pictures and
    checkpoints are too small to say how long many of them take.

    Args:
        costs: what was estimated.
        record: measured with the same settings.
    """
    phases = apply_to_phases(costs.phases, record)
    step = costs.seconds_per_step
    hours = costs.hours
    if record.seconds_per_step is not None:
        measured = around(record.seconds_per_step, low=_STEP_BAR[0], high=_STEP_BAR[1])
        if hours is not None and step is not None:
            hours = _with_steps(hours, step, measured, costs.num_steps)
        step = measured
    return replace(
        costs,
        phases=phases,
        hours=hours,
        seconds_per_step=step,
        measured=_names_of_measured(phases, record),
    )


def apply_to_phases(phases: Sequence[PhaseMemory], record: ProbeRecord) -> tuple[PhaseMemory, ...]:
    """Put the measured memory of each phase in the place of its estimate."""
    whole = {found.phase: found for found in record.phases if record.is_whole(found.phase)}
    on_gpu = {name: found.gpu_gib for name, found in whole.items() if found.gpu_gib is not None}
    return tuple(
        _with_ram(found, whole[found.phase].ram_gib)
        if found.phase in whole
        else _with_floor(found, record)
        for found in corrected(phases, on_gpu)
    )


def _with_ram(found: PhaseMemory, ram_gib: float) -> PhaseMemory:
    return replace(found, ram=around(ram_gib, low=_RAM_BAR[0], high=_RAM_BAR[1]))


def _with_floor(found: PhaseMemory, record: ProbeRecord) -> PhaseMemory:
    """Raise the estimate of a phase that ran out of memory to what it had; more was needed."""
    ran_out = record.ran_out
    if ran_out is None or ran_out.phase is not found.phase:
        return found
    if ran_out.memory == "GPU memory":
        return replace(found, gpu=at_least(found.gpu, record.device_memory_gib or 0.0))
    held = max((each.ram_gib for each in record.phases if each.phase is found.phase), default=0.0)
    return replace(found, ram=at_least(found.ram, held))


def at_least(size: Estimate, floor: float) -> Estimate:
    """Raise an estimate's ends to a value that did not suffice."""
    return Estimate(max(size.low, floor), max(size.likely, floor), max(size.high, floor))


def _with_steps(hours: Estimate, planned: Estimate, measured: Estimate, num_steps: int) -> Estimate:
    """Replace the steps' part of a run's hours, at each end of the bar."""
    factor = num_steps / 3600
    # What is left without the steps is a bar of its own, and so in order.
    return Estimate(
        hours.low + (measured.low - planned.low) * factor,
        hours.likely + (measured.likely - planned.likely) * factor,
        hours.high + (measured.high - planned.high) * factor,
    )


def _names_of_measured(phases: Sequence[PhaseMemory], record: ProbeRecord) -> frozenset[str]:
    """Name the costs whose largest phase was measured."""
    names = set()
    by_phase = {found.phase: found for found in record.phases}
    largest_gpu = peak(phases).phase
    largest_ram = max(phases, key=lambda found: found.ram.high).phase
    if record.is_whole(largest_gpu) and by_phase[largest_gpu].gpu_gib is not None:
        names.add("GPU memory")
    if record.is_whole(largest_ram):
        names.add("RAM")
    if record.seconds_per_step is not None:
        names.add("time")
    return frozenset(names)
