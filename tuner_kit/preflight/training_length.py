"""How long to train: from how often each image shall be seen to optimizer steps."""

import math
from collections import Counter
from dataclasses import dataclass, replace

from tuner_kit.config.answers import Purpose
from tuner_kit.data.split import num_held_out
from tuner_kit.preflight.folder_facts import FolderFacts
from tuner_kit.simpletuner.bucket_geometry import BucketKey
from tuner_kit.simpletuner.bucket_plan import BucketPlan, BucketSettings, count_steps, plan_buckets

_MOST_VIEWS = {"style": 80, "subject": 100, "concept": 100}
"""Of each image, where there are few: what LoRA guides of the field agree on for SD3."""
_VIEWS_IN_ALL = {"style": 8_000, "subject": 4_000, "concept": 8_000}
"""Of all images, where there are many."""
_FEWEST_VIEWS = 8


def suggest_views(num_images: int, purpose: Purpose) -> int:
    """Suggest how often each image is shown in the whole run."""
    fitting = _VIEWS_IN_ALL[purpose] // max(num_images, 1)
    return max(_FEWEST_VIEWS, min(_MOST_VIEWS[purpose], fitting))


@dataclass(frozen=True, slots=True)
class Folders:
    """The folders of images of a run."""

    main: FolderFacts
    """What is to be learned."""
    class_images: FolderFacts | None = None
    """Ordinary images of the subject's class, shown as often in all as the main ones."""
    plain_images: FolderFacts | None = None
    """Other images, each shown as often as one of the main ones."""

    @property
    def all(self) -> tuple[FolderFacts, ...]:
        """The folders that there are, the main one first."""
        there = (self.main, self.class_images, self.plain_images)
        return tuple(folder for folder in there if folder is not None)


@dataclass(frozen=True, slots=True)
class TrainingLength:
    """How long a run is, and how its images are batched."""

    num_trained: int
    """Images of the main folder that are not held out."""
    repeats: tuple[int, ...]
    """Of each folder: what small shapes need to fill a step, or what balances class images."""
    num_steps: int


def plan_folder(folder: FolderFacts, settings: BucketSettings, held_out: int = 0) -> BucketPlan:
    """Say how the trainer will batch a folder, before anything in it was decoded.

    Args:
        folder: the images.
        settings: how they are batched.
        held_out: images that are not trained on; which ones is decided by their bytes later, so
            they are taken from every shape alike.
    """
    counts: Counter[BucketKey | None] = Counter()
    for (width_px, height_px), count in folder.sizes.items():
        counts[settings.place(width_px, height_px)] += count
    return plan_buckets(_share_out(counts, sum(counts.values()) - held_out), settings)


def _share_out(counts: Counter[BucketKey | None], kept: int) -> Counter[BucketKey | None]:
    """Leave `kept` images, every bucket its part of them, and none empty."""
    total = sum(counts.values())
    shares = {key: max(1, count * kept // total) for key, count in counts.items()}
    largest = max(shares, key=lambda key: counts[key], default=None)
    if shares:
        shares[largest] = max(1, shares[largest] + kept - sum(shares.values()))
    return Counter(shares)


def plan_length(folders: Folders, settings: BucketSettings, views: int) -> TrainingLength:
    """Plan the length of a run.

    Args:
        folders: of the run.
        settings: of the run; its `repeats` are chosen here.
        views: how often each image of the main folder is shown, at least.
    """
    held_out = [num_held_out(folders.main.num_images), 0, 0]  # of the others all are trained on
    once = [plan_folder(*each) for each in zip(folders.all, [settings] * 3, held_out, strict=False)]
    repeats = [plan.min_repeats for plan in once]
    if folders.class_images is not None:
        ratio = once[1].num_images / max(once[0].num_images, 1)
        repeats[0] = max(repeats[0], round(ratio) - 1)
        repeats[1] = max(repeats[1], round((repeats[0] + 1) / max(ratio, 1e-9)) - 1)
    plans = [
        plan_folder(folder, replace(settings, repeats=number), num)
        for folder, number, num in zip(folders.all, repeats, held_out, strict=False)
    ]
    return TrainingLength(
        num_trained=once[0].num_images,
        repeats=tuple(repeats),
        num_steps=max(1, count_steps(plans, math.ceil(views / (repeats[0] + 1)))),
    )


def round_interval(num_steps: int, parts: int) -> int:
    """Divide a run into about `parts` pieces whose length is easy to read: 50, not 57."""
    wanted = max(1, num_steps // parts)
    scale = int(10 ** int(math.log10(wanted)))
    return next(step for step in (5 * scale, 4 * scale, 2 * scale, scale) if step <= wanted)
