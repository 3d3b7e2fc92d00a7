"""create: a planned run becomes a tuner.yaml that is right, or a change of one that there is."""

import os
from collections.abc import Collection, Iterable
from io import StringIO
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from pydantic import JsonValue
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap

from tuner_kit.config.load import ConfigFile, load_config
from tuner_kit.config.presets import PRESET_NAMES, preset_path
from tuner_kit.config.yaml_source import KeyPath
from tuner_kit.errors import ConfigError, Problem, RunStateError
from tuner_kit.preflight.planned_run import Decision, PlannedRun
from tuner_kit.runs.atomic import write_text_atomically

_HEAD = (
    "# A run of tuner_kit, planned by `tuner-kit init`: edit it, or run that again to change it."
)


def create(planned: PlannedRun, config_path: Path, *, force: bool = False) -> ConfigFile:
    """Write a tuner.yaml, with its preset's comments, and read it back.

    Args:
        planned: every value; folders are named as the person wrote them.
        config_path: where tuner.yaml shall be.
        force: replace a file that is there.

    Raises:
        ConfigError: it can't be trained as answered (C29), or a value is wrong (C04 to C08).
        RunStateError: there is such a file already (R02).
    """
    _verify_trainable(planned)
    if config_path.exists() and not force:
        raise RunStateError(_exists(config_path))
    yaml = _round_trip_yaml()
    data = yaml.load(preset_path(planned.preset).read_text(encoding="utf-8"))
    data["preset"] = planned.preset
    if planned.value("training", "method") != "lora":
        del data["lora"]  # a rank would have no effect
    _apply(data, planned.decisions, config_path)
    return _write(yaml, data, config_path)


def edit(config_path: Path, before: PlannedRun, after: PlannedRun) -> ConfigFile:
    """Change in a tuner.yaml what other answers change; its comments and all else stay.

    Args:
        config_path: the tuner.yaml.
        before: the plan of the answers that were read from it.
        after: the plan of the new answers.

    Raises:
        ConfigError: it can't be trained as answered (C29), or a value is wrong.
    """
    _verify_trainable(after)
    yaml = _round_trip_yaml()
    data = yaml.load(config_path.read_text(encoding="utf-8-sig"))
    earlier = {decision.key: decision.value for decision in before.decisions}
    changed = [
        decision
        for decision in after.decisions
        if decision.key not in earlier or decision.value != earlier[decision.key]
    ]
    if after.preset != before.preset:
        data["preset"] = after.preset
    _remove(data, earlier.keys() - {decision.key for decision in after.decisions}, after)
    _apply(data, changed, config_path)
    return _write(yaml, data, config_path)


def _verify_trainable(planned: PlannedRun) -> None:
    if planned.obstacles:
        raise ConfigError(*(_obstacle(sentence) for sentence in planned.obstacles))


def _obstacle(sentence: str) -> Problem:
    what, _, fix = sentence.partition(": ")
    return Problem(id="C29", what=what, where="answers", fix=fix or "answer it in another way")


def _write(yaml: YAML, data: CommentedMap, config_path: Path) -> ConfigFile:
    stream = StringIO()
    yaml.dump(data, stream)
    text = _with_own_head(stream.getvalue())
    _verify_right(text, config_path.name)
    write_text_atomically(config_path, text)
    return load_config(config_path)


def _with_own_head(text: str) -> str:
    """Replace what a preset says about itself: the values were chosen for another GPU since."""
    head, _, rest = text.partition("\n")
    is_presets = head in {
        preset_path(name).read_text("utf-8").partition("\n")[0] for name in PRESET_NAMES
    }
    return f"{_HEAD}\n{rest}" if is_presets else text


def _verify_right(text: str, file_name: str) -> None:
    """Read the text back before it replaces anything."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / file_name
        path.write_text(text, encoding="utf-8")
        problems = load_config(path).problems
    if problems:
        raise ConfigError(*problems)


def _apply(data: CommentedMap, decisions: Iterable[Decision], config_path: Path) -> None:
    for decision in decisions:
        _put(data, decision.key, _as_written(decision, config_path))


def _as_written(decision: Decision, config_path: Path) -> JsonValue:
    """Write folders relative to tuner.yaml where they lie below it, so that both can be moved."""
    value = decision.value
    if not isinstance(value, str):
        return value
    if decision.key[0] == "datasets" and decision.key[-1] == "path":
        return value if value.startswith("hf:") else _path_text(Path(value), config_path)
    if decision.key == ("paths", "runs_dir"):
        return Path(os.path.relpath(Path(value).expanduser(), config_path.parent)).as_posix()
    if decision.key == ("model", "base") and Path(value).expanduser().is_dir():
        return _path_text(Path(value), config_path, prefix="./")
    return value


def _path_text(folder: Path, config_path: Path, prefix: str = "") -> str:
    absolute, base = folder.expanduser().resolve(), config_path.resolve().parent
    if not absolute.is_relative_to(base):
        return str(absolute)
    return prefix + os.path.relpath(absolute, base)


def _put(data: CommentedMap, key: KeyPath, value: JsonValue) -> None:
    """Set a value; sections and datasets that aren't there yet are made."""
    place: Any = data  # a section or a list, as the key says
    for part, following in pairwise(key):
        if isinstance(part, int):
            place.extend(CommentedMap() for _ in range(part + 1 - len(place)))
        elif place.get(part) is None:
            place[part] = [] if isinstance(following, int) else CommentedMap()
        place = place[part]
    if key[-1] not in place or place[key[-1]] != value:
        place[key[-1]] = value


def _remove(data: CommentedMap, keys: Iterable[KeyPath], after: PlannedRun) -> None:
    """Take out what was decided before and is no more; a dataset goes as a whole."""
    datasets = {decision.key[:2] for decision in after.decisions}
    lost = {key[:2] if _is_lost_dataset(key, datasets) else key for key in keys}
    for key in sorted(lost, key=str, reverse=True):
        place = data
        for part in key[:-1]:
            place = place[part]
        is_there = key[-1] < len(place) if isinstance(key[-1], int) else key[-1] in place
        if is_there:
            del place[key[-1]]


def _is_lost_dataset(key: KeyPath, datasets: Collection[KeyPath]) -> bool:
    return key[0] == "datasets" and key[:2] not in datasets


def _round_trip_yaml() -> YAML:
    yaml = YAML()
    yaml.preserve_quotes = True
    yaml.width = 4096
    yaml.indent(mapping=2, sequence=4, offset=2)
    yaml.representer.add_representer(
        type(None),
        lambda representer, _: representer.represent_scalar("tag:yaml.org,2002:null", "null"),
    )
    return yaml


def _exists(path: Path) -> Problem:
    return Problem(
        id="R02",
        what=f"{path.name} exists already",
        where=str(path),
        fix="name another file with --output, or replace it with --force",
    )
