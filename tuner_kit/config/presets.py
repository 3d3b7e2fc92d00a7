"""Reads the shipped presets and lays what a person wrote over them."""

from pathlib import Path

from pydantic import JsonValue

from tuner_kit.catalog.presets import PRESETS
from tuner_kit.catalog.templates import templates_dir
from tuner_kit.config.yaml_source import parse_yaml

PRESET_NAMES = tuple(preset.name for preset in PRESETS)

_PERSONAL_KEYS = ("name", "preset", "datasets")
"""What a preset shows as an example and doesn't supply as it stands."""


def preset_path(name: str) -> Path:
    """Where the YAML of a preset lies; `name` is one of `PRESET_NAMES`."""
    return templates_dir() / "presets" / f"{name}.yaml"


def load_preset(name: str) -> dict[str, JsonValue]:
    """Load what a preset supplies for values that tuner.yaml leaves out."""
    return {key: value for key, value in _read(name).items() if key not in _PERSONAL_KEYS}


def load_dataset_defaults(name: str) -> dict[str, JsonValue]:
    """Load what a preset supplies for each dataset: all but its path."""
    datasets = _read(name).get("datasets")
    shown = datasets[0] if isinstance(datasets, list) and datasets else None
    if not isinstance(shown, dict):
        return {}
    return {key: value for key, value in shown.items() if key != "path"}


def _read(name: str) -> dict[str, JsonValue]:
    path = preset_path(name)
    data = parse_yaml(path.read_text(encoding="utf-8"), name=path.name).data
    assert isinstance(data, dict)  # noqa: S101 - shipped by us, checked by the golden tests
    return data


def overlay(base: dict[str, JsonValue], above: dict[str, JsonValue]) -> dict[str, JsonValue]:
    """Lay `above` over `base`: sections merge, everything else is replaced."""
    merged = dict(base)
    for key, value in above.items():
        below = merged.get(key)
        if isinstance(value, dict) and isinstance(below, dict):
            merged[key] = overlay(below, value)
        else:
            merged[key] = value
    return merged
