"""`--answers FILE` -> Answers, with every mistake in the file named at once."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from pydantic import JsonValue, ValidationError
from pydantic_core import ErrorDetails

from tuner_kit.config.answers import Answers
from tuner_kit.config.explain import explain_all
from tuner_kit.config.json_source import parse_json
from tuner_kit.config.suggest import did_you_mean
from tuner_kit.config.text_file import read_text
from tuner_kit.config.yaml_source import YamlSource, parse_yaml
from tuner_kit.errors import ConfigError, Problem

_NO_FILE_FIX = "name a file of answers, YAML or JSON, that you may read"


def load_answers(path: Path) -> Answers:
    """Read a file of answers, YAML or JSON.

    Raises:
        ConfigError: it can't be read (C01, C02), or answers in it are wrong (C03 to C06): all of
            them at once.
    """
    source = _parse(path, read_text(path, fix=_NO_FILE_FIX))
    if source.data is None and source.problems:
        raise ConfigError(*source.problems)
    written = {} if source.data is None else source.data
    if not isinstance(written, dict):
        raise ConfigError(_not_a_mapping(path))
    return check_answers(written, source)


def check_answers(written: Mapping[str, JsonValue], source: YamlSource) -> Answers:
    """Turn plain values into answers.

    Args:
        written: the values, by the names of the answers.
        source: where they are written.

    Raises:
        ConfigError: what is wrong with them, in the order of their lines.
    """
    problems = [*source.problems]
    try:
        answers = Answers.model_validate_json(json.dumps(written, default=str))
    except ValidationError as error:
        problems += _explain(error.errors(include_url=False), source)
        raise ConfigError(*problems) from error
    if problems:
        raise ConfigError(*problems)
    return answers


def _parse(path: Path, text: str) -> YamlSource:
    if path.suffix.lower() != ".json":
        return parse_yaml(text, name=path.name)
    source = parse_json(text, name=path.name)
    lines = {key: span.line for key, span in source.spans.items()}
    return YamlSource(source.name, source.data, lines, source.problems)


def _explain(found: Sequence[ErrorDetails], source: YamlSource) -> list[Problem]:
    """Explain what is about answers here, and leave the rest to those who explain tuner.yaml."""
    ordered = sorted(found, key=lambda detail: source.line_of(tuple(detail["loc"])))
    problems: list[Problem] = []
    for detail in ordered:
        match detail["type"]:
            case "extra_forbidden":
                problems.append(_unknown(detail, source))
            case "string_pattern_mismatch":
                problems.append(_misshapen(detail, source))
            case _:
                problems += explain_all((detail,), source)
    return problems


def _unknown(detail: ErrorDetails, source: YamlSource) -> Problem:
    name = str(detail["loc"][-1])
    known = [field for field in Answers.model_fields if field != "schema_version"]
    return Problem(
        id="C04",
        what=f"there is no answer called {name}",
        where=source.locate(tuple(detail["loc"])),
        fix=did_you_mean(name, known, otherwise=f"answers: {', '.join(known)}"),
    )


def _misshapen(detail: ErrorDetails, source: YamlSource) -> Problem:
    name = str(detail["loc"][0])
    expected = {
        "name": "letters, digits, `.`, `_` and `-`, without spaces; the first a letter or digit",
        "hub_model_id": "user/name, with letters, digits, `.`, `_` and `-`",
    }[name]
    return Problem(
        id="C06",
        what=f"{name} is {json.dumps(detail['input'], ensure_ascii=False)}; expected {expected}",
        where=source.locate(tuple(detail["loc"])),
        fix=f"set {name} to {expected}",
    )


def _not_a_mapping(path: Path) -> Problem:
    return Problem(
        id="C05",
        what=f"{path.name} has no `key: value` lines at its top level",
        where=f"{path.name}:1",
        fix="write one answer per line, for instance `purpose: style`",
    )
