"""Base models that tuner_kit knows by name: facts about each, as plain data."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

ModelFamily = Literal["sd3", "sd1x"]
"""Architectures: Stable Diffusion 3 and 3.5, Stable Diffusion 1.4 and 1.5."""

EMBEDDED_PREFIX = "embedded:"
"""A base model that tuner_kit brings along instead of a hub id or a folder."""

TINY_SD3 = f"{EMBEDDED_PREFIX}tiny-sd3"
TINY_SD1 = f"{EMBEDDED_PREFIX}tiny-sd1"

_EMBEDDED_DIR = Path(__file__).resolve().parent.parent / "embedded_models"


@dataclass(frozen=True, slots=True, kw_only=True)
class BaseModel:
    """One published base model."""

    id: str
    """Hub id, or `embedded:<name>`."""
    title: str
    family: ModelFamily
    license: str
    is_gated: bool
    """The hub asks for a token of an account that accepted the license."""


BASE_MODELS: tuple[BaseModel, ...] = (
    BaseModel(
        id="stabilityai/stable-diffusion-3-medium-diffusers",
        title="Stable Diffusion 3 Medium",
        family="sd3",
        license="Stability AI Community License",
        is_gated=True,
    ),
    BaseModel(
        id="stabilityai/stable-diffusion-3.5-medium",
        title="Stable Diffusion 3.5 Medium",
        family="sd3",
        license="Stability AI Community License",
        is_gated=True,
    ),
    BaseModel(
        id="stabilityai/stable-diffusion-3.5-large",
        title="Stable Diffusion 3.5 Large",
        family="sd3",
        license="Stability AI Community License",
        is_gated=True,
    ),
    BaseModel(
        id="stable-diffusion-v1-5/stable-diffusion-v1-5",
        title="Stable Diffusion 1.5",
        family="sd1x",
        license="CreativeML OpenRAIL-M",
        is_gated=False,
    ),
    BaseModel(
        id="CompVis/stable-diffusion-v1-4",
        title="Stable Diffusion 1.4",
        family="sd1x",
        license="CreativeML OpenRAIL-M",
        is_gated=False,
    ),
    BaseModel(
        id=TINY_SD3,
        title="tiny SD3 (colored shapes)",
        family="sd3",
        license="MIT",
        is_gated=False,
    ),
    BaseModel(
        id=TINY_SD1,
        title="tiny SD1 (untrained)",
        family="sd1x",
        license="MIT",
        is_gated=False,
    ),
)

PIPELINE_CLASSES: dict[str, tuple[str, ...]] = {
    "sd3": ("StableDiffusion3Pipeline",),
    "sd1x": ("StableDiffusionPipeline",),
}
"""`_class_name` in model_index.json, by family."""

PIPELINE_PARTS: dict[str, tuple[str, ...]] = {
    "sd3": (
        "transformer",
        "vae",
        "text_encoder",
        "text_encoder_2",
        "text_encoder_3",
        "tokenizer",
        "tokenizer_2",
        "tokenizer_3",
        "scheduler",
    ),
    "sd1x": ("unet", "vae", "text_encoder", "tokenizer", "scheduler"),
}
"""Folders that a complete diffusers pipeline of the family has."""

DENOISERS: dict[str, str] = {"sd3": "transformer", "sd1x": "unet"}
"""The part that is trained, by family: its folder, and its name in diffusers' pipeline."""


def embedded_model_dir(name: str) -> Path:
    """Return the folder of a model that lies inside the package: `tiny-sd3`."""
    return _EMBEDDED_DIR / name


def family_of(base: str) -> ModelFamily | None:
    """Name the family of a base model that is known by name; None for any other."""
    return next((model.family for model in BASE_MODELS if model.id == base), None)


def title_of(base: str) -> str:
    """How to call a base model on a page: its title, its hub id, or a folder's name."""
    for model in BASE_MODELS:
        if model.id == base:
            return model.title
    return base.rstrip("/").rpartition("/")[2] if base.startswith(("/", ".", "~")) else base
