"""The trainer's checkpoints: which are whole, and setting aside those that are not.

SimpleTuner loads a checkpoint whose step counter is unreadable without a word, and
finishes with other weights than a straight run. So each is verified before it is offered.
"""

import json
import re
import shutil
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from pydantic import JsonValue

_LENGTH_BYTES = 8
"""A safetensors file begins with the length of its header."""
_MAX_HEADER_BYTES = 100_000_000
"""As the safetensors library has it."""
_END_OFFSET = re.compile(rb'"data_offsets"\s*:\s*\[\s*\d+\s*,\s*(\d+)\s*\]')
_PREFIX = "checkpoint-"
_ASIDE_PREFIX = "aside-"


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A folder that training can continue from."""

    dir: Path
    step: int
    is_whole: bool
    """Every file of its manifest is there in full, and its step counter is readable."""


def list_checkpoints(checkpoints_dir: Path) -> tuple[Checkpoint, ...]:
    """Return the checkpoints in a trainer's output folder, oldest first."""
    found = []
    for path in checkpoints_dir.glob(f"{_PREFIX}*"):
        number = path.name.removeprefix(_PREFIX)
        if path.is_dir() and number.isdecimal():
            found.append(Checkpoint(path, int(number), _is_whole(path)))
    return tuple(sorted(found, key=lambda checkpoint: checkpoint.step))


def set_aside(checkpoints: Iterable[Checkpoint]) -> None:
    """Rename checkpoints so that the trainer does not find them; nothing is deleted."""
    for checkpoint in checkpoints:
        target = checkpoint.dir.with_name(_ASIDE_PREFIX + checkpoint.dir.name)
        if target.exists():
            shutil.rmtree(target)
        checkpoint.dir.rename(target)


def newest_whole_step(checkpoints_dir: Path) -> int:
    """Return the step of the newest checkpoint to continue from; 0 without one."""
    return max((c.step for c in list_checkpoints(checkpoints_dir) if c.is_whole), default=0)


def _is_whole(path: Path) -> bool:
    try:
        if (path / ".guard").read_text(encoding="utf-8").strip() != "complete":
            return False
        state = _read_json(path / "training_state.json")
        files = _read_json(path / "checkpoint_manifest.json").get("files")
    except (OSError, ValueError):
        return False
    names = files if isinstance(files, list) else []
    return isinstance(state.get("global_step"), int) and all(
        _is_complete(path / _file_name(name)) for name in names
    )


def _is_complete(path: Path) -> bool:
    """Whether a file is there and was not cut short, as far as its format tells."""
    try:
        if path.suffix == ".safetensors":
            return _has_all_tensors(path)
        # torch.save writes a zip archive, whose directory is at its end.
        return zipfile.is_zipfile(path) if path.suffix == ".bin" else path.is_file()
    except OSError:
        return False


def _has_all_tensors(path: Path) -> bool:
    """Compare a file's length with what its header promises."""
    with path.open("rb") as file:
        header_size = int.from_bytes(file.read(_LENGTH_BYTES), "little")
        header = file.read(min(header_size, _MAX_HEADER_BYTES))
    ends = [int(end) for end in _END_OFFSET.findall(header)]
    return path.stat().st_size == _LENGTH_BYTES + header_size + max(ends, default=0)


def _file_name(entry: JsonValue) -> str:
    return str(entry.get("path", "")) if isinstance(entry, dict) else str(entry)


def _read_json(path: Path) -> dict[str, JsonValue]:
    value = json.loads(path.read_text(encoding="utf-8"))
    if not isinstance(value, dict):
        raise ValueError("not a JSON object")  # noqa: TRY004 - damaged content, caught above
    return value
