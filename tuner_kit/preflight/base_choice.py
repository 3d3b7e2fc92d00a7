"""Which base model is meant, and what is known about training it."""

import re
from dataclasses import dataclass
from pathlib import Path

from tuner_kit.catalog.base_models import EMBEDDED_PREFIX, embedded_model_dir, family_of
from tuner_kit.catalog.recipes import DEFAULT_MODEL, RECIPES, ModelRecipe
from tuner_kit.planning.shape import model_of

_NAMED_LIKE = (
    (re.compile(r"3\.5[-_ ]?large", re.IGNORECASE), "sd3.5-large"),
    (re.compile(r"3\.5[-_ ]?medium", re.IGNORECASE), "sd3.5-medium"),
    (re.compile(r"(stable-diffusion|sd)[-_]?3([-_]medium|$)", re.IGNORECASE), "sd3-medium"),
    (re.compile(r"(v1[-_.][45]|(stable-diffusion|sd)[-_]?1[-_.]?[45x])", re.IGNORECASE), "sd1.5"),
)
"""What a fine-tune's name on the Hub tells about what it is made from."""


@dataclass(frozen=True, slots=True)
class BaseChoice:
    """A base model, and how it is trained."""

    base: str
    """As tuner.yaml names it."""
    model: str = ""
    """As the memory plan names it; empty where it isn't known."""
    obstacle: str | None = None
    """Why it can't be trained, with a way out."""

    @property
    def recipe(self) -> ModelRecipe | None:
        """How it is trained; None where the model isn't known."""
        return RECIPES.get(self.model)

    @property
    def is_tiny(self) -> bool:
        """Whether it is one of the embedded models, which train on a CPU."""
        return self.base.startswith(EMBEDDED_PREFIX)


def default_base() -> str:
    """Name the base model that is suggested."""
    return "stabilityai/stable-diffusion-3.5-medium"


def choose_base(base: str | None) -> BaseChoice:
    """Find out what a base model is, without asking the Hub.

    Args:
        base: hub id, folder, or `embedded:<name>`; None takes the suggested one.
    """
    if base is None:
        return BaseChoice(default_base(), DEFAULT_MODEL)
    if base.startswith(EMBEDDED_PREFIX):
        return _embedded(base)
    folder = Path(base).expanduser()
    if folder.is_dir() or base.startswith(("/", ".", "~")):
        return _folder(base, folder)
    return _on_hub(base)


def _on_hub(base: str) -> BaseChoice:
    family = family_of(base)
    known = model_of(base, family) if family is not None else None
    named = next((model for pattern, model in _NAMED_LIKE if pattern.search(base)), None)
    if known or named:
        return BaseChoice(base, known or named or "")
    return BaseChoice(
        base,
        obstacle=f"It can't be told what {base} is made from: download it and name its folder, or "
        "choose one of the listed base models.",
    )


def _embedded(base: str) -> BaseChoice:
    name = base.removeprefix(EMBEDDED_PREFIX)
    if name in RECIPES and embedded_model_dir(name).is_dir():
        return BaseChoice(base, name)
    there = ", ".join(f"{EMBEDDED_PREFIX}{each}" for each in RECIPES if each.startswith("tiny-"))
    return BaseChoice(base, obstacle=f"There is no embedded model {name}: choose {there}.")


def _folder(base: str, folder: Path) -> BaseChoice:
    if not folder.is_dir():
        return BaseChoice(base, obstacle=f"There is no folder {base}: correct the base model.")
    for family in sorted({recipe.family for recipe in RECIPES.values()}):
        model = model_of(str(folder), family)
        if model is not None:
            return BaseChoice(base, model)
    return BaseChoice(
        base,
        obstacle=f"The folder {base} is no complete Stable Diffusion 3 or 1 model in diffusers "
        "layout: it needs model_index.json and transformer/ or unet/ with their config.json.",
    )
