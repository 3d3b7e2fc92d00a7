"""Encode the denoiser's pictures once: each is known by its number, and so is its scene."""

from pathlib import Path

import torch
from diffusers import AutoencoderKL
from torch import Tensor

from tiny_models.pictures import step_rng, to_tensor
from tiny_models.recipe import Recipe
from tuner_kit.workers.shapes_world.drawing import draw_plain
from tuner_kit.workers.shapes_world.scenes import COLORS, GROUNDS, SHAPES, Scene, sample_scene

FILE_NAME = "latents.pt"
BATCH_SIZE = 50


def is_held_out(scene: Scene) -> bool:
    """Say whether the denoiser never sees this shape in this color on this ground: 24 of 240."""
    item = scene.items[0]
    places = (
        SHAPES.index(item.shape),
        2 * tuple(COLORS).index(item.color),
        3 * tuple(GROUNDS).index(scene.ground),
    )
    return sum(places) % 10 == 0


def held_out_scenes(recipe: Recipe, count: int) -> list[Scene]:
    """Draw scenes that the denoiser has never seen the like of."""
    rng = step_rng(recipe.seed, "held out")
    scenes: list[Scene] = []
    while len(scenes) < count:
        scene = sample_scene(rng)
        if is_held_out(scene):
            scenes.append(scene)
    return scenes


def numbered_scene(recipe: Recipe, number: int) -> Scene:
    """Give the scene of the picture of that number."""
    return sample_scene(step_rng(recipe.seed, "scene", number))


def training_numbers(recipe: Recipe) -> list[int]:
    """Give the numbers of the pictures that the denoiser may see."""
    numbers = range(recipe.num_latents)
    return [number for number in numbers if not is_held_out(numbered_scene(recipe, number))]


@torch.no_grad()
def encode_latents(recipe: Recipe, folder: Path) -> None:
    """Draw and encode the pictures; their latents, shifted and scaled, are kept in half precision."""
    path = folder / FILE_NAME
    if path.exists():
        return
    vae = AutoencoderKL.from_pretrained(folder / "encoder").eval()
    encoded = []
    for first in range(0, recipe.num_latents, BATCH_SIZE):
        numbers = range(first, min(first + BATCH_SIZE, recipe.num_latents))
        pictures = [
            draw_plain(numbered_scene(recipe, number), step_rng(recipe.seed, "paint", number))
            for number in numbers
        ]
        with torch.autocast("cpu", torch.bfloat16):
            mean = vae.encode(to_tensor(pictures)).latent_dist.mean.float()
        encoded.append(((mean - vae.config.shift_factor) * vae.config.scaling_factor).half())
    partial = path.with_suffix(".partial")
    torch.save(torch.cat(encoded), partial)
    partial.replace(path)


def load_latents(folder: Path) -> Tensor:
    """Give the latents, shape (N, 16, 16, 16), in half precision."""
    latents: Tensor = torch.load(folder / FILE_NAME, weights_only=True)
    return latents
