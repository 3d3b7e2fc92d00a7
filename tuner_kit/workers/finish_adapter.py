"""Verify what the trainer left and write the adapter that every loader reads alike.

SimpleTuner's file keeps no `lora_alpha`, and loaders without one assume alpha = rank: an
adapter trained with another alpha would be rendered at the wrong strength. So alpha / rank
is multiplied into `lora_B` here, after the weights are checked against the base model.
"""

import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from tuner_kit.catalog.base_models import DENOISERS
from tuner_kit.process.messages import AdapterSummary, FinishAdapterRequest
from tuner_kit.workers.base_layers import Shape, load_layer_shapes
from tuner_kit.workers.lora_file import DTYPE_NAMES, Tensor, load_tensors, save_tensors
from tuner_kit.workers.runtime import Emit, RepairableError, run

KEY_PATTERN = re.compile(r"(?P<denoiser>\w+)\.(?P<module>.+)\.lora_(?P<half>[AB])\.weight")
BYTES_PER_MIB = 2**20


@dataclass(frozen=True, slots=True)
class LoraPair:
    """The two halves of one layer's update, B @ A."""

    down: Tensor
    """`lora_A`: shape (rank, in, ...)."""
    up: Tensor
    """`lora_B`: shape (out, rank, ...)."""


def finish_adapter(request: FinishAdapterRequest, emit: Emit) -> AdapterSummary:
    """Verify, fold alpha, write; the trainer's own file is left as it is."""
    path, denoiser = request.trained_path, DENOISERS[request.family]
    emit("reading the trained weights")
    pairs = collect_pairs(path, load_tensors(path), denoiser=denoiser)
    emit("comparing them with the base model")
    shapes = load_layer_shapes(request.base_model, revision=request.revision, denoiser=denoiser)
    verify_rank(path, pairs, rank=request.rank)
    verify_layers(path, pairs, shapes)
    verify_numbers(path, pairs)
    emit("writing the adapter")
    finished = fold_alpha(pairs, request.alpha / request.rank)
    tensors = flatten(finished, denoiser=denoiser)
    save_tensors(request.adapter_path, tensors, metadata={"format": "pt"} | request.metadata)
    return summarize(finished, size_bytes=request.adapter_path.stat().st_size)


def collect_pairs(
    path: Path, tensors: Mapping[str, Tensor], *, denoiser: str
) -> dict[str, LoraPair]:
    """Sort the tensors by layer.

    Args:
        path: the file that they are from.
        tensors: by their names.
        denoiser: what every name begins with: `transformer` or `unet`.

    Raises:
        RepairableError: a name that is no part of a plain LoRA, half a pair, or nothing.
    """
    matches = {name: KEY_PATTERN.fullmatch(name) for name in tensors}
    foreign = sorted(
        name for name, match in matches.items() if match is None or match["denoiser"] != denoiser
    )
    if foreign or not tensors:
        raise RepairableError(
            what=f"{path.name} is not a plain LoRA of a {denoiser}: "
            + (f"{len(foreign)} foreign tensors, first {foreign[0]}" if foreign else "it is empty"),
            where=str(path),
            fix="train with lora_type standard and lora_format diffusers",
        )
    modules = sorted({match["module"] for match in matches.values() if match})

    def keys(module: str) -> tuple[str, str]:
        return lora_key(denoiser, module, "A"), lora_key(denoiser, module, "B")

    widowed = [module for module in modules if not set(keys(module)) <= tensors.keys()]
    if widowed:
        raise RepairableError(
            what=f"{len(widowed)} layers have only half of their LoRA pair, first {widowed[0]}",
            where=str(path),
            fix="the file was written incompletely: resume the training",
        )
    return {module: LoraPair(*(tensors[key] for key in keys(module))) for module in modules}


def lora_key(denoiser: str, module: str, half: str) -> str:
    """Name a tensor as diffusers and peft do; `half` is `A` or `B`."""
    return f"{denoiser}.{module}.lora_{half}.weight"


def verify_rank(path: Path, pairs: Mapping[str, LoraPair], *, rank: int) -> None:
    """Refuse an adapter of another rank than was asked for: it is from another run."""
    for module, pair in pairs.items():
        found = (pair.down.values.shape[0], pair.up.values.shape[1])
        if found != (rank, rank):
            raise RepairableError(
                what=f"{module} has rank {found[0]} x {found[1]}; this run trains rank {rank}",
                where=str(path),
                fix=f"set the adapter's rank to {found[0]}, or train again",
            )


def verify_layers(path: Path, pairs: Mapping[str, LoraPair], shapes: Mapping[str, Shape]) -> None:
    """Refuse an adapter whose layers the base model lacks or has in another shape."""
    for module, pair in pairs.items():
        layer = shapes.get(f"{module}.weight")
        fits = (pair.up.values.shape[0], *pair.down.values.shape[1:])
        if layer is None or layer != fits:
            has = "no such layer" if layer is None else f"shape {list(layer)} there"
            raise RepairableError(
                what=f"the adapter changes {module} as {list(fits)}, the base model has {has}",
                where=str(path),
                fix="use the base model that the adapter was trained on",
            )


def verify_numbers(path: Path, pairs: Mapping[str, LoraPair]) -> None:
    """Refuse NaN, infinity, and an adapter that changes nothing."""
    broken = [
        module
        for module, pair in pairs.items()
        if not (np.isfinite(pair.down.values).all() and np.isfinite(pair.up.values).all())
    ]
    if broken:
        raise RepairableError(
            what=f"{len(broken)} of {len(pairs)} layers hold NaN or infinity, first {broken[0]}",
            where=str(path),
            fix="the training diverged: lower the learning rate and train again",
        )
    if largest_update(pairs) == 0:
        raise RepairableError(
            what="every lora_B is zero: nothing was learned",
            where=str(path),
            fix="train for more steps, or raise the learning rate",
        )


def fold_alpha(pairs: Mapping[str, LoraPair], scale: float) -> dict[str, LoraPair]:
    """Multiply every `lora_B` by alpha / rank, in float32, kept in its own dtype."""
    if scale == 1:
        return dict(pairs)
    return {
        module: replace(pair, up=replace(pair.up, values=pair.up.values * np.float32(scale)))
        for module, pair in pairs.items()
    }


def flatten(pairs: Mapping[str, LoraPair], *, denoiser: str) -> dict[str, Tensor]:
    """Name the tensors again."""
    return {
        lora_key(denoiser, module, half): tensor
        for module, pair in pairs.items()
        for half, tensor in (("A", pair.down), ("B", pair.up))
    }


def largest_update(pairs: Mapping[str, LoraPair]) -> float:
    """Give the largest absolute value in any `lora_B`."""
    return max(float(np.abs(pair.up.values).max()) for pair in pairs.values())


def summarize(pairs: Mapping[str, LoraPair], *, size_bytes: int) -> AdapterSummary:
    """Describe the finished adapter."""
    first = next(iter(pairs.values()))
    return AdapterSummary(
        num_modules=len(pairs),
        num_parameters=sum(pair.down.values.size + pair.up.values.size for pair in pairs.values()),
        rank=first.down.values.shape[0],
        dtype=DTYPE_NAMES[first.up.dtype],
        largest_update=largest_update(pairs),
        size_mib=size_bytes / BYTES_PER_MIB,
    )


if __name__ == "__main__":
    sys.exit(run(FinishAdapterRequest, finish_adapter))
