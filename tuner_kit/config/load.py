"""tuner.yaml -> RunConfig, with every mistake in the file named at once."""

import json
from dataclasses import dataclass
from pathlib import Path

from pydantic import JsonValue, ValidationError

from tuner_kit.catalog.presets import DEFAULT_PRESET
from tuner_kit.config.explain import explain_all, meant_by_misspelt, primary_findings
from tuner_kit.config.presets import PRESET_NAMES, load_dataset_defaults, load_preset, overlay
from tuner_kit.config.run_config import SCHEMA_VERSION, RunConfig
from tuner_kit.config.suggest import did_you_mean, suggest
from tuner_kit.config.text_file import read_text
from tuner_kit.config.yaml_source import KeyPath, YamlSource, parse_yaml
from tuner_kit.errors import ConfigError, Problem

_NO_FILE_FIX = "create one with `tuner-kit init`, or name a tuner.yaml that you may read"

_SKELETON: dict[str, JsonValue] = {
    "name": "unnamed",
    "model": {"base": "embedded:tiny-sd3"},
    "datasets": [{"path": "."}],
}
"""Stands in for required values that are wrong, so that the rules can still judge the rest."""


@dataclass(frozen=True, slots=True)
class ConfigFile:
    """A tuner.yaml that was read; with problems, wrong values stand at their defaults."""

    path: Path
    """Absolute."""
    source: YamlSource
    config: RunConfig
    problems: tuple[Problem, ...]
    faulty: frozenset[KeyPath]
    """Values that were wrong: rules must not judge what stands in for them."""

    def resolve(self, path: Path) -> Path:
        """Make a path of the file absolute: it is relative to the file's folder."""
        try:
            expanded = path.expanduser()
        except RuntimeError:  # `~name` of nobody: such a folder is simply missing
            expanded = path
        return (self.path.parent / expanded).resolve()

    def is_sound(self, *path: str | int) -> bool:
        """Whether the value at `path` is what the person wrote, or a default."""
        return not any(path[: len(bad)] == bad for bad in self.faulty)


def load_config(path: Path) -> ConfigFile:
    """Read a tuner.yaml; the mistakes in it are in `problems`, none is raised.

    Raises:
        ConfigError: there is no readable YAML mapping to judge (C01, C02, C05), or a newer
            tuner_kit wrote it (C06).
    """
    source = parse_yaml(read_text(path, fix=_NO_FILE_FIX), name=path.name)
    written = source.data if source.data is not None else {}
    if source.data is None and source.problems:
        raise ConfigError(*source.problems)
    if not isinstance(written, dict):
        raise ConfigError(_not_a_mapping(path))
    written = _as_json(written, path)
    _verify_version(written.get("schema_version"), source)
    data, preset_problems = _complete(written, source)
    config, problems, faulty = _validate(data, source)
    found = (*source.problems, *preset_problems, *problems)
    if _has_unknown_preset(written):
        faulty |= _assumed(data, written)
    return ConfigFile(path.resolve(), source, config, found, faulty)


def _not_a_mapping(path: Path) -> Problem:
    return Problem(
        id="C05",
        what="the file has no `key: value` lines at its top level",
        where=f"{path.name}:1",
        fix="start from a preset: `tuner-kit init`",
    )


def _verify_version(written: JsonValue, source: YamlSource) -> None:
    """Refuse what was written for a later version: this one would misread the rest."""
    if not isinstance(written, int) or written <= SCHEMA_VERSION:
        return
    problem = Problem(
        id="C06",
        what=f"the file was written by a newer tuner_kit (schema {written}); "
        f"this one reads schema {SCHEMA_VERSION}",
        where=source.locate(("schema_version",)),
        fix="update tuner_kit, or write the file anew with `tuner-kit init`",
    )
    raise ConfigError(problem)


def _as_json(data: dict[str, JsonValue], path: Path) -> dict[str, JsonValue]:
    """Keep what JSON can hold: keys become text, empty sections vanish."""
    try:
        plain: dict[str, JsonValue] = json.loads(json.dumps(data, default=str))
    except (ValueError, TypeError, RecursionError) as error:
        problem = Problem(
            id="C02",
            what=f"the file holds something that is not plain YAML data: {error}",
            where=path.name,
            fix="use plain keys, text, numbers and lists, and no anchor inside itself",
        )
        raise ConfigError(problem) from error
    return {key: value for key, value in plain.items() if value is not None}


