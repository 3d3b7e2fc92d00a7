"""Count one row: a part's weights, a training step, a picture drawn, latents, texts."""

# ruff: noqa: ANN401 - torch's hooks and modes pass what has no common type

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import torch
from lycoris import LycorisNetwork, create_lycoris
from peft import LoraConfig
from torch.nn import functional

from memory_counting import models
from memory_counting.gpu_rules import cuda_behavior, quantize_linears
from memory_counting.live_bytes import LiveBytes

LORA_TARGETS = ["to_k", "to_q", "to_v", "to_out.0"]
"""Source: SimpleTuner 4.10.1 models/sd3/model.py:122, models/sd1x/model.py:47."""
LOKR_FACTORS = {"Attention": 16, "FeedForward": 8}
"""The defaults of tuner.yaml."""


VAE_SCALE = 8
"""Of every VAE here, the tiny ones too."""


class Setting(NamedTuple):
    """One training step."""

    method: str
    quantization: str
    rank: int
    resolution_px: int
    batch: int
    checkpointing: bool


def count_parts(model: str) -> Iterator[Mapping[str, Any]]:
    """Count the weights of each part, in each format."""
    family = models.family_of(model)
    parts: dict[str, Any] = {"denoiser": models.build_denoiser(model)}
    parts |= {"vae": models.build_vae(model), **models.build_text_encoders(model)}
    for name, part in parts.items():
        yield {
            "what": "part",
            "part": name,
            "values": sum(tensor.numel() for tensor in part.parameters()),
            "bytes": {
                kind: models.weight_bytes(part, kind, family) for kind in models.QUANTIZATIONS
            },
        }


def count_training(model: str, setting: Setting) -> Mapping[str, Any]:
    """Count one forward and backward pass, with gradients already allocated."""
    denoiser = models.build_denoiser(model)
    trained = _prepare(denoiser, setting, models.family_of(model))
    inputs = denoiser_inputs(model, setting.resolution_px, setting.batch)
    gradients = [parameter.grad for parameter in trained if parameter.grad is not None]
    fixed = [*denoiser.parameters(), *denoiser.buffers(), *trained, *gradients, *inputs.values()]
    counter = LiveBytes(fixed)
    with cuda_behavior(counter, autocast=True), counter:
        predicted = denoiser(**inputs, return_dict=False)[0].float()
        saved = counter.live
        loss = functional.mse_loss(predicted, torch.empty_like(predicted))
        loss.backward()  # type: ignore[no-untyped-call]  # torch's own
    return {
        "what": "training",
        **setting._asdict(),
        "trained_values": sum(parameter.numel() for parameter in trained),
        "saved_bytes": saved,
        "peak_bytes": counter.peak,
        "flops": counter.flops,
        "num_operations": counter.num_operations,
    }


def _prepare(denoiser: torch.nn.Module, setting: Setting, family: str) -> list[torch.nn.Parameter]:
    denoiser.requires_grad_(setting.method == "full")
    quantize_linears(denoiser, setting.quantization, family)
    adapter = _add_adapter(denoiser, setting)
    if setting.checkpointing:
        denoiser.enable_gradient_checkpointing()  # type: ignore[operator]  # a mixin's method
    denoiser.train()
    every = (*denoiser.parameters(), *(adapter.parameters() if adapter else ()))
    trained = [parameter for parameter in every if parameter.requires_grad]
    for parameter in trained:
        parameter.data = parameter.data.to(models.HALF)
        parameter.grad = torch.empty_like(parameter)
    return trained


def _add_adapter(denoiser: torch.nn.Module, setting: Setting) -> torch.nn.Module | None:
    if setting.method == "lora":
        config = LoraConfig(r=setting.rank, lora_alpha=setting.rank, target_modules=LORA_TARGETS)
        denoiser.add_adapter(config)  # type: ignore[operator]  # a mixin's method
    if setting.method != "lokr":
        return None
    algorithms = {name: {"factor": factor} for name, factor in LOKR_FACTORS.items()}
    LycorisNetwork.apply_preset(
        {"target_module": list(LOKR_FACTORS), "module_algo_map": algorithms}
    )
    with torch.device("meta"):
        network: torch.nn.Module = create_lycoris(
            denoiser, 1.0, linear_dim=10_000, linear_alpha=1, algo="lokr", full_matrix=True
        )
        network.apply_to()  # type: ignore[operator]  # a network's own
    return network.train()


