"""Turns pydantic's findings into problems that say what to type instead."""

import json
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import get_args

from pydantic import BaseModel, JsonValue
from pydantic_core import ErrorDetails

from tuner_kit.config.run_config import RunConfig
from tuner_kit.config.suggest import did_you_mean, suggest
from tuner_kit.config.yaml_source import KeyPath, YamlSource, format_key_path
from tuner_kit.errors import Problem

_EXPECTED: Mapping[str, str] = MappingProxyType(
    {
        "bool_type": "true or false, without quotes",
        "int_type": "a whole number, without quotes",
        "int_from_float": "a whole number, without a fraction",
        "float_type": "a number, without quotes",
        "string_type": "text",
        "tuple_type": "a list, one `- item` per line",
        "dict_type": "a section with `key: value` lines below it",
        "model_type": "a section with `key: value` lines below it",
        "finite_number": "a finite number",
        "greater_than": "more than {gt}",
        "greater_than_equal": "at least {ge}",
        "less_than": "less than {lt}",
        "less_than_equal": "at most {le}",
        "multiple_of": "a multiple of {multiple_of}",
        "literal_error": "one of {expected}",
        "string_too_short": "some text",
        "string_too_long": "at most {max_length} characters",
        "too_short": "at least one entry",
    }
)
"""What a value should have been, by pydantic's error type; its context fills the braces."""

_MAX_SHOWN = 56
"""Characters of an offending value that a message repeats."""

_TYPE_ERRORS = frozenset(
    {
        "bool_type",
        "int_type",
        "int_from_float",
        "float_type",
        "string_type",
        "tuple_type",
        "dict_type",
        "model_type",
    }
)


def primary_findings(found: Sequence[ErrorDetails]) -> tuple[ErrorDetails, ...]:
    """Leave out what only follows from another finding.

    That is a value that is missing because its key is misspelt, and a list that is empty
    because its items are wrong.
    """
    misspelt = meant_by_misspelt(found)
    return tuple(
        detail
        for detail in found
        if not (detail["type"] == "missing" and tuple(detail["loc"]) in misspelt)
        and not (detail["type"] == "too_short" and detail["input"])
    )


def explain_all(found: Sequence[ErrorDetails], source: YamlSource) -> tuple[Problem, ...]:
    """Write pydantic's findings as problems, in the order of their lines."""
    ordered = sorted(found, key=lambda detail: source.line_of(tuple(detail["loc"])))
    return tuple(_explain(detail, source) for detail in ordered)


def meant_by_misspelt(found: Sequence[ErrorDetails]) -> frozenset[KeyPath]:
    """Name the values that misspelt keys were most likely meant for."""
    paths = [tuple(detail["loc"]) for detail in found if detail["type"] == "extra_forbidden"]
    nearest = [(path, suggest(str(path[-1]), _fields_at(path[:-1]))) for path in paths]
    return frozenset((*path[:-1], word) for path, word in nearest if word is not None)


def _explain(details: ErrorDetails, source: YamlSource) -> Problem:
    path = tuple(details["loc"])
    match details["type"]:
        case "extra_forbidden":
            return _unknown_key(path, source)
        case "missing":
            return _missing(path, source)
        case _:
            return _wrong_value(details, path, source)


def _unknown_key(path: KeyPath, source: YamlSource) -> Problem:
    known = sorted(_fields_at(path[:-1]))
    return Problem(
        id="C04",
        what=f"unknown key {format_key_path(path)}",
        where=source.locate(path),
        fix=did_you_mean(str(path[-1]), known, otherwise=f"keys here: {', '.join(known)}"),
    )


def _missing(path: KeyPath, source: YamlSource) -> Problem:
    return Problem(
        id="C07",
        what=f"{format_key_path(path)} is missing",
        where=source.locate(path),
        fix=f"add it: {_description_at(path)}",
    )


def _wrong_value(details: ErrorDetails, path: KeyPath, source: YamlSource) -> Problem:
    kind = details["type"]
    if kind == "string_pattern_mismatch":
        expected = _description_at(path)
    else:
        expected = _EXPECTED.get(kind, "{error}").format_map(
            {"error": details["msg"]} | details.get("ctx", {})
        )
    called = path[-1] if isinstance(path[-1], str) else format_key_path(path)
    fix = f"set {called} to {expected}"
    if kind == "literal_error":
        nearest = suggest(str(details["input"]), _choices(expected))
        fix = f"did you mean {nearest}? It can be {expected}" if nearest else fix
    return Problem(
        id="C05" if kind in _TYPE_ERRORS else "C06",
        what=f"{format_key_path(path)} is {_shown(details['input'])}; expected {expected}",
        where=source.locate(path),
        fix=fix,
    )


def _choices(expected: str) -> list[str]:
    return [
        part.strip("' ")
        for part in expected.removeprefix("one of ").replace(" or ", ",").split(",")
    ]


def _shown(value: JsonValue) -> str:
    """Write a value as YAML would, short."""
    if isinstance(value, dict | list):
        return "a section" if isinstance(value, dict) else "a list"
    text = json.dumps(value, ensure_ascii=False)
    end = '..."' if isinstance(value, str) else "..."
    return text if len(text) <= _MAX_SHOWN else text[:_MAX_SHOWN] + end


def _model_at(path: KeyPath) -> type[BaseModel] | None:
    """Find the model that holds the keys below `path`."""
    model: type[BaseModel] | None = RunConfig
    for part in path:
        if isinstance(part, int):
            continue
        if model is None or part not in model.model_fields:
            return None
        model = _first_model(model.model_fields[part].annotation)
    return model


def _first_model(annotation: object) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next(filter(None, (_first_model(part) for part in get_args(annotation))), None)


def _fields_at(path: KeyPath) -> list[str]:
    model = _model_at(path)
    return list(model.model_fields) if model else []


def _description_at(path: KeyPath) -> str:
    model = _model_at(path[:-1])
    field = model.model_fields.get(str(path[-1])) if model else None
    if field is None:
        return format_key_path(path)
    text = field.description or f"the section `{path[-1]}:`"
    return " ".join(text.split()).rstrip(".")
