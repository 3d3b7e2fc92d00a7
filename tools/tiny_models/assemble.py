"""Put the trained parts together as the folders that diffusers and SimpleTuner load."""

import json
import shutil
from pathlib import Path

import torch
from diffusers import (
    AutoencoderKL,
    FlowMatchEulerDiscreteScheduler,
    SD3Transformer2DModel,
    StableDiffusion3Pipeline,
)
from transformers import (
    CLIPImageProcessor,
    CLIPModel,
    CLIPProcessor,
    CLIPTextModelWithProjection,
    T5EncoderModel,
)

from tiny_models.parts import LATENT_SIDE, build_clip_tokenizer, build_t5_tokenizer
from tiny_models.recipe import Recipe
from tiny_models.sd1 import build_sd1_pipeline

SD3_NAME, CLIP_NAME, SD1_NAME = "tiny-sd3", "tiny-clip", "tiny-sd1"
FLOW_SHIFT = 3.0
"""Stable Diffusion 3's own."""


def assemble(recipe: Recipe, folder: Path) -> None:
    """Write `models/tiny-sd3`, `models/tiny-clip` and `models/tiny-sd1`, in half precision."""
    partial = folder / "models.partial"
    shutil.rmtree(partial, ignore_errors=True)
    load_sd3(folder).to(dtype=torch.float16).save_pretrained(partial / SD3_NAME)
    _save_clip(folder, partial / CLIP_NAME)
    build_sd1_pipeline(recipe, folder).to(dtype=torch.float16).save_pretrained(partial / SD1_NAME)
    _tidy(partial)
    shutil.rmtree(folder / "models", ignore_errors=True)
    partial.rename(folder / "models")


def load_sd3(folder: Path) -> StableDiffusion3Pipeline:
    """Load the trained parts as one pipeline, in single precision."""
    clip = CLIPTextModelWithProjection.from_pretrained
    return StableDiffusion3Pipeline(
        transformer=SD3Transformer2DModel.from_pretrained(folder / "transformer"),
        scheduler=FlowMatchEulerDiscreteScheduler(shift=FLOW_SHIFT),
        vae=AutoencoderKL.from_pretrained(folder / "vae"),
        text_encoder=clip(folder / "text_encoder"),
        tokenizer=build_clip_tokenizer(),
        text_encoder_2=clip(folder / "text_encoder_2"),
        tokenizer_2=build_clip_tokenizer(),
        text_encoder_3=T5EncoderModel.from_pretrained(folder / "text_encoder_3"),
        tokenizer_3=build_t5_tokenizer(),
    )


def _save_clip(folder: Path, clip_dir: Path) -> None:
    side_px = 8 * LATENT_SIDE
    images = CLIPImageProcessor(
        size={"height": side_px, "width": side_px},
        crop_size={"height": side_px, "width": side_px},
    )
    CLIPModel.from_pretrained(folder / "clip").half().save_pretrained(clip_dir)
    CLIPProcessor(images, build_clip_tokenizer()).save_pretrained(clip_dir)


def _tidy(models_dir: Path) -> None:
    """Take out where the parts came from, and let everybody read the weights."""
    for path in models_dir.rglob("*.json"):
        content = json.loads(path.read_text(encoding="utf-8"))
        if content.pop("_name_or_path", None) is not None:
            path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    for path in models_dir.rglob("*.safetensors"):
        path.chmod(0o644)
