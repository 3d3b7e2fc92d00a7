"""The questions about what comes out: pictures while training, curves, where it goes."""

from tuner_kit.preflight.run_name import suggest_name
from tuner_kit.wizard.preview import preview, suggested_prompts
from tuner_kit.wizard.question import Kind, Option, Question, Situation, Suggestion

_TRACKERS = (
    Option("none", "none", "the run's own page has the curves"),
    Option("tensorboard", "TensorBoard", "on this machine"),
    Option("wandb", "Weights & Biases", "on its website; log in there first"),
)


def _suggest_prompts(situation: Situation) -> Suggestion:
    return Suggestion(suggested_prompts(situation), "they can be compared with your images")


def _suggest_name(situation: Situation) -> Suggestion:
    return Suggestion(suggest_name(situation.answers.data or ""), "as the folder is called")


def _suggest_resolution(situation: Situation) -> Suggestion:
    planned = preview(situation.given(resolution_px=None))
    if planned is None:
        return Suggestion(None, "what the model draws best at")
    chosen = next(
        each for each in planned.decisions if each.key == ("datasets", 0, "resolution_px")
    )
    return Suggestion(int(str(chosen.value)), chosen.reason)


RESULT_QUESTIONS: tuple[Question, ...] = (
    Question(
        id="prompts",
        label="pictures while training",
        title="What shall be drawn while it trains?",
        help="A prompt per line; the same are drawn again and again, so that you see it learn. "
        "An empty line ends the list.",
        kind=Kind.LINES,
        suggest=_suggest_prompts,
        expected="Type a prompt",
        is_optional=True,
        is_decided_anyway=True,
    ),
    Question(
        id="tracker",
        label="tracker",
        title="Where else shall the curves go?",
        help="The page of each run shows loss and learning rate in any case.",
        kind=Kind.CHOICE,
        suggest=lambda _: Suggestion("none", "nothing has to be set up"),
        expected="Choose none, tensorboard or wandb",
        options=lambda _: _TRACKERS,
    ),
    Question(
        id="hub_model_id",
        label="publishing",
        title="Under which name shall it be published on the Hub?",
        help="As user/name. Training uploads nothing; publishing is a step of its own.",
        kind=Kind.TEXT,
        suggest=lambda _: Suggestion(None, "it stays on this machine"),
        expected="Write it as user/name: letters, digits, dots and dashes",
        is_optional=True,
    ),
    Question(
        id="name",
        label="name",
        title="What is this run called?",
        help="Its folder below runs/ gets this name.",
        kind=Kind.TEXT,
        suggest=_suggest_name,
        expected="Use letters, digits, dots and dashes, and begin with a letter or digit",
        is_decided_anyway=True,
    ),
    Question(
        id="resolution_px",
        label="resolution",
        title="At which resolution shall it train?",
        help="The edge of the images in pixels. Twice as large takes four times as long.",
        kind=Kind.NUMBER,
        suggest=_suggest_resolution,
        expected="Type a multiple of 64 from 64 to 2048, for instance 768",
        is_asked=lambda _: False,
        is_optional=True,
        is_decided_anyway=True,
    ),
)
"""In the order in which they are asked."""
