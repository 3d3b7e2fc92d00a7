"""Rules about teaching a subject: class images, masks, pairs, deleted files (G01-G06)."""

import os
from collections.abc import Iterator
from math import ceil
from pathlib import Path

from tuner_kit.errors import Severity
from tuner_kit.simpletuner.rules.entries import place
from tuner_kit.simpletuner.rules.rule import Finding, Rule, about, write
from tuner_kit.simpletuner.rules.setup import DatasetEntry, TrainerSetup

_ALIGNED = ("reference_strict", "mask")
"""Their images are taken from the same place in their folder as the trained image."""
_PAIRED = (*_ALIGNED, "segmentation")
_TAKEN_FROM_SOURCE = (
    "resolution",
    "resolution_type",
    "maximum_image_size",
    "target_downsample_size",
    "minimum_image_size",
)
_DELETING = ("delete_unwanted_images", "delete_problematic_images", "delete_nsfw_images")
_IMAGE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff"})
_MOST_NAMED = 3


def _class_images(setup: TrainerSetup) -> Iterator[Finding]:
    """G01."""
    for entry in setup.image_datasets:
        if not _is_class(entry):
            continue
        if setup.is_lora:
            yield Finding(
                what=f"each step with the class images of {entry.name} asks the model twice, "
                "once without the adapter",
                fix="nothing, or fewer class images: the training takes that much longer",
                key="is_regularisation_data",
                dataset=entry.index,
                severity=Severity.NOTICE,
            )
        else:
            yield about(
                entry,
                "is_regularisation_data",
                f"{entry.name} holds class images, but without an adapter SimpleTuner trains "
                "them like all others",
                "write model_type: lora, or remove the dataset",
            )


def _is_class(entry: DatasetEntry) -> bool:
    return bool(entry.get("is_regularisation_data") or entry.get("is_regularization_data"))


def _too_many_class_images(setup: TrainerSetup) -> Iterator[Finding]:
    """G02."""
    class_views = _views(setup, of_class=True)
    subject_views = _views(setup, of_class=False)
    if not class_views or not subject_views or class_views <= subject_views:
        return
    subjects = [entry for entry in setup.image_datasets if not _is_class(entry)]
    factor = ceil(class_views / subject_views * (_repeats(subjects[0]) + 1))
    yield about(
        subjects[0],
        "repeats",
        f"an epoch shows {class_views} class images and {subject_views} of the subject: "
        "mostly the class would be learned",
        f"write repeats: {factor - 1} or more, or use fewer class images",
    )


def _repeats(entry: DatasetEntry) -> int:
    return max(0, int(entry.number("repeats") or 0))


def _views(setup: TrainerSetup, *, of_class: bool) -> int | None:
    """Count what one epoch shows; None where a folder was not looked at."""
    total = 0
    for entry in setup.image_datasets:
        if _is_class(entry) is of_class:
            folder = setup.around.folders.get(entry.index)
            if folder is None:
                return None
            total += folder.num_images * (_repeats(entry) + 1)
    return total


def _unpaired_images(setup: TrainerSetup) -> Iterator[Finding]:
    """G03: a missing partner is a line in the log, and a step without its mask."""
    for entry in _conditioning(setup, _PAIRED):
        source = _source_of(entry, setup)
        if source is None:
            continue
        yield from _missing_partners(entry, source, setup)
        for key in _TAKEN_FROM_SOURCE:
            value = source.get(key)
            if entry.has(key) and source.has(key) and entry.get(key) != value:
                yield Finding(
                    what=f"{entry.name} has {key}: {entry.get(key)}, but SimpleTuner takes "
                    f"{value} from {source.name}",
                    fix=f"write {key}: {value}, as in {source.name}",
                    key=key,
                    dataset=entry.index,
                    edits=(write(key, value, entry),),
                    severity=Severity.WARNING,
                )


def _conditioning(setup: TrainerSetup, types: tuple[str, ...]) -> Iterator[DatasetEntry]:
    for entry in setup.datasets:
        is_asked = entry.text("conditioning_type") in types
        if entry.is_enabled and entry.kind == "conditioning" and is_asked:
            yield entry


