"""The folders of images that a hand-written configuration names, examined without decoding."""

import os
from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

from tuner_kit.data.audit.rule import AuditPolicy
from tuner_kit.data.layouts.layout import LayoutOptions
from tuner_kit.data.read_dataset import DatasetSource
from tuner_kit.errors import DatasetError, Problem
from tuner_kit.preflight.dataset_examination import DatasetDemands, ExaminedDataset, examine
from tuner_kit.preflight.text_limits import sd1x_limits, sd3_limits
from tuner_kit.process.worker import OnEvent
from tuner_kit.simpletuner.leftovers import LatentFacts, look_at_latents, read_cached_settings
from tuner_kit.simpletuner.rules.setup import DatasetEntry, ImageFolderFacts, TrainerSetup

_LAYOUTS = {
    "textfile": "text-files",
    "filename": "file-names",
    "instanceprompt": "instance-prompt",
}
"""The layout of ours that reads captions as a `caption_strategy` does."""
_ABOUT_BUCKETS = frozenset({"D07", "D08", "D32", "D33"})
"""They hold for the one form of resolution and cropping that our bucket plan covers."""
_ABOUT_OUR_COPY = frozenset({"D10", "D11", "D12", "D26"})
"""They say what is mended in the private copy of a training; rules say what happens without."""
_MEDIA_SUFFIXES = (".mp4", ".mov", ".avi", ".webm", ".mkv", ".wav", ".mp3", ".flac", ".ogg", ".m4a")
_NUM_EXAMPLES = 50
_MULTIPLE_PX = 64


@dataclass(frozen=True, slots=True)
class FolderFindings:
    """What is in one folder, and what is wrong with it."""

    facts: ImageFolderFacts | None
    problems: tuple[Problem, ...]


def examine_folder(
    entry: DatasetEntry, setup: TrainerSetup, where: str, on_event: OnEvent
) -> FolderFindings | None:
    """Examine the folder of one image dataset; None where it is no local folder that we can read.

    Args:
        entry: of the data backend file.
        setup: the configuration that it belongs to.
        where: the place of the folder in the file.
        on_event: called with the progress.
    """
    named, layout = entry.text("instance_data_dir"), _LAYOUTS.get(_strategy(entry, setup))
    if (entry.text("type") or "local") != "local" or named is None or layout is None:
        return None
    folder = setup.around.working_dir / Path(named).expanduser()
    options = LayoutOptions(entry.text("instance_prompt"))
    source = DatasetSource(folder, named, layout, options)
    with ExitStack() as stack:
        try:
            found = examine(source, _demands(entry, setup), on_event, looks_at_pixels=False)
        except DatasetError as error:
            located = (replace(each, where=f"{where} ({each.where})") for each in error.problems)
            return FolderFindings(None, tuple(located))
        stack.enter_context(found)
        unsaid = _ABOUT_OUR_COPY | _not_judged(entry, setup)
        problems = tuple(each for each in found.problems if each.id not in unsaid)
        return FolderFindings(_facts(found, folder, entry, setup), problems)


def _not_judged(entry: DatasetEntry, setup: TrainerSetup) -> frozenset[str]:
    """Name the findings about buckets that don't hold for this dataset."""
    if not _has_our_geometry(entry):
        return _ABOUT_BUCKETS
    # Without repeats of its own, a small bucket is then filled up instead of refused.
    is_padded = setup.options.is_on("allow_dataset_oversubscription") and not entry.get("repeats")
    return frozenset({"D07"}) if is_padded else frozenset()


def _strategy(entry: DatasetEntry, setup: TrainerSetup) -> str:
    """Name where captions are read from; the dataset's own word wins over the option."""
    return entry.text("caption_strategy") or setup.options.text("caption_strategy") or ""


def _has_our_geometry(entry: DatasetEntry) -> bool:
    """Whether images are cropped to squares from the center, or not at all, by pixel area."""
    resolution = entry.number("resolution")
    is_whole = resolution is not None and resolution % _MULTIPLE_PX == 0
    if entry.text("resolution_type") != "pixel_area" or not is_whole:
        return False
    is_square = entry.text("crop_aspect") == "square" and entry.text("crop_style") == "center"
    has_limits = any(
        entry.has(key)
        for key in ("minimum_image_size", "maximum_image_size", "target_downsample_size")
    )
    return not has_limits and (is_square if entry.is_on("crop") else entry.get("crop") is False)


def _demands(entry: DatasetEntry, setup: TrainerSetup) -> DatasetDemands:
    limits = sd1x_limits() if setup.family == "sd1x" else sd3_limits(None)
    return DatasetDemands(
        policy=AuditPolicy(
            resolution_px=_pixels(entry), is_cropped=bool(entry.get("crop")), is_repaired=False
        ),
        train_batch_size=_count(setup.options.number("train_batch_size"), least=1),
        gradient_accumulation_steps=_count(
            setup.options.number("gradient_accumulation_steps"), least=1
        ),
        num_gpus=setup.around.num_processes,
        repeats=_count(entry.number("repeats"), least=0),
        holds_out=False,
        limits=limits if setup.family in ("sd3", "sd1x") else (),
    )


def _count(number: float | None, *, least: int) -> int:
    return max(least, int(number or 0))


def _pixels(entry: DatasetEntry) -> int:
    """Give the edge in pixels; where it is of no use to us, one that no rule stumbles over."""
    resolution = entry.number("resolution")
    return int(resolution) if resolution and _has_our_geometry(entry) else _MULTIPLE_PX


def _facts(
    found: ExaminedDataset, folder: Path, entry: DatasetEntry, setup: TrainerSetup
) -> ImageFolderFacts:
    inventory = found.snapshot.inventory
    by_id = {problem.id: problem.files for problem in found.problems}
    latents = _latents(found, folder, entry, setup)
    return ImageFolderFacts(
        dir=folder,
        num_images=found.num_images,
        sizes=_sizes(found),
        same_stem=tuple(inventory.names_of_shared_stems()),
        is_writable=os.access(folder, os.W_OK),
        example_names=tuple(islice(inventory.image_names(), _NUM_EXAMPLES)),
        several_lines=by_id.get("D10", ()),
        byte_order_marks=by_id.get("D26", ()),
        other_media=tuple(
            name for name in inventory.other_names() if name.lower().endswith(_MEDIA_SUFFIXES)
        ),
        cached_settings=read_cached_settings(
            folder, entry.text("cache_file_suffix") or entry.text("id") or ""
        ),
        changed_images=latents.changed_images if latents is not None else (),
        has_compressed_latents=latents.is_compressed if latents is not None else None,
    )


def _latents(
    found: ExaminedDataset, folder: Path, entry: DatasetEntry, setup: TrainerSetup
) -> LatentFacts | None:
    cache = entry.text("cache_dir_vae")
    if cache is None:
        return None
    cache_dir = setup.around.working_dir / cache.replace("{model_family}", setup.family)
    if not cache_dir.is_dir():
        return None
    return look_at_latents(
        found.snapshot.inventory.image_names(),
        folder.absolute(),
        written_dir=entry.text("instance_data_dir") or "",
        cache_dir=cache_dir,
    )


def _sizes(found: ExaminedDataset) -> Counter[tuple[int, int]]:
    headers = (record.header for record in found.snapshot.inventory.records())
    return Counter((header.width_px, header.height_px) for header in headers if header)
