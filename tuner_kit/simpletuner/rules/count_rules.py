"""Rules E: how often images are seen, and when datasets take part."""

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import PurePath

from tuner_kit.errors import Severity
from tuner_kit.simpletuner.bucket_geometry import bucket_of
from tuner_kit.simpletuner.rules.entries import (
    count,
    facts_about,
    pictures,
    place,
    repeats_of,
    trained_pictures,
    with_options,
)
from tuner_kit.simpletuner.rules.geometry_rules import is_left_out
from tuner_kit.simpletuner.rules.rule import Finding, Rule, about, write
from tuner_kit.simpletuner.rules.schedule_rules import check_probability, check_schedule
from tuner_kit.simpletuner.rules.setup import DatasetEntry, ImageFolderFacts, TrainerSetup
from tuner_kit.simpletuner.rules.sizes import is_square, sizes_of

_SD = ("sd3", "sd1x")
_KOHYA_FOLDER = re.compile(r"(\d+)_.+")
_SMALL_SET = 100
"""More images are a style rather than one subject; fewer views do then."""
_FEW_VIEWS, _MANY_VIEWS = 20, 400


def check_pruned(setup: TrainerSetup) -> Iterator[Finding]:
    """E01: with a minimum size, upstream removes shapes that can't fill a batch, unseen."""
    if setup.options.is_on("disable_bucket_pruning"):
        return
    for entry in trained_pictures(setup):
        batch = with_options(setup, entry).number("train_batch_size")
        sizes, facts = sizes_of(setup, entry), facts_about(setup, entry)
        if facts is None or batch is None or sizes is None or sizes.minimum is None:
            continue
        passes = repeats_of(entry) + 1
        small = [n for n in _count_shapes(setup, entry, facts).values() if n * passes < batch]
        if small:
            yield about(
                entry,
                "minimum_image_size",
                f"{count(len(small), 'shape')} of dataset {entry.name} can't fill a batch of {batch:g}; "
                f"with a minimum_image_size SimpleTuner drops such images ({sum(small)} here) and "
                "only says so in its log",
                'set "repeats" higher, train_batch_size to 1, or "disable_bucket_pruning": true',
            )


def _count_shapes(
    setup: TrainerSetup, entry: DatasetEntry, facts: ImageFolderFacts
) -> Counter[str]:
    sizes, shapes = sizes_of(setup, entry), Counter[str]()
    is_known = entry.text("crop_aspect") not in {"random", "closest"}
    if sizes is None or sizes.edge_px is None or not is_known:
        return shapes
    for size, number in facts.sizes.items():
        if not is_left_out(size, entry, sizes):
            edge_px = round(sizes.edge_px)
            key = bucket_of(*size, resolution_px=edge_px, is_cropped=is_square(entry))
            shapes[key.aspect_ratio if key else ""] += number
    del shapes[""]
    return shapes


def check_oversubscription(setup: TrainerSetup) -> Iterator[Finding]:
    """E02: repeats of a person win over those that upstream would add."""
    if not setup.options.is_on("allow_dataset_oversubscription"):
        return
    for entry in trained_pictures(setup):
        if repeats_of(entry) > 0:
            yield about(
                entry,
                "repeats",
                f"allow_dataset_oversubscription does nothing for dataset {entry.name}, because "
                f"it has repeats {repeats_of(entry)}",
                "remove repeats of the dataset, or allow_dataset_oversubscription",
            )


def check_encoding_batch(setup: TrainerSetup) -> Iterator[Finding]:
    """E03: a batch of the VAE as large as the dataset."""
    for entry in trained_pictures(setup):
        facts, batch = (
            facts_about(setup, entry),
            with_options(setup, entry).number("vae_batch_size"),
        )
        if facts is None or batch is None or not facts.num_images:
            continue
        if batch > 1 and facts.num_images <= batch:
            own = entry if entry.has("vae_batch_size") else None
            yield Finding(
                what=f"dataset {entry.name} has {count(facts.num_images, 'image')}, no more than "
                f"vae_batch_size {batch:g}",
                fix="write vae_batch_size 1: it only makes the encoding slower",
                key="vae_batch_size",
                dataset=None if own is None else own.index,
                edits=(write("vae_batch_size", 1, own),),
            )


