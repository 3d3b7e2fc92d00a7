"""The shapes that a dataset is trained in, with a drawing and a bar for each."""

from collections.abc import Sequence
from dataclasses import dataclass

from tuner_kit.reporting.planned_dataset import (
    describe_part,
    describe_refusal,
    describe_size,
)
from tuner_kit.simpletuner.bucket_plan import Bucket
from tuner_kit.simpletuner.dataset_plan import DatasetPlan, PlannedPart

SQUARE_PX = 26
"""Edge of the drawing of a square; all are drawn at one scale."""
MAX_EDGE_PX = 76
"""Longest edge of a drawing; a longer one is drawn smaller, in its proportion."""
_MAX_ROWS = 20


@dataclass(frozen=True, slots=True)
class ShapeRow:
    """One shape."""

    size: str
    drawn_width_px: float
    drawn_height_px: float
    num_images: int
    percent: float
    """Of the most frequent shape's images: the length of the bar."""
    seen: str
    """How often an image is seen in one epoch."""
    refusal: str
    """What would make the trainer accept it; empty where it does."""


@dataclass(frozen=True, slots=True)
class ShapeTable:
    """The shapes of one part of a dataset, from the tallest to the widest."""

    title: str
    """Empty for the only part."""
    rows: tuple[ShapeRow, ...]
    rare_rows: tuple[ShapeRow, ...]
    """Where there are many shapes: those with the fewest images."""


def build_shape_tables(plan: DatasetPlan) -> tuple[ShapeTable, ...]:
    """Build a table for each part that has images to train on."""
    scale = SQUARE_PX / plan.resolution_px
    return tuple(_table(part, scale) for part in plan.parts if part.buckets)


def _table(part: PlannedPart, scale: float) -> ShapeTable:
    frequent = _most_frequent(part.buckets)
    most = max(bucket.num_images for bucket in part.buckets)
    rows = [(_row(bucket, scale, most), bucket in frequent) for bucket in part.buckets]
    return ShapeTable(
        title=describe_part(part),
        rows=tuple(row for row, is_frequent in rows if is_frequent),
        rare_rows=tuple(row for row, is_frequent in rows if not is_frequent),
    )


def _most_frequent(buckets: Sequence[Bucket]) -> frozenset[Bucket]:
    """Choose what is shown at once: what the trainer refuses first, then by count."""
    ordered = sorted(buckets, key=lambda bucket: (not bucket.is_refused, -bucket.num_images))
    return frozenset(ordered[:_MAX_ROWS])


def _row(bucket: Bucket, scale: float, most: int) -> ShapeRow:
    scale = min(scale, MAX_EDGE_PX / max(bucket.width_px, bucket.height_px))
    return ShapeRow(
        size=describe_size(bucket),
        drawn_width_px=round(bucket.width_px * scale, 1),
        drawn_height_px=round(bucket.height_px * scale, 1),
        num_images=bucket.num_images,
        percent=round(100 * bucket.num_images / most, 1),
        seen=f"{bucket.views_per_epoch:.3g} x",
        refusal=describe_refusal(bucket),
    )
