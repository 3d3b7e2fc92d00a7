"""Opening images with Pillow, reading their headers, and making them opaque RGB.

Images come from anywhere: whatever a file holds, reading its header never fails, and only
formats of photographs and drawings are opened at all.
"""

import struct
import warnings
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from importlib import import_module
from importlib.util import find_spec
from io import BytesIO
from itertools import batched
from pathlib import Path
from typing import BinaryIO

from PIL import ExifTags, Image, ImageFile, PngImagePlugin, UnidentifiedImageError

from tuner_kit.data.records import Header

# What Pillow raises for damaged content depends on the format and on where the damage is. All
# but the last five were seen when each byte of small files was changed, or all after it cut off.
DECODE_ERRORS = (
    OSError,
    SyntaxError,
    ValueError,
    TypeError,
    EOFError,
    LookupError,
    RuntimeError,
    struct.error,
    Image.DecompressionBombError,
    ArithmeticError,
    AssertionError,
    AttributeError,
    MemoryError,
    zlib.error,
)

# Pillow knows 40 more, among them EPS, which would have Ghostscript run what the file says.
_FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF")
_SIGNATURE_BYTES = 12
# The brands that pi_heif opens; a film has others.
_HEIF_BRANDS = frozenset(
    {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs", b"mif1", b"msf1"}
)
_JXL_STARTS = (b"\xff\x0a", b"\0\0\0\x0cJXL \r\n\x87\n")

# As SimpleTuner sets it (helpers/image_manipulation/load.py): a workflow of an image
# generator is larger than Pillow's 1 MiB.
_MAX_TEXT_BYTES = 100 * 1024**2

_MANY_FRAMES_FORMATS = frozenset({"AVIF", "GIF", "HEIF", "PNG", "TIFF", "WEBP"})
_ALPHA_MODES = frozenset({"LA", "La", "PA", "RGBA", "RGBa"})
_ORIENTATION_KEYS = frozenset({"exif", "xmp", "XML:com.adobe.xmp"})
_UPRIGHT = 1
_TURNED_ORIENTATIONS = frozenset({2, 3, 4, 5, 6, 7, 8})
_SIDEWAYS_ORIENTATIONS = frozenset({5, 6, 7, 8})

_BATCH = 500


@contextmanager
def pillow_warnings_ignored() -> Iterator[None]:
    """Silence Pillow's warnings, about large images for example, in all threads.

    Enter it in the main thread around the pool: the filters belong to the whole process.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def open_image(source: str | Path | BinaryIO) -> ImageFile.ImageFile:
    """Open an image by its content, whatever its name says.

    HEIC and JPEG XL need a decoder of their own, which is imported with the first such file.

    Raises:
        UnidentifiedImageError: it is not an image, or there is no decoder for it here.
        OSError: it can't be read; damaged content raises any of `DECODE_ERRORS`.
    """
    PngImagePlugin.MAX_TEXT_CHUNK = _MAX_TEXT_BYTES
    try:
        return Image.open(source, formats=_FORMATS)
    except UnidentifiedImageError:
        start = _read(source, _SIGNATURE_BYTES)
        if start[4:8] == b"ftyp" and start[8:12] in _HEIF_BRANDS and find_spec("pi_heif"):
            return _open_heif(_read(source))
        if start.startswith(_JXL_STARTS) and find_spec("pillow_jxl"):
            import_module("pillow_jxl")
            return Image.open(source, formats=("JXL",))
        raise


def _read(source: str | Path | BinaryIO, num_bytes: int = -1) -> bytes:
    if isinstance(source, str | Path):
        with Path(source).open("rb") as file:
            return file.read(num_bytes)
    source.seek(0)
    return source.read(num_bytes)


def _open_heif(content: bytes) -> ImageFile.ImageFile:
    if "HEIF" not in Image.OPEN:
        import pi_heif

        pi_heif.register_heif_opener()
    # pi_heif 1.4.0 crashes the process where an item of metadata has a damaged type. Renaming
    # the references from metadata to images hides it; rotation is kept elsewhere.
    boxes, mdat, pixels = content.partition(b"mdat")
    content = boxes.replace(b"cdsc", b"skip") + mdat + pixels
    return Image.open(BytesIO(content), formats=("HEIF",))


def read_header(image_path: str | Path) -> Header | None:
    """Read size and pixel format without decoding; None when it isn't an image."""
    try:
        with open_image(image_path) as image:
            return _describe(image)
    except DECODE_ERRORS:
        return None


def read_headers(root: Path, names: Iterable[str]) -> Iterator[tuple[str, Header | None]]:
    """Read the headers of many images, by their names relative to a folder."""
    # In batches: between two of them the caller has its own warnings.
    for batch in batched(names, _BATCH):
        with pillow_warnings_ignored():
            headers = [(name, read_header(f"{root}/{name}")) for name in batch]
        yield from headers


def _describe(image: ImageFile.ImageFile) -> Header:
    width_px, height_px = image.size
    orientation = _UPRIGHT
    if not _ORIENTATION_KEYS.isdisjoint(image.info):
        # PNG's own getexif would decode the whole image to look for a chunk behind it.
        orientation = Image.Image.getexif(image).get(ExifTags.Base.Orientation, _UPRIGHT)
    if orientation in _SIDEWAYS_ORIENTATIONS:
        width_px, height_px = height_px, width_px
    image_format = image.format or ""
    return Header(
        width_px=width_px,
        height_px=height_px,
        pixel_mode=image.mode,
        image_format=image_format,
        has_transparency=image.mode in _ALPHA_MODES or "transparency" in image.info,
        is_animated=image_format in _MANY_FRAMES_FORMATS and _has_frames(image),
        is_turned=orientation in _TURNED_ORIENTATIONS,
    )


def _has_frames(image: ImageFile.ImageFile) -> bool:
    try:
        return bool(getattr(image, "n_frames", 1) > 1)
    except DECODE_ERRORS:
        # Only a file with several frames is searched for them; the first may be sound.
        return True


def simplify_colors(image: Image.Image) -> Image.Image:
    """Give the picture as 8-bit grey, RGB or, where something is transparent, RGBA."""
    if image.mode.startswith("I;16"):
        # As the trainer does; Pillow's own conversion would cut all but the darkest to white.
        return image.convert("I").point(lambda value: value * (1 / 256)).convert("L")
    if image.has_transparency_data:
        return image if image.mode == "RGBA" else image.convert("RGBA")
    return image if image.mode in {"L", "RGB"} else image.convert("RGB")


def put_on_white(image: Image.Image) -> Image.Image:
    """Give an opaque RGB picture; what was transparent shows white."""
    if image.mode != "RGBA":
        return image.convert("RGB")
    canvas = Image.new("RGBA", image.size, "white")
    canvas.alpha_composite(image)
    return canvas.convert("RGB")
