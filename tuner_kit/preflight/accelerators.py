"""Which accelerators this machine has, found without importing torch."""

import platform
import shutil
import subprocess
from dataclasses import dataclass

_QUERY = ("--query-gpu=name,memory.total,driver_version", "--format=csv,noheader,nounits")
_TIMEOUT_S = 5.0
_NUM_FIELDS = 3


@dataclass(frozen=True, slots=True)
class Accelerator:
    """One GPU as its driver describes it."""

    name: str
    memory_mib: int | None
    """Null where memory is shared with the CPU."""
    driver: str


def find_accelerators() -> tuple[Accelerator, ...]:
    """Return the NVIDIA GPUs, or Apple's; none is not an error."""
    if platform.system() == "Darwin" and platform.machine() == "arm64":
        return (Accelerator("Apple GPU (MPS)", None, platform.mac_ver()[0]),)
    program = shutil.which("nvidia-smi")
    if program is None:
        return ()
    try:
        answer = subprocess.run(
            [program, *_QUERY], capture_output=True, text=True, timeout=_TIMEOUT_S, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return ()
    lines = (tuple(part.strip() for part in line.split(",")) for line in answer.stdout.splitlines())
    return tuple(
        Accelerator(name, int(memory) if memory.isdecimal() else None, driver)
        for name, memory, driver in (line for line in lines if len(line) == _NUM_FIELDS)
    )
