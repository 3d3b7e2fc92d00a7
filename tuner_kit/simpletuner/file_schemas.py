"""The trainer's two files against the schemas that were made from the installed SimpleTuner."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import JsonValue

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
            CONFIG_SCHEMA_PATH, _without_dashes(config), problem_id="C26", file="config.json"
        ),
        *check_dataset_file(multibackend, name="multibackend.json"),
    )


def check_dataset_file(multibackend: JsonValue, *, name: str) -> tuple[Problem, ...]:
    """Find what SimpleTuner would refuse, misread or ignore in a dataset file.

    Args:
        multibackend: its content.
        name: what the person calls it.
    """
    return (
        *_check_against(DATASETS_SCHEMA_PATH, multibackend, problem_id="C27", file=name),
        *_check_ids(multibackend, name),
    )


def _without_dashes(config: JsonValue) -> JsonValue:
    """SimpleTuner takes `--learning_rate` as a key too; its own examples use that."""
    if not isinstance(config, dict):
        return config
    return {key.removeprefix("--"): value for key, value in config.items()}


def _check_against(
    schema_path: Path, document: JsonValue, *, problem_id: str, file: str
) -> Iterable[Problem]:
    from jsonschema import Draft202012Validator

    schema = json.loads(schema_path.read_text(encoding="utf-8"))
    for error in Draft202012Validator(schema).iter_errors(document):
        yield Problem(
            id=problem_id,
            what=_in_words(error),
            where=f"{file}{error.json_path.removeprefix('$')}",
            fix=_fix(error),
        )


def _in_words(error: "ValidationError") -> str:
    if error.validator in {"enum", "type", "anyOf"}:
        return f"{_last_key(error)} = {json.dumps(error.instance)} is not what SimpleTuner takes"
    return str(error.message)


def _fix(error: "ValidationError") -> str:
    wanted = error.validator_value if isinstance(error.validator_value, list) else []
    match error.validator:
        case "enum":
            return f"use one of {', '.join(str(value) for value in wanted if value is not None)}"
        case "type":
            return f"give {' or '.join(wanted) or error.validator_value}"
        case "anyOf":
            return f"give {' or '.join(str(kind.get('type')) for kind in wanted)}"
        case "additionalProperties":
            return "remove or correct the key; SimpleTuner would stop at it or ignore it"
        case _:
            return "add what is missing"


def _last_key(error: "ValidationError") -> str:
    return str(error.absolute_path[-1]) if error.absolute_path else "the file"


def _check_ids(multibackend: JsonValue, file: str) -> Iterable[Problem]:
    entries = multibackend if isinstance(multibackend, list) else []
    ids = [entry.get("id") for entry in entries if isinstance(entry, Mapping)]
    for repeated in sorted({str(name) for name in ids if ids.count(name) > 1}):
        yield Problem(
            id="C27",
            what=f"{ids.count(repeated)} datasets are called {repeated}",
            where=f"{file}: id",
            fix="give every dataset an id of its own",
        )
