"""All questions of the wizard, in the order in which they are asked."""

from tuner_kit.wizard.image_questions import IMAGE_QUESTIONS
from tuner_kit.wizard.question import Question
from tuner_kit.wizard.result_questions import RESULT_QUESTIONS
from tuner_kit.wizard.training_questions import TRAINING_QUESTIONS

QUESTIONS: tuple[Question, ...] = (*IMAGE_QUESTIONS, *TRAINING_QUESTIONS, *RESULT_QUESTIONS)
