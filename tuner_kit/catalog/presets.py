"""The presets that `tuner-kit init` starts from: names and where their YAML lies."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Preset:
    """A starting point for tuner.yaml, shipped as `presets/<name>.yaml` among the templates."""

    name: str
    summary: str


PRESETS: tuple[Preset, ...] = (
    Preset(
        name="sd3.5-medium-lora", summary="Stable Diffusion 3.5 Medium, LoRA, one GPU with 24 GB"
    ),
    Preset(name="sd3.5-large-lora", summary="Stable Diffusion 3.5 Large, LoRA, int8 base, 24 GB"),
    Preset(name="sd3-medium-lora", summary="Stable Diffusion 3 Medium, LoRA, one GPU with 24 GB"),
    Preset(name="sd1-lora", summary="Stable Diffusion 1.5, LoRA at 512 px, one GPU with 8 GB"),
    Preset(
        name="tiny-lora",
        summary="the embedded tiny SD3 on a CPU in two minutes: to see the whole flow",
    ),
)

DEFAULT_PRESET = "sd3.5-medium-lora"
TINY_PRESET = "tiny-lora"
"""The preset of the embedded base model."""
