"""What a probe trains: the same settings for two steps, on as few images as these need."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice

from tuner_kit.config.load import ConfigFile
from tuner_kit.config.run_config import PublishingConfig, RunConfig, TrackingConfig
from tuner_kit.preflight.dataset_examination import ExaminedDataset, PartPlan
from tuner_kit.simpletuner.bucket_geometry import BucketKey
from tuner_kit.simpletuner.bucket_plan import Bucket, plan_buckets

NUM_STEPS = 2
"""The first one makes the optimizer's state and warms up; the second is like all others."""
_NUM_INFERENCE_STEPS = 2
_NEVER_BY_INTERVAL = NUM_STEPS + 1
"""The last step is validated all the same. An interval counts single batches as well: from the
second epoch on, accumulated steps miss it (SimpleTuner 4.10.1, validation.py:2866)."""
_TELLING_OPTIONS = (
    *("post_checkpoint_script", "post_upload_script", "publishing_config", "webhook_config"),
    *("validation_external_script", "validation_method"),
)
"""Options of the trainer that start programs of the person, or tell others of a checkpoint."""


@dataclass(frozen=True, slots=True)
class ProbeImages:
    """The images of the largest shape, as many as one step needs."""

    dataset_index: int
    """In the configuration."""
    dataset: ExaminedDataset
    """With these images only; the inventory is that of the whole one."""


def choose_images(datasets: Sequence[ExaminedDataset], *, vae_batch_size: int) -> ProbeImages:
    """Take images of the largest shape from all datasets; class images are not looked at.

    Args:
        datasets: as they were examined, at least one with an image in a bucket.
        vae_batch_size: images that are encoded at once.
    """
    index, plan, bucket = max(_shapes(datasets), key=lambda found: _size_of(found[2]))
    settings = plan.buckets.settings
    num_wanted = max(settings.effective_batch_size, vae_batch_size)
    names = tuple(islice(_names_in(datasets[index], plan, bucket), num_wanted))
    return ProbeImages(index, _only(datasets[index], plan, bucket, names))


def _shapes(
    datasets: Sequence[ExaminedDataset],
) -> Iterator[tuple[int, PartPlan, Bucket]]:
    for index, dataset in enumerate(datasets):
        for plan in dataset.parts:
            if not plan.part.is_regularization:
                yield from ((index, plan, bucket) for bucket in plan.buckets.buckets)


def _size_of(bucket: Bucket) -> tuple[int, int]:
    """Order shapes by their pixels; of equal ones, the one with most images comes first."""
    return bucket.width_px * bucket.height_px, bucket.num_images


def _names_in(dataset: ExaminedDataset, plan: PartPlan, bucket: Bucket) -> Iterator[str]:
    settings = plan.buckets.settings
    for image in dataset.training_images(plan.part):
        header = image.record.header
        if header is not None and settings.place(header.width_px, header.height_px) == _key(bucket):
            yield image.record.name


def _key(bucket: Bucket) -> BucketKey:
    return BucketKey(bucket.aspect_ratio, bucket.width_px, bucket.height_px)


def _only(
    dataset: ExaminedDataset, plan: PartPlan, bucket: Bucket, names: Sequence[str]
) -> ExaminedDataset:
    """Leave everything else out, and repeat what is left until the trainer accepts it."""
    counts: dict[BucketKey | None, int] = {_key(bucket): len(names)}
    once = replace(plan.buckets.settings, repeats=0)
    repeated = replace(once, repeats=plan_buckets(counts, once).min_repeats)
    limited = replace(plan, buckets=plan_buckets(counts, repeated), dropped=())
    every_name = {record.name for record in dataset.snapshot.inventory.records()}
    selection = replace(dataset.selection, held_out=frozenset(every_name.difference(names)))
    return replace(dataset, selection=selection, parts=(limited,))


def shorten(file: ConfigFile, dataset_index: int) -> ConfigFile:
    """Change a configuration to two steps that leave nothing and tell nobody.

    Args:
        file: without errors.
        dataset_index: of the only dataset that is kept.
    """
    config = file.config
    options = {
        name: value for name, value in config.simpletuner.items() if name not in _TELLING_OPTIONS
    }
    changed: RunConfig = config.model_copy(
        update={
            "datasets": (config.datasets[dataset_index],),
            "training": config.training.model_copy(
                update={
                    "epochs": None,
                    "max_train_steps": NUM_STEPS,
                    "checkpointing_steps": NUM_STEPS,
                    "lr_warmup_steps": 0,
                }
            ),
            "validation": config.validation.model_copy(
                update={
                    "prompts": config.validation.prompts[:1],
                    "num_inference_steps": _NUM_INFERENCE_STEPS,
                    "validation_steps": _NEVER_BY_INTERVAL,
                }
            ),
            "tracking": TrackingConfig(),
            "publishing": PublishingConfig(),
            "simpletuner": options,
        }
    )
    return replace(file, config=changed)