def check_repeats(setup: TrainerSetup) -> Iterator[Finding]:
    """E04: repeats are additional passes; kohya counts the first one too."""
    for entry in trained_pictures(setup):
        repeats = repeats_of(entry)
        if repeats < 0:
            yield about(
                entry,
                "repeats",
                f"repeats {repeats} of dataset {entry.name} leaves {max(repeats + 1, 0)} passes "
                "over its images; SimpleTuner counts additional passes, so 0 is one pass",
                'write "repeats": 0',
                write("repeats", 0, entry),
            )
        elif repeats and repeats == _kohya_repeats(setup, entry):
            yield Finding(
                what=f"dataset {entry.name} has the {repeats} repeats of its folder's name; that "
                f"is kohya's way of counting, and {repeats + 1} passes here",
                fix=f'write "repeats": {repeats - 1}',
                key="repeats",
                dataset=entry.index,
                edits=(write("repeats", repeats - 1, entry),),
                severity=Severity.WARNING,
            )


def _kohya_repeats(setup: TrainerSetup, entry: DatasetEntry) -> int | None:
    folder = entry.text("instance_data_dir")
    name = PurePath(place(setup, folder, entry)).name if folder else ""
    match = _KOHYA_FOLDER.fullmatch(name)
    return int(match.group(1)) if match else None


def check_views(setup: TrainerSetup) -> Iterator[Finding]:
    """E05: how often each image of a small set is seen."""
    views, num_images = _views(setup), setup.num_images
    if views is None or not setup.is_lora or not num_images or num_images > _SMALL_SET:
        return
    if views < _FEW_VIEWS:
        yield _unusual(views, num_images, "too seldom to learn them")
    elif views > _MANY_VIEWS:
        yield _unusual(views, num_images, "often enough to learn nothing else")


def _views(setup: TrainerSetup) -> float | None:
    """Views of one image, on average."""
    steps, batch = setup.options.number("max_train_steps"), setup.effective_batch_size
    if steps and steps > 0:
        return steps * batch / setup.num_images if batch and setup.num_images else None
    epochs, entries = setup.options.number("num_train_epochs"), setup.image_datasets
    return epochs * (repeats_of(entries[0]) + 1) if epochs and len(entries) == 1 else None


def _unusual(views: float, num_images: int, consequence: str) -> Finding:
    return Finding(
        what=f"each of the {num_images} images is seen about {views:.0f} times, {consequence}",
        fix=f"choose max_train_steps for {_FEW_VIEWS} to {_MANY_VIEWS} views of each image: steps x "
        "train_batch_size x gradient_accumulation_steps x GPUs / images",
        key="max_train_steps",
    )


def check_intervals(setup: TrainerSetup) -> Iterator[Finding]:
    """E06: what never happens because the training ends before."""
    steps = setup.options.number("max_train_steps")
    if not steps or steps <= 0:
        return
    for key, epochs_key, consequence in (
        (
            "checkpoint_step_interval",
            "checkpoint_epoch_interval",
            "nothing is saved before the end",
        ),
        ("validation_step_interval", "validation_epoch_interval", "no image is drawn on the way"),
    ):
        interval = setup.options.number(key)
        if interval and interval > steps and not setup.options.number(epochs_key):
            yield Finding(
                what=f"{key} {interval:g} is longer than the training of {steps:g} steps: "
                f"{consequence}",
                fix=f"write {key} {max(int(steps) // 4, 1)}, a quarter of the training",
                key=key,
            )


def check_same_folder(setup: TrainerSetup) -> Iterator[Finding]:
    """E09: several datasets of one folder train its images several times."""
    seen: dict[PurePath, DatasetEntry] = {}
    for entry in trained_pictures(setup):
        named = entry.text("instance_data_dir")
        if named is None:
            continue
        first = seen.setdefault(place(setup, named, entry), entry)
        if first is not entry:
            yield about(
                entry,
                "instance_data_dir",
                f"datasets {first.name} and {entry.name} are the same folder, so each of its "
                "images counts twice",
                "nothing, if you train it at two resolutions; otherwise remove one of them",
            )


