"""Switches a denoiser between its own weights and fine-tuned ones, whatever the method.

A LoRA is switched by diffusers. A LoKr and a full fine-tune change weights themselves: both
sets are kept in main memory and copied into the denoiser, which may lie anywhere.

Importing this module imports torch and diffusers; only `generate` does, inside its work.
"""

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Literal

import torch
from diffusers import DiffusionPipeline
from safetensors import SafetensorError
from safetensors.torch import load_file

from tuner_kit.catalog.base_models import DENOISERS
from tuner_kit.process.messages import GenerateRequest, Method
from tuner_kit.workers.base_layers import find_weight_files
from tuner_kit.workers.runtime import RepairableError

ADAPTER_NAME = "tuned"

type Variant = Literal["base", "tuned"]
type Switch = Callable[[Variant], None]
type Weights = Mapping[str, torch.Tensor]


def attach(pipeline: DiffusionPipeline, request: GenerateRequest) -> Switch:
    """Load what was trained and give the function that switches it on and off.

    Raises:
        RepairableError: it can't be read, or doesn't fit this base model.
    """
    path = request.adapter_path
    if path is None:
        return _stay
    try:
        return _ATTACH[request.method](pipeline, request, path)
    except (KeyError, OSError, RuntimeError, SafetensorError, ValueError) as error:
        raise RepairableError(
            what=f"{path.name} doesn't fit this base model: {str(error).splitlines()[0]}",
            where=str(path),
            fix="use the base model that was trained",
        ) from error


def _stay(_: Variant) -> None:
    """Draw with the base model alone."""


def _attach_lora(pipeline: DiffusionPipeline, request: GenerateRequest, path: Path) -> Switch:
    pipeline.load_lora_weights(
        str(path.parent),
        weight_name=path.name,
        adapter_name=ADAPTER_NAME,
        use_safetensors=True,
        local_files_only=True,
    )
    pipeline.set_adapters([ADAPTER_NAME], [request.adapter_scale])

    def switch(variant: Variant) -> None:
        (pipeline.enable_lora if variant == "tuned" else pipeline.disable_lora)()

    return switch


def _attach_lokr(pipeline: DiffusionPipeline, request: GenerateRequest, path: Path) -> Switch:
    denoiser = getattr(pipeline, DENOISERS[request.family])
    modules = {name.replace(".", "_"): name for name, _ in denoiser.named_modules()}
    updates = lokr_updates(load_file(path))
    names = {module: f"{modules[module]}.weight" for module in updates}
    own = _copy_of(denoiser, names.values())
    tuned = {
        names[module]: _added(own[names[module]], update, request.adapter_scale)
        for module, update in updates.items()
    }
    return _switch_between(denoiser, own, tuned)


def lokr_updates(tensors: Weights) -> dict[str, torch.Tensor]:
    """Work out each layer's update in float32: a Kronecker product, at strength alpha / rank.

    Args:
        tensors: of a LyCORIS file, as `finish_lokr` verified it.

    Source: lycoris 4.1.3 functional/lokr.py (make_kron) and modules/lokr.py (scale).
    """
    layers: dict[str, dict[str, torch.Tensor]] = {}
    for name, tensor in tensors.items():
        module, _, part = name.removeprefix("lycoris_").partition(".")
        layers.setdefault(module, {})[part] = tensor.float()
    return {module: _kronecker(parts) for module, parts in layers.items()}


def _kronecker(parts: Weights) -> torch.Tensor:
    small = parts["lokr_w1"]
    if "lokr_w2" in parts:
        large, strength = parts["lokr_w2"], 1.0
    else:
        large = parts["lokr_w2_a"] @ parts["lokr_w2_b"]
        strength = float(parts["alpha"]) / parts["lokr_w2_b"].shape[0]
    small = small.reshape(*small.shape, *[1] * (large.dim() - small.dim()))
    return torch.kron(small, large.contiguous()) * strength


def _attach_full(pipeline: DiffusionPipeline, request: GenerateRequest, path: Path) -> Switch:
    name = DENOISERS[request.family]
    denoiser = getattr(pipeline, name)
    trained: dict[str, torch.Tensor] = {}
    for file in find_weight_files(str(path), revision=None, denoiser=name):
        trained |= load_file(file)
    own = _copy_of(denoiser, trained)
    tuned = {
        key: torch.lerp(own[key].float(), value.float(), request.adapter_scale).to(own[key].dtype)
        for key, value in trained.items()
    }
    return _switch_between(denoiser, own, tuned)


def _copy_of(denoiser: torch.nn.Module, names: Iterable[str]) -> dict[str, torch.Tensor]:
    state = denoiser.state_dict()
    return {name: state[name].detach().to("cpu", copy=True) for name in names}


def _added(own: torch.Tensor, update: torch.Tensor, scale: float) -> torch.Tensor:
    return (own.float() + scale * update.reshape(own.shape)).to(own.dtype)


def _switch_between(denoiser: torch.nn.Module, own: Weights, tuned: Weights) -> Switch:
    weights: Mapping[Variant, Weights] = {"base": own, "tuned": tuned}
    loaded: Variant = "base"

    def switch(variant: Variant) -> None:
        nonlocal loaded
        if variant == loaded:
            return
        state = denoiser.state_dict()
        with torch.no_grad():
            for name, values in weights[variant].items():
                state[name].copy_(values)
        loaded = variant

    return switch


_ATTACH: Mapping[Method, Callable[[DiffusionPipeline, GenerateRequest, Path], Switch]] = (
    MappingProxyType({"lora": _attach_lora, "lokr": _attach_lokr, "full": _attach_full})
)
