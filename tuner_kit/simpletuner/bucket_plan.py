"""How the trainer will batch a dataset: buckets, refusals, steps per epoch, cache bytes.

Pure and streaming: only the count of each bucket is kept, never an image.

Source: SimpleTuner 4.10.1 metadata/backends/base.py (split_buckets_between_processes),
multiaspect/sampler.py (__iter__) and data_backend/runtime/dataloader_iterator.py.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from tuner_kit.catalog.base_models import ModelFamily
from tuner_kit.simpletuner.bucket_geometry import BucketKey, bucket_of

Precision = Literal["bf16", "fp32"]

_STORED_BYTES: Mapping[Precision, float] = MappingProxyType({"bf16": 1.6, "fp32": 3.72})
"""Bytes on disk of one cached value: of noise, gzip takes 20 % off bf16 and 7 % off fp32."""
_FILE_BYTES = 650
"""A file without values, as torch.save and gzip leave it; 577 to 660 measured."""
_LATENT_CHANNELS: Mapping[ModelFamily, int] = MappingProxyType({"sd3": 16, "sd1x": 4})
_VAE_SCALE = 8
# SD3 caches both CLIPs side by side (the zeros that pad them to the width of T5 take no room),
# T5, and what the CLIPs say about the whole text; SD1.x caches its one CLIP.
_TEXT_VALUES: Mapping[ModelFamily, int] = MappingProxyType(
    {"sd3": 77 * 2048 + 154 * 4096 + 2048, "sd1x": 77 * 768}
)
"""Cached values of one text."""


@dataclass(frozen=True, slots=True)
class BucketSettings:
    """What decides how the images of one dataset are batched."""

    resolution_px: int
    """64 to 2048, a multiple of 64."""
    is_cropped: bool
    """Squares are cut from the center; otherwise each image keeps its shape."""
    train_batch_size: int
    gradient_accumulation_steps: int
    repeats: int
    """Additional passes over the images in one epoch."""
    num_processes: int = 1

    @property
    def effective_batch_size(self) -> int:
        """Images that each bucket must offer, repeats included."""
        return self.train_batch_size * self.gradient_accumulation_steps * self.num_processes

    def place(self, width_px: int, height_px: int) -> BucketKey | None:
        """Name the bucket of one image, see `bucket_of`."""
        return bucket_of(
            width_px, height_px, resolution_px=self.resolution_px, is_cropped=self.is_cropped
        )


@dataclass(frozen=True, slots=True)
class Bucket:
    """Images of one shape; a batch never mixes buckets."""

    aspect_ratio: str
    """Width / height with two decimals: the trainer's own name of the bucket."""
    width_px: int
    """Of the trained images, a multiple of 64; so is the height."""
    height_px: int
    num_images: int
    has_mixed_sizes: bool
    """Two sizes share this name: the first image that the trainer meets decides for all.

    Its order is random; the size given here is that of most images. Only shapes at
    least 2.5 times as high as wide are affected.
    """
    is_refused: bool
    """The trainer stops before the first step, because this bucket has too few images."""
    min_repeats: int
    """The `repeats` from which the bucket is accepted."""
    batches_per_epoch: int
    """Of one process; the last batch of a pass is filled up with images of the same bucket."""
    views_per_epoch: float
    """How often an image is seen in one epoch, on average; at least repeats + 1."""


@dataclass(frozen=True, slots=True)
class BucketPlan:
    """How the trainer will batch one dataset."""

    settings: BucketSettings
    buckets: tuple[Bucket, ...]
    """From the tallest shape to the widest."""
    num_dropped: int
    """Images that the trainer leaves out without a word: over 200 times as high as wide."""

    @property
    def num_images(self) -> int:
        """Images that are in a bucket."""
        return sum(bucket.num_images for bucket in self.buckets)

    @property
    def is_refused(self) -> bool:
        """Whether the trainer stops before the first step; also when a process has no batch.

        It never removes a small bucket in silence: upstream does so with a
        `minimum_image_size` only, and training_files.py writes 0.
        """
        settings = self.settings
        num_views = [
            bucket.num_images // settings.num_processes * (settings.repeats + 1)
            for bucket in self.buckets
        ]
        is_starved = max(num_views, default=0) < settings.train_batch_size
        return is_starved or any(bucket.is_refused for bucket in self.buckets)

    @property
    def min_repeats(self) -> int:
        """The `repeats` from which every bucket is accepted."""
        return max((bucket.min_repeats for bucket in self.buckets), default=0)

    @property
    def batches_per_epoch(self) -> int:
        """Batches of one process until each image was seen repeats + 1 times or more."""
        return sum(bucket.batches_per_epoch for bucket in self.buckets)

    @property
    def steps_per_epoch(self) -> float:
        """Optimizer steps of one epoch; a step that an epoch leaves open is ended by the next."""
        return self.batches_per_epoch / self.settings.gradient_accumulation_steps


