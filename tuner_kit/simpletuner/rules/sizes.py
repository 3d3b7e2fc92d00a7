"""The sizes that a dataset asks for, in the unit in which the trainer compares them.

Source: SimpleTuner 4.10.1 data_backend/factory.py (_handle_resolution_conversion).
"""

import math
from dataclasses import dataclass

from tuner_kit.simpletuner.rules.entries import with_options
from tuner_kit.simpletuner.rules.setup import DatasetEntry, TrainerSetup

LIMITS = ("minimum_image_size", "target_downsample_size", "maximum_image_size")
KINDS = ("pixel", "area", "pixel_area")


@dataclass(frozen=True, slots=True)
class Sizes:
    """Sizes of one dataset; None where nothing is said, or nothing that counts."""

    kind: str
    """One of `KINDS`, as written."""
    resolution: float | None
    minimum: float | None
    target: float | None
    maximum: float | None

    @property
    def is_in_pixels(self) -> bool:
        """Edges in pixels; otherwise areas in megapixels."""
        return self.kind == "pixel"

    @property
    def edge_px(self) -> float | None:
        """Edge of the trained square."""
        return None if self.resolution is None else self.in_pixels(self.resolution)

    def in_pixels(self, size: float) -> float:
        """Return the edge of a square of this size."""
        return size if self.is_in_pixels else math.sqrt(size * 1e6)

    def in_words(self, size: float) -> str:
        """Write a size as the person would have."""
        if self.kind == "area":
            return f"{size:g} megapixels"
        return f"{self.in_pixels(size):.0f} px"


def sizes_of(setup: TrainerSetup, entry: DatasetEntry) -> Sizes | None:
    """Give the sizes of a dataset as the trainer takes them.

    With `pixel_area` it squares the edges that the dataset itself names, but takes those of
    config.json for megapixels; only the resolution is squared wherever it stands.
    """
    values = with_options(setup, entry)
    kind = values.text("resolution_type")
    if kind not in KINDS:
        return None
    sizes = {key: values.number(key) for key in (*LIMITS, "resolution")}
    for key, size in sizes.items():
        is_edge = key in entry.written or key == "resolution"
        if kind == "pixel_area" and size is not None and is_edge:
            sizes[key] = size * abs(size) / 1e6
    counted = {key: size if size is not None and size > 0 else None for key, size in sizes.items()}
    return Sizes(
        kind,
        counted["resolution"],
        counted["minimum_image_size"],
        counted["target_downsample_size"],
        counted["maximum_image_size"],
    )


def is_square(entry: DatasetEntry) -> bool:
    """Whether all images are cut to squares."""
    return entry.is_on("crop") and (entry.text("crop_aspect") or "square") == "square"
