"""The answers so far: which were given, which were taken as suggested, and what follows."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from tuner_kit.config.answers import Answers
from tuner_kit.preflight.planned_run import PlannedRun
from tuner_kit.preflight.target_gpu import LocalGpus
from tuner_kit.wizard.knowledge import Knowledge
from tuner_kit.wizard.question import Question, Situation, Value
from tuner_kit.wizard.questions import QUESTIONS


@dataclass(frozen=True, slots=True)
class Sheet:
    """Answers by question; one that no longer applies stays, in case it applies again."""

    given: Mapping[str, Value] = field(default_factory=dict)
    suggested: Mapping[str, Value] = field(default_factory=dict)
    """Taken as they were suggested: asked again where another one would be suggested now."""
    fixed: frozenset[str] = frozenset()
    """Given on the command line or in a file: not asked."""

    def __contains__(self, question_id: str) -> bool:
        """Whether a question is answered."""
        return question_id in self.given or question_id in self.suggested

    def value(self, question_id: str) -> Value:
        """Return an answer; None where there is none."""
        return self.given.get(question_id, self.suggested.get(question_id))

    def with_answer(self, question: Question, value: Value, suggested: object) -> "Sheet":
        """Add an answer, or put it in the place of an earlier one."""
        rest = self.without(question.id)
        given, taken = dict(rest.given), dict(rest.suggested)
        target = taken if value == suggested else given
        target[question.id] = value
        return Sheet(given, taken, rest.fixed)

    def without(self, question_id: str) -> "Sheet":
        """Leave an answer out."""
        return Sheet(
            {key: value for key, value in self.given.items() if key != question_id},
            {key: value for key, value in self.suggested.items() if key != question_id},
            self.fixed - {question_id},
        )

    def below(self, above: "Sheet") -> "Sheet":
        """Lay other answers over these; they alone are fixed."""
        given, suggested = dict(self.given), dict(self.suggested)
        for key in above.given:
            suggested.pop(key, None)
        return Sheet(given | dict(above.given), suggested, above.fixed)


def sheet_of(answers: Answers) -> Sheet:
    """Write down answers that were given at once."""
    given: dict[str, Value] = {name: getattr(answers, name) for name in answers.model_fields_set}
    return Sheet(given=given, fixed=frozenset(given))


def assess(sheet: Sheet, machine: LocalGpus, knowledge: Knowledge) -> Situation:
    """Say what is known now: only answers that have an effect count.

    Raises:
        TunerError: the folder of images can't be read.
    """
    known = {question.id for question in QUESTIONS}
    values = {key: value for key, value in sheet.given.items() if key not in known}
    for question in QUESTIONS:
        situation = _situation(values, sheet, machine, knowledge)
        is_fixed = question.id in sheet.fixed
        if question.id in sheet and (is_fixed or question.applies(situation)):
            values[question.id] = sheet.value(question.id)
    situation = _situation(values, sheet, machine, knowledge)
    # Some ask about what a later answer makes needless: a caption, where one prompt is for all.
    for question in QUESTIONS:
        if question.id not in sheet.fixed and not question.applies(situation):
            values.pop(question.id, None)
    return _situation(values, sheet, machine, knowledge)


def _situation(
    values: Mapping[str, Value], sheet: Sheet, machine: LocalGpus, knowledge: Knowledge
) -> Situation:
    decided_anyway = {
        question.id
        for question in QUESTIONS
        if question.is_decided_anyway and question.id in sheet.suggested
    }
    counted = {key: value for key, value in values.items() if key not in decided_anyway}
    valid = Answers.model_validate(counted)
    answers = Answers.model_construct(
        _fields_set={key for key in counted if key in sheet.given}, **dict(valid)
    )
    folder = knowledge.look_for(answers)
    return Situation(answers, machine, knowledge.plan, folder)


def plan_of(situation: Situation) -> PlannedRun:
    """Plan the run; the folder of images is named.

    Raises:
        TunerError: another folder can't be read.
    """
    planned = situation.plan(situation.answers, situation.target)
    assert planned is not None  # noqa: S101 - the first question can't be left out
    return planned
