"""Which images the trainer would read wrongly as they are, and how they are converted.

What SimpleTuner 4.10.1 was seen doing: it stops at grey with alpha, it drops transparency
so that the hidden colors appear, it has no decoder for HEIC, and it loses EXIF's rotation
when it loads the pixels, though it plans with the rotated size: photographs of phones
would be trained lying on their side and squashed. It reads 16-bit grey, palettes and AVIF
correctly, so those are not touched.
"""

from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path

from tuner_kit.data.records import Header


class Conversion(StrEnum):
    """Why an image is converted for training, in the words of a finding."""

    FORMAT = "in a format that the trainer doesn't read"
    ROTATION = "turned as EXIF says"
    TRANSPARENCY = "with transparency, put on white"
    ANIMATION = "with several frames, the first is used"
    COLORS = "with other colors than RGB"


# The trainer reads JPEG XL only where a package is installed that it doesn't ask for.
_FORMATS_NOT_READ = frozenset({"HEIF", "JXL"})
_LOSSY_FORMATS = frozenset({"HEIF", "JPEG", "MPO"})
_COLOR_MODES_AS_IS = frozenset({"1", "L", "P", "RGB"})


def conversion_of(header: Header) -> Conversion | None:
    """Say why an image must be converted; None when the trainer reads it correctly."""
    return next(_reasons(header), None)


def _reasons(header: Header) -> Iterator[Conversion]:
    if header.image_format in _FORMATS_NOT_READ:
        yield Conversion.FORMAT
    if header.is_turned:
        yield Conversion.ROTATION
    if header.pixel_mode.startswith("I;16"):
        return  # the trainer scales 16 bits to 8
    if header.has_transparency:
        yield Conversion.TRANSPARENCY
    if header.is_animated:
        yield Conversion.ANIMATION
    if header.pixel_mode not in _COLOR_MODES_AS_IS:
        yield Conversion.COLORS


def converted_suffix(header: Header) -> str:
    """Say as what an image is written: a photograph as JPEG, a tenth of the size of a PNG."""
    is_photograph = header.image_format in _LOSSY_FORMATS and not header.has_transparency
    return ".jpg" if is_photograph else ".png"


def write_converted(image_path: Path, target_path: Path) -> None:
    """Write the first frame as an opaque, upright RGB image; the suffix says as what."""
    from PIL import ImageOps

    from tuner_kit.data.decode import open_image, put_on_white, simplify_colors

    with open_image(image_path) as image:
        image.load()
        ImageOps.exif_transpose(image, in_place=True)
        opaque = put_on_white(simplify_colors(image))
        # The color profile describes colors that are no longer there; the trainer drops it too.
        if target_path.suffix == ".jpg":
            # What 95 with full color loses is far below what the autoencoder loses.
            opaque.save(target_path, "JPEG", quality=95, subsampling=0, icc_profile=None)
        else:
            # Level 1: these files live as long as a run, and level 6 takes several times as long.
            opaque.save(target_path, "PNG", compress_level=1, icc_profile=None)
