"""Writes that are seen whole or not at all."""

import os
import tempfile
from pathlib import Path

from pydantic import BaseModel

from tuner_kit.runs.disk_errors import explain_disk_errors


def write_text_atomically(path: Path, text: str) -> None:
    """Replace `path` with `text` in one step; an interrupted write leaves the old file."""
    write_bytes_atomically(path, text.encode("utf-8"))


def write_bytes_atomically(path: Path, data: bytes) -> None:
    """Replace `path` with `data` in one step; missing folders are made.

    Raises:
        MachineError: the disk is full, or the folder can't be written.
    """
    with explain_disk_errors(path.parent):
        path.parent.mkdir(parents=True, exist_ok=True)
        _replace(path, data)


def _replace(path: Path, data: bytes) -> None:
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.chmod(0o644)
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def write_model_atomically(path: Path, model: BaseModel) -> None:
    """Write a message or record as indented JSON, atomically."""
    write_text_atomically(path, model.model_dump_json(indent=2) + "\n")
