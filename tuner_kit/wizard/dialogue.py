"""The short dialogue of `tuner-kit init`: asks what was not given as a flag."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import questionary
from pydantic import TypeAdapter, ValidationError

from tuner_kit.catalog.presets import DEFAULT_PRESET, PRESETS
from tuner_kit.config.run_config import RunName
from tuner_kit.data.read_dataset import find_layouts


@dataclass(frozen=True, slots=True)
class Known:
    """What is decided so far; None is still to be asked."""

    data_dir: Path | None
    preset: str | None
    name: str | None
    trigger_word: str | None
    layout: str | None = None


def ask(known: Known, *, suggest_name: Callable[[Path], str]) -> Known:
    """Ask for what is missing; which layout a folder has only where it fits several.

    Args:
        known: what was given as a flag.
        suggest_name: turns the folder into a run's name.

    Raises:
        KeyboardInterrupt: the person left with Ctrl-C or Ctrl-D.
    """
    try:
        return _ask_missing(known, suggest_name)
    except EOFError as error:
        raise KeyboardInterrupt from error


def confirm(question: str) -> bool:
    """Ask yes or no; no is the default."""
    answer: bool = questionary.confirm(question, default=False).unsafe_ask()
    return answer


def _ask_missing(known: Known, suggest_name: Callable[[Path], str]) -> Known:
    if known.data_dir is None:
        known = replace(known, data_dir=_ask_folder())
    if known.layout is None and known.data_dir is not None:
        known = replace(known, layout=_ask_layout(known.data_dir))
    if known.preset is None:
        known = replace(known, preset=_ask_preset())
    if known.name is None:
        known = replace(known, name=_ask_name(suggest_name(known.data_dir or Path())))
    if known.trigger_word is None:
        question = "Trigger word to put in front of captions (empty: none)"
        known = replace(known, trigger_word=questionary.text(question).unsafe_ask().strip() or None)
    return known


def _ask_folder() -> Path:
    answer: str = questionary.path(
        "Folder of images with their captions",
        only_directories=True,
        validate=lambda text: Path(text).expanduser().is_dir() or "There is no such folder",
    ).unsafe_ask()
    return Path(answer).expanduser()


def _ask_layout(data_dir: Path) -> str | None:
    """Ask where the captions are, if the folder can be read in several ways."""
    layouts = find_layouts(data_dir)
    if len(layouts) < 2:  # noqa: PLR2004 - nothing to choose from
        return None
    choices = [
        questionary.Choice(f"{layout.name:<20}{layout.title}", value=layout.name)
        for layout in layouts
    ]
    answer: str = questionary.select(
        "This folder can be read in several ways. Where are the captions?", choices=choices
    ).unsafe_ask()
    return answer


def _ask_name(suggested: str) -> str:
    answer: str = questionary.text(
        "Name of the run",
        default=suggested,
        validate=lambda text: _is_run_name(text) or "Use letters, digits, dots and dashes",
    ).unsafe_ask()
    return answer


def _is_run_name(text: str) -> bool:
    try:
        TypeAdapter(RunName).validate_python(text)
    except ValidationError:
        return False
    return True


def _ask_preset() -> str:
    choices = [
        questionary.Choice(f"{preset.name:<20}{preset.summary}", value=preset.name)
        for preset in PRESETS
    ]
    answer: str = questionary.select(
        "What to train", choices=choices, default=DEFAULT_PRESET
    ).unsafe_ask()
    return answer
