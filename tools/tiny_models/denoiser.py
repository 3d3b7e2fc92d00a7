"""Train the MM-DiT as a rectified flow on the latents of plain, captioned pictures.

Sources: Esser et al. 2024 (SD3), eq. 13 and section 3.1 for the loss and the logit-normal times;
Jordan et al. 2024 for Muon, which optimizes the matrices of the blocks.
"""

import random
from collections.abc import Mapping
from pathlib import Path

import torch
from diffusers import AutoencoderKL, SD3Transformer2DModel
from torch import Tensor, nn
from torch.nn import functional

from tiny_models.latents import load_latents, numbered_scene, training_numbers
from tiny_models.parts import build_denoiser
from tiny_models.pictures import muted_caption, step_generator, step_rng
from tiny_models.prompts import PromptEncoder
from tiny_models.recipe import Recipe
from tiny_models.training import Average, Stateful, Training, cosine, set_learning_rate
from tuner_kit.workers.shapes_world.scenes import Scene

LEARNING_RATE = 2e-3
WARMUP_STEPS = 100
CAPTION_DROPOUT = 0.1
"""So that guidance has an unconditional prediction: the one for the empty caption."""
UNIFORM_SHARE = 0.1
TIME_LOCATION, TIME_SCALE = 0.5, 1.0
"""Of the logit-normal times: above SD3's 0, for where the noise is strong the shape is decided."""
LATENT_NOISE, NOISY_SHARE = 0.12, 0.5
"""Trainers draw latents from the autoencoder's posterior, pipelines decode its mean: half each."""


def train_denoiser(recipe: Recipe, folder: Path) -> None:
    """Train it and save the running average as `transformer`."""
    if (folder / "transformer").exists():
        return
    latents, numbers, encoder = (
        load_latents(folder),
        training_numbers(recipe),
        PromptEncoder(folder),
    )
    scale = AutoencoderKL.load_config(folder / "encoder")["scaling_factor"]
    torch.manual_seed(recipe.seed + 2)
    denoiser = build_denoiser()
    _set_start(denoiser)
    average = Average(denoiser, decay=0.998)
    optimizers = _optimizers(denoiser)

    def step(number: int) -> Mapping[str, float]:
        rng = step_rng(recipe.seed, "denoiser", number)
        generator = step_generator(recipe.seed, "denoiser", number)
        chosen = rng.choices(numbers, k=recipe.denoiser_batch_size)
        captions = [_caption(numbered_scene(recipe, n), rng) for n in chosen]
        is_full = number >= recipe.denoiser_steps - recipe.denoiser_full_steps
        prompts = encoder.encode(captions) if is_full else encoder.encode_short(captions)
        noisy = _noisy(latents[chosen].float(), scale, generator)
        loss = _loss(denoiser, noisy, prompts, generator)
        denoiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call] # torch leaves it unannotated
        nn.utils.clip_grad_norm_(denoiser.parameters(), 1.0)
        for optimizer in optimizers:
            set_learning_rate(optimizer, _learning_rate(recipe, number))
            optimizer.step()
        average.update(denoiser)
        return {"loss": loss.item()}

    states: dict[str, Stateful] = {"denoiser": denoiser, "average": average}
    states |= dict(zip(("muon", "adamw"), optimizers, strict=True))
    Training("denoiser", folder, recipe.denoiser_steps, recipe.save_every_steps, states).run(step)
    denoiser.load_state_dict(average.weights)
    denoiser.save_pretrained(folder / "transformer")


def _learning_rate(recipe: Recipe, number: int) -> float:
    """Rise, stay, and fall in the last steps."""
    num_left = recipe.denoiser_steps - number
    decay = max(0, 1 - num_left / recipe.denoiser_decay_steps)
    return LEARNING_RATE * min(1, (number + 1) / WARMUP_STEPS) * cosine(decay)


def _caption(scene: Scene, rng: random.Random) -> str:
    return "" if rng.random() < CAPTION_DROPOUT else muted_caption(scene, rng)


def _loss(
    denoiser: SD3Transformer2DModel,
    latents: Tensor,
    prompts: tuple[Tensor, Tensor],
    generator: torch.Generator,
) -> Tensor:
    """Compare the predicted velocity with noise minus latents, at random times."""
    count = len(latents)
    times = torch.sigmoid(TIME_SCALE * torch.randn(count, generator=generator) + TIME_LOCATION)
    is_uniform = torch.rand(count, generator=generator) < UNIFORM_SHARE
    times = torch.where(is_uniform, torch.rand(count, generator=generator), times)
    noise = torch.randn(latents.shape, generator=generator)
    share = times.view(-1, 1, 1, 1)
    with torch.autocast("cpu", torch.bfloat16):
        velocity = denoiser(
            hidden_states=(1 - share) * latents + share * noise,
            encoder_hidden_states=prompts[0],
            pooled_projections=prompts[1],
            timestep=1000 * times,
            return_dict=False,
        )[0]
    return functional.mse_loss(velocity.float(), noise - latents)


def _noisy(latents: Tensor, scale: float, generator: torch.Generator) -> Tensor:
    is_noisy = torch.rand(len(latents), 1, 1, 1, generator=generator) < NOISY_SHARE
    noise = torch.randn(latents.shape, generator=generator)
    return latents + LATENT_NOISE * scale * noise * is_noisy


def _set_start(denoiser: SD3Transformer2DModel) -> None:
    """Begin with blocks that change nothing and an output of zero (Peebles and Xie 2023, adaLN-Zero)."""
    still = ("norm1.linear", "norm1_context.linear", "norm_out.linear", "proj_out")
    for name, module in denoiser.named_modules():
        if isinstance(module, nn.Linear):
            nn.init.zeros_(module.bias)
            if name.endswith(still):
                nn.init.zeros_(module.weight)
            else:
                nn.init.xavier_uniform_(module.weight)


def _optimizers(
    denoiser: SD3Transformer2DModel,
) -> tuple[torch.optim.Optimizer, torch.optim.Optimizer]:
    named = list(denoiser.named_parameters())
    in_muon = {
        name
        for name, w in named
        if "transformer_blocks" in name and w.ndim == 2 and "norm1" not in name
    }
    muon = torch.optim.Muon(
        [weight for name, weight in named if name in in_muon],
        lr=LEARNING_RATE,
        momentum=0.95,
        weight_decay=0.01,
        adjust_lr_fn="match_rms_adamw",
    )
    rest = [weight for name, weight in named if name not in in_muon]
    return muon, torch.optim.AdamW(rest, lr=LEARNING_RATE, betas=(0.9, 0.97), weight_decay=0.0)
