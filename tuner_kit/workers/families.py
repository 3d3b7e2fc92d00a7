"""The families of base models in diffusers: how each reads a prompt and how large it draws.

Importing this module imports torch and diffusers; only `generate` does, inside its work.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import torch
from diffusers import DiffusionPipeline, StableDiffusion3Pipeline, StableDiffusionPipeline

from tuner_kit.catalog.base_models import ModelFamily
from tuner_kit.process.messages import GenerateRequest
from tuner_kit.workers.runtime import RepairableError

DEFAULT_T5_TOKENS = 256
"""What diffusers' SD3 pipeline takes when it isn't told."""
SD3_PX_PER_PATCH = 16

type PromptEmbeds = Mapping[str, torch.Tensor | None]
"""A prompt, read by the text encoders: arguments of the pipeline by their names."""


@dataclass(frozen=True, slots=True)
class FamilyPipeline:
    """What differs between the families."""

    pipeline_class: type[DiffusionPipeline]
    embed: Callable[[DiffusionPipeline, GenerateRequest, str, torch.device], PromptEmbeds]
    """Read one prompt of a request: pipeline, request, prompt, device."""
    verify_size: Callable[[DiffusionPipeline, GenerateRequest], None]
    """Refuse a picture that the model can't place."""


def _embed_sd3(
    pipeline: StableDiffusion3Pipeline, request: GenerateRequest, prompt: str, device: torch.device
) -> PromptEmbeds:
    names = (
        "prompt_embeds",
        "negative_prompt_embeds",
        "pooled_prompt_embeds",
        "negative_pooled_prompt_embeds",
    )
    embeds = pipeline.encode_prompt(
        prompt=prompt,
        prompt_2=None,
        prompt_3=None,
        negative_prompt=request.negative_prompt,
        do_classifier_free_guidance=request.guidance_scale > 1,
        device=device,
        max_sequence_length=_num_t5_tokens(pipeline),
    )
    return dict(zip(names, embeds, strict=True))


def _num_t5_tokens(pipeline: StableDiffusion3Pipeline) -> int:
    """Give SD3's usual length, or a small model's own: SD3 attends to the padding as well."""
    tokenizer = pipeline.tokenizer_3
    longest = DEFAULT_T5_TOKENS if tokenizer is None else tokenizer.model_max_length
    return min(DEFAULT_T5_TOKENS, longest)


def _verify_sd3_size(pipeline: StableDiffusion3Pipeline, request: GenerateRequest) -> None:
    """Refuse a picture that is larger than the model's table of positions."""
    max_px = pipeline.transformer.config.pos_embed_max_size * SD3_PX_PER_PATCH
    if max(request.width_px, request.height_px) > max_px:
        raise RepairableError(
            what=f"{request.width_px} x {request.height_px} px is more than the {max_px} px "
            "this model can place",
            where="width and height",
            fix=f"ask for at most {max_px} px",
        )


def _embed_sd1x(
    pipeline: StableDiffusionPipeline, request: GenerateRequest, prompt: str, device: torch.device
) -> PromptEmbeds:
    embeds = pipeline.encode_prompt(
        prompt=prompt,
        negative_prompt=request.negative_prompt,
        do_classifier_free_guidance=request.guidance_scale > 1,
        device=device,
        num_images_per_prompt=1,
    )
    return dict(zip(("prompt_embeds", "negative_prompt_embeds"), embeds, strict=True))


def _any_size(_pipeline: StableDiffusionPipeline, _request: GenerateRequest) -> None:
    """A UNet has no table of positions."""


FAMILY_PIPELINES: Mapping[ModelFamily, FamilyPipeline] = MappingProxyType(
    {
        "sd3": FamilyPipeline(StableDiffusion3Pipeline, _embed_sd3, _verify_sd3_size),
        "sd1x": FamilyPipeline(StableDiffusionPipeline, _embed_sd1x, _any_size),
    }
)
