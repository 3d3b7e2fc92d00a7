"""create: a preset and a folder of images become a tuner.yaml that is right."""

import os
import re
from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap

from tuner_kit.config.load import ConfigFile, load_config
from tuner_kit.config.presets import PRESET_NAMES, preset_path
from tuner_kit.config.suggest import did_you_mean
from tuner_kit.data.caption_policy import CaptionPolicy
from tuner_kit.data.layouts.layout import LayoutOptions
from tuner_kit.data.read_dataset import DatasetSource, read_dataset
from tuner_kit.data.snapshot import DatasetSnapshot, Selection
from tuner_kit.errors import ConfigError, Problem, RunStateError
from tuner_kit.runs.atomic import write_text_atomically

_NUM_PROMPTS = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """What a person decides; the preset decides the rest."""

    data_dir: Path
    preset: str
    config_path: Path
    """Where tuner.yaml shall be."""
    name: str | None = None
    """Name of the run; None takes the data folder's."""
    trigger_word: str | None = None
    layout: str = "auto"
    """Where the captions of the folder are; `auto` recognizes it."""
    instance_prompt: str | None = None
    """One caption for every image."""
    plain_dir: Path | None = None
    """Folder of other images, trained without the trigger word, so that it means these only."""
    fallback_caption: str | None = None
    prompts: Sequence[str] = ()
    """What to render while training; none takes the first captions."""
    runs_dir: Path | None = None
    """Folder of all runs; None takes the preset's."""


def create(answers: Answers, *, force: bool = False) -> ConfigFile:
    """Write a tuner.yaml, with the preset's comments, and read it back.

    Raises:
        ConfigError: unknown preset (C09) or a name that can't be a run's (C06).
        DatasetError: a folder is missing (D01), holds no images (D02), or fits two layouts (D14).
        RunStateError: there is such a file already (R02).
    """
    if answers.preset not in PRESET_NAMES:
        raise ConfigError(_unknown_preset(answers.preset))
    if answers.config_path.exists() and not force:
        raise RunStateError(_exists(answers.config_path))
    options = LayoutOptions(answers.instance_prompt)
    with read_dataset(
        DatasetSource(answers.data_dir, str(answers.data_dir), answers.layout, options)
    ) as snapshot:
        captions = _first_captions(answers, snapshot)
    if answers.plain_dir is not None:
        read_dataset(DatasetSource(answers.plain_dir, str(answers.plain_dir))).inventory.close()
    text = _render(answers, captions)
    _verify_right(text, answers.config_path.name)
    write_text_atomically(answers.config_path, text)
    return load_config(answers.config_path)


def suggest_name(data_dir: Path) -> str:
    """Turn a folder's name into a run's."""
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", data_dir.resolve().name).strip("-._")
    return name[:64] or "my-run"


def _verify_right(text: str, file_name: str) -> None:
    """Read the text back before it replaces anything."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / file_name
        path.write_text(text, encoding="utf-8")
        problems = load_config(path).problems
    if problems:
        raise ConfigError(*problems)


def _render(answers: Answers, captions: list[str]) -> str:
    """Fill in the preset; its comments stay."""
    yaml = _round_trip_yaml()
    data = yaml.load(preset_path(answers.preset).read_text(encoding="utf-8"))
    data["name"] = answers.name or suggest_name(answers.data_dir)
    data["datasets"] = _list_datasets(data["datasets"][0], answers)
    if answers.runs_dir is not None:
        below = os.path.relpath(answers.runs_dir, answers.config_path.parent)
        data["paths"]["runs_dir"] = Path(below).as_posix()
    data["validation"]["prompts"] = list(answers.prompts) or captions
    return _dump(yaml, data)


def _list_datasets(shown: CommentedMap, answers: Answers) -> list[CommentedMap]:
    """Fill in the dataset that the preset shows, and once more for the plain folder."""
    folders = [(answers.data_dir, answers.trigger_word)]
    if answers.plain_dir is not None:
        folders.append((answers.plain_dir, None))
    datasets = []
    for folder, trigger_word in folders:
        dataset = deepcopy(shown)
        dataset["path"] = _path_text(folder, answers.config_path)
        dataset["trigger_word"] = trigger_word
        dataset["fallback_caption"] = answers.fallback_caption
        if folder == answers.data_dir:
            dataset.update(_reading_of(answers))
        datasets.append(dataset)
    return datasets


def _reading_of(answers: Answers) -> dict[str, str]:
    """Say how the folder is read, where that was asked for."""
    written: dict[str, str] = {}
    if answers.layout != "auto":
        written["layout"] = answers.layout
    if answers.instance_prompt is not None:
        written["instance_prompt"] = answers.instance_prompt
    return written


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


def _dump(yaml: YAML, data: object) -> str:
    stream = StringIO()
    yaml.dump(data, stream)
    return stream.getvalue()


def _path_text(data_dir: Path, config_path: Path) -> str:
    """Name the data relative to tuner.yaml where it lies below, so that both can be moved."""
    folder, base = data_dir.resolve(), config_path.resolve().parent
    return os.path.relpath(folder, base) if folder.is_relative_to(base) else str(folder)


def _first_captions(answers: Answers, snapshot: DatasetSnapshot) -> list[str]:
    """Give the first different captions; what is wrong with any is for `check` to say."""
    selection = Selection(CaptionPolicy(answers.trigger_word, answers.fallback_caption))
    captions: list[str] = []
    for image in selection.images(snapshot):
        if image.caption not in captions:
            captions.append(image.caption)
        if len(captions) == _NUM_PROMPTS:
            break
    return captions


def _unknown_preset(name: str) -> Problem:
    return Problem(
        id="C09",
        what=f"there is no preset {name}",
        where="--preset",
        fix=did_you_mean(name, PRESET_NAMES, otherwise=f"presets: {', '.join(PRESET_NAMES)}"),
    )


def _exists(path: Path) -> Problem:
    return Problem(
        id="R02",
        what=f"{path.name} exists already",
        where=str(path),
        fix="name another file with --output, or replace it with --force",
    )
