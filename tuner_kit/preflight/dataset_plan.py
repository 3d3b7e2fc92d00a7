"""The plan of a dataset as plain values: what will be trained on, in which shapes."""

from dataclasses import dataclass

from tuner_kit.preflight.dataset_examination import ExaminedDataset
from tuner_kit.simpletuner.bucket_plan import Bucket, latent_cache_bytes, text_cache_bytes


@dataclass(frozen=True, slots=True)
class PlannedPart:
    """One part of a dataset; most datasets have one."""

    name: str
    """Empty for the only one."""
    repeats: int
    is_regularization: bool
    num_images: int
    buckets: tuple[Bucket, ...]
    batches_per_epoch: int


@dataclass(frozen=True, slots=True)
class DatasetPlan:
    """What the trainer will make of a dataset."""

    path: str
    """What the person called it."""
    layout: str
    num_images: int
    """Images of the folder that its layout keeps."""
    num_captions: int
    num_trained: int
    num_held_out: int
    resolution_px: int
    is_cropped: bool
    parts: tuple[PlannedPart, ...]
    steps_per_epoch: float
    latent_cache_bytes: int
    """Disk space of the encoded images, in bfloat16."""
    text_cache_bytes: int
    """Disk space of the encoded captions, in bfloat16."""


def plan_of(dataset: ExaminedDataset) -> DatasetPlan:
    """Sum up an examined dataset; the result needs no open files."""
    plans = [part.buckets for part in dataset.parts]
    num_captions = len(frozenset().union(*(part.captions for part in dataset.parts)))
    settings = plans[0].settings
    return DatasetPlan(
        path=dataset.written,
        layout=dataset.snapshot.layout,
        num_images=dataset.num_images,
        num_captions=dataset.num_captions,
        num_trained=dataset.num_trained,
        num_held_out=dataset.num_held_out,
        resolution_px=settings.resolution_px,
        is_cropped=settings.is_cropped,
        parts=tuple(
            PlannedPart(
                name=part.part.name,
                repeats=part.buckets.settings.repeats,
                is_regularization=part.part.is_regularization,
                num_images=part.buckets.num_images,
                buckets=part.buckets.buckets,
                batches_per_epoch=part.buckets.batches_per_epoch,
            )
            for part in dataset.parts
        ),
        steps_per_epoch=sum(plan.steps_per_epoch for plan in plans),
        latent_cache_bytes=sum(latent_cache_bytes(plan, "bf16") for plan in plans),
        # One more: the empty caption, for steps without any.
        text_cache_bytes=text_cache_bytes(num_captions + 1, "bf16"),
    )
