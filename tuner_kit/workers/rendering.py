"""A diffusers pipeline of any family: load it, attach what was trained, render one picture.

Importing this module imports torch and diffusers; only `generate` does, inside its work.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol, cast

import torch
from diffusers import DiffusionPipeline
from diffusers.utils.logging import disable_progress_bar
from PIL import Image

from tuner_kit.catalog.base_models import DENOISERS
from tuner_kit.process.messages import GenerateRequest
from tuner_kit.workers.base_pipeline import not_loadable, verify_pipeline_class
from tuner_kit.workers.families import FAMILY_PIPELINES, PromptEmbeds
from tuner_kit.workers.runtime import RepairableError
from tuner_kit.workers.tuned_weights import Variant, attach

SMALL_GPU_BYTES = 24 * 2**30
"""Below this, SD3's three text encoders and transformer don't fit at once in bfloat16."""
PX_PER_LATENT = 8

type StepReport = Callable[[], None]


@dataclass(frozen=True, slots=True)
class Placement:
    """Where the model runs, and in which numbers."""

    device: str
    dtype: torch.dtype
    has_offload: bool
    """Parts wait in main memory and come to the GPU one at a time."""


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


def load_pipeline(request: GenerateRequest, placement: Placement) -> DiffusionPipeline:
    """Load the diffusers folder or Hub repository of the base model; never a pickle.

    Raises:
        RepairableError: not found, not reachable, incomplete, of another kind, or too small
            for the pictures that are asked for.
    """
    disable_progress_bar()
    family = FAMILY_PIPELINES[request.family]
    base_model, revision = request.base_model, request.revision
    try:
        index = family.pipeline_class.load_config(base_model, revision=revision)
        verify_pipeline_class(base_model, index, family=request.family)
        pipeline = family.pipeline_class.from_pretrained(
            base_model, revision=revision, dtype=placement.dtype, use_safetensors=True
        )
    except (ImportError, OSError, ValueError) as error:
        reason = str(error).splitlines()[0]
        raise not_loadable(base_model, reason, family=request.family) from error
    pipeline.set_progress_bar_config(disable=True)
    family.verify_size(pipeline, request)
    if placement.has_offload:
        pipeline.enable_model_cpu_offload()
    else:
        pipeline.to(placement.device)
    return pipeline


def embed_prompt(
    pipeline: DiffusionPipeline, prompt: str, *, request: GenerateRequest, device: str
) -> PromptEmbeds:
    """Read a prompt once; every seed and both variants share the result."""
    with torch.inference_mode():
        return FAMILY_PIPELINES[request.family].embed(
            pipeline, request, prompt, torch.device(device)
        )


def renderer_for(pipeline: DiffusionPipeline, request: GenerateRequest) -> Renderer:
    """Attach what was trained and give the function that renders the request's pictures."""
    switch = attach(pipeline, request)

    def render(
        embeds: PromptEmbeds, *, seed: int, variant: Variant, on_step: StepReport
    ) -> Image.Image:
        switch(variant)
        return render_picture(pipeline, request, embeds, seed=seed, on_step=on_step)

    return render


def render_picture(
    pipeline: DiffusionPipeline,
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
            **embeds,
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


def draw_noise(pipeline: DiffusionPipeline, request: GenerateRequest, seed: int) -> torch.Tensor:
    """Draw the first latents, shape (1, C, H, W), in float32 on the CPU.

    diffusers would draw them in the model's own numbers, and a seed would mean another picture
    on a GPU than on a CPU.
    """
    denoiser = getattr(pipeline, DENOISERS[request.family])
    size = (request.height_px // PX_PER_LATENT, request.width_px // PX_PER_LATENT)
    shape = (1, denoiser.config.in_channels, *size)
    return torch.randn(shape, generator=torch.Generator("cpu").manual_seed(seed))
