"""Which images the trainer would read wrongly as they are, and how they are converted.

What SimpleTuner 4.10.1 was seen doing: it stops at grey with alpha, and it drops
transparency so that the hidden colors appear. It reads 16-bit grey and EXIF rotation
correctly, so those are not touched.
"""

from enum import StrEnum
from pathlib import Path

from tuner_kit.data.snapshot import ImageRecord


class Conversion(StrEnum):
    """Why an image is converted for training, in the words of a finding."""

    TRANSPARENCY = "with transparency, put on white"
    ANIMATION = "with several frames, the first is used"
    COLORS = "with other colors than RGB"


_COLOR_MODES_AS_IS = frozenset({"1", "L", "P", "RGB"})


def conversion_of(record: ImageRecord) -> Conversion | None:
    """Say why an image must be converted; None when the trainer reads it correctly."""
    if record.pixel_mode.startswith("I;16"):
        # The trainer scales 16 bits to 8; Pillow's own conversion would cut them to white.
        return None
    if record.has_transparency:
        return Conversion.TRANSPARENCY
    if record.is_animated:
        return Conversion.ANIMATION
    return None if record.pixel_mode in _COLOR_MODES_AS_IS else Conversion.COLORS


def write_converted(image_path: Path, target_path: Path) -> None:
    """Write the first frame as an opaque, upright RGB PNG."""
    from PIL import Image, ImageOps

    with Image.open(image_path) as image:
        image.load()
        upright = ImageOps.exif_transpose(image)
        if upright.has_transparency_data:
            rgba = upright.convert("RGBA")
            upright = Image.new("RGBA", rgba.size, "white")
            upright.alpha_composite(rgba)
        # Level 1: these files live as long as a run, and level 6 takes several times as long.
        upright.convert("RGB").save(target_path, "PNG", compress_level=1)
