"""Pictures as data URIs: small enough for a page, sharp enough to judge."""

import base64
import io
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageOps

from tuner_kit.data.decode import DECODE_ERRORS, pillow_warnings_ignored

TINY_PX = 256
"""Pictures with shorter edges are kept pixel by pixel, and enlarged without smoothing."""
_WEBP_QUALITY = 80


@dataclass(frozen=True, slots=True)
class Picture:
    """An image inside the page."""

    data_uri: str
    alt: str
    width_px: int
    height_px: int
    is_tiny: bool


def embed_picture(path: Path, alt: str, *, max_edge_px: int) -> Picture | None:
    """Read an image for the page; None when it is missing or damaged.

    Larger ones are scaled down and stored as WebP; tiny ones as they are, as PNG or WebP,
    whichever is smaller. What a file says about camera, place and settings is left behind.
    """
    try:
        with pillow_warnings_ignored(), Image.open(path) as opened:
            # A large JPEG is decoded at a fraction of its size: training photos have 12 MP.
            opened.draft("RGB", (max_edge_px, max_edge_px))
            image = ImageOps.exif_transpose(opened).convert("RGB")
    except DECODE_ERRORS:
        return None
    image.info.clear()
    is_tiny = max(image.size) < TINY_PX
    image.thumbnail((max_edge_px, max_edge_px), Image.Resampling.LANCZOS, reducing_gap=3.0)
    kind, content = _encode_tiny(image) if is_tiny else ("webp", _encode(image, "WEBP"))
    encoded = base64.b64encode(content).decode("ascii")
    return Picture(f"data:image/{kind};base64,{encoded}", alt, *image.size, is_tiny)


def _encode_tiny(image: Image.Image) -> tuple[str, bytes]:
    candidates = {
        "webp": _encode(image, "WEBP", is_lossless=True),
        "png": _encode(image, "PNG"),
    }
    return min(candidates.items(), key=lambda candidate: len(candidate[1]))


def _encode(image: Image.Image, kind: str, *, is_lossless: bool = False) -> bytes:
    stream = io.BytesIO()
    image.save(stream, kind, quality=_WEBP_QUALITY, lossless=is_lossless)
    return stream.getvalue()
