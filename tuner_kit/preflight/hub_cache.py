"""What of a model is already on this machine, in huggingface_hub's cache."""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tuner_kit.catalog.base_models import PIPELINE_PARTS

_INDEX = "model_index.json"
_WEIGHT_SUFFIXES = frozenset({".safetensors", ".bin"})
_SHARD = re.compile(r"-\d{5}-of-\d{5}\.")


@dataclass(frozen=True, slots=True)
class CachedModel:
    """How much of a model is downloaded."""

    missing: tuple[str, ...]
    """Parts that are not there, or not whole; none means that training needs no network."""
    has_some: bool
    """Whether any part is there: a download that was interrupted."""
    is_certain: bool
    """Whether it is known which parts the model has."""


@dataclass(frozen=True, slots=True)
class _Place:
    """One revision of one model in the cache."""

    repo_id: str
    revision: str | None
    cache_dir: Path

    def find(self, name: str) -> Path | None:
        """Give the path of a downloaded file."""
        from huggingface_hub import try_to_load_from_cache

        try:
            path = try_to_load_from_cache(
                self.repo_id, name, cache_dir=self.cache_dir, revision=self.revision
            )
        except OSError:  # a cache of somebody else
            return None
        return Path(path) if isinstance(path, str) else None


def look_into_cache(
    repo_id: str, revision: str | None, *, parts: Sequence[str], cache_dir: Path
) -> CachedModel:
    """Find out which parts of a diffusers model are downloaded and whole.

    Args:
        repo_id: the model.
        revision: branch, tag or commit; None is the main branch.
        parts: folders that the model needs; empty takes those that its own list names, or,
            without one, those of the known family that fits best.
        cache_dir: huggingface_hub's cache of models.
    """
    place = _Place(repo_id, revision, cache_dir)
    known = tuple(parts) or tuple(_listed_parts(place))
    candidates = (known,) if known else tuple(PIPELINE_PARTS.values())
    missing, needed = min(
        ((tuple(part for part in each if not _is_whole(part, place)), each) for each in candidates),
        key=lambda pair: len(pair[0]),
    )
    return CachedModel(missing, len(missing) < len(needed), bool(known))


def _listed_parts(place: _Place) -> Iterator[str]:
    """Name the components in a downloaded model_index.json that are not empty."""
    path = place.find(_INDEX)
    listed = _load_json(path) if path else None
    for name, value in listed.items() if isinstance(listed, dict) else ():
        # Entries are [library, class]; those of parts that were left out are nulls.
        if isinstance(value, list) and all(isinstance(item, str) for item in value):
            yield name


def _is_whole(part: str, place: _Place) -> bool:
    if part.startswith("scheduler"):
        return place.find(f"{part}/scheduler_config.json") is not None
    if part.startswith("tokenizer"):
        return place.find(f"{part}/tokenizer_config.json") is not None
    config_path = place.find(f"{part}/config.json")
    return config_path is not None and _has_weights(config_path.parent)


def _has_weights(folder: Path) -> bool:
    """Whether there is a file of weights in one piece, or every piece of a divided one.

    The cache holds links; one whose file is not downloaded yet leads nowhere.
    """
    present = {path.name for path in folder.iterdir() if path.is_file()}
    weights = {name for name in present if Path(name).suffix in _WEIGHT_SUFFIXES}
    if any(not _SHARD.search(name) for name in weights):
        return True
    shards = [_shards_of(folder / name) for name in present if ".index." in name]
    return any(needed and needed <= present for needed in shards)


def _shards_of(index_path: Path) -> frozenset[str]:
    index = _load_json(index_path)
    names = index.get("weight_map") if isinstance(index, dict) else None
    return frozenset(map(str, names.values())) if isinstance(names, dict) else frozenset()


def _load_json(path: Path) -> object:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
