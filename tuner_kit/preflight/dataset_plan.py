"""Sums up an examined dataset."""

from tuner_kit.preflight.dataset_examination import ExaminedDataset
from tuner_kit.simpletuner.bucket_plan import latent_cache_bytes, text_cache_bytes
from tuner_kit.simpletuner.dataset_plan import DatasetPlan, PlannedPart


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
        latent_cache_bytes=sum(latent_cache_bytes(plan, "bf16", dataset.family) for plan in plans),
        # One more: the empty caption, for steps without any.
        text_cache_bytes=text_cache_bytes(num_captions + 1, "bf16", dataset.family),
    )
