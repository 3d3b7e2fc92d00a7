"""Which files of a run's cache the trainer would still read.

Source: SimpleTuner 4.10.1 caching/vae.py (generate_vae_cache_filename): the latents of an
image are in `<sha256 of its stem>.pt`.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tuner_kit.runs.layout import Run
from tuner_kit.simpletuner.training_results import load_backend

_LATENT_SUFFIX = ".pt"
_FOLDER_KEYS = ("instance_data_dir", "cache_dir_vae", "cache_dir")


@dataclass(frozen=True, slots=True)
class UnusedCache:
    """A folder, or files in one, that can be made again and that nothing will read."""

    folder: Path
    paths: tuple[Path, ...]
    """What to remove: the folder itself, or files in it."""
    reason: str


def find_unused_caches(run: Run, *, is_finished: bool) -> Iterator[UnusedCache]:
    """Name what can go of a run's cache; nothing, where it isn't clear what is in use.

    Args:
        run: a run that is not being trained.
        is_finished: its training is complete, so encoded images and captions are of no use
            to it any more; its links to the images are (the report shows them).
    """
    attempts = run.attempts()
    backend = load_backend(attempts[-1]) if attempts else ()
    if not backend:
        return
    used = {Path(entry[key]).name for entry in backend for key in _FOLDER_KEYS if key in entry}
    for folder in sorted(run.cache_dir.iterdir()) if run.cache_dir.is_dir() else ():
        is_encoded = folder.name.startswith(("vae-", "text-"))
        if folder.name not in used:
            yield UnusedCache(folder, (folder,), "of other images or settings")
        elif is_finished and is_encoded:
            yield UnusedCache(folder, (folder,), "of a finished training")
    if not is_finished:
        yield from _orphaned_latents(run, backend)


def _orphaned_latents(run: Run, backend: Sequence[Mapping[str, Any]]) -> Iterator[UnusedCache]:
    for entry in backend:
        if "cache_dir_vae" not in entry:
            continue
        # By name: the run may have been moved since.
        folder = run.cache_dir / Path(entry["cache_dir_vae"]).name
        view_dir = run.cache_dir / Path(entry["instance_data_dir"]).name
        if not folder.is_dir() or not view_dir.is_dir():
            continue
        kept = {_latent_name(path) for path in view_dir.iterdir()}
        files = sorted(folder.glob(f"*{_LATENT_SUFFIX}"))
        orphans = tuple(path for path in files if path.name not in kept)
        if orphans:
            yield UnusedCache(folder, orphans, "of images that have changed or gone")


def _latent_name(image_path: Path) -> str:
    return hashlib.sha256(image_path.stem.encode()).hexdigest() + _LATENT_SUFFIX
