"""Which accelerators this machine has, found without importing torch."""

import platform
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass

_FIELDS = ("name", "memory.total", "driver_version", "compute_cap")
_NUM_NEEDED = 3
"""Drivers before 2021 don't know the last field, and answer nothing when they are asked for it."""
_TIMEOUT_S = 5.0


@dataclass(frozen=True, slots=True)
class Accelerator:
    """One GPU as its driver describes it."""

    name: str
    memory_mib: int | None
    """Null where memory is shared with the CPU."""
    driver: str
    compute_capability: tuple[int, int] | None = None
    """NVIDIA's, such as (8, 9); None where the driver is too old to say."""


def find_accelerators() -> tuple[Accelerator, ...]:
    """Return the NVIDIA GPUs, or Apple's; none is not an error."""
    if platform.system() == "Darwin" and platform.machine() == "arm64":
        return (Accelerator("Apple GPU (MPS)", None, platform.mac_ver()[0]),)
    program = shutil.which("nvidia-smi")
    if program is None:
        return ()
    answer = _ask(program, _FIELDS) or _ask(program, _FIELDS[:_NUM_NEEDED])
    lines = [tuple(part.strip() for part in line.split(",")) for line in answer.splitlines()]
    return tuple(_read(*line) for line in lines if _NUM_NEEDED <= len(line) <= len(_FIELDS))


def _ask(program: str, fields: Sequence[str]) -> str:
    query = (f"--query-gpu={','.join(fields)}", "--format=csv,noheader,nounits")
    try:
        return subprocess.run(
            [program, *query], capture_output=True, text=True, timeout=_TIMEOUT_S, check=True
        ).stdout
    except (OSError, subprocess.SubprocessError):
        return ""


def _read(name: str, memory: str, driver: str, capability: str = "") -> Accelerator:
    memory_mib = int(memory) if memory.isdecimal() else None
    return Accelerator(name, memory_mib, driver, _capability(capability))


def _capability(text: str) -> tuple[int, int] | None:
    major, _, minor = text.partition(".")
    return (int(major), int(minor)) if major.isdecimal() and minor.isdecimal() else None
