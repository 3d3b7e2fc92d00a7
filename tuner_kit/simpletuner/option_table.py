"""SimpleTuner's options as a table, and what is wrong with options given to it.

The table is `options.json`, written by `tools/make_trainer_facts.py` from the installed
parser. SimpleTuner itself silently takes abbreviations, ignores the string "false" and
keeps the last item of a list; here each of these is a problem.
"""

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import JsonValue

from tuner_kit.config.suggest import did_you_mean, suggest_some
from tuner_kit.errors import Problem, Severity

OPTIONS_PATH = Path(__file__).with_name("options.json")

_MOST_LISTED = 12
_OTHER_CHOICES: Mapping[str, tuple[str, ...]] = {"lr_scheduler": ("cosine_with_warmup",)}
"""Translated before the parser sees them: cli_utils.py normalize_lr_scheduler_value."""

type OptionType = Literal["int", "float", "str", "bool", "bool_or_str"]
type Choice = str | int


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainerOption:
    """One option of SimpleTuner's parser."""

    name: str
    """The key in config.json that SimpleTuner's own documentation uses."""
    flags: tuple[str, ...]
    """Every spelling on the command line; without the dashes each is a key as well."""
    type: OptionType
    choices: tuple[Choice, ...] | None
    choices_depend_on_packages: bool
    """The choices are those of the locked environment."""
    default: JsonValue
    required: bool
    accepts_list: bool
    """A JSON list reaches the trainer whole; elsewhere only its last item would."""
    accepts_object: bool

    @property
    def spellings(self) -> tuple[str, ...]:
        """The keys that mean this option."""
        return tuple(flag.removeprefix("--") for flag in self.flags)


def load_option_table() -> Mapping[str, TrainerOption]:
    """The installed SimpleTuner's options, by their name."""
    options = json.loads(OPTIONS_PATH.read_text(encoding="utf-8"))["options"]
    return {name: _read_option(name, option) for name, option in options.items()}


@dataclass(frozen=True, slots=True)
class TrainerNames:
    """Names that SimpleTuner takes besides those of its options."""

    ignored_keys: frozenset[str]
    """Keys of config.json that reach no option: they have no effect."""
    legacy_keys: Mapping[str, str]
    """The option that each former key of config.json is translated to."""
    environment: Mapping[str, str]
    """The option that each variable of a config.env stands for."""


def load_trainer_names() -> TrainerNames:
    """The installed SimpleTuner's other names."""
    facts = json.loads(OPTIONS_PATH.read_text(encoding="utf-8"))
    return TrainerNames(
        frozenset(facts["ignored_keys"]), facts["legacy_keys"], facts["environment"]
    )


def _read_option(name: str, option: Mapping[str, JsonValue]) -> TrainerOption:
    flags, choices = option["flags"], option["choices"]
    texts = {
        "flags": tuple(flags) if isinstance(flags, list) else (),
        "choices": tuple(choices) if isinstance(choices, list) else None,
    }
    return TrainerOption(**{**option, **texts, "name": name})  # type: ignore[arg-type]  # as the contract test compares it


def check_options(
    options: Mapping[str, JsonValue], *, where: Callable[[str], str]
) -> tuple[Problem, ...]:
    """Find what SimpleTuner would misread or refuse among options passed through to it.

    Args:
        options: as they would stand in config.json.
        where: gives the place of an option for `Problem.where`.
    """
    by_spelling = {
        spelling: option for option in load_option_table().values() for spelling in option.spellings
    }
    names = load_trainer_names()
    for key, translated in names.legacy_keys.items():
        by_spelling.setdefault(key, by_spelling[translated])
    problems = list(_check_spelled_twice(options, by_spelling, where))
    for key, value in options.items():
        option = by_spelling.get(key)
        if key in names.ignored_keys:
            problem: Problem | None = _without_effect(key, where(key))
        elif option is None:
            problem = _unknown_key(key, by_spelling, where(key))
        else:
            problem = _check_value(key, value, option, where(key))
        problems.extend([problem] if problem else [])
    return tuple(problems)


def _without_effect(key: str, where: str) -> Problem:
    return Problem(
        id="C20",
        severity=Severity.WARNING,
        what=f"{key} has no effect here: SimpleTuner takes it and uses it for nothing",
        where=where,
        fix="remove it; what belongs to a dataset goes into the data backend file",
    )


