"""Build the real classes with their published settings, without weights."""

# ruff: noqa: ANN401 - transformers' classes are not typed

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from diffusers import AutoencoderKL, SD3Transformer2DModel, UNet2DConditionModel
from transformers import (
    CLIPTextConfig,
    CLIPTextModel,
    CLIPTextModelWithProjection,
    T5Config,
    T5EncoderModel,
)

from memory_counting.gpu_rules import is_quantized

EMBEDDED = Path(__file__).resolve().parents[2] / "tuner_kit" / "embedded_models"
HALF = torch.bfloat16
NUM_TEXT_TOKENS = {"sd3": 77 + 154, "sd1x": 77}
"""What SimpleTuner 4.10.1 gives the base model: models/sd3/model.py, 154 of T5 by default."""

_SD3: Mapping[str, Mapping[str, Any]] = {
    "sd3-medium": {"num_layers": 24, "num_attention_heads": 24, "pos_embed_max_size": 192},
    "sd3.5-medium": {
        "num_layers": 24,
        "num_attention_heads": 24,
        "pos_embed_max_size": 384,
        "qk_norm": "rms_norm",
        "dual_attention_layers": tuple(range(13)),
    },
    "sd3.5-large": {
        "num_layers": 38,
        "num_attention_heads": 38,
        "pos_embed_max_size": 192,
        "qk_norm": "rms_norm",
    },
}
_SD3_COMMON: Mapping[str, Any] = {
    "sample_size": 128,
    "patch_size": 2,
    "in_channels": 16,
    "out_channels": 16,
    "attention_head_dim": 64,
    "joint_attention_dim": 4096,
    "pooled_projection_dim": 2048,
}
_VAE_COMMON: Mapping[str, Any] = {
    "block_out_channels": (128, 256, 512, 512),
    "down_block_types": ("DownEncoderBlock2D",) * 4,
    "up_block_types": ("UpDecoderBlock2D",) * 4,
    "layers_per_block": 2,
}

MODELS = (*_SD3, "sd1.5", "tiny-sd3", "tiny-sd1")


def family_of(model: str) -> str:
    """Return the trainer's family of a model: sd3 or sd1x."""
    return "sd1x" if "sd1" in model else "sd3"


def embedded_config(model: str, part: str) -> dict[str, Any]:
    """Read the settings of a part of a model that tuner_kit brings along."""
    folder = EMBEDDED / model / part
    found = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    return {key: value for key, value in found.items() if not key.startswith("_")}


def build_denoiser(model: str) -> torch.nn.Module:
    """Build the transformer or the U-Net on the meta device, in bfloat16."""
    kind: Any = UNet2DConditionModel if family_of(model) == "sd1x" else SD3Transformer2DModel
    with torch.device("meta"):
        built: torch.nn.Module = kind(**_denoiser_settings(model))
    return built.to(HALF)


def _denoiser_settings(model: str) -> Mapping[str, Any]:
    if model.startswith("tiny"):
        return embedded_config(model, "unet" if family_of(model) == "sd1x" else "transformer")
    if model == "sd1.5":
        return {"sample_size": 64, "cross_attention_dim": 768}
    heads = _SD3[model]["num_attention_heads"]
    return {**_SD3_COMMON, **_SD3[model], "caption_projection_dim": 64 * heads}


def build_vae(model: str) -> AutoencoderKL:
    """Build the autoencoder on the meta device, in bfloat16."""
    if model.startswith("tiny"):
        settings: Mapping[str, Any] = embedded_config(model, "vae")
    elif family_of(model) == "sd1x":
        settings = {**_VAE_COMMON, "latent_channels": 4, "sample_size": 512}
    else:
        without = {"use_quant_conv": False, "use_post_quant_conv": False}
        settings = {**_VAE_COMMON, **without, "latent_channels": 16, "sample_size": 1024}
    with torch.device("meta"):
        return AutoencoderKL(**settings).to(HALF)


def build_text_encoders(model: str) -> dict[str, torch.nn.Module]:
    """Build the text encoders on the meta device, by their part's name."""
    builders: Mapping[str, Callable[[], Any]] = {
        name: build for name, build in _ENCODERS.items() if name in _parts(model)
    }
    with torch.device("meta"):
        if model.startswith("tiny"):
            return {name: _tiny_encoder(model, name).to(HALF) for name in _parts(model)}
        return {name: build().to(HALF) for name, build in builders.items()}


def _parts(model: str) -> tuple[str, ...]:
    if family_of(model) == "sd1x":
        return ("text_encoder",)
    return ("text_encoder", "text_encoder_2", "text_encoder_3")


def _tiny_encoder(model: str, part: str) -> Any:
    settings = embedded_config(model, part)
    if part == "text_encoder_3":
        return T5EncoderModel(T5Config(**settings))
    kind = CLIPTextModel if family_of(model) == "sd1x" else CLIPTextModelWithProjection
    return kind(CLIPTextConfig(**settings))


def _clip_l() -> Any:
    settings = {"hidden_size": 768, "intermediate_size": 3072, "num_hidden_layers": 12}
    return CLIPTextModelWithProjection(
        CLIPTextConfig(**settings, num_attention_heads=12, projection_dim=768)
    )


def _clip_g() -> Any:
    settings = {"hidden_size": 1280, "intermediate_size": 5120, "num_hidden_layers": 32}
    return CLIPTextModelWithProjection(
        CLIPTextConfig(**settings, num_attention_heads=20, projection_dim=1280, hidden_act="gelu")
    )


def _t5_xxl() -> Any:
    return T5EncoderModel(
        T5Config(
            vocab_size=32128,
            d_model=4096,
            d_kv=64,
            d_ff=10240,
            num_layers=24,
            num_heads=64,
            feed_forward_proj="gated-gelu",
        )
    )


_ENCODERS: Mapping[str, Callable[[], Any]] = {
    "text_encoder": _clip_l,
    "text_encoder_2": _clip_g,
    "text_encoder_3": _t5_xxl,
}

QUANTIZATIONS = ("none", "int8-quanto", "int8-torchao", "fp8-torchao", "nf4-bnb")


def weight_bytes(model: torch.nn.Module, quantization: str, family: str) -> int:
    """Count the bytes of parameters and buffers in one format.

    int8: one byte, and a 16-bit scale per output. fp8: the same with a 32-bit scale
    (torchao Float8Tensor, one scale per row; layers whose edges are no multiples of 16 stay).
    nf4: half a byte; each block of 64 has a scale, kept in one byte, and each 256 scales
    a 32-bit one (double quantization, QLoRA 2023).
    """
    total = _plain_bytes(model)
    for name, module in model.named_modules():
        if isinstance(module, torch.nn.Linear) and is_quantized(name, quantization, family):
            total += _layer_bytes(module, quantization) - module.weight.numel() * 2
    return total


def _plain_bytes(model: torch.nn.Module) -> int:
    # Each tensor once: CLIP and T5 list their token embedding under two names.
    tensors = {id(tensor): tensor for tensor in (*model.parameters(), *model.buffers())}
    return sum(tensor.numel() * tensor.element_size() for tensor in tensors.values())


def _layer_bytes(layer: torch.nn.Linear, quantization: str) -> int:
    values = layer.weight.numel()
    if quantization == "nf4-bnb":
        return values // 2 + values // 64 + values // (64 * 256) * 4
    if quantization == "fp8-torchao":
        is_aligned = layer.in_features % 16 == 0 and layer.out_features % 16 == 0
        return values + layer.out_features * 4 if is_aligned else values * 2
    return values + layer.out_features * 2
