"""Small real images, sound and damaged, for the tests about datasets."""

import base64
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from random import Random

from PIL import Image, ImageDraw

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


# 64 x 32, red on the left and white on the right, turned upright by 90 degrees: written with
# pillow-heif 1.8, whose sister pi-heif can only read.
_HEIC = base64.b64decode(
    "AAAAHGZ0eXBoZWljAAAAAG1pZjFoZWljbWlhZgAAAchtZXRhAAAAAAAAACFoZGxyAAAAAAAAAABwaWN0AAAAAAAA"
    "AAAAAAAAAAAAADRpbG9jAAAAAERAAAIAAQAAAAAB7AABAAAAAAAAACUAAgAAAAACEQABAAAAAAAAACQAAAA4aWlu"
    "ZgAAAAAAAgAAABVpbmZlAgAAAAABAABodmMxAAAAABVpbmZlAgAAAQACAABFeGlmAAAAAA5waXRtAAAAAAABAAAB"
    "B2lwcnAAAADmaXBjbwAAAHZodmNDAQNwAAAAkAAAAAAAHvAA/P34+AAADwNgAAEAGEABDAH//wNwAAADAJAAAAMA"
    "AAMAHroCQGEAAQAqQgEBA3AAAAMAkAAAAwAAAwAeoCCBBZbq5Ka5uAhoMCAAAAMDIAAAAwAhYgABAAZEAcFzwIkA"
    "AAATY29scm5jbHgAAQANAAaAAAAAFGlzcGUAAAAAAAAAQAAAAEAAAAAoY2xhcAAAAEAAAAABAAAAIAAAAAEAAAAA"
    "AAAAAv///+AAAAACAAAAEHBpeGkAAAAAAwgICAAAAAlpcm90AwAAABlpcG1hAAAAAAAAAAEAAQaBAgMFhIYAAAAa"
    "aXJlZgAAAAAAAAAOY2RzYwACAAEAAQAAAFFtZGF0AAAAISgBrxmA70mlv//cz5/3JS/5NsheF/H9kd1iZ/uZcNtb"
    "wAAAAAZFeGlmAABNTQAqAAAACAABARIAAwAAAAEABgAAAAAAAA=="
)


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
        write_caption(path, caption)
    return path


def draw_photo(number: int, size: tuple[int, int] = (64, 64)) -> Image.Image:
    """Draw a sharp picture in many colors; no two numbers look alike."""
    random = Random(number)
    width_px, height_px = size
    photo = Image.new("RGB", size, random.choice(("white", "navy", "olive", "salmon")))
    pencil = ImageDraw.Draw(photo)
    for _ in range(12):
        left, top = random.randrange(width_px), random.randrange(height_px)
        right, bottom = left + random.randrange(4, width_px), top + random.randrange(4, height_px)
        color = tuple(random.randrange(256) for _ in range(3))
        draw = random.choice((pencil.rectangle, pencil.ellipse))
        draw((left, top, right, bottom), fill=color)
    return photo


def write_photo(
    path: Path,
    number: int = 0,
    *,
    size: tuple[int, int] = (64, 64),
    caption: str | bytes | None = None,
) -> Path:
    """Write a picture with nothing wrong about it, and its caption beside it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draw_photo(number, size).save(path, FORMAT_OF_SUFFIX[path.suffix.lower()])
    if caption is not None:
        write_caption(path, caption)
    return path


def write_caption(image_path: Path, caption: str | bytes) -> Path:
    """Write a caption beside an image; bytes as they are."""
    path = image_path.with_suffix(".txt")
    path.write_bytes(caption.encode() if isinstance(caption, str) else caption)
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


def write_heic(path: Path) -> Path:
    """Write a 32 x 64 photo as phones do, red above and white below."""
    path.write_bytes(_HEIC)
    return path


def write_heic_with_damaged_metadata(path: Path) -> Path:
    """Write one whose EXIF data has a type that is not text; the picture is whole."""
    path.write_bytes(_HEIC.replace(b"Exif", b"\xffxif", 1))
    return path


def write_noise(path: Path) -> Path:
    """Write a tiny picture in which every byte matters, in one frame."""
    Image.effect_noise((24, 16), 60).convert("RGB").save(path)
    return path


def write_frames(path: Path) -> Path:
    """Write three frames or pages in a format that can hold several."""
    frames = [Image.new("RGB", (32, 32), color) for color in ("red", "lime", "blue")]
    image_format = "GIF" if path.suffix == ".gif" else FORMAT_OF_SUFFIX[path.suffix]
    frames[0].save(path, image_format, save_all=True, append_images=frames[1:])
    return path


def damage(content: bytes, *, num_bytes: int) -> Iterator[bytes]:
    """Give many damaged versions of a file: cut off, and with a byte changed.

    The first bytes, where the headers are, are changed one by one.
    """
    for place in range(0, len(content), 7):
        yield content[:place]
    for place in range(min(num_bytes, len(content))):
        for value in (b"\0", b"\xff"):
            yield content[:place] + value + content[place + 1 :]


def draw_photo_like(edge_px: int = 1024) -> Image.Image:
    """Draw discs of all sizes that hide one another, which is what edges in photographs do."""
    random = Random(0)
    image = Image.new("RGB", (edge_px, edge_px))
    draw = ImageDraw.Draw(image)
    for _ in range(3000):
        radius = min(edge_px / 3, 4 / (random.random() ** 0.8 + 0.004))
        x, y = random.random() * edge_px, random.random() * edge_px
        color = (random.randrange(20, 236), random.randrange(20, 236), random.randrange(20, 236))
        draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=color)
    return image
