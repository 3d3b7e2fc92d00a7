"""The weight shapes of a base model's transformer, from file headers alone."""

import json
from collections.abc import Callable
from pathlib import Path

from safetensors import SafetensorError, safe_open

from tuner_kit.workers.runtime import RepairableError

WEIGHTS_NAME = "transformer/diffusion_pytorch_model.safetensors"
INDEX_NAME = "transformer/diffusion_pytorch_model.safetensors.index.json"

Shape = tuple[int, ...]


def load_layer_shapes(base_model: str, *, revision: str | None) -> dict[str, Shape]:
    """Give the shape of every weight in the transformer, by its full name.

    Args:
        base_model: hub id or absolute folder.
        revision: branch, tag or commit on the Hub; the default branch if None.

    Raises:
        RepairableError: the transformer isn't on this machine, or a file of it is damaged.
    """
    find = _finder(base_model, revision)
    whole = find(WEIGHTS_NAME)
    if whole is not None:
        return _read_shapes(whole)
    index = find(INDEX_NAME)
    if index is None:
        raise _missing(base_model, WEIGHTS_NAME)
    shapes: dict[str, Shape] = {}
    for name in sorted(set(json.loads(index.read_bytes())["weight_map"].values())):
        shard = find(f"transformer/{name}")
        if shard is None:
            raise _missing(base_model, f"transformer/{name}")
        shapes |= _read_shapes(shard)
    return shapes


def _finder(base_model: str, revision: str | None) -> Callable[[str], Path | None]:
    folder = Path(base_model)
    if folder.is_absolute():
        return lambda name: folder / name if (folder / name).is_file() else None
    from huggingface_hub import try_to_load_from_cache

    def find(name: str) -> Path | None:
        found = try_to_load_from_cache(base_model, name, revision=revision)
        return Path(found) if isinstance(found, str) else None

    return find


def _missing(base_model: str, name: str) -> RepairableError:
    is_folder = Path(base_model).is_absolute()
    return RepairableError(
        what=f"the base model's {name} isn't on this machine, so the adapter can't be verified",
        where=base_model,
        fix="point model.base at a diffusers folder of an SD3 model, transformer included"
        if is_folder
        else f"hf download {base_model} --include 'transformer/*'",
    )


def _read_shapes(path: Path) -> dict[str, Shape]:
    try:
        with safe_open(path, framework="numpy") as weights:
            return {name: tuple(weights.get_slice(name).get_shape()) for name in weights.keys()}  # noqa: SIM118
    except SafetensorError as error:
        raise RepairableError(
            what=f"the base model's {path.name} is damaged or cut short: {error}",
            where=str(path),
            fix="download the base model again",
        ) from error
