"""Verify a LoKr that the trainer left and write it with its shape beside it.

A LoKr is no LoRA: diffusers can't load it, LyCORIS can. Each update is the Kronecker product of
`lokr_w1` and `lokr_w2`; the second is whole, or the product of `lokr_w2_a` and `lokr_w2_b` at
strength alpha / rank. Source: lycoris 4.1.3 modules/lokr.py.
"""

import re
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tuner_kit.catalog.base_models import DENOISERS
from tuner_kit.process.messages import AdapterSummary, FinishLokrRequest
from tuner_kit.workers.base_layers import Shape, load_layer_shapes
from tuner_kit.workers.lora_file import (
    DTYPE_NAMES,
    Tensor,
    load_metadata,
    load_tensors,
    save_tensors,
)
from tuner_kit.workers.runtime import Emit, RepairableError, run

KEY_PATTERN = re.compile(r"lycoris_(?P<module>\w+)\.(?P<part>alpha|lokr_w1|lokr_w2(_[ab])?)")
WHOLE, SPLIT = frozenset({"lokr_w2"}), frozenset({"lokr_w2_a", "lokr_w2_b"})
CONFIG_KEY = "lycoris_config"
BYTES_PER_MIB = 2**20


@dataclass(frozen=True, slots=True)
class LokrUpdate:
    """The parts of one layer's update."""

    parts: Mapping[str, Tensor]
    """`alpha`, `lokr_w1`, and `lokr_w2` or its two halves."""

    @property
    def shape(self) -> Shape:
        """Of the layer that it fits: (out, in, ...)."""
        small = self.parts["lokr_w1"].values.shape
        if "lokr_w2" in self.parts:
            large = self.parts["lokr_w2"].values.shape
        else:
            up, down = self.parts["lokr_w2_a"], self.parts["lokr_w2_b"]
            large = (up.values.shape[0], down.values.shape[1])
        return (small[0] * large[0], small[1] * large[1], *large[2:])

    @property
    def trained(self) -> Tensor:
        """What is zero before training."""
        return self.parts["lokr_w2" if "lokr_w2" in self.parts else "lokr_w2_b"]


def finish_lokr(request: FinishLokrRequest, emit: Emit) -> AdapterSummary:
    """Verify and write; the trainer's own file is left as it is."""
    path, denoiser = request.trained_path, DENOISERS[request.family]
    emit("reading the trained weights")
    tensors = load_tensors(path)
    updates = collect_updates(path, tensors)
    emit("comparing them with the base model")
    shapes = load_layer_shapes(request.base_model, revision=request.revision, denoiser=denoiser)
    verify_layers(path, updates, shapes)
    verify_numbers(path, updates)
    emit("writing the adapter")
    kept = {key: text for key, text in load_metadata(path).items() if key == CONFIG_KEY}
    metadata = {"format": "pt", **kept, **request.metadata}
    shutil.copyfile(request.lycoris_path, request.lokr_path.with_name(request.lycoris_path.name))
    save_tensors(request.lokr_path, tensors, metadata=metadata)
    return summarize(updates, size_bytes=request.lokr_path.stat().st_size)


def collect_updates(path: Path, tensors: Mapping[str, Tensor]) -> dict[str, LokrUpdate]:
    """Sort the tensors by layer, each named with `_` for `.`.

    Raises:
        RepairableError: a name that is no part of a LoKr, an update that lacks a part, or
            nothing at all.
    """
    layers: dict[str, dict[str, Tensor]] = {}
    foreign = []
    for name, tensor in tensors.items():
        match = KEY_PATTERN.fullmatch(name)
        if match is None:
            foreign.append(name)
        else:
            layers.setdefault(match["module"], {})[match["part"]] = tensor
    if foreign or not tensors:
        raise RepairableError(
            what=f"{path.name} is not a LoKr: "
            + (
                f"{len(foreign)} foreign tensors, first {min(foreign)}"
                if foreign
                else "it is empty"
            ),
            where=str(path),
            fix="train with lora_type lycoris and the algorithm lokr",
        )
    broken = [module for module, parts in layers.items() if not _is_whole(parts)]
    if broken:
        raise RepairableError(
            what=f"{len(broken)} layers lack a part of their update, first {min(broken)}",
            where=str(path),
            fix="the file was written incompletely: resume the training",
        )
    return {module: LokrUpdate(layers[module]) for module in sorted(layers)}


def _is_whole(parts: Mapping[str, Tensor]) -> bool:
    return parts.keys() - {"alpha", "lokr_w1"} in (WHOLE, SPLIT) and "lokr_w1" in parts


def verify_layers(
    path: Path, updates: Mapping[str, LokrUpdate], shapes: Mapping[str, Shape]
) -> None:
    """Refuse a LoKr whose layers the base model lacks or has in another shape."""
    by_name = {
        name.removesuffix(".weight").replace(".", "_"): shape
        for name, shape in shapes.items()
        if name.endswith(".weight")
    }
    for module, update in updates.items():
        layer = by_name.get(module)
        if layer != update.shape:
            has = "no such layer" if layer is None else f"shape {list(layer)} there"
            raise RepairableError(
                what=f"the LoKr changes {module} as {list(update.shape)}, the base model has {has}",
                where=str(path),
                fix="use the base model that the LoKr was trained on",
            )


def verify_numbers(path: Path, updates: Mapping[str, LokrUpdate]) -> None:
    """Refuse NaN, infinity, and a LoKr that changes nothing."""
    broken = [
        module
        for module, update in updates.items()
        if not all(np.isfinite(part.values).all() for part in update.parts.values())
    ]
    if broken:
        raise RepairableError(
            what=f"{len(broken)} of {len(updates)} layers hold NaN or infinity, first {broken[0]}",
            where=str(path),
            fix="the training diverged: lower the learning rate and train again",
        )
    if largest_update(updates) == 0:
        raise RepairableError(
            what="every lokr_w2 is zero: nothing was learned",
            where=str(path),
            fix="train for more steps, or raise the learning rate",
        )


def largest_update(updates: Mapping[str, LokrUpdate]) -> float:
    """Give the largest absolute value of what is zero before training."""
    return max(float(np.abs(update.trained.values).max()) for update in updates.values())


def summarize(updates: Mapping[str, LokrUpdate], *, size_bytes: int) -> AdapterSummary:
    """Describe the finished LoKr."""
    first = next(iter(updates.values()))
    return AdapterSummary(
        method="lokr",
        num_modules=len(updates),
        num_parameters=sum(
            part.values.size
            for update in updates.values()
            for name, part in update.parts.items()
            if name != "alpha"
        ),
        rank=None,
        dtype=DTYPE_NAMES[first.trained.dtype],
        largest_update=largest_update(updates),
        size_mib=size_bytes / BYTES_PER_MIB,
    )


if __name__ == "__main__":
    sys.exit(run(FinishLokrRequest, finish_lokr))
