"""Stable Diffusion 3 in diffusers: load it, attach an adapter, render one picture.

Importing this module imports torch and diffusers; only `generate` does, inside its work.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol, cast

import torch
from diffusers import StableDiffusion3Pipeline
from diffusers.utils.logging import disable_progress_bar
from PIL import Image

from tuner_kit.process.messages import GenerateRequest
from tuner_kit.workers.base_pipeline import not_loadable, verify_pipeline_class
from tuner_kit.workers.runtime import RepairableError

ADAPTER_NAME = "tuned"
SMALL_GPU_BYTES = 24 * 2**30
"""Below this, SD3's three text encoders and transformer don't fit at once in bfloat16."""
DEFAULT_T5_TOKENS = 256
"""What diffusers' pipeline takes when it isn't told."""
PX_PER_LATENT, PX_PER_PATCH = 8, 16

Variant = Literal["base", "tuned"]
StepReport = Callable[[], None]


@dataclass(frozen=True, slots=True)
class Placement:
    """Where the model runs, and in which numbers."""

    device: str
    dtype: torch.dtype
    has_offload: bool
    """Parts wait in main memory and come to the GPU one at a time."""


@dataclass(frozen=True, slots=True)
class PromptEmbeds:
    """A prompt, read by the three text encoders."""

    prompt_embeds: torch.Tensor
    negative_prompt_embeds: torch.Tensor | None
    pooled_prompt_embeds: torch.Tensor
    negative_pooled_prompt_embeds: torch.Tensor | None


class Renderer(Protocol):
    """Render one picture of an embedded prompt."""

    def __call__(
        self, embeds: PromptEmbeds, *, seed: int, variant: Variant, on_step: StepReport
    ) -> Image.Image:
        """Equal embeds, seed and variant give an equal picture on one machine."""


def choose_placement() -> Placement:
    """Pick the fastest device of this machine and the numbers that suit it."""
    if torch.cuda.is_available():
        total_bytes = torch.cuda.get_device_properties(0).total_memory
        return Placement("cuda", torch.bfloat16, has_offload=total_bytes < SMALL_GPU_BYTES)
    if torch.backends.mps.is_available():
        return Placement("mps", torch.bfloat16, has_offload=False)
    return Placement("cpu", torch.float32, has_offload=False)


def load_pipeline(
    base_model: str, *, revision: str | None, placement: Placement
) -> StableDiffusion3Pipeline:
    """Load a diffusers folder or Hub repository of an SD3 model; never a pickle.

    Raises:
        RepairableError: not found, not reachable, incomplete, or another kind of model.
    """
    disable_progress_bar()
    try:
        index = StableDiffusion3Pipeline.load_config(base_model, revision=revision)
        verify_pipeline_class(base_model, index)
        pipeline = StableDiffusion3Pipeline.from_pretrained(
            base_model, revision=revision, dtype=placement.dtype, use_safetensors=True
        )
    except (ImportError, OSError, ValueError) as error:
        raise not_loadable(base_model, str(error).splitlines()[0]) from error
    pipeline.set_progress_bar_config(disable=True)
    if placement.has_offload:
        pipeline.enable_model_cpu_offload()
    else:
        pipeline.to(placement.device)
    return pipeline


def verify_size(pipeline: StableDiffusion3Pipeline, *, width_px: int, height_px: int) -> None:
    """Refuse a picture that is larger than the model's table of positions."""
    max_px = pipeline.transformer.config.pos_embed_max_size * PX_PER_PATCH
    if max(width_px, height_px) > max_px:
        raise RepairableError(
            what=f"{width_px} x {height_px} px is more than the {max_px} px this model can place",
            where="width and height",
            fix=f"ask for at most {max_px} px",
        )


