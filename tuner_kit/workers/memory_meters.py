"""Meters of this process: RAM, and GPU memory as torch and the driver see it."""

import contextlib
import shutil
import subprocess
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass

import psutil

_EVERY_S = 0.05
_TIMEOUT_S = 10.0
_MIB = 2**20


@dataclass(frozen=True, slots=True)
class GpuPeak:
    """The most memory that a phase held on one GPU, in bytes."""

    reserved: int
    """By torch, cached blocks included; 0 where torch has not touched a GPU."""
    allocated: int
    """By torch's tensors."""
    context: int
    """Beside torch's own: what the driver counts for this process, kernels and libraries."""

    @property
    def total(self) -> int:
        """What nvidia-smi shows for the process."""
        return self.reserved + self.context


NO_GPU = GpuPeak(0, 0, 0)


class RamSampler:
    """Looks at this process's resident memory every 50 ms, in a thread of its own."""

    def __init__(self) -> None:
        self._process = psutil.Process()
        self._lock = threading.Lock()
        self._peak = self._resident()
        threading.Thread(target=self._watch, name="ram-sampler", daemon=True).start()

    def take(self) -> int:
        """Return the peak in bytes since the last call, and start anew."""
        resident = self._resident()
        with self._lock:
            peak, self._peak = max(self._peak, resident), resident
        return peak

    def _resident(self) -> int:
        return int(self._process.memory_info().rss)

    def _watch(self) -> None:
        while True:
            resident = self._resident()
            with self._lock:
                self._peak = max(self._peak, resident)
            time.sleep(_EVERY_S)


class CudaMeter:
    """Peaks of GPU memory since `start`; nothing as long as torch has not touched a GPU."""

    def __init__(self) -> None:
        """Remember what other processes hold; must come before torch touches a GPU."""
        self._held_by_others = _used_bytes()

    def start(self) -> None:
        """Begin anew, with what is in use now.

        Blocks that torch keeps for later are given back first: they were needed by what ran
        before, and would pass for memory of what comes.
        """
        if not _is_on_gpu():
            return
        import torch

        with contextlib.suppress(RuntimeError):  # a GPU after an illegal access answers nothing
            torch.cuda.empty_cache()
            for device in range(torch.cuda.device_count()):
                torch.cuda.reset_peak_memory_stats(device)

    def read(self) -> GpuPeak:
        """Return the peaks of the GPU that holds most."""
        if not _is_on_gpu():
            return NO_GPU
        import torch

        try:
            peaks = [self._read(device) for device in range(torch.cuda.device_count())]
        except RuntimeError:  # as in `start`
            return NO_GPU
        return max(peaks, key=lambda peak: peak.total, default=NO_GPU)

    def wait(self) -> None:
        """Wait until the GPU has done what it was asked to do."""
        if _is_on_gpu():
            import torch

            torch.cuda.synchronize()

    def device_name(self) -> str | None:
        """Name the GPU; None without one."""
        if not _is_on_gpu():
            return None
        import torch

        return torch.cuda.get_device_name()

    def _read(self, device: int) -> GpuPeak:
        import torch

        reserved = torch.cuda.max_memory_reserved(device)
        if reserved == 0:  # to ask the driver about an unused GPU would load a context there
            return NO_GPU
        free, size = torch.cuda.mem_get_info(device)
        uuid = str(torch.cuda.get_device_properties(device).uuid)
        others = self._held_by_others.get(uuid.removeprefix("GPU-"), 0)
        context = size - free - torch.cuda.memory_reserved(device) - others
        return GpuPeak(reserved, torch.cuda.max_memory_allocated(device), max(0, context))


def _is_on_gpu() -> bool:
    import torch

    return bool(torch.cuda.is_initialized())  # type: ignore[no-untyped-call]  # torch's own


def _used_bytes() -> Mapping[str, int]:
    """Ask the driver what is used of each GPU, by its UUID; nothing where it can't be asked."""
    program = shutil.which("nvidia-smi")
    if program is None:
        return {}
    query = ("--query-gpu=uuid,memory.used", "--format=csv,noheader,nounits")
    try:
        answer = subprocess.run(
            [program, *query], capture_output=True, text=True, timeout=_TIMEOUT_S, check=True
        ).stdout
    except (OSError, subprocess.SubprocessError):
        return {}
    return parse_used(answer)


def parse_used(answer: str) -> Mapping[str, int]:
    """Read lines such as `GPU-3f..., 14`; a line that says otherwise is left out."""
    found = {}
    for line in answer.splitlines():
        uuid, _, used = line.partition(",")
        if used.strip().isdecimal():
            found[uuid.strip().removeprefix("GPU-")] = int(used) * _MIB
    return found


def process_started_at() -> float:
    """Return when this process was started, in seconds since the epoch."""
    return float(psutil.Process().create_time())
