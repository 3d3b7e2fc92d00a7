"""Rules about SimpleTuner's own options: the pass-through section, and choices of ours."""

from collections.abc import Iterator

from tuner_kit.config.load import ConfigFile
from tuner_kit.config.yaml_source import format_key_path
from tuner_kit.errors import Problem
from tuner_kit.simpletuner.option_table import check_options
from tuner_kit.simpletuner.training_files import OPTION_SOURCES, OWN_OPTIONS

_SECTION = "simpletuner"


def check_trainer_options(file: ConfigFile) -> Iterator[Problem]:
    """Check what is passed through, and the values that only the trainer can judge."""
    options = file.config.simpletuner
    own = [name for name in options if name in OWN_OPTIONS]
    yield from (_set_by_us(name, file) for name in own)
    yield from check_options(
        {name: value for name, value in options.items() if name not in own},
        where=lambda name: file.source.locate((_SECTION, name)),
    )
    if file.is_sound("training", "optimizer"):
        yield from check_options(
            {"optimizer": file.config.training.optimizer},
            where=lambda _: file.source.locate(("training", "optimizer")),
        )


def _set_by_us(name: str, file: ConfigFile) -> Problem:
    source = OPTION_SOURCES.get(name)
    return Problem(
        id="C28",
        what=f"the trainer's option {name} is set by tuner_kit",
        where=file.source.locate((_SECTION, name)),
        fix=f"use {format_key_path(source)} instead"
        if source
        else "remove it: training relies on its value",
    )
