"""A run as it is planned from answers: every value with who decided it and why, and its price."""

from dataclasses import dataclass
from enum import StrEnum

from pydantic import JsonValue

from tuner_kit.config.yaml_source import KeyPath


class Decider(StrEnum):
    """Who decided a value."""

    YOU = "you"
    DATA = "your data"
    GPU = "the GPU"
    MODEL = "the model"
    USUAL = "as usual"


@dataclass(frozen=True, slots=True)
class Decision:
    """One value of tuner.yaml."""

    key: KeyPath
    """`("training", "max_train_steps")`."""
    value: JsonValue
    by: Decider
    reason: str
    """In a few words: `24 images x 80 views / 4 per step`."""


@dataclass(frozen=True, slots=True)
class PlannedRun:
    """Everything that follows from the answers."""

    preset: str
    """The preset whose comments and remaining values tuner.yaml has."""
    decisions: tuple[Decision, ...]
    """In the order of tuner.yaml."""
    costs: tuple[tuple[str, str], ...] = ()
    """What it takes, as name and text with its error bar: GPU memory, RAM, disk, time."""
    given_up: tuple[str, ...] = ()
    """What was given up so that it fits, as sentences."""
    obstacles: tuple[str, ...] = ()
    """Why it can't be trained as answered, as sentences with a way out; none is fine."""

    def value(self, *key: str | int) -> JsonValue:
        """Return what was decided for a key.

        Raises:
            KeyError: nothing was.
        """
        for decision in reversed(self.decisions):
            if decision.key == key:
                return decision.value
        raise KeyError(key)