def _unknown_key(key: str, known: Mapping[str, TrainerOption], where: str) -> Problem:
    longer = sorted(name for name in known if name.startswith(key))
    if longer:
        return Problem(
            id="C21",
            what=f"{key} is only the beginning of {' and of '.join(longer[:3])}, and would be "
            "taken for it without a word",
            where=where,
            fix=f"write {longer[0]}",
        )
    fix = did_you_mean(key.lstrip("-"), known, otherwise="remove it")
    return Problem(id="C20", what=f"SimpleTuner has no option {key}", where=where, fix=fix)


def _check_value(key: str, value: JsonValue, option: TrainerOption, where: str) -> Problem | None:
    # SimpleTuner leaves an option without a value at its default.
    if value is None or value in _OTHER_CHOICES.get(option.name, ()):
        return None
    if isinstance(value, list | dict):
        return _check_container(key, value, option, where)
    if not _has_type(value, option.type):
        return _wrong_type(key, value, option, where)
    if option.choices is not None and not option.accepts_list:
        return _check_choice(key, value, option, where)
    return None


def _wrong_type(key: str, value: JsonValue, option: TrainerOption, where: str) -> Problem:
    return Problem(
        id="C22",
        # SimpleTuner starts with the text "false"; some options take that for no.
        severity=Severity.WARNING if value is False else Severity.ERROR,
        what=f"{key} = {json.dumps(value)} is not {_TYPE_IN_WORDS[option.type]}",
        where=where,
        fix=_type_fix(key, value, option),
    )


def _check_container(
    key: str, value: list[JsonValue] | dict[str, JsonValue], option: TrainerOption, where: str
) -> Problem | None:
    if option.accepts_list if isinstance(value, list) else option.accepts_object:
        return None
    lost = "all but the last item of a list" if isinstance(value, list) else "an object"
    # What only previews are drawn with costs no training.
    is_preview = key.startswith("validation_")
    return Problem(
        id="C24",
        severity=Severity.WARNING if is_preview else Severity.ERROR,
        what=f"{key} takes one value; SimpleTuner would drop {lost}",
        where=where,
        fix=f"write it as text: {key}: '{json.dumps(value)}'"
        if option.type == "str"
        else f"give one value: {_TYPE_IN_WORDS[option.type]}",
    )


def _check_choice(key: str, value: JsonValue, option: TrainerOption, where: str) -> Problem | None:
    choices = [str(choice) for choice in option.choices or ()]
    if str(value) in choices:
        return None
    is_long = len(choices) > _MOST_LISTED
    similar = suggest_some(str(value), choices, most=3 if is_long else 1)
    question = f"did you mean {' or '.join(similar)}? " if similar else ""
    # A long list hides the answer where there is one.
    all_of_them = f"{len(choices)} values" if is_long and similar else ", ".join(choices)
    return Problem(
        id="C23",
        what=f"{key} = {json.dumps(value)} is not one of SimpleTuner's values",
        where=where,
        fix=f"{question}There are {all_of_them}",
    )


def _check_spelled_twice(
    options: Mapping[str, JsonValue],
    by_spelling: Mapping[str, TrainerOption],
    where: Callable[[str], str],
) -> tuple[Problem, ...]:
    spelled: dict[str, list[str]] = {}
    for key in options:
        if key in by_spelling:
            spelled.setdefault(by_spelling[key].name, []).append(key)
    return tuple(
        Problem(
            id="C25",
            what=f"{' and '.join(keys)} are one option; only the last one would count",
            where=where(keys[-1]),
            fix=f"keep {name} alone",
        )
        for name, keys in spelled.items()
        if len(keys) > 1
    )


_TYPE_IN_WORDS: Mapping[OptionType, str] = {
    "int": "a whole number",
    "float": "a number",
    "str": "text",
    "bool": "true or false",
    "bool_or_str": "true, false or text",
}


def _has_type(value: JsonValue, option_type: OptionType) -> bool:
    is_number = (
        isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    )
    match option_type:
        case "int":
            return is_number and isinstance(value, int)
        case "float":
            return is_number
        case "bool":
            return isinstance(value, bool)
        case "bool_or_str":
            return isinstance(value, bool | str)
        case "str":
            # SimpleTuner turns a bare number into text without loss.
            return isinstance(value, str) or is_number


def _type_fix(key: str, value: JsonValue, option: TrainerOption) -> str:
    if option.type == "bool" and str(value).lower() in {"true", "false"}:
        return f"write {key}: {str(value).lower()}, without quotes"
    example = (
        "" if option.default is None else f", such as its default {json.dumps(option.default)}"
    )
    return f"give {_TYPE_IN_WORDS[option.type]}{example}"
