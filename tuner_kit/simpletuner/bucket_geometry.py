"""Where the trainer puts one image: its aspect bucket, and the size it is trained at.

The trainer's own arithmetic without torch, from the size in an image's header. Equality is
tested in tests/contract/test_bucket_plan_contract.py.

Source: SimpleTuner 4.10.1 multiaspect/image.py (calculate_new_size_by_pixel_area),
image_manipulation/training_sample.py (_set_resolution, calculate_target_size) and
data_backend/factory.py (_handle_resolution_conversion).
"""

import math
from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import NamedTuple

ALIGNMENT_PX = 64
"""Every edge of a trained image is a multiple of it; SD3 allows no other."""

SQUARE_EDGES_PX: Mapping[int, int] = MappingProxyType({448: 512, 704: 768, 1408: 1536})
"""Resolutions at which squares are trained larger than asked for, in pixels.

Upstream takes 0.20 to 0.30 megapixels for 512 x 512, 0.45 to 0.55 for 768 x 768 and 1.95 to
2.05 for 1536 x 1536, but only for squares; no other multiple of 64 up to 2048 is affected.
"""


class BucketKey(NamedTuple):
    """Images of one key can share a batch."""

    aspect_ratio: str
    """Width / height with two decimals: the trainer's own name of the bucket."""
    width_px: int
    """Of the trained image, a multiple of 64; so is the height."""
    height_px: int


def bucket_of(
    width_px: int, height_px: int, *, resolution_px: int, is_cropped: bool
) -> BucketKey | None:
    """Place one image, or return None for a shape that the trainer drops.

    Args:
        width_px: as it is seen, after EXIF rotation; at least 1, so is the height.
        height_px: see width_px.
        resolution_px: 64 to 2048, a multiple of 64.
        is_cropped: squares are cut from the center; no shape is dropped then.
    """
    if is_cropped:
        return _square(resolution_px)
    # Two decimals, as aspect_bucket_rounding has it by default.
    return _bucket_at(round(width_px / height_px, 2), resolution_px)


# Photos come in few shapes; the bound keeps memory flat for sets with every shape.
@lru_cache(maxsize=8192)
def _bucket_at(aspect_ratio: float, resolution_px: int) -> BucketKey | None:
    if aspect_ratio == 0.0:
        # Higher than 200 times its width: upstream divides by zero and leaves the image out.
        return None
    root = math.sqrt(aspect_ratio)
    width_px, height_px = _align(resolution_px * root), _align(resolution_px / root)
    trained_ratio = round(width_px / height_px, 2)
    if trained_ratio == 1.0:
        return _square(resolution_px)
    return BucketKey(str(trained_ratio), width_px, height_px)


@lru_cache(maxsize=64)
def _square(resolution_px: int) -> BucketKey:
    edge_px = SQUARE_EDGES_PX.get(resolution_px, resolution_px)
    return BucketKey("1.0", edge_px, edge_px)


def _align(length_px: float) -> int:
    # Halves go to the even multiple, as upstream's round() has it.
    return max(round(length_px / ALIGNMENT_PX) * ALIGNMENT_PX, ALIGNMENT_PX)
