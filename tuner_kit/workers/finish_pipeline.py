"""Make a whole diffusers pipeline of a fully fine-tuned denoiser and its base model.

SimpleTuner's own folder has neither text encoders nor tokenizers, and its model_index.json names
classes of simpletuner, so plain diffusers refuses it. Here the denoiser's weights are verified
against the base model's, put into a copy of the base model, and loaded once by plain diffusers.
"""

import json
import os
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tuner_kit.catalog.base_models import DENOISERS
from tuner_kit.process.messages import AdapterSummary, FinishPipelineRequest
from tuner_kit.workers.base_layers import find_weight_files
from tuner_kit.workers.base_pipeline import not_loadable, verify_pipeline_class
from tuner_kit.workers.base_source import fetch_pipeline_folder
from tuner_kit.workers.lora_file import DTYPE_NAMES, Float32Array, Tensor, narrow, widen
from tuner_kit.workers.quick_imports import hide_unused_packages
from tuner_kit.workers.runtime import Emit, RepairableError, run
from tuner_kit.workers.stored_weights import StoredTensor, find_tensors

OTHER_FORMATS = frozenset({".bin", ".ckpt", ".h5", ".msgpack", ".onnx", ".pb", ".pt"})
VARIANTS = (".fp16.", ".non_ema.")
"""The same weights once more, which diffusers doesn't load unless it is told to."""
MAY_BE_MISSING = frozenset({"safety_checker", "feature_extractor", "image_encoder"})
BYTES_PER_MIB = 2**20


@dataclass(frozen=True, slots=True)
class Difference:
    """What training has changed."""

    num_layers: int
    """Layers with another weight or bias than before."""
    largest: float


def finish_pipeline(request: FinishPipelineRequest, emit: Emit) -> AdapterSummary:
    """Verify, assemble, load once, rename; the trainer's own folder is left as it is."""
    denoiser = DENOISERS[request.family]
    trained = find_weight_files(str(request.trained_dir), revision=None, denoiser=denoiser)
    emit("looking for the base model")
    base_dir = fetch_pipeline_folder(request.base_model, revision=request.revision)
    index = load_index(base_dir, request)
    base = find_weight_files(str(base_dir), revision=None, denoiser=denoiser)
    emit("comparing the trained weights with the base model")
    tensors = find_tensors(trained)
    difference = compare(tensors, find_tensors(base), where=request.trained_dir, emit=emit)
    partial_dir = request.pipeline_dir.with_name(f"{request.pipeline_dir.name}.partial")
    shutil.rmtree(partial_dir, ignore_errors=True)
    emit("assembling the pipeline")
    assemble(partial_dir, base_dir, index, denoiser=denoiser)
    link_weights(request.trained_dir / denoiser, partial_dir / denoiser)
    emit("loading it with diffusers")
    load_once(partial_dir)
    shutil.rmtree(request.pipeline_dir, ignore_errors=True)  # of an attempt that failed later on
    partial_dir.replace(request.pipeline_dir)
    return AdapterSummary(
        method="full",
        num_modules=difference.num_layers,
        num_parameters=sum(tensor.num_values for tensor in tensors.values()),
        rank=None,
        dtype=DTYPE_NAMES[next(iter(tensors.values())).dtype],
        largest_update=difference.largest,
        size_mib=folder_bytes(request.pipeline_dir) / BYTES_PER_MIB,
    )


def load_index(base_dir: Path, request: FinishPipelineRequest) -> dict[str, object]:
    """Read the base model's model_index.json.

    Raises:
        RepairableError: it can't be read, or names another kind of pipeline.
    """
    try:
        index = json.loads((base_dir / "model_index.json").read_bytes())
    except (OSError, ValueError) as error:
        reason = "it has no readable model_index.json"
        raise not_loadable(request.base_model, reason, family=request.family) from error
    verify_pipeline_class(request.base_model, index, family=request.family)
    return dict(index)


