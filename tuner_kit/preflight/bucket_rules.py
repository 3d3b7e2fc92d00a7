"""What the trainer would refuse, drop or change when it sorts the images into buckets."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from tuner_kit.data.audit.rule import Dataset, Found, Wording, problem_about
from tuner_kit.data.listing import MAX_SHOWN, list_some
from tuner_kit.errors import Problem, Severity
from tuner_kit.simpletuner.bucket_geometry import SQUARE_EDGES_PX
from tuner_kit.simpletuner.bucket_plan import BucketPlan


def check_buckets(plan: BucketPlan, dataset_dir: Path, dropped: Sequence[str]) -> Iterator[Problem]:
    """Give what is wrong with the buckets of one dataset, or of one part of it.

    Args:
        plan: how the trainer will batch it.
        dataset_dir: the person's folder.
        dropped: names of the images that are in no bucket.
    """
    if plan.num_images == 0:
        yield _nothing_left(dataset_dir)
    elif any(bucket.is_refused for bucket in plan.buckets):
        yield _refused(plan, dataset_dir)
    elif plan.is_refused:
        yield _starved(plan, dataset_dir)
    if dropped:
        yield _dropped(dataset_dir, plan.num_images + len(dropped), dropped)
    if (trained_px := SQUARE_EDGES_PX.get(plan.settings.resolution_px)) is not None:
        yield _another_size(plan, trained_px, dataset_dir)


def _refused(plan: BucketPlan, dataset_dir: Path) -> Problem:
    """D07: the trainer stops when a bucket can't fill one optimizer step."""
    settings = plan.settings
    passes = settings.repeats + 1
    refused = [bucket for bucket in plan.buckets if bucket.is_refused]
    shown = [
        f"{bucket.width_px} x {bucket.height_px} has {bucket.num_images} x {passes}"
        for bucket in refused[:MAX_SHOWN]
    ]
    shapes = "shape" if len(plan.buckets) == 1 else "shapes"
    other = "" if settings.is_cropped else ", or crop: center (one shape for all)"
    gpus = f" x {settings.num_processes} GPUs" if settings.num_processes > 1 else ""
    return Problem(
        id="D07",
        what=f"{len(refused)} of {len(plan.buckets)} {shapes} can't fill one step of "
        f"{settings.effective_batch_size} images ({settings.train_batch_size} per batch x "
        f"{settings.gradient_accumulation_steps} accumulated{gpus}): {list_some(shown, len(refused))}",
        where=str(dataset_dir),
        fix=f"set repeats of the dataset to at least {plan.min_repeats}, or lower "
        f"train_batch_size or gradient_accumulation_steps{other}",
    )


def _starved(plan: BucketPlan, dataset_dir: Path) -> Problem:
    """D07: the GPUs share out the images of a shape, and a share may be less than a batch."""
    settings = plan.settings
    largest = max(bucket.num_images for bucket in plan.buckets)
    return Problem(
        id="D07",
        what=f"{settings.num_processes} GPUs share out the images of each shape, {largest} at "
        f"most: one GPU gets less than its batch of {settings.train_batch_size}",
        where=str(dataset_dir),
        fix="train on fewer GPUs (hardware.num_gpus), add images, or lower train_batch_size",
    )


def _nothing_left(dataset_dir: Path) -> Problem:
    return Problem(
        id="D07",
        what="no image is left to train on",
        where=str(dataset_dir),
        fix="repair what else is reported about this dataset, or add images",
    )


def _dropped(dataset_dir: Path, num_images: int, names: Sequence[str]) -> Problem:
    """D32: the trainer divides by zero at the thinnest shapes, and leaves them out unseen."""
    found = Found()
    for name in names:
        found.add(name)
    wording = Wording(
        f"{found.count('image')} over 200 times as high as wide, so the trainer leaves "
        f"{'it' if len(names) == 1 else 'them'} out",
        "cut out what matters, or remove them",
        Severity.WARNING,
    )
    return problem_about("D32", found, Dataset(dataset_dir, num_images), wording)


def _another_size(plan: BucketPlan, trained_px: int, dataset_dir: Path) -> Problem:
    """D33: the trainer takes some areas for those of its usual sizes, for squares only.

    With cropping it squashes the images, or stops at pictures of two sizes in one batch.
    """
    asked_px = plan.settings.resolution_px
    return Problem(
        id="D33",
        severity=Severity.ERROR if plan.settings.is_cropped else Severity.WARNING,
        what=f"the trainer takes squares of {asked_px} px for {trained_px} px and distorts them",
        where=str(dataset_dir),
        fix=f"set resolution_px of the dataset to {trained_px} or to {asked_px - 64}",
    )