def count_buckets(sizes: Iterable[tuple[int, int]], settings: BucketSettings) -> BucketPlan:
    """Sort images into buckets and say what the trainer makes of each.

    Args:
        sizes: width and height of each image in pixels, as it is seen (after EXIF rotation).
        settings: of the dataset that the images belong to.
    """
    return plan_buckets(Counter(settings.place(*size) for size in sizes), settings)


def plan_buckets(counts: Mapping[BucketKey | None, int], settings: BucketSettings) -> BucketPlan:
    """Say what the trainer makes of buckets that were counted already.

    Args:
        counts: images of each bucket, see `BucketSettings.place`.
        settings: of the dataset that the images belong to.
    """
    by_ratio: defaultdict[str, dict[BucketKey, int]] = defaultdict(dict)
    for key, count in counts.items():
        if key is not None:
            by_ratio[key.aspect_ratio][key] = count
    return BucketPlan(
        settings=settings,
        buckets=tuple(_bucket(by_ratio[ratio], settings) for ratio in sorted(by_ratio, key=float)),
        num_dropped=counts.get(None, 0),
    )


def _bucket(counts: Mapping[BucketKey, int], settings: BucketSettings) -> Bucket:
    """Judge one bucket; there is more than one key when two sizes share an aspect ratio."""
    # The smaller size wins a tie, so that the plan doesn't depend on the order of the images.
    key = max(counts, key=lambda each: (counts[each], -each.height_px))
    num_images, effective = sum(counts.values()), settings.effective_batch_size
    num_passes = settings.repeats + 1
    batch, processes = settings.train_batch_size, settings.num_processes
    # An epoch is over when the process with the fewest images has seen them all.
    batches = num_passes * math.ceil(num_images // processes / batch)
    return Bucket(
        aspect_ratio=key.aspect_ratio,
        width_px=key.width_px,
        height_px=key.height_px,
        num_images=num_images,
        has_mixed_sizes=len(counts) > 1,
        is_refused=num_images * num_passes < effective,
        min_repeats=max(math.ceil(effective / num_images) - 1, 0),
        batches_per_epoch=batches,
        views_per_epoch=batches * batch * processes / num_images,
    )


def count_steps(plans: Sequence[BucketPlan], epochs: int) -> int:
    """Return the optimizer steps of `epochs` whole epochs of the trainer.

    Args:
        plans: one of each dataset, all with the same accumulation; none is refused.
        epochs: in one epoch each image is seen repeats + 1 times or more.
    """
    batches = sum(plan.batches_per_epoch for plan in plans)
    return math.ceil(epochs * batches / plans[0].settings.gradient_accumulation_steps)


def count_epochs(plans: Sequence[BucketPlan], max_train_steps: int) -> float:
    """Return how many epochs of the trainer fit in `max_train_steps`.

    Times `views_per_epoch` of a bucket, this is how often its images are seen.

    Args:
        plans: one of each dataset, all with the same accumulation; none is refused.
        max_train_steps: optimizer steps.
    """
    batches = sum(plan.batches_per_epoch for plan in plans)
    return max_train_steps * plans[0].settings.gradient_accumulation_steps / batches


def latent_cache_bytes(plan: BucketPlan, precision: Precision, family: ModelFamily = "sd3") -> int:
    """Estimate the disk space of the cached latents: one file for each image.

    Source: SimpleTuner 4.10.1 caching/vae.py; the VAEs give 1/8 of the size, SD3's in 16
    channels, SD1.x's in 4.
    """
    values = sum(
        bucket.num_images * (bucket.width_px // _VAE_SCALE) * (bucket.height_px // _VAE_SCALE)
        for bucket in plan.buckets
    )
    stored = values * _LATENT_CHANNELS[family] * _STORED_BYTES[precision]
    return round(stored) + plan.num_images * _FILE_BYTES


def text_cache_bytes(num_texts: int, precision: Precision, family: ModelFamily = "sd3") -> int:
    """Estimate the disk space of the cached texts: one file for each text of its own.

    Args:
        num_texts: distinct captions, plus the empty one, plus the validation prompts.
        precision: of the text encoders.
        family: of the base model.

    Source: SimpleTuner 4.10.1 models/sd3/model.py (77 CLIP and 154 T5 tokens), sd1x/model.py.
    """
    stored = round(_TEXT_VALUES[family] * _STORED_BYTES[precision])
    return num_texts * (stored + _FILE_BYTES)
