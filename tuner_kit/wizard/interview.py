"""The questions one after the other: forward, back, and again what a change makes doubtful."""

from collections.abc import Callable
from dataclasses import dataclass

from tuner_kit.errors import TunerError
from tuner_kit.preflight.folder_facts import FolderFacts
from tuner_kit.preflight.planned_run import PlannedRun
from tuner_kit.preflight.target_gpu import LocalGpus
from tuner_kit.wizard.asking import Request, ask
from tuner_kit.wizard.knowledge import Knowledge, LookAtFolder
from tuner_kit.wizard.question import Question, Situation, Value
from tuner_kit.wizard.questions import QUESTIONS
from tuner_kit.wizard.sheet import Sheet, assess, plan_of
from tuner_kit.wizard.terminal import Move, Show, Terminal, show_lines, wrap


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the wizard works with besides a terminal."""

    show: Show
    columns: int
    machine: LocalGpus
    look_at_folder: LookAtFolder


class Interview:
    """Holds the sheet while questions are asked."""

    def __init__(
        self,
        terminal: Terminal,
        surroundings: Surroundings,
        sheet: Sheet,
        keep: Callable[[Sheet], None],
    ) -> None:
        self.sheet = sheet
        self._terminal = terminal
        self._surroundings = surroundings
        self._keep = keep
        self._knowledge = Knowledge(surroundings.look_at_folder)

    @property
    def situation(self) -> Situation:
        """What is known now."""
        return assess(self.sheet, self._surroundings.machine, self._knowledge)

    def plan(self) -> PlannedRun:
        """Plan the run as it is answered."""
        return plan_of(self.situation)

    def ask_open(self) -> None:
        """Ask all that is open; Esc goes back to what was asked before.

        Raises:
            KeyboardInterrupt: the person leaves.
            EOFError: the same.
        """
        self._forget_lost_folder()
        question = self._next_open()
        while question is not None:
            if self.ask(question):
                question = self._next_open()
            else:
                question = self._previous(question) or question

    def ask_last(self) -> None:
        """Go back from the end to the question asked last, and on from there."""
        last = self._previous(None)
        while last is not None and not self.ask(last):
            last = self._previous(last)
        self.ask_open()

    def changeable(self) -> list[Question]:
        """Give the questions whose answers have an effect."""
        situation = self.situation
        return [question for question in QUESTIONS if question.applies(situation)]

    def answer_to(self, question: Question) -> Value:
        """Give the answer to a question, or what is taken without one."""
        if question.id in self.sheet:
            return self.sheet.value(question.id)
        suggestion = question.suggest(self._situation_before(question))
        return None if suggestion is None else suggestion.value

    def ask(self, question: Question) -> bool:
        """Ask one question; False where the person goes back."""
        while True:
            request = self._request(question)
            value = ask(request, self._terminal)
            if isinstance(value, Move):
                return False
            if self._take(request, value):
                return True

    def _take(self, request: Request, value: Value) -> bool:
        """Write an answer down, if the folder that it names can be read."""
        question, suggestion = request.question, request.suggestion
        sheet = self.sheet
        suggested = object() if suggestion is None else suggestion.value
        self.sheet = sheet.with_answer(question, value, suggested)
        try:
            if question.id == "class_images":
                self._knowledge.look(str(value))
            folder = self.situation.folder
        except TunerError as error:
            self.sheet = sheet
            self._explain(error)
            return False
        if question.id in ("data", "layout") and folder is not None:
            self._say(describe_folder(folder))
        self._keep(self.sheet)
        return True

    def _forget_lost_folder(self) -> None:
        """Ask anew for a folder that was named before and can't be read now."""
        try:
            assess(self.sheet, self._surroundings.machine, self._knowledge)
        except TunerError as error:
            if "data" in self.sheet.fixed:
                raise
            self._explain(error)
            self.sheet = self.sheet.without("data")

    def _explain(self, error: TunerError) -> None:
        for problem in error.problems:
            self._say(f"{_sentence(problem.what)} To do: {problem.fix}.")

    def _request(self, question: Question) -> Request:
        situation = self._situation_before(question)
        earlier = self.sheet.value(question.id)
        is_valid = question.id in self.sheet and question.refusal(earlier, situation) is None
        asked = [each for each in QUESTIONS if self._is_asked(each, situation)]
        number = f"{asked.index(question) + 1}/{len(asked)}" if question in asked else ""
        return Request(
            question=question,
            situation=situation,
            suggestion=question.suggest(situation),
            options=question.options(situation),
            earlier=earlier,
            is_answered=is_valid,
            number=number,
            can_go_back=self._previous(question) is not None,
        )

    def _situation_before(self, question: Question) -> Situation:
        """What is known but for the answer to the question itself, which must not sway it."""
        sheet = self.sheet.without(question.id)
        return assess(sheet, self._surroundings.machine, self._knowledge)

    def _next_open(self) -> Question | None:
        situation = self.situation
        return next(
            (
                question
                for question in QUESTIONS
                if self._is_asked(question, situation) and self._is_open(question)
            ),
            None,
        )

    def _is_asked(self, question: Question, situation: Situation) -> bool:
        is_free = question.id not in self.sheet.fixed
        return is_free and question.applies(situation) and question.is_asked(situation)

    def _is_open(self, question: Question) -> bool:
        """Whether there is no answer, or what it was given for has changed."""
        if question.id not in self.sheet:
            return True
        situation, value = self._situation_before(question), self.sheet.value(question.id)
        if question.refusal(value, situation) is not None:
            return True
        if question.id not in self.sheet.suggested:
            return False
        suggestion = question.suggest(situation)
        return suggestion is None or suggestion.value != value

    def _previous(self, question: Question | None) -> Question | None:
        situation = self.situation
        index = len(QUESTIONS) if question is None else QUESTIONS.index(question)
        before = (each for each in reversed(QUESTIONS[:index]) if self._is_asked(each, situation))
        return next(before, None)

    def _say(self, text: str) -> None:
        lines = wrap(text, self._surroundings.columns, "  ")
        show_lines(self._surroundings.show, lines)


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}."


def describe_folder(folder: FolderFacts) -> str:
    """Say what was found in a folder: `24 images, 23 captions, mostly 1024 x 1024, ...`."""
    parts = [_count(folder.num_images, "image"), _count(folder.num_captions, "caption")]
    sizes = sorted(folder.sizes.items(), key=lambda each: -each[1])
    if sizes:
        (width_px, height_px), count = sizes[0]
        if 2 * count > folder.num_images:
            mostly = "" if count == folder.num_images else "mostly "
            parts.append(f"{mostly}{width_px} x {height_px}")
        else:
            parts.append(f"{len(sizes)} sizes, shorter edge about {folder.short_edge_px} px")
    return f"Found: {', '.join([*parts, f'layout {folder.layout}'])}"


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
