"""What a base model must say about itself before it is loaded; imports nothing heavy."""

from collections.abc import Mapping

from tuner_kit.catalog.base_models import PIPELINE_CLASSES, ModelFamily
from tuner_kit.workers.runtime import RepairableError

_EXAMPLES: Mapping[ModelFamily, str] = {
    "sd3": "Stable Diffusion 3 or 3.5, such as stabilityai/stable-diffusion-3.5-medium",
    "sd1x": "Stable Diffusion 1.4 or 1.5, such as stable-diffusion-v1-5/stable-diffusion-v1-5",
}


def verify_pipeline_class(
    base_model: str, index: Mapping[str, object], *, family: ModelFamily
) -> None:
    """Refuse a `model_index.json` of another pipeline.

    Raises:
        RepairableError: another class, or none.
    """
    class_name, wanted = index.get("_class_name"), PIPELINE_CLASSES[family]
    if class_name not in wanted:
        reason = f"it is a {class_name}, not a {wanted[0]}"
        raise not_loadable(base_model, reason, family=family)


def not_loadable(base_model: str, reason: str, *, family: ModelFamily) -> RepairableError:
    """Word the refusal of a base model."""
    return RepairableError(
        what=f"the base model can't be loaded: {reason}",
        where=base_model,
        fix=f"use a diffusers folder or Hub repository of {_EXAMPLES[family]}",
    )
