"""GPUs by name and by memory size: facts of their data sheets, as plain data.

Throughput of tensor cores in bfloat16 with float32 accumulation, without sparsity. Sources: the
architecture whitepapers of Volta, Turing (float16; neither has bfloat16), Ampere GA100 and
GA102, Ada, Hopper and Blackwell, and the data sheets of A10, A40, L4, L40S and H200. Memory is
what nvidia-smi lists as total, in GiB; it is up to 7 % less than what is sold.
"""

import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class GpuProfile:
    """One GPU, or any GPU of a memory size."""

    name: str
    """`RTX 4090`, or `24 GB` for any GPU with as much."""
    memory_gib: float
    """As its driver reports it; sold sizes are nominal."""
    compute_capability: tuple[int, int] | None
    """NVIDIA's; None where unknown or of another maker."""
    bf16_tflops: float | None
    """Dense, with float32 accumulation; None where unknown."""
    bandwidth_gb_s: float | None
    """Memory bandwidth."""


def _gpu(
    name: str, memory_gib: float, capability: tuple[int, int], tflops: float, bandwidth: float
) -> GpuProfile:
    return GpuProfile(
        name=name,
        memory_gib=memory_gib,
        compute_capability=capability,
        bf16_tflops=tflops,
        bandwidth_gb_s=bandwidth,
    )


def _any(name: str, memory_gib: float) -> GpuProfile:
    return GpuProfile(
        name=name,
        memory_gib=memory_gib,
        compute_capability=None,
        bf16_tflops=None,
        bandwidth_gb_s=None,
    )


GPUS: tuple[GpuProfile, ...] = (
    _any("8 GB", 8.0),
    _gpu("RTX 3070", 8.0, (8, 6), 40.6, 448),
    _gpu("RTX 4060", 8.0, (8, 9), 30.0, 272),
    _any("12 GB", 11.9),
    _gpu("RTX 5070", 11.9, (12, 0), 61.7, 672),
    _gpu("RTX 3060", 12.0, (8, 6), 25.6, 360),
    _gpu("RTX 4070", 12.0, (8, 9), 58.3, 504),
    _any("16 GB", 15.0),
    _gpu("Tesla T4", 15.0, (7, 5), 65.0, 320),
    _gpu("RTX 5080", 15.9, (12, 0), 112.6, 960),
    _gpu("Tesla V100", 16.0, (7, 0), 125.0, 900),
    _gpu("RTX 4060 Ti 16 GB", 16.0, (8, 9), 44.1, 288),
    _gpu("RTX 4080", 16.0, (8, 9), 97.5, 717),
    _any("24 GB", 22.4),
    _gpu("A10", 22.5, (8, 6), 125.0, 600),
    _gpu("L4", 22.5, (8, 9), 121.0, 300),
    _gpu("RTX 3090", 24.0, (8, 6), 71.2, 936),
    _gpu("RTX 4090", 24.0, (8, 9), 165.2, 1008),
    _any("32 GB", 31.8),
    _gpu("RTX 5090", 31.8, (12, 0), 209.5, 1792),
    _gpu("A100 40 GB", 40.0, (8, 0), 312.0, 1555),
    _any("48 GB", 45.0),
    _gpu("A40", 45.0, (8, 6), 149.7, 696),
    _gpu("L40S", 45.0, (8, 9), 181.0, 864),
    _gpu("RTX A6000", 48.0, (8, 6), 154.8, 768),
    _any("80 GB", 79.6),
    _gpu("H100", 79.6, (9, 0), 989.0, 3350),
    _gpu("A100", 80.0, (8, 0), 312.0, 2039),
    _any("141 GB", 140.4),
    _gpu("H200", 140.4, (9, 0), 989.0, 4800),
)
"""In the order of their memory; a size has the least of the GPUs that are sold with it."""

_NO_PART_OF_A_NAME = re.compile(r"nvidia|geforce|tesla|[^a-z0-9]")
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*(?:gi?b)?", re.IGNORECASE)


def find_gpu(name: str) -> GpuProfile | None:
    """Find a GPU by its name, or by a size such as `24 GB`; None where it is unknown.

    Names are compared without the maker's name, spaces and case; what a driver adds behind
    (`A100-SXM4-80GB`, `H100 PCIe`) is ignored if nothing else fits.
    """
    wanted = _plain(name)
    exact = next((gpu for gpu in GPUS if _plain(gpu.name) == wanted), None)
    if exact is not None:
        return exact
    size = _SIZE.fullmatch(name.strip())
    if size is not None:
        return _any_of(float(size[1]))
    return _with_suffix(name)


def _plain(name: str) -> str:
    return _NO_PART_OF_A_NAME.sub("", name.lower())


def _any_of(size_gb: float) -> GpuProfile | None:
    # Other sizes than the listed ones lose what the least of the listed ones lose.
    least = next((gpu for gpu in GPUS if gpu.name == f"{size_gb:g} GB"), None)
    share = 0.93
    return least or (_any(f"{size_gb:g} GB", round(size_gb * share, 1)) if size_gb > 0 else None)


def _with_suffix(name: str) -> GpuProfile | None:
    """Find the longest known name that a driver's name begins with.

    `Ti`, `Super` and `Laptop` name other GPUs, which are slower or have another memory.
    """
    wanted = _plain(name)
    fitting = [
        gpu
        for gpu in GPUS
        if gpu.compute_capability is not None and wanted.startswith(_plain(gpu.name))
    ]
    longest = max(fitting, key=lambda gpu: len(gpu.name), default=None)
    if longest is None:
        return None
    rest = wanted.removeprefix(_plain(longest.name))
    is_same = re.fullmatch(r"(sxm\d*|pcie|nvl|hbm\d*e?|\d+gb|generation)*", rest)
    if longest.name == "A100" and "40gb" in rest:
        return next(gpu for gpu in GPUS if gpu.name == "A100 40 GB")
    return longest if is_same else None
