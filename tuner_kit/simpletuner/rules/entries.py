"""What several rules ask of a dataset entry: what it inherits, its paths, its images."""

import os.path
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from tuner_kit.simpletuner.rules.setup import (
    DatasetEntry,
    ImageFolderFacts,
    TrainerSetup,
    Values,
)

_INHERITED = (
    "caption_strategy",
    "instance_prompt",
    "maximum_image_size",
    "minimum_image_size",
    "only_instance_prompt",
    "prepend_instance_prompt",
    "resolution",
    "resolution_type",
    "target_downsample_size",
    "train_batch_size",
    "vae_batch_size",
)
"""Keys whose value comes from config.json where the entry has none."""

_PLACEHOLDER = re.compile(r"\{([^{}]+)\}")


def pictures(setup: TrainerSetup) -> Iterator[DatasetEntry]:
    """Give the enabled datasets of images that are trained on, or evaluated with."""
    for entry in setup.datasets:
        # Upstream makes an entry with a conditioning_type a conditioning dataset.
        if (
            entry.is_enabled
            and entry.kind in {"image", "eval"}
            and not entry.has("conditioning_type")
        ):
            yield entry


def trained_pictures(setup: TrainerSetup) -> tuple[DatasetEntry, ...]:
    """Give the enabled datasets of images that are trained on."""
    return tuple(entry for entry in pictures(setup) if entry.kind == "image")


def text_caches(setup: TrainerSetup) -> tuple[DatasetEntry, ...]:
    """Give the enabled caches of encoded captions."""
    return tuple(
        entry for entry in setup.datasets if entry.is_enabled and entry.kind == "text_embeds"
    )


def with_options(setup: TrainerSetup, entry: DatasetEntry) -> Values:
    """Give an entry with what it inherits from config.json.

    Source: SimpleTuner 4.10.1 data_backend/factory.py; a null in the entry inherits nothing.
    """
    inherited = {key: setup.options.get(key) for key in _INHERITED}
    return Values({**inherited, **entry.written})


def repeats_of(entry: DatasetEntry) -> int:
    """Return the additional passes over the images in one epoch."""
    return int(entry.number("repeats") or 0)


def count(number: int, noun: str) -> str:
    """Write a number with its noun."""
    return f"1 {noun}" if number == 1 else f"{number} {noun}s"


def facts_about(setup: TrainerSetup, entry: DatasetEntry) -> ImageFolderFacts | None:
    """Return what is known about the folder of an entry."""
    return setup.around.folders.get(entry.index)


def place(setup: TrainerSetup, text: str, entry: DatasetEntry | None = None) -> Path:
    """Return the path that a text means, as the trainer fills and resolves it.

    Source: SimpleTuner 4.10.1 configuration/template_vars.py; a placeholder that is not known
    stays as it is, an environment variable that is not set becomes nothing.
    """
    values = {
        "model_family": setup.family,
        "output_dir": setup.options.text("output_dir") or "",
        "id": "" if entry is None else entry.text("id") or "",
    }
    filled = _PLACEHOLDER.sub(lambda match: _fill(match, values, setup.around.environ), text)
    return Path(os.path.normpath(setup.around.working_dir / filled.strip()))


def _fill(match: re.Match[str], values: Mapping[str, str], environ: Mapping[str, str]) -> str:
    token = match.group(1)
    if token.startswith("env:"):
        return environ.get(token.removeprefix("env:"), "")
    return values.get(token, match.group(0))


def latent_dir(setup: TrainerSetup, entry: DatasetEntry) -> Path:
    """Return where the latents of a dataset are cached."""
    default = "{output_dir}/cache/vae/{model_family}/{id}"
    return place(setup, entry.text("cache_dir_vae") or default, entry)


def text_dir(setup: TrainerSetup, entry: DatasetEntry) -> Path:
    """Return where the encoded captions of a text cache lie."""
    named = entry.text("cache_dir") or setup.options.text("cache_dir_text") or "cache"
    return place(setup, named, entry)
