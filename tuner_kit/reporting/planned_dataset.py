"""The plan of a dataset as the page and the terminal need it, and the words they share.

The plan is made a layer beside this one, so it is described here by what it offers.
"""

from collections.abc import Sequence
from typing import Protocol

from tuner_kit.simpletuner.bucket_plan import Bucket

_MIB = 2**20
_GIB = 2**30


class PlannedPart(Protocol):
    """One part of a dataset."""

    @property
    def name(self) -> str:
        """Empty for the only one."""

    @property
    def repeats(self) -> int:
        """Additional passes over the images in one epoch."""

    @property
    def is_regularization(self) -> bool:
        """Whether these are class images."""

    @property
    def buckets(self) -> Sequence[Bucket]:
        """From the tallest shape to the widest."""


class PlannedDataset(Protocol):
    """What the trainer will make of a dataset."""

    @property
    def layout(self) -> str:
        """Name of the layout that the folder was read in."""

    @property
    def num_images(self) -> int:
        """Images of the folder that its layout keeps."""

    @property
    def num_captions(self) -> int:
        """Of these, how many have a caption that can be read."""

    @property
    def num_trained(self) -> int:
        """Images that the trainer gets and keeps."""

    @property
    def num_held_out(self) -> int:
        """Images that are kept from training, to judge the result."""

    @property
    def resolution_px(self) -> int:
        """Edge of a square of the area that is trained on."""

    @property
    def is_cropped(self) -> bool:
        """Whether squares are cut; otherwise each image keeps its shape."""

    @property
    def parts(self) -> Sequence[PlannedPart]:
        """Most datasets have one."""

    @property
    def steps_per_epoch(self) -> float:
        """Optimizer steps until each image was seen."""

    @property
    def latent_cache_bytes(self) -> int:
        """Disk space of the encoded images."""

    @property
    def text_cache_bytes(self) -> int:
        """Disk space of the encoded captions."""


def count_fallen_out(plan: PlannedDataset) -> int:
    """Count the images that are neither trained on nor held out."""
    return plan.num_images - plan.num_trained - plan.num_held_out


def describe_uses(plan: PlannedDataset) -> str:
    """Write `253 trained on, 30 held out, 15 fall out`; what is none is left away."""
    uses = [f"{plan.num_trained:,} trained on"]
    if plan.num_held_out:
        uses.append(f"{plan.num_held_out:,} held out")
    if num_fallen := count_fallen_out(plan):
        uses.append(f"{num_fallen:,} {'falls' if num_fallen == 1 else 'fall'} out")
    return ", ".join(uses)


def describe_part(part: PlannedPart) -> str:
    """Write `dog, class images, seen 3 times`; empty for a part with nothing to say."""
    kind = "class images" if part.is_regularization else ""
    seen = f"seen {part.repeats + 1:,} times" if part.repeats else ""
    return ", ".join(word for word in (part.name, kind, seen) if word)


def describe_refusal(bucket: Bucket) -> str:
    """Say what would make the trainer accept a bucket; empty when it does."""
    if not bucket.is_refused:
        return ""
    return f"too few: needs repeats {bucket.min_repeats:,}"


def describe_size(bucket: Bucket) -> str:
    """Write `768 x 1024`."""
    return f"{bucket.width_px} x {bucket.height_px}"


def describe_epoch(plan: PlannedDataset) -> str:
    """Write `12 steps`; half a step is ended by the next epoch."""
    steps = plan.steps_per_epoch
    return (
        f"{steps:,.0f} step{'' if steps == 1 else 's'}" if steps % 1 == 0 else f"{steps:,.1f} steps"
    )


def describe_target(plan: PlannedDataset) -> str:
    """Write `squares of 1024 x 1024 px`, or how large images are that keep their shape."""
    square = f"{plan.resolution_px} x {plan.resolution_px} px"
    if plan.is_cropped:
        return f"squares of {square}"
    return f"each in its own shape, with as many pixels as {square}"


def describe_cache(plan: PlannedDataset) -> str:
    """Write how much disk space the encoded images and captions take."""
    latents, texts = format_bytes(plan.latent_cache_bytes), format_bytes(plan.text_cache_bytes)
    return f"about {latents} for the images, {texts} for the captions"


def format_bytes(size_bytes: int) -> str:
    """Write a size with three significant digits in MiB or GiB: `0.5 MiB`, `1.21 GiB`."""
    if size_bytes < 999.5 * _MIB:
        return f"{size_bytes / _MIB:.3g} MiB"
    return (
        f"{size_bytes / _GIB:,.0f} GiB"
        if size_bytes > 100 * _GIB
        else f"{size_bytes / _GIB:.3g} GiB"
    )
