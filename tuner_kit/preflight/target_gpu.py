"""The GPU that a run is planned for: the one that is named, or the one of this machine."""

from collections.abc import Sequence
from dataclasses import dataclass

from tuner_kit.catalog.gpus import GpuProfile, find_gpu
from tuner_kit.preflight.accelerators import Accelerator

_MIB_PER_GIB = 1024


@dataclass(frozen=True, slots=True)
class LocalGpus:
    """The GPUs of this machine, as far as they train together."""

    profile: GpuProfile | None = None
    """None where there is none whose memory is known."""
    count: int = 0
    """Of the first one's kind."""


def describe_gpus(accelerators: Sequence[Accelerator]) -> LocalGpus:
    """Count the GPUs of the first one's kind; one without memory of its own is not planned for."""
    if not accelerators or accelerators[0].memory_mib is None:
        return LocalGpus()
    first = accelerators[0]
    count = sum(each.name == first.name for each in accelerators)
    return LocalGpus(_profile(first, accelerators[0].memory_mib / _MIB_PER_GIB), count)


def _profile(card: Accelerator, memory_gib: float) -> GpuProfile:
    """Take what is known about a GPU by its name, but what its driver reports as it says."""
    known = find_gpu(card.name)
    listed = known.compute_capability if known else None
    return GpuProfile(
        name=card.name,
        memory_gib=memory_gib,
        compute_capability=card.compute_capability or listed,
        bf16_tflops=known.bf16_tflops if known else None,
        bandwidth_gb_s=known.bandwidth_gb_s if known else None,
    )
