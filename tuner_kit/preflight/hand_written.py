"""Checks SimpleTuner's own files for people who wrote them by hand."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from pydantic import JsonValue

from tuner_kit.config.yaml_source import YamlSource, parse_yaml
from tuner_kit.errors import ConfigError, Problem
from tuner_kit.simpletuner.file_schemas import check_dataset_file
from tuner_kit.simpletuner.option_table import check_options, load_option_table

_DATASETS = "data_backend_config"


def check_trainer_config(config_path: Path, *, working_dir: Path) -> tuple[Problem, ...]:
    """Check a config.json and the dataset file that it names.

    Args:
        config_path: the config.json; its keys may begin with two dashes.
        working_dir: where SimpleTuner would be started: relative paths begin there.

    Raises:
        ConfigError: config.json can't be read (C01, C02, C05).
    """
    source = _read(config_path)
    if not isinstance(source.data, dict):
        raise ConfigError(_not_options(source))
    spelled = {key: key.removeprefix("--") for key in source.data}
    options = {spelled[key]: value for key, value in source.data.items()}
    written_as = {name: key for key, name in spelled.items()}
    return (
        *source.problems,
        *_check_twice(spelled.values(), source),
        *check_options(options, where=lambda name: source.locate((written_as[name],))),
        *_check_required(options, source),
        *_check_datasets(options.get(_DATASETS), (working_dir, config_path.parent), source),
    )


def _read(path: Path) -> YamlSource:
    """Read JSON as the YAML that it is: that tells lines, and keys written twice."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        problem = Problem(
            id="C01",
            what=f"{path.name} can't be read: {error}",
            where=str(path),
            fix="name a JSON file that you may read",
        )
        raise ConfigError(problem) from error
    # YAML knows no tabs in front of a key; inside a JSON string they are not allowed either.
    source = parse_yaml(text.replace("\t", "  "), name=path.name)
    if source.data is None:
        raise ConfigError(*(source.problems or (_not_options(source),)))
    return source


def _not_options(source: YamlSource) -> Problem:
    return Problem(
        id="C05",
        what=f"{source.name} is not a JSON object of options",
        where=f"{source.name}:1",
        fix="begin it with { and give one option and its value per line",
    )


def _check_twice(names: Iterable[str], source: YamlSource) -> Iterator[Problem]:
    for name, count in Counter(names).items():
        if count > 1:
            yield Problem(
                id="C25",
                what=f"{name} and --{name} are one option; only the last one would count",
                where=source.locate((name,)),
                fix="keep one of the two lines",
            )


def _check_required(options: dict[str, JsonValue], source: YamlSource) -> Iterator[Problem]:
    for option in load_option_table().values():
        if option.required and not set(option.spellings) & options.keys():
            yield Problem(
                id="C07",
                what=f"{option.name} is missing",
                where=source.name,
                fix=f"add it: SimpleTuner does not start without {option.name}",
            )


def _check_datasets(
    named: JsonValue, folders: Sequence[Path], source: YamlSource
) -> Iterator[Problem]:
    if not isinstance(named, str):
        return
    path = next((folder / named for folder in folders if (folder / named).is_file()), None)
    if path is None:
        yield Problem(
            id="C01",
            what=f"the dataset file {named} does not exist",
            where=source.locate((_DATASETS,)),
            fix="correct its path; a relative one begins where the trainer is started",
        )
        return
    try:
        datasets = _read(path)
    except ConfigError as error:
        yield from error.problems
        return
    yield from datasets.problems
    yield from check_dataset_file(datasets.data, name=path.name)
