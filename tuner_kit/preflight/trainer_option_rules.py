"""Rules about SimpleTuner's own options: the pass-through section, and choices of ours."""

from collections.abc import Iterator, Mapping

from tuner_kit.config.load import ConfigFile
from tuner_kit.config.yaml_source import format_key_path
from tuner_kit.errors import Problem
from tuner_kit.simpletuner.option_table import check_options, load_option_table
from tuner_kit.simpletuner.training_files import OPTION_SOURCES, OWN_OPTIONS

_SECTION = "simpletuner"


def check_trainer_options(file: ConfigFile) -> Iterator[Problem]:
    """Check what is passed through, and the values that only the trainer can judge."""
    options = file.config.simpletuner
    own = {spelling: name for spelling, name in _own_spellings().items() if spelling in options}
    yield from (_set_by_us(spelling, name, file) for spelling, name in own.items())
    yield from check_options(
        {name: value for name, value in options.items() if name not in own},
        where=lambda name: file.source.locate((_SECTION, name)),
    )
    if file.is_sound("training", "optimizer"):
        yield from check_options(
            {"optimizer": file.config.training.optimizer},
            where=lambda _: file.source.locate(("training", "optimizer")),
        )


def _own_spellings() -> Mapping[str, str]:
    """Every key that means an option of ours, with its name: some options have two."""
    named = {name: name for name in OWN_OPTIONS}
    options = load_option_table().values()
    own = [option for option in options if option.name in OWN_OPTIONS]
    return named | {spelling: option.name for option in own for spelling in option.spellings}


def _set_by_us(spelling: str, name: str, file: ConfigFile) -> Problem:
    source = OPTION_SOURCES.get(name)
    return Problem(
        id="C28",
        what=f"the trainer's option {spelling} is set by tuner_kit",
        where=file.source.locate((_SECTION, spelling)),
        fix=f"use {format_key_path(source)} instead"
        if source
        else "remove it: training relies on its value",
    )