def attach_adapter(pipeline: StableDiffusion3Pipeline, adapter_path: Path, scale: float) -> None:
    """Load the LoRA beside the base weights, so that it can be switched off.

    Raises:
        RepairableError: the file isn't there, or doesn't fit this base model.
    """
    try:
        pipeline.load_lora_weights(
            str(adapter_path.parent),
            weight_name=adapter_path.name,
            adapter_name=ADAPTER_NAME,
            use_safetensors=True,
            local_files_only=True,
        )
        pipeline.set_adapters([ADAPTER_NAME], [scale])
    except (OSError, ValueError, RuntimeError) as error:
        raise RepairableError(
            what=f"{adapter_path.name} doesn't fit this base model: {str(error).splitlines()[0]}",
            where=str(adapter_path),
            fix="use the base model that the adapter was trained on",
        ) from error


def embed_prompt(
    pipeline: StableDiffusion3Pipeline, prompt: str, *, request: GenerateRequest, device: str
) -> PromptEmbeds:
    """Read a prompt once; every seed and both variants share the result."""
    with torch.inference_mode():
        embeds = pipeline.encode_prompt(
            prompt=prompt,
            prompt_2=None,
            prompt_3=None,
            negative_prompt=request.negative_prompt,
            do_classifier_free_guidance=request.guidance_scale > 1,
            device=torch.device(device),
            max_sequence_length=_num_t5_tokens(pipeline),
        )
    return PromptEmbeds(*embeds)


def _num_t5_tokens(pipeline: StableDiffusion3Pipeline) -> int:
    """Give SD3's usual length, or a small model's own: SD3 attends to the padding as well."""
    tokenizer = pipeline.tokenizer_3
    longest = DEFAULT_T5_TOKENS if tokenizer is None else tokenizer.model_max_length
    return min(DEFAULT_T5_TOKENS, longest)


def renderer_for(pipeline: StableDiffusion3Pipeline, request: GenerateRequest) -> Renderer:
    """Attach the request's adapter and give the function that renders its pictures."""
    if request.adapter_path is not None:
        attach_adapter(pipeline, request.adapter_path, request.adapter_scale)

    def render(
        embeds: PromptEmbeds, *, seed: int, variant: Variant, on_step: StepReport
    ) -> Image.Image:
        if request.adapter_path is not None:
            switch = pipeline.enable_lora if variant == "tuned" else pipeline.disable_lora
            switch()
        return render_picture(pipeline, request, embeds, seed=seed, on_step=on_step)

    return render


def render_picture(
    pipeline: StableDiffusion3Pipeline,
    request: GenerateRequest,
    embeds: PromptEmbeds,
    *,
    seed: int,
    on_step: StepReport,
) -> Image.Image:
    """Denoise and decode one picture.

    Raises:
        RepairableError: the GPU has too little memory for this size.
    """

    # diffusers calls back with (pipeline, step, timestep, tensors) and takes tensors back.
    def step_end(*_: object) -> dict[str, Any]:
        on_step()
        return {}

    try:
        result = pipeline(
            prompt_embeds=embeds.prompt_embeds,
            negative_prompt_embeds=embeds.negative_prompt_embeds,
            pooled_prompt_embeds=embeds.pooled_prompt_embeds,
            negative_pooled_prompt_embeds=embeds.negative_pooled_prompt_embeds,
            num_inference_steps=request.num_inference_steps,
            guidance_scale=request.guidance_scale,
            width=request.width_px,
            height=request.height_px,
            latents=draw_noise(pipeline, request, seed),
            callback_on_step_end=step_end,
        )
    except torch.OutOfMemoryError as error:
        raise RepairableError(
            what=f"the GPU has too little memory for {request.width_px} x {request.height_px} px",
            where="width and height",
            fix="ask for smaller pictures, or end what else uses the GPU",
        ) from error
    return cast("Image.Image", result.images[0])


def draw_noise(
    pipeline: StableDiffusion3Pipeline, request: GenerateRequest, seed: int
) -> torch.Tensor:
    """Draw the first latents, shape (1, C, H, W), in float32 on the CPU.

    diffusers would draw them in the model's own numbers, and a seed would mean another picture
    on a GPU than on a CPU.
    """
    size = (request.height_px // PX_PER_LATENT, request.width_px // PX_PER_LATENT)
    shape = (1, pipeline.transformer.config.in_channels, *size)
    return torch.randn(shape, generator=torch.Generator("cpu").manual_seed(seed))
