"""A configuration that a person wrote for SimpleTuner: config.json, config.toml or config.env."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from pydantic import JsonValue

from tuner_kit.config.json_source import Change, change_json, parse_json
from tuner_kit.config.text_file import read_text
from tuner_kit.errors import ConfigError, Problem, Severity
from tuner_kit.simpletuner.option_table import TrainerOption, load_trainer_names

NO_FILE_FIX = "name a file that you may read"
_NEAR_MISS = 0.85
"""Nearer than the names of unrelated variables, such as OMP_NUM_THREADS, are."""


@dataclass(frozen=True, slots=True)
class WrittenOption:
    """One option as it stands in the file."""

    key: str
    """As it is written: `--learning_rate`, `LEARNING_RATE`."""
    name: str
    """Without dashes; of a variable, the option that it stands for."""
    value: JsonValue
    line: int
    """From 1."""


@dataclass(frozen=True, slots=True)
class WrittenConfig:
    """A configuration file that was read."""

    path: Path
    text: str
    written: tuple[WrittenOption, ...]
    problems: tuple[Problem, ...]
    """What is wrong with the file as such."""

    @property
    def options(self) -> dict[str, JsonValue]:
        """Each option by its name; where one stands twice, the last counts, as upstream."""
        return {option.name: option.value for option in self.written}

    def locate(self, name: str) -> str:
        """Say where an option is: `config.json:12  learning_rate`; else the file."""
        found = [option for option in self.written if option.name == name]
        if not found:
            return self.path.name
        return f"{self.path.name}:{found[-1].line}  {found[-1].key}"


def read_written_config(path: Path, table: Mapping[str, TrainerOption]) -> WrittenConfig:
    """Read a configuration in one of SimpleTuner's three formats.

    Raises:
        ConfigError: it can't be read (C01), has a syntax error (C02), or isn't made of options (C05).
    """
    text = read_text(path, fix=NO_FILE_FIX)
    if path.suffix.lower() == ".toml":
        return _read_toml(path, text)
    if path.suffix.lower() == ".env":
        return _read_env(path, text, table)
    return _read_json(path, text)


def _not_options(path: Path) -> Problem:
    return Problem(
        id="C05",
        what=f"{path.name} is not a list of options with their values",
        where=f"{path.name}:1",
        fix="give one option and its value per line (in JSON, inside of { and })",
    )


def _read_json(path: Path, text: str) -> WrittenConfig:
    source = parse_json(text, name=path.name)
    if source.data is None and source.problems:
        raise ConfigError(*source.problems)
    if not isinstance(source.data, dict):
        raise ConfigError(_not_options(path))
    lines = {key: span.line for key, span in source.spans.items()}
    written = tuple(
        WrittenOption(key, key.strip().lstrip("-"), value, lines.get((key,), 0))
        for key, value in source.data.items()
    )
    return WrittenConfig(path, text, written, source.problems)


def _read_toml(path: Path, text: str) -> WrittenConfig:
    import tomllib

    try:
        data: dict[str, JsonValue] = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        problem = Problem(
            id="C02",
            what=f"the file is not valid TOML: {error}",
            where=path.name,
            fix="check quotes, brackets and equal signs at this place",
        )
        raise ConfigError(problem) from error
    written = tuple(
        WrittenOption(key, key.lstrip("-"), value, _line_of(key, text))
        for key, value in data.items()
    )
    return WrittenConfig(path, text, written, ())


def _line_of(key: str, text: str) -> int:
    found = re.search(rf"^\s*\[?\s*[\"']?{re.escape(key)}[\"']?\s*[=\].]", text, re.MULTILINE)
    return text.count("\n", 0, found.end()) + 1 if found else 0


def _read_env(path: Path, text: str, table: Mapping[str, TrainerOption]) -> WrittenConfig:
    names = load_trainer_names().environment
    written: list[WrittenOption] = []
    problems: list[Problem] = []
    for line, key, value in _assignments(text):
        where = f"{path.name}:{line}  {key}"
        if key == "TRAINER_EXTRA_ARGS":
            written += _extra_arguments(value, line, table)
        elif key in names:
            option = table.get(names[key])
            written.append(WrittenOption(key, names[key], _typed(value, option), line))
            problems += _ignored_false(value, option, where)
        else:
            problems += _unknown_variable(key, names, where)
    return WrittenConfig(path, text, tuple(written), tuple(problems))


def _assignments(text: str) -> Iterator[tuple[int, str, str]]:
    """Give line, name and value of each assignment, read as SimpleTuner's env_file.py does."""
    for number, raw in enumerate(text.splitlines(), start=1):
        line = raw.strip().removeprefix("export ")
        if line and not line.startswith("#") and "=" in line:
            key, _, value = line.partition("=")
            value = value.strip()
            if len(value) > 1 and value[0] == value[-1] and value[0] in "\"'":
                value = value[1:-1]
            yield number, key.rstrip("+").strip(), " ".join(value.split())


