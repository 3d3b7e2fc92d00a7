"""What a run would be with the answers so far, for suggestions and their reasons."""

from tuner_kit.preflight.planned_run import PlannedRun
from tuner_kit.wizard.question import Situation, Value

_WITHOUT_EFFECT: dict[str, Value] = {
    "name": None,
    "tracker": "none",
    "hub_model_id": None,
    "runs_dir": None,
    "class_images": None,
    "plain_images": None,
}
"""Answers that change nothing of what is suggested; set alike, a plan is made once only."""


def preview(situation: Situation) -> PlannedRun | None:
    """Plan the run as it would be with the answers so far; None where that can't be told yet."""
    supposed = situation.given(**_WITHOUT_EFFECT)
    planned = situation.plan(supposed.answers, situation.target)
    return planned if planned is not None and planned.decisions else None


def cost_of(planned: PlannedRun, name: str) -> str | None:
    """Return the text of one cost, with its error bar; None where it isn't known."""
    return next((text for called, text in planned.costs if called == name), None)


def effect_of_length(situation: Situation, views: int) -> str | None:
    """Say what a number of views makes: `24 images make 480 steps, about 40 min`."""
    planned = preview(situation.given(views_per_image=views))
    if planned is None or situation.folder is None:
        return None
    steps = planned.value("training", "max_train_steps")
    num_images = situation.folder.num_images
    time = cost_of(planned, "time")
    return f"{num_images} images make {steps} steps" + (f", {time}" if time else "")


def suggested_prompts(situation: Situation) -> tuple[str, ...]:
    """Give the prompts that the plan would draw by itself."""
    planned = preview(situation.given(prompts=()))
    prompts = [] if planned is None else planned.value("validation", "prompts")
    return tuple(map(str, prompts)) if isinstance(prompts, list) else ()
