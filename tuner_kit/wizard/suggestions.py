"""All suggestions at once, for who doesn't want to be asked."""

from tuner_kit.config.answers import Answers
from tuner_kit.preflight.planned_run import PlannedRun
from tuner_kit.wizard.interview import Surroundings
from tuner_kit.wizard.knowledge import Knowledge
from tuner_kit.wizard.questions import QUESTIONS
from tuner_kit.wizard.sheet import assess, plan_of, sheet_of


def take_suggestions(given: Answers, surroundings: Surroundings) -> PlannedRun:
    """Plan a run with the given answers, and what is suggested for the rest.

    Raises:
        TunerError: a folder can't be read; it fits several layouts, and none is named (D14).
    """
    if given.data is not None and given.instance_prompt is None:
        surroundings.look_at_folder(given.data, given.layout)  # asks which layout, by its error
    knowledge = Knowledge(surroundings.look_at_folder)
    sheet = sheet_of(given)
    for question in QUESTIONS:
        if question.id in sheet or question.is_decided_anyway:
            continue
        situation = assess(sheet, surroundings.machine, knowledge)
        if not question.applies(situation):
            continue
        suggestion = question.suggest(situation)
        if suggestion is not None:
            sheet = sheet.with_answer(question, suggestion.value, suggestion.value)
    return plan_of(assess(sheet, surroundings.machine, knowledge))