def _source_of(entry: DatasetEntry, setup: TrainerSetup) -> DatasetEntry | None:
    """Find the dataset whose images the entry goes with; None where SimpleTuner finds none."""
    named = entry.text("source_dataset_id")
    for other in setup.datasets:
        if other.index == entry.index or not other.is_enabled:
            continue
        if other.text("id") == named if named else entry.text("id") in _partners(other):
            return other
    return None


def _partners(entry: DatasetEntry) -> tuple[str, ...]:
    named = entry.get("conditioning_data")
    names = named if isinstance(named, list) else [named]
    return tuple(name for name in names if isinstance(name, str))


def _missing_partners(
    entry: DatasetEntry, source: DatasetEntry, setup: TrainerSetup
) -> Iterator[Finding]:
    images, partners = _images_of(source, setup), _images_of(entry, setup)
    missing = sorted(images - partners) if images and partners is not None else []
    if not missing:
        return
    named = ", ".join(missing[:_MOST_NAMED]) + (" ..." if len(missing) > _MOST_NAMED else "")
    stems = {Path(name).with_suffix("") for name in partners or ()}
    is_extension = all(Path(name).with_suffix("") in stems for name in missing)
    yield about(
        entry,
        "instance_data_dir",
        f"{entry.name} lacks the file of the same name for {len(missing)} of "
        f"{len(images or ())} images of {source.name}: {named}",
        "convert them so that also the ending of the name is the same"
        if is_extension
        else "add the missing files: same folder, same name, same ending",
    )


def _images_of(entry: DatasetEntry, setup: TrainerSetup) -> set[str] | None:
    """List the images of a local dataset, relative to its folder."""
    named = entry.text("instance_data_dir")
    folder = place(setup, named, entry) if named else None
    if folder is None or not folder.is_dir() or (entry.text("type") or "local") != "local":
        return None
    return {
        (Path(parent) / name).relative_to(folder).as_posix()
        for parent, _, names in os.walk(folder)
        for name in names
        if Path(name).suffix.lower() in _IMAGE_SUFFIXES
    }


def _loose_conditioning(setup: TrainerSetup) -> Iterator[Finding]:
    """G04."""
    for entry in _conditioning(setup, _ALIGNED):
        if _source_of(entry, setup) is None:
            named = entry.text("source_dataset_id")
            yield about(
                entry,
                "source_dataset_id",
                f"{entry.name} is a {entry.text('conditioning_type')} for "
                + (f"{named}, which is no enabled dataset" if named else "no dataset"),
                f"write source_dataset_id here, or conditioning_data: {entry.name} in the "
                "dataset that it belongs to",
            )
    if any(entry.has("conditioning") for entry in setup.datasets):
        return  # SimpleTuner makes further datasets then, under names of its own.
    conditioning = {
        entry.text("id") for entry in setup.datasets if entry.is_enabled and _conditions(entry)
    }
    for entry in setup.image_datasets:
        for name in _partners(entry):
            if name not in conditioning:
                yield about(
                    entry,
                    "conditioning_data",
                    f"conditioning_data of {entry.name} names {name}, which is no enabled "
                    "dataset of dataset_type conditioning",
                    "correct the name, or remove conditioning_data",
                )


def _conditions(entry: DatasetEntry) -> bool:
    """Upstream makes an entry with a conditioning_type a conditioning dataset."""
    return entry.kind == "conditioning" or entry.has("conditioning_type")


