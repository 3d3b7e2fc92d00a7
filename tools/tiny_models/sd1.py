"""A small pipeline of Stable Diffusion 1's shape, for the paths that are not SD3's.

Its text encoder is the trained one and its autoencoder begins as a linear code; its denoiser is
random, so that it draws nothing that could be named.
"""

from pathlib import Path

import torch
from diffusers import AutoencoderKL, PNDMScheduler, StableDiffusionPipeline, UNet2DConditionModel
from torch import nn
from transformers import CLIPTextModel, CLIPTextModelWithProjection

from tiny_models.autoencoder_start import set_linear_code
from tiny_models.parts import CLIP_WIDTH, LATENT_SIDE, build_clip_tokenizer, build_vae
from tiny_models.pictures import step_rng, to_tensor, varied_picture
from tiny_models.recipe import Recipe

LATENT_CHANNELS = 4
NUM_START_PICTURES = 200
UNET_CHANNELS = (16, 16, 32, 32)


def build_sd1_pipeline(recipe: Recipe, folder: Path) -> StableDiffusionPipeline:
    """Build it, in single precision."""
    torch.manual_seed(recipe.seed + 3)
    return StableDiffusionPipeline(
        vae=_build_vae(recipe),
        text_encoder=_text_encoder(folder),
        tokenizer=build_clip_tokenizer(),
        unet=_build_unet(),
        scheduler=_build_scheduler(),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )


def _text_encoder(folder: Path) -> CLIPTextModel:
    trained = CLIPTextModelWithProjection.from_pretrained(folder / "text_encoder")
    encoder = CLIPTextModel(trained.config)
    encoder.load_state_dict(trained.text_model.state_dict())
    return encoder


def _build_unet() -> UNet2DConditionModel:
    """Build the denoiser with the blocks of Stable Diffusion 1, at a twentieth of their width."""
    num_attending = len(UNET_CHANNELS) - 1
    return UNet2DConditionModel(
        sample_size=LATENT_SIDE,
        in_channels=LATENT_CHANNELS,
        out_channels=LATENT_CHANNELS,
        block_out_channels=UNET_CHANNELS,
        down_block_types=("CrossAttnDownBlock2D",) * num_attending + ("DownBlock2D",),
        up_block_types=("UpBlock2D",) + ("CrossAttnUpBlock2D",) * num_attending,
        layers_per_block=2,
        cross_attention_dim=CLIP_WIDTH,
        attention_head_dim=8,
        norm_num_groups=8,
    )


def _build_vae(recipe: Recipe) -> AutoencoderKL:
    vae = build_vae(LATENT_CHANNELS, has_quant_convs=True)
    for conv in (vae.quant_conv, vae.post_quant_conv):
        nn.init.dirac_(conv.weight)
        nn.init.zeros_(conv.bias)
    pictures = [
        varied_picture(step_rng(recipe.seed, "sd1", number)) for number in range(NUM_START_PICTURES)
    ]
    set_linear_code(vae, to_tensor(pictures))
    # Here latents spread by 1: a scale of 1 takes the place of Stable Diffusion's 0.18.
    vae.register_to_config(scaling_factor=1.0)
    return vae


def _build_scheduler() -> PNDMScheduler:
    return PNDMScheduler(
        beta_start=0.00085,
        beta_end=0.012,
        beta_schedule="scaled_linear",
        skip_prk_steps=True,
        set_alpha_to_one=False,
        steps_offset=1,
    )
