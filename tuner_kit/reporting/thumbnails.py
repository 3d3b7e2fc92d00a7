"""Small pictures of a dataset's images for a contact sheet, as data URIs."""

import base64
import io
import os
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageFile, ImageOps

from tuner_kit.data.decode import (
    DECODE_ERRORS,
    open_image,
    pillow_warnings_ignored,
    put_on_white,
    simplify_colors,
)
from tuner_kit.data.records import ImageRecord

EDGE_PX = 160
"""Longest edge of a small picture."""
MAX_PIXELS = 100_000_000
"""What may be decoded for one; a JPEG counts at the fraction of its size that it is decoded at."""

# A picture full of detail is stored more coarsely, so that the size of a page can be foretold.
_QUALITIES = (70, 45, 25)
_MAX_BYTES = 6_000
_TOO_LARGE = "too large to be shown here"
_REASONS = (
    (Image.DecompressionBombError, _TOO_LARGE),
    (FileNotFoundError, "the file is gone"),
    (PermissionError, "the file may not be read"),
)
_MAX_THREADS = 4


@dataclass(frozen=True, slots=True)
class Thumbnail:
    """A small picture inside the page."""

    data_uri: str
    width_px: int
    height_px: int


@dataclass(frozen=True, slots=True)
class NoThumbnail:
    """An image that can't be shown."""

    reason: str


type ShownImage = Thumbnail | NoThumbnail
type OnCount = Callable[[int, int], None]
"""Called with the number done and the number of all."""


def make_thumbnails(
    records: Iterable[ImageRecord], on_count: OnCount | None = None
) -> Mapping[str, ShownImage]:
    """Make a small picture of each image, decoding every file once; the keys are the names."""
    by_name = {record.name: record for record in records}
    shown: dict[str, ShownImage] = {}
    num_threads = min(_MAX_THREADS, os.cpu_count() or 1)
    with pillow_warnings_ignored(), ThreadPoolExecutor(num_threads) as pool:
        for name, picture in zip(by_name, pool.map(_show, by_name.values()), strict=True):
            shown[name] = picture
            if on_count is not None:
                on_count(len(shown), len(by_name))
    return shown


def _show(record: ImageRecord) -> ShownImage:
    if record.fault is not None:
        return NoThumbnail(record.fault)
    return make_thumbnail(record.path)


def make_thumbnail(image_path: Path) -> ShownImage:
    """Decode an image at a fraction of its size; what can't be decoded is told, never raised.

    What a file says about camera, place and settings is left behind.
    """
    try:
        with open_image(image_path) as image:
            image.draft("RGB", (EDGE_PX, EDGE_PX))
            # Checked before the first byte is decoded; far larger ones Pillow doesn't open.
            if image.width * image.height > MAX_PIXELS:
                return NoThumbnail(_TOO_LARGE)
            small = _reduce(image)
    except DECODE_ERRORS as error:
        kinds = (reason for kind, reason in _REASONS if isinstance(error, kind))
        return NoThumbnail(next(kinds, "damaged, or cut off"))
    encoded = base64.b64encode(_encode(small)).decode("ascii")
    return Thumbnail(f"data:image/jpeg;base64,{encoded}", *small.size)


def _reduce(image: ImageFile.ImageFile) -> Image.Image:
    image.load()
    ImageOps.exif_transpose(image, in_place=True)
    colors = simplify_colors(image)
    colors.thumbnail((EDGE_PX, EDGE_PX), Image.Resampling.LANCZOS, reducing_gap=2.0)
    return put_on_white(colors)


def _encode(picture: Image.Image) -> bytes:
    picture.info.clear()
    content = b""
    for quality in _QUALITIES:
        stream = io.BytesIO()
        picture.save(stream, "JPEG", quality=quality, optimize=True)
        content = stream.getvalue()
        if len(content) <= _MAX_BYTES:
            break
    return content
