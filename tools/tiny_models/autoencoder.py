"""Train the autoencoder: first whole, then its decoder alone, while the latents stay what they are."""

from collections.abc import Mapping
from pathlib import Path

import torch
from diffusers import AutoencoderKL
from torch import Tensor

from tiny_models.autoencoder_start import LOG_VARIANCE, set_linear_code
from tiny_models.parts import build_vae
from tiny_models.pictures import step_generator, step_rng, to_tensor, varied_picture
from tiny_models.recipe import Recipe
from tiny_models.training import Average, Training, cosine, set_learning_rate

LEARNING_RATE = 1.5e-3
WARMUP_STEPS = 60
CROP_PX, NUM_CROPS = 64, 8
WHOLE_SHARE, NUM_WHOLE = 0.15, 3
"""The last share of the decoder's steps sees whole pictures, as it will have to draw them."""
NUM_START_PICTURES, NUM_SCALE_PICTURES = 600, 500
LATENT_NOISE = 0.12
GRADIENT_GAIN, LATENT_COST = 0.5, 1e-3


def train_encoder(recipe: Recipe, folder: Path) -> None:
    """Train encoder and decoder together, then fix the latents' shift and scale."""
    done = folder / "encoder"
    if done.exists():
        return
    torch.manual_seed(recipe.seed)
    vae = build_vae()
    set_linear_code(vae, _crops(recipe, "start", NUM_START_PICTURES, CROP_PX))
    average = _train(vae, recipe, folder, "encoder", recipe.encoder_steps)
    vae.load_state_dict(average.weights)
    with torch.no_grad():
        pictures = [_picture(recipe, "scale", number) for number in range(NUM_SCALE_PICTURES)]
        latents = torch.cat([vae.encode(p).latent_dist.mean for p in to_batches(pictures)])
    vae.register_to_config(
        shift_factor=round(latents.mean().item(), 4),
        scaling_factor=round(1 / latents.std().item(), 4),
    )
    vae.save_pretrained(done)


def train_decoder(recipe: Recipe, folder: Path) -> None:
    """Train the decoder on what the finished encoder gives."""
    done = folder / "vae"
    if done.exists():
        return
    vae = AutoencoderKL.from_pretrained(folder / "encoder")
    vae.encoder.requires_grad_(requires_grad=False)
    average = _train(vae, recipe, folder, "decoder", recipe.decoder_steps)
    vae.load_state_dict(average.weights)
    vae.save_pretrained(done)


def to_batches(pictures: list[Tensor], size: int = 50) -> list[Tensor]:
    """Group pictures of shape (1, 3, H, W) into batches."""
    return list(torch.split(torch.cat(pictures), size))


def _train(vae: AutoencoderKL, recipe: Recipe, folder: Path, name: str, num_steps: int) -> Average:
    weights = [weight for weight in vae.parameters() if weight.requires_grad]
    optimizer = torch.optim.AdamW(weights, lr=LEARNING_RATE, betas=(0.9, 0.99), weight_decay=1e-4)
    average = Average(vae, decay=0.99)
    states = {"vae": vae, "optimizer": optimizer, "average": average}

    def step(number: int) -> Mapping[str, float]:
        share = number / num_steps
        set_learning_rate(
            optimizer, LEARNING_RATE * min(1, (number + 1) / WARMUP_STEPS) * cosine(share)
        )
        is_whole = name == "decoder" and share >= 1 - WHOLE_SHARE
        count, side_px = (NUM_WHOLE, 128) if is_whole else (NUM_CROPS, CROP_PX)
        pictures = _crops(recipe, f"{name}/{number}", count, side_px)
        loss, squared_error = _loss(vae, pictures, step_generator(recipe.seed, name, number))
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call] # torch leaves it unannotated
        torch.nn.utils.clip_grad_norm_(weights, 1.0)
        optimizer.step()
        average.update(vae)
        return {"mse": squared_error}

    Training(name, folder, num_steps, recipe.save_every_steps, states).run(step)
    return average


def _loss(vae: AutoencoderKL, pictures: Tensor, generator: torch.Generator) -> tuple[Tensor, float]:
    """Compare pixels and their differences; hold the latents near 0 and their noise near 0.12."""
    with torch.autocast("cpu", torch.bfloat16):
        posterior = vae.encode(pictures).latent_dist
        mean = posterior.mean.float()
        noise = torch.randn(mean.shape, generator=generator)
        drawn = vae.decode(mean + LATENT_NOISE * noise).sample
    drawn = drawn.float()
    error = drawn - pictures
    squared = error.square().mean()
    edges = sum(
        (torch.diff(drawn, dim=axis) - torch.diff(pictures, dim=axis)).abs().mean()
        for axis in (-1, -2)
    )
    latent_cost = mean.square().mean()
    noise_cost = (posterior.logvar.float() - LOG_VARIANCE).square().mean()
    loss = error.abs().mean() + 0.5 * squared + GRADIENT_GAIN * edges
    return loss + LATENT_COST * (latent_cost + noise_cost), squared.item()


def _crops(recipe: Recipe, name: str, count: int, side_px: int) -> Tensor:
    """Cut one square of each picture, mirrored half of the time; shape (count, 3, side, side)."""
    cuts = []
    for number in range(count):
        rng = step_rng(recipe.seed, name, number)
        picture = to_tensor([varied_picture(rng)])
        top, left = (rng.randrange(picture.shape[-1] - side_px + 1) for _ in range(2))
        cut = picture[..., top : top + side_px, left : left + side_px]
        cuts.append(cut.flip(-1) if rng.random() < 0.5 else cut)
    return torch.cat(cuts)


def _picture(recipe: Recipe, name: str, number: int) -> Tensor:
    return to_tensor([varied_picture(step_rng(recipe.seed, name, number))])
