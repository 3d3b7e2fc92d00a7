"""Rules H03, H05, H06, H14, H16: caches of an earlier training that no longer fit."""

import math
import re
from collections.abc import Iterator, Mapping
from types import MappingProxyType

from pydantic import JsonValue

from tuner_kit.simpletuner.rules.entries import (
    facts_about,
    latent_dir,
    pictures,
    place,
    text_caches,
    text_dir,
)
from tuner_kit.simpletuner.rules.rule import Finding, about, write
from tuner_kit.simpletuner.rules.setup import DatasetEntry, TrainerSetup
from tuner_kit.simpletuner.rules.sizes import sizes_of

_SD3_TOKENS = 154
_SHAPES_TEXTS = (
    "t5_padding",
    "sd3_clip_uncond_behaviour",
    "sd3_t5_uncond_behaviour",
    "text_encoder_1_precision",
    "text_encoder_2_precision",
    "text_encoder_3_precision",
)
"""Options that change what a caption is encoded to; none is part of the name of its file."""

_FINGERPRINT = re.compile(r"[0-9a-f]{8,}")
"""In the name of a folder: it belongs to certain settings, as tuner_kit writes it."""
_CROP_DEFAULTS: Mapping[str, JsonValue] = MappingProxyType(
    {"crop": False, "crop_aspect": "square", "crop_style": "random", "crop_aspect_buckets": None}
)
_FIRST_EDGE_PX = 32
"""A resolution below is an area in megapixels."""
_ORPHANS, _ORPHAN_FACTOR = 200, 3
"""A caption file may give several texts, and prompts are cached too."""


def check_shared_texts(setup: TrainerSetup) -> Iterator[Finding]:
    """H03: the file of a caption is named by its words alone, so other settings find it too."""
    differing = [key for key in _SHAPES_TEXTS if _differs(setup, key)]
    if setup.options.number("tokenizer_max_length") not in (None, _SD3_TOKENS):
        differing.append("tokenizer_max_length")
    output_dir = place(setup, setup.options.text("output_dir") or ".")
    for entry in text_caches(setup):
        folder = text_dir(setup, entry)
        is_own = output_dir in folder.parents or _FINGERPRINT.search(folder.name)
        if differing and not is_own:
            yield about(
                entry,
                "cache_dir",
                f"text cache {entry.name} lies outside of output_dir, and not all options that shape "
                f"its texts are the defaults ({', '.join(differing)}): captions that another "
                "training encoded there with other settings are used as they are",
                'write "cache_dir": "{output_dir}/cache/text"',
                write("cache_dir", "{output_dir}/cache/text", entry),
            )


def _differs(setup: TrainerSetup, key: str) -> bool:
    return setup.options.has(key) and setup.options.get(key) != setup.options.defaults.get(key)


def check_changed_images(setup: TrainerSetup) -> Iterator[Finding]:
    """H05: latents are found by the name of the image; nobody looks whether it has changed."""
    for entry in pictures(setup):
        facts = facts_about(setup, entry)
        if facts is not None and facts.changed_images:
            num_changed = len(facts.changed_images)
            yield about(
                entry,
                "cache_dir_vae",
                f"images of dataset {entry.name} that are newer than their cached latents: "
                f"{num_changed} (first: {facts.changed_images[0]}); SimpleTuner would train on what "
                "they were",
                f"{_start_anew(setup, entry)}, or name the changed images otherwise",
            )


def _start_anew(setup: TrainerSetup, entry: DatasetEntry) -> str:
    name = entry.text("cache_file_suffix") or entry.name
    return (
        f"delete {latent_dir(setup, entry)} and, in the image folder, "
        f"aspect_ratio_bucket_indices_{name}.json and aspect_ratio_bucket_metadata_{name}.json"
    )


def check_cached_settings(setup: TrainerSetup) -> Iterator[Finding]:
    """H06: images that were sorted with other settings stay as they are."""
    for entry in pictures(setup):
        facts = facts_about(setup, entry)
        if facts is None or not facts.cached_settings:
            continue
        for key, wanted in _wanted_settings(setup, entry).items():
            cached = facts.cached_settings.get(key, wanted)
            if not _is_same(cached, wanted):
                yield about(
                    entry,
                    key,
                    f"dataset {entry.name} was prepared with {key} {_in_words(key, cached)}, and now "
                    f"has {_in_words(key, wanted)}: SimpleTuner goes on with what it prepared, for "
                    "every image it knows",
                    _start_anew(setup, entry),
                )


def _wanted_settings(setup: TrainerSetup, entry: DatasetEntry) -> Mapping[str, JsonValue]:
    """As the trainer writes them down: an edge has become an area."""
    wanted = {key: entry.written.get(key, value) for key, value in _CROP_DEFAULTS.items()}
    sizes = sizes_of(setup, entry)
    if sizes is not None and sizes.resolution is not None:
        wanted["resolution"] = sizes.resolution
        wanted["resolution_type"] = "pixel" if sizes.is_in_pixels else "area"
    return wanted


def _is_same(cached: JsonValue, wanted: JsonValue) -> bool:
    if isinstance(cached, int | float) and isinstance(wanted, int | float):
        return math.isclose(cached, wanted)
    return cached == wanted


def _in_words(key: str, value: JsonValue) -> str:
    if key == "resolution" and isinstance(value, int | float) and 0 < value < _FIRST_EDGE_PX:
        return f"{math.sqrt(value * 1e6):.0f} px ({value:g} megapixels)"
    return f"{value:g} px" if isinstance(value, float) else str(value)


def check_compression(setup: TrainerSetup) -> Iterator[Finding]:
    """H14: compressed latents can't be read when compression is off, and are deleted then."""
    for entry in pictures(setup):
        facts = facts_about(setup, entry)
        own = entry.flag("compress_cache")
        is_on = setup.options.flag("compress_disk_cache") if own is None else own
        if facts is not None and facts.has_compressed_latents and is_on is False:
            key = "compress_disk_cache" if own is None else "compress_cache"
            place_of = entry if own is not None else None
            yield Finding(
                what=f"the cached latents of dataset {entry.name} are compressed, but {key} is "
                "false: SimpleTuner can't read them, and deletes each as damaged",
                fix=f"write {key} true, or delete {latent_dir(setup, entry)} first",
                key=key,
                dataset=None if place_of is None else entry.index,
                edits=(write(key, value=True, entry=place_of),),
            )


def check_orphans(setup: TrainerSetup) -> Iterator[Finding]:
    """H16: changed captions are encoded anew, and the old files stay."""
    num_images = setup.num_images
    if num_images is None:
        return
    for entry in text_caches(setup):
        num_texts = setup.around.num_cached_texts.get(entry.index, 0)
        if num_texts > _ORPHAN_FACTOR * num_images + _ORPHANS:
            yield about(
                entry,
                "cache_dir",
                f"text cache {entry.name} holds {num_texts} files for {num_images} images; "
                "captions that have changed leave theirs behind",
                f"delete {text_dir(setup, entry)}, if no other training uses it: the captions are "
                "encoded again",
            )
