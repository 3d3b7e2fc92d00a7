"""Reading pixels with Pillow, to find what would stop a training in its middle.

SimpleTuner drops an image whose header is broken without counting it, and stops in the
middle of a run at a truncated JPEG. So every image is decoded once, completely.
"""

import os
import struct
import warnings
import zlib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from PIL import ExifTags, Image, UnidentifiedImageError

from tuner_kit.data.snapshot import ImageRecord

Progress = Callable[[int, int], None]
"""Called with the number done and the number of all."""

# What Pillow raises for damaged content depends on the format and on where the damage is.
DECODE_ERRORS = (
    OSError,
    SyntaxError,
    ValueError,
    TypeError,
    EOFError,
    LookupError,
    ArithmeticError,
    RuntimeError,
    MemoryError,
    struct.error,
    zlib.error,
    Image.DecompressionBombError,
)

# Each thread holds one decoded image, so this bounds the memory: 48 MB for 12 megapixels.
MAX_THREADS = 4

# The trainer reads float images as black and has no scale for 32-bit integers.
UNTRAINABLE_MODES = {"F": "32-bit float pixels", "I": "32-bit integer pixels"}

_MANY_FRAMES_FORMATS = frozenset({"AVIF", "GIF", "PNG", "TIFF", "WEBP"})
_ALPHA_MODES = frozenset({"LA", "La", "PA", "RGBA", "RGBa"})
_SIDEWAYS_ORIENTATIONS = frozenset({5, 6, 7, 8})


@dataclass(frozen=True, slots=True)
class ImageHeader:
    """What the first bytes of an image say about it."""

    width_px: int
    height_px: int
    pixel_mode: str
    has_transparency: bool
    is_animated: bool


@dataclass(frozen=True, slots=True)
class UnreadableImage:
    """An image that can't be trained on, and why."""

    path: Path
    reason: str


@contextmanager
def pillow_warnings_ignored() -> Iterator[None]:
    """Silence Pillow's warnings, about large images for example, in all threads.

    Enter it in the main thread around the pool: the filters belong to the whole process.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def read_header(image_path: Path) -> ImageHeader | None:
    """Read size and pixel format without decoding; None when it isn't an image."""
    try:
        with Image.open(image_path) as image:
            return _describe(image)
    except DECODE_ERRORS:
        return None


def _describe(image: Image.Image) -> ImageHeader:
    width_px, height_px = image.size
    # PNG's getexif would decode the whole image to look for a chunk behind it.
    if "exif" in image.info:
        orientation = image.getexif().get(ExifTags.Base.Orientation)
        if orientation in _SIDEWAYS_ORIENTATIONS:
            width_px, height_px = height_px, width_px
    return ImageHeader(
        width_px=width_px,
        height_px=height_px,
        pixel_mode=image.mode,
        has_transparency=image.mode in _ALPHA_MODES or "transparency" in image.info,
        is_animated=image.format in _MANY_FRAMES_FORMATS and getattr(image, "n_frames", 1) > 1,
    )


def find_unreadable(
    records: Sequence[ImageRecord], *, on_progress: Progress | None = None
) -> tuple[UnreadableImage, ...]:
    """Decode every image completely and name those that can't be trained on."""
    unreadable: list[UnreadableImage] = []
    num_threads = min(MAX_THREADS, os.cpu_count() or 1)
    with pillow_warnings_ignored(), ThreadPoolExecutor(num_threads) as pool:
        reasons = pool.map(_reason_against, records)
        for done, (record, reason) in enumerate(zip(records, reasons, strict=True), start=1):
            if reason is not None:
                unreadable.append(UnreadableImage(record.path, reason))
            if on_progress is not None:
                on_progress(done, len(records))
    return tuple(unreadable)


def _reason_against(record: ImageRecord) -> str | None:
    try:
        with Image.open(record.path) as image:
            # Lets libjpeg leave out most of the inverse transform; it still reads every byte.
            image.draft(None, (1, 1))
            image.load()
            return UNTRAINABLE_MODES.get(image.mode)
    except DECODE_ERRORS as error:
        return _explain(error, record)


def _explain(error: Exception, record: ImageRecord) -> str:
    if record.size_bytes == 0:
        return "empty file"
    if isinstance(error, UnidentifiedImageError):
        return "its content is not an image"
    if isinstance(error, Image.DecompressionBombError):
        limit_mp = 2 * (Image.MAX_IMAGE_PIXELS or 0) // 1_000_000
        return f"more than {limit_mp} megapixels"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror.lower()
    return str(error) or type(error).__name__