def check_samples(setup: TrainerSetup) -> Iterator[Finding]:
    """E10: which images are taken depends on the dataset's id."""
    for entry in pictures(setup):
        most, facts = entry.number("max_num_samples"), facts_about(setup, entry)
        if most and facts is not None and most < facts.num_images:
            yield about(
                entry,
                "max_num_samples",
                f"dataset {entry.name} takes {most:g} of {facts.num_images} images, chosen by its "
                "id: under another id others are trained on",
                "remove max_num_samples, or keep the id",
            )


_FACTORY = "data_backend/factory.py"
_DATASET_IMAGES = ("dataset.instance_data_dir", "around.folders")

COUNT_RULES: tuple[Rule, ...] = (
    Rule(
        id="E01",
        title="shapes with few images are dropped unseen",
        severity=Severity.WARNING,
        looks_at=("train_batch_size", "disable_bucket_pruning", "dataset.minimum_image_size"),
        source="metadata/backends/base.py (_prune_small_buckets)",
        check=check_pruned,
    ),
    Rule(
        id="E02",
        title="allow_dataset_oversubscription without effect",
        severity=Severity.WARNING,
        looks_at=("allow_dataset_oversubscription", "dataset.repeats"),
        source="metadata/backends/base.py (split_buckets_between_processes)",
        check=check_oversubscription,
    ),
    Rule(
        id="E03",
        title="vae_batch_size as large as the dataset",
        severity=Severity.WARNING,
        looks_at=("vae_batch_size", *_DATASET_IMAGES),
        source="documentation/quickstart/SD3.md; issue 836",
        check=check_encoding_batch,
    ),
    Rule(
        id="E04",
        title="repeats below zero, or counted as kohya does",
        severity=Severity.ERROR,
        looks_at=("dataset.repeats", "dataset.instance_data_dir"),
        source="DATALOADER.md (repeats), metadata/backends/base.py",
        check=check_repeats,
    ),
    Rule(
        id="E05",
        title="few images that are seen very seldom or very often",
        severity=Severity.WARNING,
        looks_at=("max_train_steps", "num_train_epochs", "train_batch_size", "around.folders"),
        source="experience with LoRA; no rule of upstream",
        check=check_views,
        families=_SD,
    ),
    Rule(
        id="E06",
        title="an interval longer than the training",
        severity=Severity.WARNING,
        looks_at=("max_train_steps", "checkpoint_step_interval", "validation_step_interval"),
        source="training/trainer.py",
        check=check_intervals,
    ),
    Rule(
        id="E07",
        title="datasets that never take part, or none at the start",
        severity=Severity.ERROR,
        looks_at=(
            "dataset.start_epoch",
            "dataset.start_step",
            "dataset.end_epoch",
            "dataset.end_step",
            "max_train_steps",
            "num_train_epochs",
        ),
        source=f"{_FACTORY} (_validate_schedule_windows)",
        check=check_schedule,
    ),
    Rule(
        id="E08",
        title="datasets that are never drawn from",
        severity=Severity.ERROR,
        looks_at=("dataset.probability",),
        source="training/trainer.py (_recalculate_training_steps)",
        check=check_probability,
    ),
    Rule(
        id="E09",
        title="one folder in several datasets",
        severity=Severity.WARNING,
        looks_at=("dataset.instance_data_dir",),
        source="DATALOADER.md",
        check=check_same_folder,
    ),
    Rule(
        id="E10",
        title="a choice of images that depends on the id",
        severity=Severity.WARNING,
        looks_at=("dataset.max_num_samples", *_DATASET_IMAGES),
        source="metadata/backends/base.py (_apply_max_num_samples_limit)",
        check=check_samples,
    ),
)
"""About counts, by their ids."""
