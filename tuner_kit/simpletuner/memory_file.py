"""What the trainer wrote down about its memory and time, see `workers/trainer_memory.py`."""

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

MEMORY_VARIABLE = "TUNER_KIT_TRAINER_MEMORY"
"""Set for a trainer, to the absolute path of the file that it shall write."""


class _Values(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, defer_build=True)


class PhasePeak(_Values):
    """What one phase took."""

    seconds: float = Field(ge=0)
    ram_gib: float = Field(ge=0)
    """Resident memory of the process."""
    gpu_reserved_gib: float | None = None
    """By torch; null where no GPU was used."""
    gpu_allocated_gib: float | None = None
    """By torch's tensors, a part of the reserved."""
    gpu_context_gib: float | None = None
    """What the driver counts for the process beside torch's own."""

    @property
    def gpu_gib(self) -> float | None:
        """What nvidia-smi shows for the process; None where no GPU was used."""
        if self.gpu_reserved_gib is None:
            return None
        return self.gpu_reserved_gib + (self.gpu_context_gib or 0.0)


class TrainerMemory(_Values):
    """What a trainer's phases took, up to now or up to its end."""

    schema_version: Literal[1]
    device: str | None
    """Name of the GPU; null where none was used."""
    startup_seconds: float | None
    """From the start of the process to the first phase."""
    phases: Mapping[str, PhasePeak]
    """By the names that planning has for them."""
    step_seconds: tuple[float, ...]
    """Of each optimizer step, without validation and saving."""
    running: str | None
    """The phase in which it is, or in which it ended."""
    out_of_memory_in: str | None
    """The phase in which an error said so; null if there was none."""


def load_trainer_memory(path: Path) -> TrainerMemory | None:
    """Read the file; None where there is none, as when the trainer ended before its first phase."""
    try:
        return TrainerMemory.model_validate_json(path.read_bytes())
    except (OSError, ValidationError):
        return None
