"""One cell of an image column as the bytes of an image file."""

import io

import numpy as np
import pyarrow as pa
from PIL import Image

_SIGNATURES = (
    (b"\xff\xd8\xff", ".jpg"),
    (b"\x89PNG\r\n\x1a\n", ".png"),
    (b"GIF8", ".gif"),
    (b"BM", ".bmp"),
    (b"II*\x00", ".tif"),
    (b"MM\x00*", ".tif"),
    (b"\xff\x0a", ".jxl"),
    (b"\x00\x00\x00\x0cJXL ", ".jxl"),
)
_BRANDS = {b"avif": ".avif", b"avis": ".avif", b"mif1": ".heic", b"msf1": ".heic"}
"""Brands of the ISO container at byte 8; those of HEVC begin with `he`."""
_UNKNOWN_SUFFIX = ".jpg"
"""An image's, so that the audit opens the file and says what it is."""

_GRAY_AXES = 2
_CHANNELS = (1, 3, 4)


def picture_of(cell: pa.Scalar) -> tuple[bytes, str] | None:
    """Give the content of a cell as bytes and a suffix; None when it holds no image.

    Encoded images stay as they are, also broken ones; arrays of pixels become PNGs. A path
    is never followed: it could lead anywhere on the reader's machine.
    """
    value = cell.as_py()
    if isinstance(value, dict):
        value = value.get("bytes")
    if isinstance(value, list):
        value = _encode_pixels(value)
    return None if value is None else (value, suffix_of(value))


def suffix_of(content: bytes) -> str:
    """Tell the format of an image by its first bytes."""
    for signature, suffix in _SIGNATURES:
        if content.startswith(signature):
            return suffix
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return ".webp"
    if content[4:8] == b"ftyp":
        brand = content[8:12]
        return ".heic" if brand.startswith(b"he") else _BRANDS.get(brand, _UNKNOWN_SUFFIX)
    return _UNKNOWN_SUFFIX


def _encode_pixels(values: list[object]) -> bytes | None:
    """Write an array of rows, columns and perhaps channels as PNG; None for any other shape."""
    try:
        pixels = np.array(values, dtype=np.uint8)
    except (ValueError, TypeError):  # rows of different lengths, or pixels that are null
        return None
    if pixels.ndim > _GRAY_AXES and pixels.shape[-1] not in _CHANNELS:
        return None
    if pixels.ndim > _GRAY_AXES and pixels.shape[-1] == 1:
        pixels = pixels[..., 0]
    if pixels.size == 0:
        return None
    target = io.BytesIO()
    Image.fromarray(pixels).save(target, "PNG")
    return target.getvalue()
