"""What a question of the wizard is: plain data and small functions, no terminal."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from pydantic import ValidationError

from tuner_kit.catalog.gpus import GpuProfile, find_gpu
from tuner_kit.config.answers import THIS_GPU, Answers
from tuner_kit.preflight.folder_facts import FolderFacts
from tuner_kit.preflight.planned_run import PlannedRun
from tuner_kit.preflight.target_gpu import LocalGpus

type Value = str | int | tuple[str, ...] | None
"""An answer; None is a deliberate "none"."""

OTHER = "something else"
"""The choice after which the answer is typed."""
NONE_WORD = "-"
"""Typed for "none" where Enter alone takes what is suggested."""

type Plan = Callable[[Answers, GpuProfile | None], PlannedRun | None]
"""Plans the run of answers for a GPU; None where they name no folder yet."""


class Kind(StrEnum):
    """How a question is answered."""

    CHOICE = "choice"
    TEXT = "text"
    FOLDER = "folder"
    NUMBER = "whole number"
    LINES = "lines of text"


@dataclass(frozen=True, slots=True)
class Situation:
    """What is known when a question is asked."""

    answers: Answers
    machine: LocalGpus
    """The GPUs here: what would train if nothing else is named."""
    plan: Plan
    folder: FolderFacts | None = None
    """None until the folder of images is named."""

    @property
    def target(self) -> GpuProfile | None:
        """The GPU that shall train, as far as it is known."""
        return self.machine.profile if self.answers.gpu == THIS_GPU else find_gpu(self.answers.gpu)

    def given(self, **values: Value) -> "Situation":
        """Suppose other answers."""
        return replace(self, answers=self.answers.model_copy(update=values))


@dataclass(frozen=True, slots=True)
class Option:
    """One thing to choose."""

    value: str
    title: str
    description: str = ""


@dataclass(frozen=True, slots=True)
class Suggestion:
    """What is taken when a person only presses Enter, and why."""

    value: Value
    reason: str
    """In a few words, after a colon: `a style needs 50 to 100`."""


def _always(_: Situation) -> bool:
    return True


def _no_options(_: Situation) -> Sequence[Option]:
    return ()


def _no_objection(_value: Value, _situation: Situation) -> str | None:
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One question."""

    id: str
    """The field of `Answers` that it fills."""
    label: str
    """For lists of answers, in a word or two."""
    title: str
    help: str
    """Two or three lines for someone who has never trained anything."""
    kind: Kind
    suggest: Callable[[Situation], Suggestion | None]
    """None where nothing can be suggested, so that it has to be answered."""
    expected: str
    """What an answer must look like, as a sentence."""
    applies: Callable[[Situation], bool] = _always
    """Whether an answer has any effect."""
    options: Callable[[Situation], Sequence[Option]] = _no_options
    object_to: Callable[[Value, Situation], str | None] = _no_objection
    """Says why an answer can't be taken."""
    is_optional: bool = False
    """Whether "none" is an answer."""
    is_decided_anyway: bool = False
    """Whether the plan comes to the suggestion by itself; taken, it isn't an answer then."""
    is_asked: Callable[[Situation], bool] = _always
    """Whether it is asked in its turn, or only where a person wants to change it."""

    def refusal(self, value: Value, situation: Situation) -> str | None:
        """Say why an answer can't be taken, or None."""
        if value is None:
            return None if self.is_optional else "An answer is needed here"
        if not _fits_field(self.id, value):
            return self.expected
        return self.object_to(value, situation)

    def read(self, text: str) -> Value:
        """Turn what was typed into an answer; a number that is none stays text, to be refused."""
        stripped = text.strip()
        if not stripped or (self.is_optional and stripped == NONE_WORD):
            return None
        if self.kind is Kind.NUMBER and stripped.removeprefix("-").isdecimal():
            return int(stripped)
        return stripped

    def refuse_text(self, text: str, situation: Situation) -> str | None:
        """Say why typed text can't be taken, or None."""
        return self.refusal(self.read(text), situation)


def _fits_field(field: str, value: Value) -> bool:
    try:
        Answers.model_validate({field: value})
    except ValidationError:
        return False
    return True


def write_value(value: Value) -> str:
    """Write an answer for people: `none`, a number, text, or texts one after the other."""
    if value is None or value == ():
        return "none"
    return " | ".join(value) if isinstance(value, tuple) else str(value)
