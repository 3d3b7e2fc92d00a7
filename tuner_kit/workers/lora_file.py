"""An adapter's safetensors file as plain numpy arrays, for float32, float16 and bfloat16.

numpy has no bfloat16, and importing torch for it would cost seconds; bfloat16 is the upper
half of a float32, so it is read and rounded here by its bits.
"""

import json
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError, deserialize, safe_open

from tuner_kit.workers.runtime import RepairableError

Float32Array = npt.NDArray[np.float32]

DTYPE_NAMES = {"F32": "float32", "F16": "float16", "BF16": "bfloat16"}


@dataclass(frozen=True, slots=True)
class Tensor:
    """One tensor of the file, widened to float32 without loss."""

    values: Float32Array
    dtype: str
    """As safetensors writes it: `F32`, `F16` or `BF16`."""


def load_tensors(path: Path) -> dict[str, Tensor]:
    """Read every tensor.

    Raises:
        RepairableError: no such file, cut short, or not numbers that a LoRA is made of.
    """
    try:
        # The stub of safetensors leaves deserialize without types.
        entries: list[tuple[str, dict[str, object]]] = deserialize(path.read_bytes())  # type: ignore[no-untyped-call]
    except FileNotFoundError as error:
        raise RepairableError(
            what=f"the trainer left no {path.name}",
            where=str(path),
            fix="look at the end of trainer.log, then run `tuner-kit train` again",
        ) from error
    except SafetensorError as error:
        raise RepairableError(
            what=f"{path.name} is damaged or cut short: {error}",
            where=f"{path} ({path.stat().st_size} bytes)",
            fix="free disk space if it is full, then resume the training",
        ) from error
    return {name: _widen(path, name, entry) for name, entry in entries}


def load_metadata(path: Path) -> dict[str, str]:
    """Read the header's texts of a file that `load_tensors` has read; most have few."""
    with safe_open(path, framework="numpy") as file:
        return dict(file.metadata() or {})


def _widen(path: Path, name: str, entry: Mapping[str, object]) -> Tensor:
    dtype, shape, data = entry["dtype"], entry["shape"], entry["data"]
    if not (isinstance(dtype, str) and isinstance(shape, list) and isinstance(data, bytearray)):
        raise TypeError(f"safetensors gave an unknown form of entry for {name}")
    if dtype not in DTYPE_NAMES:
        raise RepairableError(
            what=f"{name} is stored as {dtype}, which no LoRA is",
            where=str(path),
            fix='train with mixed_precision "no", "fp16" or "bf16"',
        )
    return Tensor(widen(data, dtype).reshape(shape), dtype)


def widen(data: bytes | bytearray, dtype: str) -> Float32Array:
    """Read stored numbers as float32 without loss; `dtype` is one of `DTYPE_NAMES`."""
    if dtype == "BF16":
        return (np.frombuffer(data, "<u2").astype(np.uint32) << 16).view(np.float32)
    return np.frombuffer(data, "<f4" if dtype == "F32" else "<f2").astype(np.float32)


def narrow(tensor: Tensor) -> bytes:
    """Store numbers as the tensor's own dtype does, rounded to the nearest."""
    values = np.ascontiguousarray(tensor.values, dtype="<f4")
    if tensor.dtype == "F32":
        return values.tobytes()
    if tensor.dtype == "F16":
        return values.astype("<f2").tobytes()
    bits = values.view(np.uint32)
    to_nearest_even = np.uint32(0x7FFF) + ((bits >> 16) & 1)
    return ((bits + to_nearest_even) >> 16).astype("<u2").tobytes()


def save_tensors(path: Path, tensors: Mapping[str, Tensor], *, metadata: Mapping[str, str]) -> None:
    """Write a safetensors file atomically; equal input gives equal bytes.

    safetensors' own writer shuffles the metadata from run to run, which would make the
    file's hash useless as the adapter's identity.
    """
    header: dict[str, object] = {"__metadata__": dict(sorted(metadata.items()))}
    chunks: list[bytes] = []
    offset = 0
    for name in sorted(tensors):
        chunk = narrow(tensors[name])
        header[name] = {
            "dtype": tensors[name].dtype,
            "shape": list(tensors[name].values.shape),
            "data_offsets": [offset, offset + len(chunk)],
        }
        chunks.append(chunk)
        offset += len(chunk)
    head = json.dumps(header, separators=(",", ":")).encode()
    head += b" " * (-len(head) % 8)
    partial_path = path.with_name(path.name + ".partial")
    partial_path.write_bytes(struct.pack("<Q", len(head)) + head + b"".join(chunks))
    partial_path.replace(path)
