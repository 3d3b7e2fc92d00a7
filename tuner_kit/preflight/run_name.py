"""A name for a run, from the folder of its images."""

import re
from pathlib import Path

_MAX_LENGTH = 64


def suggest_name(data: str) -> str:
    """Turn a folder, or a dataset's name on the Hub, into a run's name."""
    last = data.rstrip("/").rpartition("/")[2] if data.startswith("hf:") else ""
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", last or Path(data).expanduser().resolve().name)
    return name.strip("-._")[:_MAX_LENGTH] or "my-run"
