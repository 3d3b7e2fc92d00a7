"""The wizard from its first question to a plan: drafts, an existing tuner.yaml, the last screen."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from rich.text import Text

from tuner_kit.config.answers import Answers
from tuner_kit.config.run_config import RunConfig
from tuner_kit.config.yaml_source import KeyPath
from tuner_kit.errors import TunerError
from tuner_kit.preflight.planned_run import PlannedRun
from tuner_kit.wizard.draft import (
    DamagedDraftError,
    discard_draft,
    draft_path_of,
    load_draft,
    save_draft,
)
from tuner_kit.wizard.interview import Interview, Surroundings
from tuner_kit.wizard.plan_screen import as_edited, render_plan
from tuner_kit.wizard.question import Option, write_value
from tuner_kit.wizard.sheet import Sheet, sheet_of
from tuner_kit.wizard.terminal import Move, Prompt, Terminal, show_lines, wrap

_DATA_PATH: KeyPath = ("datasets", 0, "path")


class LeaveError(Exception):
    """The person chose to leave."""


@dataclass(frozen=True, slots=True)
class Existing:
    """A tuner.yaml that is there."""

    answers: Answers
    """Those that it still tells."""
    config: RunConfig


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """What a dialogue begins with."""

    given: Answers
    """Of the command line and `--answers`; they are not asked."""
    config_path: Path
    """The tuner.yaml to be written."""
    replaces: bool
    """Whether one that is there is replaced."""
    read_existing: Callable[[Path], Existing]
    """Reads a tuner.yaml that is there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How a dialogue ended."""

    config_path: Path
    """Another file may have been chosen."""
    planned: PlannedRun | None = None
    """None where the person left."""
    before: PlannedRun | None = None
    """The plan of the tuner.yaml that is to be changed; None where one is to be written."""

    @property
    def draft_path(self) -> Path:
        """Where the answers are kept until tuner.yaml is written."""
        return draft_path_of(self.config_path)


class Dialogue:
    """One conversation about one tuner.yaml."""

    def __init__(self, terminal: Terminal, surroundings: Surroundings, start: Start) -> None:
        self._terminal = terminal
        self._surroundings = surroundings
        self._start = start
        self._config_path = start.config_path
        self._existing: Existing | None = None
        """The tuner.yaml that is changed; None where one is written."""

    def hold(self) -> Outcome:
        """Ask until there is a plan to be written, or the person leaves.

        Raises:
            TunerError: a folder of the command line can't be read, or the tuner.yaml that is there.
        """
        try:
            interview = self._begin()
            interview.ask_open()
            return self._conclude(interview)
        except (KeyboardInterrupt, EOFError, LeaveError):
            return Outcome(config_path=self._config_path)

    # ----------------------------------------------------------------------- beginning

    def _begin(self) -> Interview:
        """Decide where the answers come from that needn't be given again."""
        given = sheet_of(self._start.given)
        draft = self._load_draft()
        while self._config_path.exists() and not self._start.replaces:
            draft = self._ask_about_existing(draft)
            if self._existing is not None:
                kept = draft[0] if draft is not None else _all_answers(self._existing)
                return self._interview(kept.below(given))
        if draft is not None and not draft[1] and self._wants_to_go_on():
            return self._interview(draft[0].below(given))
        return self._interview(given)

    def _interview(self, sheet: Sheet) -> Interview:
        return Interview(self._terminal, self._surroundings, sheet, self._keep)

    def _keep(self, sheet: Sheet) -> None:
        save_draft(draft_path_of(self._config_path), sheet, is_edit=self._existing is not None)

    def _load_draft(self) -> tuple[Sheet, bool] | None:
        path = draft_path_of(self._config_path)
        try:
            return load_draft(path)
        except DamagedDraftError:
            self._say(f"The answers kept in {path.name} can't be read; you are asked anew.")
            return None

    def _wants_to_go_on(self) -> bool:
        chosen = self._choose(
            "You have begun to answer before.",
            (
                Option("on", "go on", "the answers are kept, the rest is asked"),
                Option("anew", "start anew", "the answers are forgotten"),
            ),
        )
        if chosen == "anew":
            discard_draft(draft_path_of(self._config_path))
        return chosen == "on"

    def _ask_about_existing(self, draft: tuple[Sheet, bool] | None) -> tuple[Sheet, bool] | None:
        """Let an existing tuner.yaml be changed, or another one be written; gives what is kept."""
        begun = draft is not None and draft[1]
        options = [
            *([Option("on", "go on", "with the changes that you began")] if begun else []),
            Option("edit", "change it", "its comments and everything else stay"),
            Option("other", "another file", "this one stays as it is"),
            Option("leave", "leave", "nothing is written"),
        ]
        chosen = self._choose(f"{self._config_path.name} is there already.", options)
        if chosen == "leave":
            raise LeaveError
        if chosen == "other":
            self._config_path = self._ask_for_file()
            return self._load_draft()
        self._existing = self._start.read_existing(self._config_path)
        return draft if chosen == "on" else None

    def _ask_for_file(self) -> Path:
        prompt = Prompt(
            title="Which file shall be written?", default="tuner-2.yaml", can_go_back=False
        )
        while True:
            name = str(self._terminal.write(prompt)).strip()
            if name:
                return Path(name).expanduser()

    # ------------------------------------------------------------------- the last screen

    def _conclude(self, interview: Interview) -> Outcome:
        while True:
            planned = interview.plan()
            before = self._plan_before(interview)
            self._show_plan(planned, before)
            match self._ask_what_now(planned):
                case Move.BACK:
                    interview.ask_last()
                case "write":
                    return Outcome(config_path=self._config_path, planned=planned, before=before)
                case "change":
                    self._change(interview)
                case _:
                    self._keep(interview.sheet)
                    raise LeaveError

    def _plan_before(self, interview: Interview) -> PlannedRun | None:
        """Plan what the tuner.yaml that is there says, to see what the answers change in it."""
        if self._existing is None:
            return None
        sheet = _all_answers(self._existing)
        try:
            return self._interview(sheet).plan()
        except TunerError:  # its folder is gone: with the images of now, but for their path
            moved = Sheet(given={**sheet.given, "data": interview.situation.answers.data})
            before = self._interview(moved).plan()
            others = (each for each in before.decisions if each.key != _DATA_PATH)
            return replace(before, decisions=tuple(others))

    def _show_plan(self, planned: PlannedRun, before: PlannedRun | None) -> None:
        shown = planned
        if before is not None and self._existing is not None:
            shown = as_edited(planned, before, self._existing.config)
        for line in render_plan(shown, self._surroundings.columns):
            self._surroundings.show(line)

    def _ask_what_now(self, planned: PlannedRun) -> str | Move:
        name = self._config_path.name
        write = Option("write", "write it", f"{name} is {self._how_written()}")
        others = (
            Option("change", "change something", "and see the plan again"),
            Option("leave", "leave", "nothing is written, the answers are kept"),
        )
        if planned.obstacles:
            note = f"{name} can't be written before this is changed."
            prompt = Prompt(title="What now?", notes=(note,), options=others, default="change")
        else:
            prompt = Prompt(title="What now?", options=(write, *others), default="write")
        return self._terminal.choose(prompt)

    def _how_written(self) -> str:
        if self._existing is not None:
            return "changed, its comments stay"
        return "replaced" if self._config_path.exists() else "written"

    def _change(self, interview: Interview) -> None:
        """Let one answer be changed, and ask again what that makes doubtful."""
        questions = {question.id: question for question in interview.changeable()}
        options = [
            Option(each.id, each.label, write_value(interview.answer_to(each)))
            for each in questions.values()
        ]
        prompt = Prompt(title="Which answer shall be changed?", options=options)
        chosen = self._terminal.choose(prompt)
        if not isinstance(chosen, Move) and interview.ask(questions[chosen]):
            interview.ask_open()

    # ---------------------------------------------------------------- small conversations

    def _choose(self, title: str, options: "tuple[Option, ...] | list[Option]") -> str:
        default = options[0].value
        prompt = Prompt(title=title, options=options, default=default, can_go_back=False)
        return str(self._terminal.choose(prompt))

    def _say(self, text: str) -> None:
        self._surroundings.show(Text())
        show_lines(self._surroundings.show, wrap(text, self._surroundings.columns))


def _all_answers(existing: Existing) -> Sheet:
    """Take what a tuner.yaml doesn't tell as it is by default: nothing of it is asked."""
    return Sheet({name: getattr(existing.answers, name) for name in Answers.model_fields})
