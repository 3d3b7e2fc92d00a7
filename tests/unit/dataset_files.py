"""Small real images, sound and damaged, for the tests about datasets."""

import struct
import zlib
from pathlib import Path

from PIL import Image

FORMAT_OF_SUFFIX = {
    ".png": "PNG",
    ".jpg": "JPEG",
    ".jpeg": "JPEG",
    ".jfif": "JPEG",
    ".webp": "WEBP",
    ".bmp": "BMP",
    ".tif": "TIFF",
    ".tiff": "TIFF",
    ".avif": "AVIF",
}


def write_image(
    path: Path,
    *,
    size: tuple[int, int] = (64, 64),
    mode: str = "RGB",
    color: float | tuple[int, ...] | None = None,
    caption: str | bytes | None = None,
) -> Path:
    """Write an image of one color, and its caption beside it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    image = Image.new(mode, size) if color is None else Image.new(mode, size, color)
    image.save(path, FORMAT_OF_SUFFIX[path.suffix.lower()])
    if caption is not None:
        content = caption.encode() if isinstance(caption, str) else caption
        path.with_suffix(".txt").write_bytes(content)
    return path


def write_noise_jpeg(path: Path, *, is_progressive: bool = False) -> Path:
    """Write a JPEG with so much detail that every part of the file matters."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.effect_noise((200, 150), 80).convert("RGB").save(
        path, "JPEG", quality=90, progressive=is_progressive
    )
    return path


def write_sideways_photo(path: Path) -> Path:
    """Write a 128 x 64 image that EXIF says to show as 64 x 128, as phones do."""
    image = Image.new("RGB", (128, 64))
    exif = Image.Exif()
    exif[0x0112] = 6
    image.save(path, exif=exif)
    return path


def write_animation(path: Path, *, first: str = "red", second: str = "blue") -> Path:
    """Write two frames as PNG or WebP."""
    frames = [Image.new("RGB", (64, 64), color) for color in (first, second)]
    frames[0].save(path, save_all=True, append_images=frames[1:], duration=100)
    return path


def write_huge_png(path: Path, *, edge_px: int) -> Path:
    """Write a small file whose header promises a huge image."""
    Image.new("L", (8, 8)).save(path)
    content = bytearray(path.read_bytes())
    content[16:24] = struct.pack(">II", edge_px, edge_px)
    content[29:33] = struct.pack(">I", zlib.crc32(content[12:29]))
    path.write_bytes(content)
    return path


def cut(path: Path, *, num_bytes: int) -> Path:
    """Cut bytes off the end of a file, as a broken download does."""
    path.write_bytes(path.read_bytes()[:-num_bytes])
    return path
