"""The settings of a picture, inside the picture, as PNG text."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from types import MappingProxyType

from PIL.PngImagePlugin import PngInfo

from tuner_kit import __version__
from tuner_kit.catalog.base_models import ModelFamily
from tuner_kit.process.messages import GenerateRequest

SAMPLERS: Mapping[ModelFamily, str] = MappingProxyType({"sd3": "Euler", "sd1x": "PLMS"})
"""FlowMatchEulerDiscreteScheduler and PNDMScheduler, by the names that the web UIs give them."""


@dataclass(frozen=True, slots=True)
class ImageSettings:
    """All that a picture was made from; names only, never a path."""

    prompt: str
    negative_prompt: str
    seed: int
    num_inference_steps: int
    guidance_scale: float
    width_px: int
    height_px: int
    base_label: str
    label: str | None
    """The adapter; None for a picture of the base model."""
    adapter_scale: float | None
    variant: str
    sampler: str
    versions: dict[str, str]


def settings_for(
    request: GenerateRequest, *, prompt: str, seed: int, variant: str, versions: dict[str, str]
) -> ImageSettings:
    """Collect the settings of one picture of a request."""
    is_tuned = variant == "tuned"
    return ImageSettings(
        prompt=prompt,
        negative_prompt=request.negative_prompt,
        seed=seed,
        num_inference_steps=request.num_inference_steps,
        guidance_scale=request.guidance_scale,
        width_px=request.width_px,
        height_px=request.height_px,
        base_label=request.base_label,
        label=request.label if is_tuned else None,
        adapter_scale=request.adapter_scale if is_tuned else None,
        variant=variant,
        sampler=SAMPLERS[request.family],
        versions={"tuner_kit": __version__, **versions},
    )


def build_png_info(settings: ImageSettings) -> PngInfo:
    """Give the text chunks: `parameters` as the web UIs read them, `tuner_kit` as JSON."""
    info = PngInfo()
    info.add_itxt("parameters", render_parameters(settings))
    info.add_itxt("tuner_kit", json.dumps(asdict(settings), ensure_ascii=False))
    return info


def render_parameters(settings: ImageSettings) -> str:
    """Render the one-text form: prompt, negative prompt, and a line of settings."""
    adapter = f"<lora:{settings.label}:{settings.adapter_scale:g}>" if settings.label else ""
    lines = [f"{settings.prompt} {adapter}".rstrip()]
    if settings.negative_prompt:
        lines.append(f"Negative prompt: {settings.negative_prompt}")
    facts = {
        "Steps": settings.num_inference_steps,
        "Sampler": settings.sampler,
        "CFG scale": f"{settings.guidance_scale:g}",
        "Seed": settings.seed,
        "Size": f"{settings.width_px}x{settings.height_px}",
        "Model": _quote(settings.base_label),
        "Version": f"tuner_kit {settings.versions['tuner_kit']}",
    }
    lines.append(", ".join(f"{name}: {value}" for name, value in facts.items()))
    return "\n".join(lines)


def _quote(text: str) -> str:
    """Quote what would end the entry early where the web UIs split the line."""
    return json.dumps(text, ensure_ascii=False) if set(text) & set(',:"\n') else text
