"""Small tuner.yaml files for the tests about configuration, runs and preflight."""

import json
from collections.abc import Iterable
from pathlib import Path

from tuner_kit.config.load import ConfigFile, load_config
from tuner_kit.config.presets import load_preset
from tuner_kit.config.run_config import RunConfig
from tuner_kit.errors import Problem

SMALLEST = """\
name: cats
preset: tiny-lora
datasets:
  - path: .
"""
"""Four lines, so that what a test appends begins at line 5."""

PRESET_STEPS = RunConfig.model_validate_json(
    json.dumps(load_preset("tiny-lora") | {"name": "a", "datasets": [{"path": "."}]})
).training.max_train_steps
"""How long the preset of `SMALLEST` trains."""


def write_config(folder: Path, text: str = SMALLEST) -> Path:
    """Write a tuner.yaml and return its path."""
    path = folder / "tuner.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def read_config(folder: Path, text: str = SMALLEST) -> ConfigFile:
    """Write a tuner.yaml and load it."""
    return load_config(write_config(folder, text))


def ids_of(problems: Iterable[Problem]) -> list[str]:
    """Return the ids alone, in order."""
    return [problem.id for problem in problems]


def places_of(problems: Iterable[Problem]) -> list[tuple[str, str]]:
    """Return each id with its place in the file."""
    return [(problem.id, problem.where) for problem in problems]
