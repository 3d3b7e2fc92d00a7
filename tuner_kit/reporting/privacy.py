"""Keeps folders of this machine out of a page that will be sent around."""

import os
import re
from pathlib import Path

from pydantic import JsonValue

_PATH_IN_TEXT = re.compile(r"(?<![\w.])(?:~|[A-Za-z]:)?(?:[/\\][^\s/\\:'\",;]+){2,}[/\\]?")
_MIN_PARTS = 2
"""A path of the machine has folders."""
_WORDS = frozenset({"prompts", "negative_prompt", "trigger_word", "fallback_caption"})
"""Values that are what a person says, even where it begins with a slash."""


def mask_text(text: str) -> str:
    """Shorten every absolute path inside a sentence to its last name."""
    return _PATH_IN_TEXT.sub(lambda match: _last_name(match[0]), text)


def mask_values(value: JsonValue, run_dir: Path) -> JsonValue:
    """Shorten each text that is a path out of the project, at any depth.

    A path is left as it is when it stays in the folder that holds the folder of runs.
    """
    if isinstance(value, dict):
        return {
            key: entry if key in _WORDS else mask_values(entry, run_dir)
            for key, entry in value.items()
        }
    if isinstance(value, list):
        return [mask_values(entry, run_dir) for entry in value]
    if isinstance(value, str) and _leaves_project(value, run_dir):
        return _last_name(value)
    return value


def _leaves_project(text: str, run_dir: Path) -> bool:
    parts = [part for part in re.split(r"[/\\]", text) if part]
    if re.match(r"[/\\~]|[A-Za-z]:[/\\]", text):
        return len(parts) >= _MIN_PARTS
    if parts[:1] != [".."]:
        return False
    target = Path(os.path.normpath(run_dir / text))
    return not target.is_relative_to(run_dir.parent.parent)


def _last_name(path: str) -> str:
    return ".../" + re.split(r"[/\\]", path.rstrip("/\\"))[-1]
