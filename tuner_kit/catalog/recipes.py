"""Starting values of each model and method: what the field's guides agree on, as plain data.

The presets hold a whole tuner.yaml each; here is what differs by method and purpose. Sources:
SimpleTuner's documentation of SD3 and of LyCORIS, the diffusers examples for DreamBooth.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from tuner_kit.catalog.base_models import ModelFamily


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelRecipe:
    """How a base model is trained, whatever the method."""

    title: str
    preset: str
    family: ModelFamily
    resolutions_px: tuple[int, ...]
    """From the one it draws best at to the smallest that is worth training."""
    guidance_scale: float
    effective_batch_size: int


RECIPES: Mapping[str, ModelRecipe] = MappingProxyType(
    {
        "sd3-medium": ModelRecipe(
            title="Stable Diffusion 3 Medium",
            preset="sd3-medium-lora",
            family="sd3",
            resolutions_px=(1024, 768, 512),
            guidance_scale=5.0,
            effective_batch_size=4,
        ),
        "sd3.5-medium": ModelRecipe(
            title="Stable Diffusion 3.5 Medium",
            preset="sd3.5-medium-lora",
            family="sd3",
            resolutions_px=(1024, 768, 512),
            guidance_scale=4.0,
            effective_batch_size=4,
        ),
        "sd3.5-large": ModelRecipe(
            title="Stable Diffusion 3.5 Large",
            preset="sd3.5-large-lora",
            family="sd3",
            resolutions_px=(1024, 768, 512),
            guidance_scale=4.0,
            effective_batch_size=4,
        ),
        "sd1.5": ModelRecipe(
            title="Stable Diffusion 1.5",
            preset="sd1-lora",
            family="sd1x",
            resolutions_px=(512,),
            guidance_scale=7.0,
            effective_batch_size=4,
        ),
        "tiny-sd3": ModelRecipe(
            title="tiny SD3",
            preset="tiny-lora",
            family="sd3",
            resolutions_px=(128,),
            guidance_scale=4.0,
            effective_batch_size=4,
        ),
        "tiny-sd1": ModelRecipe(
            title="tiny SD1",
            preset="tiny-lora",
            family="sd1x",
            resolutions_px=(64,),
            guidance_scale=4.0,
            effective_batch_size=4,
        ),
    }
)
"""By the name that the memory plan uses for a model."""

DEFAULT_MODEL = "sd3.5-medium"

LEARNING_RATES: Mapping[str, float] = MappingProxyType({"lora": 1e-4, "lokr": 1e-4, "full": 1e-5})
"""By method: above, SD3.5 is known to break."""

RANKS: Mapping[str, int] = MappingProxyType({"style": 32, "subject": 16, "concept": 32})
"""By purpose; of SD3 and SD1 alike."""