def _preference_pairs(setup: TrainerSetup) -> Iterator[Finding]:
    """G05: what flow_dpo needs is looked at in the first step only."""
    if setup.options.text("distillation_method") != "flow_dpo":
        return
    if not setup.is_lora and setup.options.has("model_type"):
        yield _about_pairs(
            f"flow_dpo needs an adapter, not model_type {setup.options.get('model_type')}",
            "write model_type: lora",
            "model_type",
        )
    if setup.family == "sd1x" and setup.options.text("prediction_type") != "flow_matching":
        yield _about_pairs(
            "flow_dpo is for flow matching models such as sd3, which sd1x is not",
            "write another model_family, or remove distillation_method",
            "model_family",
        )
    if setup.options.is_on("train_text_encoder"):
        yield Finding(
            what="flow_dpo can't train the text encoder",
            fix="write train_text_encoder: false",
            key="train_text_encoder",
            edits=(write("train_text_encoder", value=False),),
        )
    linked = {name for entry in setup.image_datasets for name in _partners(entry)}
    rejected = {entry.text("id") for entry in _conditioning(setup, ("reference_strict",))}
    if not linked & rejected:
        yield _about_pairs(
            "flow_dpo compares each image with a rejected one, but no dataset of rejected "
            "images is linked",
            "add a dataset with dataset_type: conditioning and conditioning_type: "
            "reference_strict, and name it in conditioning_data of the preferred images",
            "data_backend_config",
        )
    if not setup.options.has("flow_custom_timesteps"):
        yield Finding(
            what="flow_dpo without flow_custom_timesteps draws any timestep; its recipe takes "
            "a few",
            fix='write flow_custom_timesteps: "801,694,548,338" and flow_timesteps_mode: '
            "round-robin",
            key="flow_custom_timesteps",
            severity=Severity.WARNING,
        )


def _about_pairs(what: str, fix: str, key: str) -> Finding:
    return Finding(what=what, fix=fix, key=key)


def _deleted_files(setup: TrainerSetup) -> Iterator[Finding]:
    """G06."""
    for key in _DELETING:
        if setup.options.is_on(key):
            yield Finding(
                what=f"{key} is true: SimpleTuner deletes files of your dataset for good",
                fix=f"write {key}: false, and sort the images out yourself",
                key=key,
                edits=(write(key, value=False),),
            )
        for entry in setup.datasets:
            if entry.is_enabled and entry.get(key):
                yield about(
                    entry,
                    key,
                    f"{key} is on for {entry.name}: SimpleTuner deletes its files for good",
                    f"write {key}: false, and sort the images out yourself",
                    write(key, False, entry),  # noqa: FBT003 - a value of the file
                )


SUBJECT_RULES = (
    Rule(
        id="G01",
        title="class images cost a second pass, or do nothing",
        severity=Severity.WARNING,
        looks_at=("dataset.is_regularisation_data", "model_type"),
        source="helpers/training/trainer.py:7145",
        check=_class_images,
    ),
    Rule(
        id="G02",
        title="more class images than views of the subject",
        severity=Severity.WARNING,
        looks_at=("dataset.is_regularisation_data", "dataset.repeats", "around.folders"),
        source="documentation/DREAMBOOTH.md",
        check=_too_many_class_images,
    ),
    Rule(
        id="G03",
        title="images without their mask or partner",
        severity=Severity.ERROR,
        looks_at=("dataset.conditioning_type", "dataset.instance_data_dir"),
        source="helpers/multiaspect/sampler.py get_conditioning_sample; data_backend/factory.py:994",
        check=_unpaired_images,
    ),
    Rule(
        id="G04",
        title="a mask or partner dataset without its images",
        severity=Severity.ERROR,
        looks_at=("dataset.source_dataset_id", "dataset.conditioning_data"),
        source="helpers/data_backend/factory.py:3287, 4379",
        check=_loose_conditioning,
    ),
    Rule(
        id="G05",
        title="preference training that lacks something",
        severity=Severity.ERROR,
        looks_at=("distillation_method", "train_text_encoder", "dataset.conditioning_type"),
        source="helpers/distillation/flow_dpo/distiller.py; documentation/experimental/FLOW_DPO.md",
        check=_preference_pairs,
    ),
    Rule(
        id="G06",
        title="files of the dataset would be deleted",
        severity=Severity.ERROR,
        looks_at=tuple(_DELETING) + tuple(f"dataset.{key}" for key in _DELETING),
        source="helpers/metadata/backends/base.py:1300; discovery.py:587",
        check=_deleted_files,
    ),
)
"""Group G."""
