"""What surely was meant by an option that SimpleTuner would misread: for `check --fix`."""

import json
from collections.abc import Iterator, Mapping

from pydantic import JsonValue

from tuner_kit.simpletuner.option_table import TrainerOption
from tuner_kit.simpletuner.written_config import OptionChange, read_number


def fix_options(
    options: Mapping[str, JsonValue], table: Mapping[str, TrainerOption]
) -> Iterator[OptionChange]:
    """Give the changes after which every option is read as it was meant.

    Args:
        options: as they stand in the file, without dashes.
        table: the trainer's options.
    """
    spellings = {spelling: option for option in table.values() for spelling in option.spellings}
    for key, value in options.items():
        option = spellings.get(key)
        if option is None:
            yield from _complete(key, value, spellings, options)
        elif (meant := _meant(value, option)) != value or type(meant) is not type(value):
            yield OptionChange(key, meant)


def _complete(
    key: str,
    value: JsonValue,
    spellings: Mapping[str, TrainerOption],
    options: Mapping[str, JsonValue],
) -> Iterator[OptionChange]:
    """Write out an abbreviation (C21) that can only mean one option, if that isn't given too."""
    longer = [spelling for spelling in spellings if spelling.startswith(key)]
    if len({spellings[spelling].name for spelling in longer}) == 1 and longer[0] not in options:
        yield OptionChange(key, is_removal=True)
        yield OptionChange(longer[0], value)


def _meant(value: JsonValue, option: TrainerOption) -> JsonValue:
    """Read a value in the type that the option takes; what can't be is left as it is."""
    if isinstance(value, str) and option.type == "bool" and value.lower() in ("true", "false"):
        return value.lower() == "true"
    if isinstance(value, str) and option.type in ("int", "float"):
        return read_number(value, whole=option.type == "int")
    if isinstance(value, float) and option.type == "int" and value.is_integer():
        return int(value)
    if isinstance(value, list) and not option.accepts_list and option.type == "str":
        return json.dumps(value)
    return value
