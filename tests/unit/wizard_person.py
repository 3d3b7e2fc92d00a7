"""A person at a plain terminal, in this process: answers by what is asked, else presses Enter."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from rich.text import Text

from tuner_kit.catalog.gpus import GpuProfile
from tuner_kit.config.answers import Answers
from tuner_kit.config.load import load_config
from tuner_kit.preflight.folder_facts import FolderFacts, look_at_folder
from tuner_kit.preflight.read_answers import answers_from
from tuner_kit.preflight.target_gpu import LocalGpus
from tuner_kit.wizard.dialogue import Dialogue, Existing, Outcome, Start
from tuner_kit.wizard.interview import Surroundings
from tuner_kit.wizard.terminal import PlainTerminal

BACK = "<"
LEAVE = "(leaves)"
_MOST_ANSWERS = 80

GPU_24_GB = GpuProfile(
    name="some GPU",
    memory_gib=23.6,
    compute_capability=(8, 6),
    bf16_tflops=70.0,
    bandwidth_gb_s=900.0,
)


@dataclass
class Person:
    """Answers questions by words of their titles; each reply once, in order."""

    replies: Mapping[str, Sequence[str]]
    screen: list[str] = field(default_factory=list)
    """Every line that was shown."""
    asked: list[str] = field(default_factory=list)
    """The titles that were shown, without their numbers."""

    def __post_init__(self) -> None:
        self._left = {words: list(replies) for words, replies in self.replies.items()}
        self._num_read = 0
        self._num_answers = 0

    def show(self, text: Text) -> None:
        self.screen.append(text.plain)

    def read_line(self) -> str:
        new, self._num_read = self.screen[self._num_read :], len(self.screen)
        titles = [line for line in new if line and not line.startswith(" ")]
        self.asked += [title.split("  ", 1)[-1] for title in titles]
        self._num_answers += 1
        assert self._num_answers < _MOST_ANSWERS, "the questions never end"
        reply = self._reply_to("\n".join(new))
        if reply == LEAVE:
            raise EOFError
        return reply

    def _reply_to(self, shown: str) -> str:
        fitting = (left for words, left in self._left.items() if words in shown and left)
        return next((left.pop(0) for left in fitting), "")

    def unused(self) -> dict[str, list[str]]:
        return {words: left for words, left in self._left.items() if left}


def talk(
    person: Person,
    config_path: Path,
    *,
    machine: LocalGpus | None = None,
    replaces: bool = False,
    **given: object,
) -> Outcome:
    """Hold a dialogue with answers that were given before it."""
    surroundings = Surroundings(
        show=person.show,
        columns=80,
        machine=machine or LocalGpus(GPU_24_GB, 1),
        look_at_folder=look,
    )
    start = Start(
        given=Answers.model_validate(given),
        config_path=config_path,
        replaces=replaces,
        read_existing=read_existing,
    )
    terminal = PlainTerminal(person.show, 80, person.read_line)
    return Dialogue(terminal, surroundings, start).hold()


def read_existing(path: Path) -> Existing:
    file = load_config(path)
    return Existing(answers_from(file), file.config)


def look(data: str, layout: str) -> FolderFacts:
    return look_at_folder(data, layout, lambda _: None)


def value(outcome: Outcome, *key: str | int) -> object:
    assert outcome.planned is not None
    return outcome.planned.value(*key)


def decided_by(outcome: Outcome, *key: str | int) -> str:
    assert outcome.planned is not None
    return next(each.by for each in outcome.planned.decisions if each.key == key)