def _complete(
    data: dict[str, JsonValue], source: YamlSource
) -> tuple[dict[str, JsonValue], tuple[Problem, ...]]:
    """Lay the file over its preset; instead of an unknown one, the nearest stands in.

    Without it everything that a preset supplies would be reported as missing.
    """
    name = data.get("preset")
    if name is None:
        return data, ()
    nearest = suggest(str(name), PRESET_NAMES) or DEFAULT_PRESET
    known = nearest if _has_unknown_preset(data) else str(name)
    completed = overlay(_without_replaced_length(load_preset(known), data), data)
    completed |= _with_dataset_defaults(data.get("datasets"), load_dataset_defaults(known))
    if name == known or not isinstance(name, str):  # another type is pydantic's to report
        return completed, ()
    problem = Problem(
        id="C09",
        what=f"there is no preset {name}",
        where=source.locate(("preset",)),
        fix=did_you_mean(name, PRESET_NAMES, otherwise=f"presets: {', '.join(PRESET_NAMES)}"),
    )
    return completed, (problem,)


def _with_dataset_defaults(
    datasets: JsonValue, defaults: dict[str, JsonValue]
) -> dict[str, JsonValue]:
    if not isinstance(datasets, list):
        return {}
    return {
        "datasets": [
            overlay(defaults, dataset) if isinstance(dataset, dict) else dataset
            for dataset in datasets
        ]
    }


def _has_unknown_preset(data: dict[str, JsonValue]) -> bool:
    return data.get("preset") is not None and data["preset"] not in PRESET_NAMES


def _assumed(completed: dict[str, JsonValue], written: dict[str, JsonValue]) -> frozenset[KeyPath]:
    """Name every value that comes from a preset which only stands in."""
    paths: set[KeyPath] = set()
    for section, values in completed.items():
        ours = written.get(section)
        if isinstance(values, dict):
            known = ours if isinstance(ours, dict) else {}
            paths.update((section, key) for key in values if key not in known)
    return frozenset(paths)


def _without_replaced_length(
    preset: dict[str, JsonValue], data: dict[str, JsonValue]
) -> dict[str, JsonValue]:
    """Drop the preset's length of training where the file gives its own, in either unit."""
    ours, theirs = preset.get("training"), data.get("training")
    lengths = ("epochs", "max_train_steps")
    if not (isinstance(ours, dict) and isinstance(theirs, dict)):
        return preset
    if not any(theirs.get(key) is not None for key in lengths):
        return preset
    return {**preset, "training": {k: v for k, v in ours.items() if k not in lengths}}


def _validate(
    data: dict[str, JsonValue], source: YamlSource
) -> tuple[RunConfig, tuple[Problem, ...], frozenset[KeyPath]]:
    try:
        return RunConfig.model_validate_json(json.dumps(data)), (), frozenset()
    except ValidationError as error:
        details = primary_findings(error.errors(include_url=False))
    wrong = frozenset(tuple(detail["loc"]) for detail in details)
    sound = _stand_in(_pruned(data, wrong, ()))
    config = RunConfig.model_validate_json(json.dumps(sound))
    return config, explain_all(details, source), wrong | meant_by_misspelt(details)


def _stand_in(pruned: JsonValue) -> dict[str, JsonValue]:
    """Fill in required values; datasets keep their places, so that the others are judged."""
    sound = overlay(_SKELETON, pruned if isinstance(pruned, dict) else {})
    datasets = sound["datasets"]
    sound["datasets"] = [
        {"path": ".", **(dataset if isinstance(dataset, dict) else {})}
        for dataset in (datasets if isinstance(datasets, list) else ())
    ]
    return sound


def _pruned(data: JsonValue, faulty: frozenset[KeyPath], path: KeyPath) -> JsonValue:
    """Drop every value at a faulty path; a dataset leaves a hole."""
    if isinstance(data, dict):
        return {
            key: _pruned(value, faulty, (*path, key))
            for key, value in data.items()
            if (*path, key) not in faulty
        }
    if isinstance(data, list):
        return [
            None if (*path, index) in faulty else _pruned(value, faulty, (*path, index))
            for index, value in enumerate(data)
            if path == ("datasets",) or (*path, index) not in faulty
        ]
    return data
