"""The trainer's two files against the schemas that were made from the installed SimpleTuner."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import JsonValue

from tuner_kit.config.suggest import did_you_mean
from tuner_kit.config.yaml_source import KeyPath, format_key_path
from tuner_kit.errors import Problem

if TYPE_CHECKING:
    from jsonschema import ValidationError

CONFIG_SCHEMA_PATH = Path(__file__).with_name("config.schema.json")
DATASETS_SCHEMA_PATH = Path(__file__).with_name("multibackend.schema.json")


def check_trainer_files(config: JsonValue, multibackend: JsonValue) -> tuple[Problem, ...]:
    """Find what SimpleTuner would refuse, misread or ignore in its two files.

    Args:
        config: the content of config.json.
        multibackend: the content of the dataset file that it names.
    """
    return (
        *_check_against(
            CONFIG_SCHEMA_PATH, _without_dashes(config), "C26", _locate_in("config.json")
        ),
        *check_dataset_file(multibackend, _locate_in("multibackend.json")),
    )


def check_dataset_file(
    multibackend: JsonValue, locate: Callable[[KeyPath], str]
) -> tuple[Problem, ...]:
    """Find what SimpleTuner would refuse, misread or ignore in a dataset file.

    Args:
        multibackend: its content.
        locate: gives the place of a value, such as `multibackend.json:3  [0].crop`.
    """
    return (
        *_check_against(DATASETS_SCHEMA_PATH, multibackend, "C27", locate),
        *_check_ids(multibackend, locate),
    )


def _locate_in(name: str) -> Callable[[KeyPath], str]:
    return lambda path: f"{name}  {format_key_path(path)}".rstrip()


def _without_dashes(config: JsonValue) -> JsonValue:
    """SimpleTuner takes `--learning_rate` as a key too; its own examples use that."""
    if not isinstance(config, dict):
        return config
    return {key.removeprefix("--"): value for key, value in config.items()}


def _check_against(
    schema_path: Path, document: JsonValue, problem_id: str, locate: Callable[[KeyPath], str]
) -> Iterator[Problem]:
    from jsonschema import Draft202012Validator

    schema = json.loads(schema_path.read_text(encoding="utf-8"))
    for error in Draft202012Validator(schema).iter_errors(document):
        path = tuple(error.absolute_path)
        if error.validator == "additionalProperties":
            yield from _unknown_keys(error, problem_id, locate)
        else:
            yield Problem(id=problem_id, what=_in_words(error), where=locate(path), fix=_fix(error))


def _unknown_keys(
    error: "ValidationError", problem_id: str, locate: Callable[[KeyPath], str]
) -> Iterator[Problem]:
    known = error.schema.get("properties", {}) if isinstance(error.schema, dict) else {}
    written: Any = error.instance  # an object: only those have properties
    for key in sorted(written.keys() - known.keys()):
        otherwise = "remove it; SimpleTuner would stop at it or ignore it"
        yield Problem(
            id=problem_id,
            what=f"SimpleTuner has no key {key} here",
            where=locate((*error.absolute_path, key)),
            fix=did_you_mean(key, known, otherwise=otherwise),
        )


def _in_words(error: "ValidationError") -> str:
    if error.validator in {"enum", "type", "anyOf"}:
        return f"{_last_key(error)} = {json.dumps(error.instance)} is not what SimpleTuner takes"
    return str(error.message)


_TYPES_IN_WORDS = {
    "array": "a list",
    "boolean": "true or false, without quotes",
    "integer": "a whole number, without quotes",
    "number": "a number, without quotes",
    "object": "an object in { }",
    "string": "text",
}


def _fix(error: "ValidationError") -> str:
    wanted: Any = error.validator_value  # of the validator's own type
    match error.validator:
        case "enum":
            return f"use one of {', '.join(str(value) for value in wanted if value is not None)}"
        case "type":
            return f"give {_words_of([wanted] if isinstance(wanted, str) else wanted)}"
        case "anyOf":
            return f"give {_words_of(str(kind.get('type')) for kind in wanted)}"
        case _:
            return "add what is missing"


def _words_of(types: Iterable[str]) -> str:
    return " or ".join(_TYPES_IN_WORDS[kind] for kind in types if kind in _TYPES_IN_WORDS)


def _last_key(error: "ValidationError") -> str:
    return str(error.absolute_path[-1]) if error.absolute_path else "the file"


def _check_ids(multibackend: JsonValue, locate: Callable[[KeyPath], str]) -> Iterator[Problem]:
    entries = multibackend if isinstance(multibackend, list) else []
    ids = [entry.get("id") for entry in entries if isinstance(entry, Mapping)]
    for repeated in sorted({str(name) for name in ids if ids.count(name) > 1}):
        yield Problem(
            id="C27",
            what=f"{ids.count(repeated)} datasets are called {repeated}",
            where=locate((ids.index(repeated), "id")),
            fix="give every dataset an id of its own",
        )
