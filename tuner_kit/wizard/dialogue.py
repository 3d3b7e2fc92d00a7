"""The short dialogue of `tuner-kit init`: asks what was not given as a flag."""

from dataclasses import dataclass, replace
from pathlib import Path

import questionary

from tuner_kit.catalog.presets import DEFAULT_PRESET, PRESETS


@dataclass(frozen=True, slots=True)
class Known:
    """What is decided so far; None is still to be asked."""

    data_dir: Path | None
    preset: str | None
    name: str | None
    trigger_word: str | None


def ask(known: Known) -> Known:
    """Ask for what is missing.

    Raises:
        KeyboardInterrupt: the person left with Ctrl-C.
    """
    if known.data_dir is None:
        known = replace(known, data_dir=_ask_folder())
    if known.preset is None:
        known = replace(known, preset=_ask_preset())
    if known.name is None:
        folder = (known.data_dir or Path()).resolve().name
        answer = questionary.text(f"Name of the run (empty: {folder})").unsafe_ask()
        known = replace(known, name=answer.strip() or None)
    if known.trigger_word is None:
        question = "Trigger word to put in front of captions (empty: none)"
        known = replace(known, trigger_word=questionary.text(question).unsafe_ask().strip() or None)
    return known


def _ask_folder() -> Path:
    answer: str = questionary.path(
        "Folder of images, with a .txt caption beside each",
        only_directories=True,
        validate=lambda text: Path(text).expanduser().is_dir() or "There is no such folder",
    ).unsafe_ask()
    return Path(answer).expanduser()


def _ask_preset() -> str:
    choices = [
        questionary.Choice(f"{preset.name:<20}{preset.summary}", value=preset.name)
        for preset in PRESETS
    ]
    answer: str = questionary.select(
        "What to train", choices=choices, default=DEFAULT_PRESET
    ).unsafe_ask()
    return answer
