"""What a base model must say about itself before it is loaded; imports nothing heavy."""

from collections.abc import Mapping

from tuner_kit.workers.runtime import RepairableError

PIPELINE_CLASS = "StableDiffusion3Pipeline"


def verify_pipeline_class(base_model: str, index: Mapping[str, object]) -> None:
    """Refuse a `model_index.json` of another pipeline.

    Raises:
        RepairableError: another class, or none.
    """
    class_name = index.get("_class_name")
    if class_name != PIPELINE_CLASS:
        raise not_loadable(base_model, f"it is a {class_name}, not a {PIPELINE_CLASS}")


def not_loadable(base_model: str, reason: str) -> RepairableError:
    """Word the refusal of a base model."""
    return RepairableError(
        what=f"the base model can't be loaded: {reason}",
        where=base_model,
        fix="use a diffusers folder or Hub repository of Stable Diffusion 3 or 3.5, such as "
        "stabilityai/stable-diffusion-3.5-medium",
    )
