"""Let the finished pipeline draw what it has never seen, and read the pictures back."""

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderKL, StableDiffusion3Pipeline
from PIL import Image
from torch import Tensor
from transformers import CLIPModel

from tiny_models.assemble import CLIP_NAME, SD3_NAME
from tiny_models.latents import held_out_scenes
from tiny_models.parts import CLIP_MAX_TOKENS, T5_MAX_TOKENS, build_clip_tokenizer
from tiny_models.pictures import step_rng, to_tensor
from tiny_models.recipe import Recipe
from tiny_models.towers import captioned_batch, normalized, tokenize
from tuner_kit.workers.shapes_world.captions import exact_caption
from tuner_kit.workers.shapes_world.drawing import Picture
from tuner_kit.workers.shapes_world.reading import compare, read_picture
from tuner_kit.workers.shapes_world.scenes import Scene
from tuner_kit.workers.shapes_world.styles import STYLES, draw_scene

NUM_INFERENCE_STEPS, GUIDANCE_SCALE = 20, 4.0
BATCH_SIZE = 20
NUM_COMPARED = 50
GRID_COLUMNS = 10
ATTRIBUTES = ("ground", "count", "color_rate", "shape_rate", "position_rate")


def measure(recipe: Recipe, folder: Path) -> None:
    """Write `figures.json` beside the models, and the pictures, `grid.png`."""
    models_dir = folder / "models"
    pipeline = StableDiffusion3Pipeline.from_pretrained(
        models_dir / SD3_NAME, torch_dtype=torch.float32
    )
    pipeline.set_progress_bar_config(disable=True)
    scenes = held_out_scenes(recipe, recipe.num_measured)
    pictures = draw(pipeline, [exact_caption(scene) for scene in scenes], seed=recipe.seed)
    clip = CLIPModel.from_pretrained(models_dir / CLIP_NAME, torch_dtype=torch.float32)
    figures = {
        "drawn": {
            "prompts": len(scenes),
            "num_inference_steps": NUM_INFERENCE_STEPS,
            "guidance_scale": GUIDANCE_SCALE,
            **read_rates(scenes, pictures),
        },
        "autoencoder_psnr_db": {
            style or "plain": _psnr(pipeline.vae, _pictures(recipe, style))
            for style in (None, *STYLES)
        },
        "clip": _retrieval(clip, recipe),
        "size_mib": round(sum(p.stat().st_size for p in models_dir.rglob("*.*")) / 2**20, 1),
    }
    print(json.dumps(figures, indent=2), flush=True)
    (models_dir / "figures.json").write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    _save_grid(pictures, folder / "grid.png")


def draw(
    pipeline: StableDiffusion3Pipeline, captions: Sequence[str], *, seed: int
) -> list[Picture]:
    """Draw one picture a caption; the n-th has the seed plus n."""
    pictures: list[Picture] = []
    for first in range(0, len(captions), BATCH_SIZE):
        batch = list(captions[first : first + BATCH_SIZE])
        output = pipeline(
            prompt=batch,
            negative_prompt=[""] * len(batch),
            num_inference_steps=NUM_INFERENCE_STEPS,
            guidance_scale=GUIDANCE_SCALE,
            max_sequence_length=T5_MAX_TOKENS,
            generator=[
                torch.Generator().manual_seed(seed + first + number) for number in range(len(batch))
            ],
            output_type="np",
        )
        pictures += [np.rint(255 * picture).astype(np.uint8) for picture in output.images]
    return pictures


def read_rates(scenes: Sequence[Scene], pictures: Sequence[Picture]) -> Mapping[str, float]:
    """Give the share of pictures in which each attribute is what the caption says."""
    agreements = [
        compare(scene, read_picture(picture))
        for scene, picture in zip(scenes, pictures, strict=True)
    ]
    return {
        name.removesuffix("_rate"): round(
            float(np.mean([getattr(agreement, name) for agreement in agreements])), 3
        )
        for name in ATTRIBUTES
    }


def _save_grid(pictures: Sequence[Picture], path: Path) -> None:
    rows = [
        np.concatenate(pictures[first : first + GRID_COLUMNS], axis=1)
        for first in range(0, len(pictures) - len(pictures) % GRID_COLUMNS, GRID_COLUMNS)
    ]
    if rows:
        Image.fromarray(np.concatenate(rows)).save(path)


def _pictures(recipe: Recipe, style: str | None) -> Tensor:
    scenes = held_out_scenes(recipe, NUM_COMPARED)
    return to_tensor(
        [draw_scene(scene, style, step_rng(recipe.seed, "psnr", scene)) for scene in scenes]
    )


@torch.no_grad()
def _psnr(vae: AutoencoderKL, pictures: Tensor) -> float:
    """Give the peak signal-to-noise ratio of pictures that went through the autoencoder."""
    decoded = vae.decode(vae.encode(pictures).latent_dist.mean).sample.clamp(-1, 1)
    return round(10 * math.log10(4 / (decoded - pictures).square().mean().item()), 1)


@torch.no_grad()
def _retrieval(clip: CLIPModel, recipe: Recipe) -> Mapping[str, float]:
    """Give how often a caption finds its picture among all, and a picture its caption."""
    pictures, captions = captioned_batch(recipe, "held out", recipe.num_retrieved)
    ids = tokenize(build_clip_tokenizer(), captions, CLIP_MAX_TOKENS)
    similarity = clip(input_ids=ids, pixel_values=normalized(pictures)).logits_per_image
    target = torch.arange(len(captions))
    return {
        "pictures": len(captions),
        "text_finds_image": round((similarity.argmax(0) == target).float().mean().item(), 3),
        "image_finds_text": round((similarity.argmax(1) == target).float().mean().item(), 3),
    }
