"""The weight files of a base model's denoiser, and the shapes in them, from headers alone."""

import json
from collections.abc import Callable
from pathlib import Path

from safetensors import SafetensorError, safe_open

from tuner_kit.workers.runtime import RepairableError

_WEIGHTS_NAME = "diffusion_pytorch_model.safetensors"
_INDEX_NAME = "diffusion_pytorch_model.safetensors.index.json"

Shape = tuple[int, ...]


def load_layer_shapes(base_model: str, *, revision: str | None, denoiser: str) -> dict[str, Shape]:
    """Give the shape of every weight in the denoiser, by its full name.

    Args:
        base_model: hub id or absolute folder.
        revision: branch, tag or commit on the Hub; the default branch if None.
        denoiser: folder of the trained part: `transformer` or `unet`.

    Raises:
        RepairableError: the denoiser isn't on this machine, or a file of it is damaged.
    """
    shapes: dict[str, Shape] = {}
    for path in find_weight_files(base_model, revision=revision, denoiser=denoiser):
        shapes |= read_shapes(path)
    return shapes


def find_weight_files(base_model: str, *, revision: str | None, denoiser: str) -> tuple[Path, ...]:
    """Find the files that hold the denoiser's weights: one, or several behind an index.

    Raises:
        RepairableError: one isn't on this machine.
    """
    find = _finder(base_model, revision)
    whole = find(f"{denoiser}/{_WEIGHTS_NAME}")
    if whole is not None:
        return (whole,)
    index = find(f"{denoiser}/{_INDEX_NAME}")
    if index is None:
        raise _missing(base_model, denoiser, _WEIGHTS_NAME)
    shards = []
    for name in sorted(set(json.loads(index.read_bytes())["weight_map"].values())):
        shard = find(f"{denoiser}/{name}")
        if shard is None:
            raise _missing(base_model, denoiser, name)
        shards.append(shard)
    return tuple(shards)


def _finder(base_model: str, revision: str | None) -> Callable[[str], Path | None]:
    folder = Path(base_model)
    if folder.is_absolute():
        return lambda name: folder / name if (folder / name).is_file() else None
    from huggingface_hub import try_to_load_from_cache

    def find(name: str) -> Path | None:
        found = try_to_load_from_cache(base_model, name, revision=revision)
        return Path(found) if isinstance(found, str) else None

    return find


def _missing(base_model: str, denoiser: str, name: str) -> RepairableError:
    is_folder = Path(base_model).is_absolute()
    return RepairableError(
        what=f"the base model's {denoiser}/{name} isn't on this machine, so what was trained "
        "can't be verified",
        where=base_model,
        fix=f"point model.base at a whole diffusers folder, {denoiser} included"
        if is_folder
        else f"hf download {base_model} --include '{denoiser}/*'",
    )


def read_shapes(path: Path) -> dict[str, Shape]:
    """Read the shape of each tensor from a file's header.

    Raises:
        RepairableError: the file is damaged.
    """
    try:
        with safe_open(path, framework="numpy") as weights:
            return {name: tuple(weights.get_slice(name).get_shape()) for name in weights.keys()}  # noqa: SIM118
    except SafetensorError as error:
        raise RepairableError(
            what=f"the base model's {path.name} is damaged or cut short: {error}",
            where=str(path),
            fix="download the base model again",
        ) from error
