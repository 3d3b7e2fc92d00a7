"""What an earlier training left in the folders of a dataset: lists of images, caches.

Source: SimpleTuner 4.10.1 metadata/backends/discovery.py (save_cache), caching/vae.py
(generate_vae_cache_filename), data_backend/local.py (torch_save).
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import JsonValue

_GZIP = b"\x1f\x8b"
_SUFFIX = ".pt"


@dataclass(frozen=True, slots=True)
class LatentFacts:
    """What is known about the cached latents of a dataset."""

    changed_images: tuple[str, ...]
    """Images that are newer than their latents; names as they were given."""
    is_compressed: bool | None
    """None where there are no latents."""


def read_cached_settings(image_dir: Path, suffix: str) -> Mapping[str, JsonValue]:
    """Give the settings with which the images were sorted before; empty where they never were.

    Args:
        image_dir: the dataset's folder.
        suffix: the entry's cache_file_suffix, else its id.
    """
    path = image_dir / f"aspect_ratio_bucket_indices_{suffix}.json"
    try:
        cached = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}  # A damaged list is made anew by the trainer.
    settings = cached.get("config") if isinstance(cached, dict) else None
    return settings if isinstance(settings, dict) else {}


def look_at_latents(
    names: Iterable[str], image_dir: Path, *, written_dir: str, cache_dir: Path
) -> LatentFacts:
    """Compare images with their latents, by the times of the files.

    Args:
        names: images, relative to the folder.
        image_dir: the dataset's folder, absolute.
        written_dir: how the dataset names it; it is part of where the latents lie.
        cache_dir: the dataset's folder of latents.
    """
    changed, is_compressed = [], None
    for name in names:
        latent = cache_dir / _latent_path(image_dir / name, written_dir)
        try:
            if latent.stat().st_mtime < (image_dir / name).stat().st_mtime:
                changed.append(name)
            if is_compressed is None:
                with latent.open("rb") as file:
                    is_compressed = file.read(len(_GZIP)) == _GZIP
        except OSError:
            continue  # There is no such latent, or nobody may read it.
    return LatentFacts(tuple(changed), is_compressed)


def _latent_path(image: Path, written_dir: str) -> str:
    # Upstream cuts the folder as it is written out of the absolute path, wherever it stands.
    subfolder = str(image.parent).replace(written_dir.strip().rstrip("/"), "").lstrip("/")
    name = hashlib.sha256(image.stem.encode()).hexdigest() + _SUFFIX
    return f"{subfolder}/{name}" if subfolder else name


def count_cached_texts(cache_dir: Path) -> int:
    """Count the encoded captions in a folder; 0 where there is none."""
    return sum(1 for _ in cache_dir.rglob(f"*{_SUFFIX}")) if cache_dir.is_dir() else 0
