"""Follows a file that grows by JSON lines; memory stays flat however long it gets."""

import json
from pathlib import Path

from pydantic import JsonValue


class JsonLinesTail:
    """Reads the lines that were added since the last look; a half-written line waits."""

    def __init__(self, path: Path, *, skip_bytes: int = 0) -> None:
        self._path = path
        self._offset = skip_bytes

    def read_new(self) -> list[dict[str, JsonValue]]:
        """Return the complete lines since the last call; damaged lines are passed over."""
        try:
            with self._path.open("rb") as file:
                file.seek(self._offset)
                chunk = file.read()
        except FileNotFoundError:
            return []
        complete = chunk[: chunk.rfind(b"\n") + 1]
        self._offset += len(complete)
        parsed = (parse_line(line) for line in complete.splitlines())
        return [value for value in parsed if value is not None]


def size_of(path: Path) -> int:
    """Return a file's length in bytes; one that doesn't exist has none."""
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def parse_line(line: bytes) -> dict[str, JsonValue] | None:
    """Read one line; None for one that is damaged or no JSON object."""
    try:
        value = json.loads(line)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None
