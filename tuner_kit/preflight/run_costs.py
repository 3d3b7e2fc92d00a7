"""What a run takes: GPU memory, RAM, disk and time, each with its error bar, in words."""

from dataclasses import dataclass

from pydantic import JsonValue

from tuner_kit.catalog.gpus import GpuProfile
from tuner_kit.planning.disk import estimate_disk
from tuner_kit.planning.duration import Workload, estimate_hours, seconds_per_step
from tuner_kit.planning.estimate import Estimate, total
from tuner_kit.planning.memory import PhaseMemory, estimate_memory, peak
from tuner_kit.planning.shape import TrainingShape

_MINUTES_PER_HOUR = 60
_MOST_MINUTES = 100
_MIB_PER_GIB = 1024
_ROUND_FROM = 10


@dataclass(frozen=True, slots=True)
class RunCosts:
    """What a run takes; estimates, unless it was probed."""

    phases: tuple[PhaseMemory, ...]
    disk_gib: Estimate
    hours: Estimate | None
    """None where nothing is known about what trains."""
    seconds_per_step: Estimate | None
    num_steps: int = 0
    """Optimizer steps that the hours are for."""
    measured: frozenset[str] = frozenset()
    """Names, as in `in_words`, of what a probe measured on this machine."""

    @property
    def gpu_gib(self) -> Estimate:
        """The largest need of any phase."""
        return peak(self.phases).gpu

    @property
    def ram_gib(self) -> Estimate:
        """The largest need of any phase."""
        return max((phase.ram for phase in self.phases), key=lambda ram: ram.high)

    def in_words(self) -> tuple[tuple[str, str], ...]:
        """Give name and text of each cost; a GPU is left out where there is none."""
        found = [("RAM", format_gib(self.ram_gib)), ("disk", format_gib(self.disk_gib))]
        if self.hours is not None:
            largest = peak(self.phases)
            found.insert(0, ("GPU memory", f"{format_gib(largest.gpu)}, {largest.phase}"))
            found.append(("time", format_hours(self.hours)))
        return tuple(
            (name, f"{text}, measured" if name in self.measured else text) for name, text in found
        )

    def as_json(self) -> dict[str, JsonValue]:
        """Give every number with its bar; what isn't known is null."""
        return {
            "phases": [
                {
                    "phase": str(phase.phase),
                    "gpu_gib": None if self.hours is None else _bar(phase.gpu),
                    "gpu_parts_gib": None
                    if self.hours is None
                    else {name: _bar(size) for name, size in phase.parts.items()},
                    "ram_gib": _bar(phase.ram),
                }
                for phase in self.phases
            ],
            "disk_gib": _bar(self.disk_gib),
            "hours": None if self.hours is None else _bar(self.hours),
            "seconds_per_step": None
            if self.seconds_per_step is None
            else _bar(self.seconds_per_step),
        }


def _bar(value: Estimate) -> dict[str, JsonValue]:
    return {"low": value.low, "likely": value.likely, "high": value.high}


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFiles:
    """What a run leaves on the disk, besides what its settings decide."""

    latent_cache_bytes: int
    text_cache_bytes: int
    checkpoints_total_limit: int
    downloads: bool
    """Whether the base model is not on this machine yet."""


def estimate_costs(
    shape: TrainingShape, work: Workload, gpu: GpuProfile | None, files: RunFiles
) -> RunCosts:
    """Estimate a run.

    Args:
        shape: the training.
        work: its length.
        gpu: what trains; None for a CPU, whose time is not estimated.
        files: what it leaves.

    Raises:
        ValueError: the model was never counted.
    """
    disk = estimate_disk(
        shape,
        work,
        latent_cache_bytes=files.latent_cache_bytes,
        text_cache_bytes=files.text_cache_bytes,
        checkpoints_total_limit=files.checkpoints_total_limit,
    )
    kinds = (name for name in disk if files.downloads or name != "weights")
    return RunCosts(
        phases=estimate_memory(shape),
        disk_gib=total(disk[name] for name in kinds),
        hours=None if gpu is None else estimate_hours(shape, gpu, work),
        seconds_per_step=None if gpu is None else seconds_per_step(shape, gpu),
        num_steps=work.num_steps,
    )


def format_gib(size: Estimate) -> str:
    """Write a size: `11 GiB (9.5 to 12)`, or `300 MiB (250 to 380)`."""
    if size.high < 1:
        low, likely, high = (each * _MIB_PER_GIB for each in (size.low, size.likely, size.high))
        return f"{likely:.0f} MiB ({low:.0f} to {high:.0f})"
    return f"{_short(size.likely)} GiB ({_short(size.low)} to {_short(size.high)})"


def format_hours(time: Estimate) -> str:
    """Write a time: `about 40 min (25 to 80)`, or `about 3.5 h (2 to 7)`."""
    if time.likely * _MINUTES_PER_HOUR < _MOST_MINUTES:
        low, likely, high = (
            max(1, round(each * _MINUTES_PER_HOUR)) for each in (time.low, time.likely, time.high)
        )
        return f"about {likely} min ({low} to {high})"
    return f"about {_short(time.likely)} h ({_short(time.low)} to {_short(time.high)})"


def _short(value: float) -> str:
    return f"{value:.0f}" if value >= _ROUND_FROM else f"{value:.1f}"