def _extra_arguments(
    value: str, line: int, table: Mapping[str, TrainerOption]
) -> Iterator[WrittenOption]:
    for word in value.split():
        if word.startswith("--"):
            name, has_value, text = word.removeprefix("--").partition("=")
            typed: JsonValue = _typed(text, table.get(name)) if has_value else True
            yield WrittenOption("TRAINER_EXTRA_ARGS", name, typed, line)


def _typed(value: str, option: TrainerOption | None) -> JsonValue:
    """Read text as the trainer's parser does; what doesn't fit stays text and is reported."""
    kind = option.type if option is not None else "str"
    if kind in ("bool", "bool_or_str") and value.lower() in ("true", "false"):
        return value.lower() == "true"
    if kind in ("int", "float"):
        return read_number(value, whole=kind == "int")
    return value


def read_number(value: str, *, whole: bool) -> JsonValue:
    """Read text as a number; what is none stays text."""
    try:
        return int(value) if whole else float(value)
    except ValueError:
        return value


def _ignored_false(value: str, option: TrainerOption | None, where: str) -> Iterator[Problem]:
    """C22: env_file.py passes only `true` on, so an option that is on by default stays on."""
    if option is not None and value.lower() == "false" and option.default is True:
        yield Problem(
            id="C22",
            what=f"{option.name} stays on: SimpleTuner does not pass `false` on from a config.env",
            where=where,
            fix=f"write it into TRAINER_EXTRA_ARGS: --{option.name}=false, or use a config.json",
        )


def _unknown_variable(key: str, names: Mapping[str, str], where: str) -> Iterator[Problem]:
    """C20: other variables may be meant for other programs, so only a near miss is told."""
    for nearest in get_close_matches(key, names, n=1, cutoff=_NEAR_MISS):
        yield Problem(
            id="C20",
            severity=Severity.WARNING,
            what=f"SimpleTuner does not read the variable {key}",
            where=where,
            fix=f"did you mean {nearest}?",
        )


@dataclass(frozen=True, slots=True)
class OptionChange:
    """One option to write, or to take out."""

    name: str
    value: JsonValue = None
    is_removal: bool = False


def change_written_config(config: WrittenConfig, changes: Sequence[OptionChange]) -> str:
    """Return the file's text with changes; comments and order stay.

    Args:
        config: as it was read.
        changes: by the option's name; where it stands twice, only the last one is kept.
    """
    if config.path.suffix.lower() == ".json":
        return _change_json(config, changes)
    if config.path.suffix.lower() == ".toml":
        return _change_toml(config, changes)
    return _change_env(config, changes)


def _change_json(config: WrittenConfig, changes: Sequence[OptionChange]) -> str:
    source = parse_json(config.text, name=config.path.name)
    keys = {option.name: option.key for option in config.written}
    return change_json(
        source,
        [
            Change((keys.get(each.name, each.name),), each.value, each.is_removal)
            for each in changes
        ],
    )


def _change_toml(config: WrittenConfig, changes: Sequence[OptionChange]) -> str:
    import tomlkit

    document = tomlkit.parse(config.text)
    keys = {option.name: option.key for option in config.written}
    for change in changes:
        key = keys.get(change.name, change.name)
        if change.is_removal:
            document.pop(key, None)
        else:
            document[key] = change.value
    return tomlkit.dumps(document)


def _change_env(config: WrittenConfig, changes: Sequence[OptionChange]) -> str:
    lines = config.text.splitlines()
    places = {option.name: option for option in config.written}
    variables = {option: name for name, option in load_trainer_names().environment.items()}
    for change in changes:
        value = str(change.value).lower() if isinstance(change.value, bool) else str(change.value)
        there = places.get(change.name)
        if there is not None and there.key != "TRAINER_EXTRA_ARGS":
            old = lines[there.line - 1]
            prefix = old[: old.index("=") + 1]
            lines[there.line - 1] = f"# {old}" if change.is_removal else f"{prefix}{value}"
        elif not change.is_removal and change.name in variables:
            lines.append(f"export {variables[change.name]}={value}")
    return "\n".join(lines) + "\n"
