"""The plan of a dataset in the words that the page and the terminal share."""

from tuner_kit.simpletuner.bucket_plan import Bucket
from tuner_kit.simpletuner.dataset_plan import DatasetPlan, PlannedPart

_MIB = 2**20
_GIB = 2**30


def describe_uses(plan: DatasetPlan) -> str:
    """Write `253 trained on, 30 held out, 15 fall out`; what is none is left away."""
    uses = [f"{plan.num_trained:,} trained on"]
    if plan.num_held_out:
        uses.append(f"{plan.num_held_out:,} held out")
    if num_fallen := plan.num_fallen_out:
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


def describe_epoch(plan: DatasetPlan) -> str:
    """Write `12 steps, each image seen 1 to 2 times`; half a step is ended by the next epoch."""
    steps = plan.steps_per_epoch
    count = (
        f"{steps:,.0f} step{'' if steps == 1 else 's'}" if steps % 1 == 0 else f"{steps:,.1f} steps"
    )
    return f"{count}, each image seen {describe_views(plan)}"


def describe_views(plan: DatasetPlan) -> str:
    """Write `once`, `2 times` or `1 to 3 times`: the trainer fills each shape's last batch up."""
    views = [bucket.views_per_epoch for part in plan.parts for bucket in part.buckets]
    return format_views(min(views, default=0), max(views, default=0))


def format_views(fewest: float, most: float) -> str:
    """Write `once`, `2 times` or `1 to 3 times`."""
    words = [f"{views:.0f}" if views >= 10 else f"{views:.2g}" for views in (fewest, most)]  # noqa: PLR2004
    if words[0] != words[1]:
        return f"{words[0]} to {words[1]} times"
    return "once" if words[0] == "1" else f"{words[0]} times"


def describe_target(plan: DatasetPlan) -> str:
    """Write `squares of 1024 x 1024 px`, or how large images are that keep their shape."""
    square = f"{plan.resolution_px} x {plan.resolution_px} px"
    if plan.is_cropped:
        return f"squares of {square}"
    return f"each in its own shape, with as many pixels as {square}"


def describe_cache(plan: DatasetPlan) -> str:
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
