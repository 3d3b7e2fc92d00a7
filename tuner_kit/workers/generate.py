"""Render every prompt with every seed, with the adapter and, to compare, without it."""

import json
import sys
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from tuner_kit.process.messages import GeneratedImage, GenerateRequest, GenerateResult
from tuner_kit.workers.base_pipeline import not_loadable, verify_pipeline_class
from tuner_kit.workers.contact_sheet import (
    MAX_COLUMNS,
    Cell,
    PromptBlock,
    draw_sheet,
    load_picture,
    rows_of,
)
from tuner_kit.workers.image_settings import build_png_info, settings_for
from tuner_kit.workers.quick_imports import hide_unused_packages
from tuner_kit.workers.runtime import Emit, RepairableError, run

if TYPE_CHECKING:
    from tuner_kit.workers.families import PromptEmbeds
    from tuner_kit.workers.rendering import Renderer

SIZE_STEP_PX = 16
"""SD3's autoencoder's factor 8 times its transformer's patch of 2; SD1.x is held to it too."""
VERSIONED_PACKAGES = ("diffusers", "torch", "transformers")

Variant = Literal["base", "tuned"]


def generate(request: GenerateRequest, emit: Emit) -> GenerateResult:
    """Load the model once, render all pictures, and lay them out on a contact sheet."""
    started = time.monotonic()
    verify_request(request)
    emit("importing torch and diffusers")
    hide_unused_packages()
    from tuner_kit.workers import rendering

    placement = rendering.choose_placement()
    emit("loading the base model")
    pipeline = rendering.load_pipeline(request, placement)

    def embed(prompt: str) -> "PromptEmbeds":
        return rendering.embed_prompt(pipeline, prompt, request=request, device=placement.device)

    render = rendering.renderer_for(pipeline, request)
    images = render_all(request, emit, embed, render)
    emit("drawing the contact sheet")
    sheet_path = save_sheet(request, images)
    return GenerateResult(
        images=images,
        sheet_path=sheet_path,
        device=placement.device,
        seconds=time.monotonic() - started,
    )


def verify_request(request: GenerateRequest) -> None:
    """Refuse what can't be rendered before seconds are spent on importing torch.

    Raises:
        RepairableError: a size between two steps, a comparison of nothing, another kind of
            model, or no adapter.
    """
    verify_base_folder(request)
    if request.adapter_path is not None and not request.adapter_path.exists():
        raise RepairableError(
            what=f"there is no adapter {request.adapter_path.name}",
            where=str(request.adapter_path),
            fix="finish the training first, or name another adapter",
        )
    for name, size_px in (("width", request.width_px), ("height", request.height_px)):
        if size_px % SIZE_STEP_PX:
            below_px = size_px - size_px % SIZE_STEP_PX
            raise RepairableError(
                what=f"a {name} of {size_px} px is not a multiple of {SIZE_STEP_PX}",
                where=name,
                fix=f"use {below_px} or {below_px + SIZE_STEP_PX} px",
            )
    if request.compare and request.adapter_path is None:
        raise RepairableError(
            what="there is no adapter to compare the base model with",
            where="compare",
            fix="name a run or an adapter, or leave the comparison out",
        )


def verify_base_folder(request: GenerateRequest) -> None:
    """Refuse a folder that says itself that it holds another pipeline; a Hub id passes.

    Raises:
        RepairableError: no model_index.json, or one of another pipeline.
    """
    folder = Path(request.base_model)
    if not folder.is_absolute():
        return
    try:
        index = json.loads((folder / "model_index.json").read_bytes())
    except (OSError, ValueError) as error:
        reason = "it has no readable model_index.json"
        raise not_loadable(request.base_model, reason, family=request.family) from error
    verify_pipeline_class(request.base_model, index, family=request.family)


def variants_of(request: GenerateRequest) -> tuple[Variant, ...]:
    """Say which pictures each seed gets, in their order."""
    if request.adapter_path is None:
        return ("base",)
    return ("base", "tuned") if request.compare else ("tuned",)


def render_all(
    request: GenerateRequest,
    emit: Emit,
    embed: "Callable[[str], PromptEmbeds]",
    render: "Renderer",
) -> tuple[GeneratedImage, ...]:
    """Render and save every picture, in the order prompt, seed, base before tuned."""
    variants = variants_of(request)
    num_images = len(request.prompts) * len(request.seeds) * len(variants)
    total_steps = num_images * request.num_inference_steps
    versions = {name: version(name) for name in VERSIONED_PACKAGES}
    num_steps_done = 0
    images: list[GeneratedImage] = []

    def on_step() -> None:
        nonlocal num_steps_done
        num_steps_done += 1
        emit("rendering", num_steps_done, total_steps)

    emit("rendering", 0, total_steps)
    for number, prompt in enumerate(request.prompts, start=1):
        embeds = embed(prompt)
        for seed in request.seeds:
            for variant in variants:
                picture = render(embeds, seed=seed, variant=variant, on_step=on_step)
                path = request.output_dir / f"{number:02d}-{seed}-{variant}.png"
                settings = settings_for(
                    request, prompt=prompt, seed=seed, variant=variant, versions=versions
                )
                picture.save(path, pnginfo=build_png_info(settings))
                images.append(GeneratedImage(path=path, prompt=prompt, seed=seed, variant=variant))
    return tuple(images)


def save_sheet(request: GenerateRequest, images: tuple[GeneratedImage, ...]) -> Path:
    """Draw `sheet.png`: base beside tuned for each seed, or the seeds beside each other."""
    num_variants = len(variants_of(request))
    per_prompt = len(request.seeds) * num_variants
    num_columns = num_variants if request.compare else min(len(request.seeds), MAX_COLUMNS)
    blocks = []
    for number, prompt in enumerate(request.prompts):
        mine = images[number * per_prompt : (number + 1) * per_prompt]
        cells = [Cell(load_picture(image.path), f"seed {image.seed}") for image in mine]
        blocks.append(PromptBlock(prompt, rows_of(cells, num_columns=num_columns)))
    own_label = request.base_label if request.adapter_path is None else request.label
    headings = (request.base_label, request.label) if request.compare else (own_label,)
    path = request.output_dir / "sheet.png"
    draw_sheet(blocks, headings).save(path)
    return path


if __name__ == "__main__":
    sys.exit(run(GenerateRequest, generate))