def compare(
    trained: Mapping[str, StoredTensor],
    base: Mapping[str, StoredTensor],
    *,
    where: Path,
    emit: Emit,
) -> Difference:
    """Say how the trained weights differ from the base model's.

    Raises:
        RepairableError: other layers, NaN or infinity, or no difference at all.
    """
    verify_layers(trained, base, where=where)
    changed: set[str] = set()
    largest, broken = 0.0, []
    for number, (name, stored) in enumerate(sorted(trained.items()), start=1):
        tensor = stored.load()
        if np.isfinite(tensor.values).all():
            change = largest_change(tensor, base[name].load().values)
            largest = max(largest, change)
            if change > 0:
                changed.add(name.rpartition(".")[0])
        else:
            broken.append(name)
        emit("comparing the trained weights with the base model", number, len(trained))
    if broken:
        raise RepairableError(
            what=f"{len(broken)} of {len(trained)} weights hold NaN or infinity, first {broken[0]}",
            where=str(where),
            fix="the training diverged: lower the learning rate and train again",
        )
    if not changed:
        raise RepairableError(
            what="every weight is the base model's: nothing was learned",
            where=str(where),
            fix="train for more steps, or raise the learning rate",
        )
    return Difference(len(changed), largest)


def verify_layers(
    trained: Mapping[str, StoredTensor], base: Mapping[str, StoredTensor], *, where: Path
) -> None:
    """Refuse weights that are not those of the base model's layers, one for one."""
    names = sorted(trained.keys() | base.keys())
    other = [
        name
        for name in names
        if name not in trained or name not in base or trained[name].shape != base[name].shape
    ]
    if other:
        raise RepairableError(
            what=f"{len(other)} of {len(names)} weights are not those of the base model, "
            f"first {other[0]}",
            where=str(where),
            fix="use the base model that was trained",
        )


def largest_change(trained: Tensor, base_values: Float32Array) -> float:
    """Give the largest difference; rounding the base model to the trained dtype is none."""
    rounded = widen(narrow(Tensor(base_values, trained.dtype)), trained.dtype)
    difference = np.abs(trained.values - rounded.reshape(trained.values.shape))
    return float(difference.max(initial=0.0))


def assemble(folder: Path, base_dir: Path, index: Mapping[str, object], *, denoiser: str) -> None:
    """Copy the base model without the denoiser's weights.

    Raises:
        RepairableError: a part is missing, or the disk is full.
    """
    written = dict(index)
    for name, entry in index.items():
        if not (isinstance(entry, list) and all(entry)):
            continue
        if not (base_dir / name).is_dir():
            if name not in MAY_BE_MISSING:
                raise _missing_part(base_dir, name)
            written[name] = [None, None]
            continue
        copy_part(base_dir / name, folder / name, with_weights=name != denoiser)
    if written.get("safety_checker") in (None, [None, None]):
        written.pop("requires_safety_checker", None)
    text = json.dumps(written, indent=2, ensure_ascii=False)
    (folder / "model_index.json").write_text(text + "\n", encoding="utf-8")


def copy_part(source: Path, target: Path, *, with_weights: bool) -> None:
    """Copy the files of one part that diffusers loads; links of the Hub's cache are followed.

    They are copied, not linked: who writes into the pipeline must not write into the base model.
    """
    target.mkdir(parents=True)
    for path in sorted(source.iterdir()):
        is_weight = ".safetensors" in path.name
        is_other = path.suffix in OTHER_FORMATS or any(word in path.name for word in VARIANTS)
        if path.is_file() and not is_other and (with_weights or not is_weight):
            shutil.copyfile(path, target / path.name)


def link_weights(source: Path, target: Path) -> None:
    """Give the trained weights a second name, or copy them where the disk has no links."""
    for path in sorted(source.glob("*.safetensors*")):
        try:
            os.link(path, target / path.name)
        except OSError:
            shutil.copyfile(path, target / path.name)


def load_once(folder: Path) -> None:
    """Load the pipeline as a person would, with diffusers alone.

    Raises:
        RepairableError: diffusers refuses it.
    """
    hide_unused_packages()
    import torch
    from diffusers import DiffusionPipeline
    from diffusers.utils.logging import disable_progress_bar

    disable_progress_bar()
    try:
        DiffusionPipeline.from_pretrained(
            folder, dtype=torch.bfloat16, use_safetensors=True, local_files_only=True
        )
    except (ImportError, OSError, ValueError, RuntimeError) as error:
        raise RepairableError(
            what=f"diffusers can't load the finished pipeline: {str(error).splitlines()[0]}",
            where=str(folder),
            fix="load the base model with diffusers alone: if that fails too, download it again",
        ) from error


def folder_bytes(folder: Path) -> int:
    """Give the size of all files in a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def _missing_part(base_dir: Path, name: str) -> RepairableError:
    return RepairableError(
        what=f"the base model lacks its {name}, so no whole pipeline can be made",
        where=str(base_dir),
        fix="download the base model again, with all its parts",
    )


if __name__ == "__main__":
    sys.exit(run(FinishPipelineRequest, finish_pipeline))