def denoiser_inputs(model: str, resolution_px: int, batch: int) -> dict[str, torch.Tensor]:
    """Make the inputs of one pass: latents, texts, times."""
    family, edge = models.family_of(model), resolution_px // VAE_SCALE
    tokens = models.NUM_TEXT_TOKENS[family]
    config = dict(models.build_denoiser(model).config)  # type: ignore[arg-type]  # diffusers' frozen dict
    latents = (batch, config["in_channels"], edge, edge)
    times = {"timestep": torch.empty(batch, device="meta")}
    if family == "sd1x":
        width = config["cross_attention_dim"]
        return times | _empty(sample=latents, encoder_hidden_states=(batch, tokens, width))
    return times | _empty(
        hidden_states=latents,
        encoder_hidden_states=(batch, tokens, config["joint_attention_dim"]),
        pooled_projections=(batch, config["pooled_projection_dim"]),
    )


def _empty(**shapes: tuple[int, ...]) -> dict[str, torch.Tensor]:
    return {
        name: torch.empty(shape, dtype=models.HALF, device="meta") for name, shape in shapes.items()
    }


def count_validation(model: str, resolution_px: int) -> Mapping[str, Any]:
    """Count one pass of a picture that is drawn with guidance: two at once, no gradients."""
    denoiser = models.build_denoiser(model).eval()
    inputs = denoiser_inputs(model, resolution_px, 2)
    counter = LiveBytes([*denoiser.parameters(), *denoiser.buffers(), *inputs.values()])
    with cuda_behavior(counter, autocast=True), torch.no_grad(), counter:
        denoiser(**inputs, return_dict=False)
    found = {"peak_bytes": counter.peak, "flops": counter.flops}
    return {"what": "validation", "resolution_px": resolution_px, **found}


def count_vae(model: str, resolutions: Iterable[int]) -> Iterator[Mapping[str, Any]]:
    """Count latents made of pictures, and a picture made of latents, whole and in tiles."""
    for tiling in (False, True):
        vae: Any = models.build_vae(model).eval()
        if tiling:
            vae.enable_tiling()
        channels = vae.config.latent_channels
        for px in resolutions:
            for batch in (1, 4):
                given = _empty(x=(batch, 3, px, px))["x"]
                yield _vae_row(vae, "vae-encode", given, tiling=tiling)
            given = _empty(z=(1, channels, px // VAE_SCALE, px // VAE_SCALE))["z"]
            yield _vae_row(vae, "vae-decode", given, tiling=tiling)


def _vae_row(vae: Any, what: str, given: torch.Tensor, *, tiling: bool) -> Mapping[str, Any]:
    counter = LiveBytes([*vae.parameters(), *vae.buffers(), given])
    # Latents are cached outside of autocast, pictures are drawn inside of it.
    is_drawing = what == "vae-decode"
    with cuda_behavior(counter, autocast=is_drawing), torch.no_grad(), counter:
        (vae.decode if is_drawing else vae.encode)(given)
    return {
        "what": what,
        "resolution_px": given.shape[-1] * (VAE_SCALE if is_drawing else 1),
        "batch": given.shape[0],
        "tiling": tiling,
        "peak_bytes": counter.peak,
        "flops": counter.flops,
    }


def count_text(model: str) -> Iterator[Mapping[str, Any]]:
    """Count one caption through each text encoder."""
    for name, encoder in models.build_text_encoders(model).items():
        tokens = 154 if name == "text_encoder_3" else 77
        given = torch.zeros((1, tokens), dtype=torch.long, device="meta")
        counter = LiveBytes([*encoder.parameters(), *encoder.buffers(), given])
        with cuda_behavior(counter, autocast=False), torch.no_grad(), counter:
            encoder.eval()(given, output_hidden_states=True)
        found = {"peak_bytes": counter.peak, "flops": counter.flops}
        yield {"what": "text", "part": name, **found}
