"""The tensors of large safetensors files, read one at a time.

A denoiser has up to 16 GB; comparing two of them needs a tensor of each in memory, not more.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from math import prod
from pathlib import Path

from tuner_kit.workers.lora_file import DTYPE_NAMES, Tensor, widen
from tuner_kit.workers.runtime import RepairableError

_LENGTH_BYTES = 8
"""A safetensors file begins with the length of its header."""
_BYTES_OF = {"F32": 4, "F16": 2, "BF16": 2}


@dataclass(frozen=True, slots=True)
class StoredTensor:
    """Where one tensor lies on disk."""

    path: Path
    dtype: str
    shape: tuple[int, ...]
    offset: int
    """Bytes from the start of the file."""

    @property
    def num_values(self) -> int:
        """Numbers in it."""
        return prod(self.shape)

    def load(self) -> Tensor:
        """Read its numbers."""
        with self.path.open("rb") as file:
            file.seek(self.offset)
            data = file.read(self.num_values * _BYTES_OF[self.dtype])
        return Tensor(widen(data, self.dtype).reshape(self.shape), self.dtype)


def find_tensors(paths: Iterable[Path]) -> dict[str, StoredTensor]:
    """Read the headers of files and say where every tensor in them lies.

    Raises:
        RepairableError: a file is damaged, cut short, or holds other numbers than weights.
    """
    found: dict[str, StoredTensor] = {}
    for path in paths:
        found |= _read_header(path)
    return found


def _read_header(path: Path) -> dict[str, StoredTensor]:
    try:
        with path.open("rb") as file:
            length = int.from_bytes(file.read(_LENGTH_BYTES), "little")
            header = json.loads(file.read(length))
    except ValueError as error:
        raise _damaged(path, "its header can't be read") from error
    start = _LENGTH_BYTES + length
    size_bytes = path.stat().st_size
    tensors = {}
    for name, entry in header.items():
        if name == "__metadata__":
            continue
        begin, end = entry["data_offsets"]
        if start + end > size_bytes:
            raise _damaged(path, f"{name} lies behind its end")
        if entry["dtype"] not in DTYPE_NAMES:
            raise _damaged(path, f"{name} is stored as {entry['dtype']}")
        tensors[name] = StoredTensor(path, entry["dtype"], tuple(entry["shape"]), start + begin)
    return tensors


def _damaged(path: Path, reason: str) -> RepairableError:
    return RepairableError(
        what=f"{path.name} is damaged or cut short: {reason}",
        where=str(path),
        fix="free disk space if it is full, then train again",
    )
