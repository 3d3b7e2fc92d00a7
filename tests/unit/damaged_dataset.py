"""A folder with every kind of damage that people's folders have, each in a file named after it."""

import hashlib
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from dataset_files import (
    cut,
    draw_photo,
    write_animation,
    write_caption,
    write_huge_png,
    write_image,
    write_noise_jpeg,
    write_photo,
    write_sideways_photo,
)
from PIL import Image, ImageFilter

type Write = Callable[[Path], object]

ORIGINAL = "original.png"
SOUND = {
    ORIGINAL: "the picture that others are made from",
    "grey.png": "a grey picture",
    "16 bits.png": "a grey picture of 16 bits",
    "gif named.jpg": "a picture that says JPEG and is a GIF",
    "deep/er/and/deeper.webp": "a picture far below",
    'it\'s "quoted" `name`.png': "a name with quotes",
    "two\nlines.png": "a name of two lines",
    "\N{FOX FACE}.png": "a name that is a fox",
    os.fsdecode(b"caf\xe9.png"): "a name that is not UTF-8",
    "--fix.png": "a name like an option",
    "%s {0} $HOME.png": "a name like a template",
}
"""Names of images that nothing is wrong with, with their captions."""

_LATIN, _LINES = "ein K\xe4tzchen", "a cat on a mat"


@dataclass(frozen=True, slots=True)
class Damage:
    """One kind of damage, and what is to become of it."""

    kind: str
    problem_id: str
    files: tuple[str, ...]
    """As the finding names them; the first one is written by `write`."""
    write: Write
    caption: str | bytes | None = "what this picture shows"
    """Written beside the first file; None for what is no image."""
    trained_as: str | None = None
    """Its caption in a repaired training; None where it is left out."""
    also: tuple[str, ...] = ()
    """Further ids under which it is found."""


def _image(kind: str, problem_id: str, name: str, write: Write) -> Damage:
    """An image that is trained on as well as it can be."""
    caption = f"what {name} shows"
    return Damage(kind, problem_id, (name,), write, caption, caption)


def _broken(kind: str, name: str, write: Write) -> Damage:
    """An image that can't be trained on."""
    return Damage(kind, "D06", (name,), write)


def _caption(
    kind: str, problem_id: str, name: str, content: str | bytes, trained_as: str | None
) -> Damage:
    """A sound picture with a caption that isn't."""
    return Damage(kind, problem_id, (name,), _photo(name), content, trained_as)


def _beside(kind: str, problem_id: str, name: str, write: Write) -> Damage:
    """Something that is no image of the dataset."""
    return Damage(kind, problem_id, (name,), write, caption=None)


def _photo(name: str) -> Write:
    number = int(hashlib.sha256(name.encode()).hexdigest()[:6], 16)
    return lambda path: write_photo(path, number)


def _text(text: str) -> Write:
    return lambda path: path.write_text(text, encoding="utf-8")


def _color(*color: int) -> Write:
    return lambda path: write_image(path, color=color)


def _pixels(mode: str) -> Write:
    return lambda path: draw_photo(len(mode) + ord(mode[0])).convert(mode).save(path)


def _write_photo_of_a_phone(path: Path) -> None:
    """Write a photo that EXIF says to turn."""
    with Image.open(write_sideways_photo(path)) as photo:
        exif = photo.getexif()
    draw_photo(63, (128, 64)).save(path, exif=exif)


def _shape(number: int, width_px: int, height_px: int) -> Write:
    return lambda path: draw_photo(number, (128, 128)).resize((width_px, height_px)).save(path)


def _write_photo_in_it(folder: Path) -> None:
    write_photo(folder / "0.png", 0, caption="not to be trained on")


def _cut_png(path: Path) -> None:
    cut(write_photo(path, 51, size=(256, 256)), num_bytes=500)


def _damage_middle(path: Path) -> None:
    content = bytearray(write_photo(path, 52, size=(256, 256)).read_bytes())
    content[len(content) // 2] ^= 0xFF
    path.write_bytes(content)


def _blur(path: Path) -> None:
    draw_photo(53, (512, 512)).filter(ImageFilter.GaussianBlur(12)).save(path)


def _resize(path: Path) -> None:
    with Image.open(path.with_name(ORIGINAL)) as original:
        original.resize((90, 90), Image.Resampling.LANCZOS).save(path, quality=80)


def _write_twins(path: Path) -> None:
    write_photo(path, 54)
    write_photo(path.with_suffix(".png"), 55)


def _write_loop(path: Path) -> None:
    path.symlink_to(path.parent, target_is_directory=True)


DAMAGES: tuple[Damage, ...] = (
    _broken("an empty file", "zero bytes.jpg", Path.touch),
    _broken("a text named like an image", "text.png", _text("404 not found")),
    _broken("a web page", "web page.jpg", _text("<!DOCTYPE html><title>Sign in</title>")),
    _broken("a text named like a phone's photo", "text of a phone.heic", _text("not a photo")),
    _broken("a truncated PNG", "truncated.png", _cut_png),
    _broken("a truncated JPEG", "cut off.jpg", lambda p: cut(write_noise_jpeg(p), num_bytes=999)),
    _broken("a PNG damaged in the middle", "damaged.png", _damage_middle),
    _broken("a decompression bomb", "bomb.png", lambda p: write_huge_png(p, edge_px=30_000)),
    _broken("pixels of 32-bit floats", "float.tif", _pixels("F")),
    _broken("pixels of 32-bit integers", "integer.tif", _pixels("I")),
    _beside("a link to nothing", "D29", "link.png", lambda p: p.symlink_to("nowhere.png")),
    _beside("a format without decoder", "D31", "a.jxl", lambda p: p.write_bytes(b"\xff\x0a")),
    Damage(
        "an exact copy",
        "D18",
        ("the original again.png",),
        lambda path: shutil.copy(path.with_name(ORIGINAL), path),
    ),
    _image("a look-alike", "D19", "the original resized.jpg", _resize),
    Damage(
        "two images of one stem",
        "D09",
        ("twins.jpg", "twins.png"),
        _write_twins,
        "twins",
        "twins",
    ),
    _image("a blurred picture", "D20", "blurred.png", _blur),
    _image("a black picture", "D21", "black.png", _color(4, 4, 4)),
    _image("a white picture", "D21", "white.png", _color(252, 252, 252)),
    _image("a picture of one color", "D21", "red.png", _color(200, 20, 20)),
    _image("a tiny picture", "D08", "tiny.png", _shape(56, 12, 12)),
    _image("a panorama", "D28", "panorama.png", _shape(57, 3000, 100)),
    Damage(
        "a strip that the trainer drops",
        "D32",
        ("strip.png",),
        _shape(58, 4, 1000),
        "a strip",
        "a strip",
        also=("D08", "D28"),
    ),
    _image("a photo of a phone", "D12", "sideways photo.jpg", _write_photo_of_a_phone),
    _image("CMYK", "D12", "cmyk.jpg", _pixels("CMYK")),
    _image("grey with transparency", "D12", "grey glass.png", _pixels("LA")),
    _image("transparency", "D12", "glass.png", _pixels("RGBA")),
    Damage(
        "an animation",
        "D12",
        ("animated.webp",),
        write_animation,
        "red, then blue",
        "red, then blue",
        also=("D21",),
    ),
    Damage("no caption", "D03", ("no caption.png",), _photo("no caption.png"), caption=None),
    _caption("an empty caption", "D04", "empty caption.png", "", None),
    _caption("a blank caption", "D04", "blank caption.png", " \n\t\n", None),
    _caption("latin-1", "D05", "latin-1.png", _LATIN.encode("latin-1"), _LATIN),
    _caption("UTF-16", "D05", "utf-16.png", _LATIN.encode("utf-16"), _LATIN),
    _caption("UTF-16 without mark", "D05", "utf-16-le.png", "a cat".encode("utf-16-le"), "a cat"),
    _caption(
        "a NUL", "D05", "nul.png", b"a small cat\0 on a mat", _LINES.replace("a c", "a small c")
    ),
    _caption("an escape", "D05", "escape.png", b"a \x1bcat on a mat", _LINES),
    _caption("a caption that is data", "D05", "data.png", bytes(range(256)), None),
    _caption("a caption of 1.5 MiB", "D05", "huge caption.png", "cat " * 400_000, None),
    _caption("a byte order mark", "D26", "mark.png", b"\xef\xbb\xbf" + _LINES.encode(), _LINES),
    _caption("several lines", "D10", "lines.png", "a cat\r\non a mat\r\n", _LINES),
    _caption("76 CLIP tokens", "D22", "76 tokens.png", "cat " * 76, ("cat " * 76).strip()),
    Damage(
        "longer than T5 reads",
        "D23",
        ("180 tokens.png",),
        _photo("180 tokens.png"),
        "cat " * 180,
        ("cat " * 180).strip(),
        also=("D22",),
    ),
    _beside("a caption without image", "D11", "lone.txt", _text("a cat")),
    _beside("a film", "D11", "film.mp4", _text("moving")),
    _beside("a folder that contains itself", "D11", "loop", _write_loop),
    _beside("a pipe", "D11", "pipe.png", os.mkfifo),
    _beside("a hidden image", "D27", ".hidden.png", write_photo),
    _beside("copies of a notebook", "D27", ".ipynb_checkpoints", _write_photo_in_it),
    _beside("a folder of masks", "D27", "masks", _write_photo_in_it),
    _beside("a mask", "D27", "original-masklabel.png", write_photo),
)


def write_damaged_dataset(folder: Path) -> Path:
    """Write the sound images and every damage."""
    for number, (name, caption) in enumerate(SOUND.items(), start=200):
        write_photo(folder / name, number, size=(128, 128), caption=caption)
    draw_photo(61).convert("L").save(folder / "grey.png")
    deep = draw_photo(64).convert("L").convert("I").point(lambda grey: grey * 256)
    deep.convert("I;16").save(folder / "16 bits.png")
    draw_photo(62).save(folder / "gif named.jpg", "GIF")
    for damage in DAMAGES:
        path = folder / damage.files[0]
        damage.write(path)
        if damage.caption is not None:
            write_caption(path, damage.caption)
    return folder


def trained_captions() -> dict[str, str]:
    """Give every image of a repaired training with its caption."""
    mended = {
        name: damage.trained_as
        for damage in DAMAGES
        if damage.trained_as is not None
        for name in damage.files
    }
    return SOUND | mended


def names_of_problem(problem_id: str) -> set[str]:
    """Give every file that a finding is to name."""
    return {
        name
        for damage in DAMAGES
        if problem_id in (damage.problem_id, *damage.also)
        for name in damage.files
    }


def describe_folder(folder: Path) -> dict[str, tuple[object, ...]]:
    """Give inode, times, mode and content of all that is in a folder, and of itself."""
    described: dict[str, tuple[object, ...]] = {}
    for parent, folders, files in os.walk(folder):
        for name in (".", *folders, *files):
            path = Path(parent, name)
            status = path.lstat()
            content = ""
            if path.is_symlink():
                content = str(path.readlink())
            elif path.is_file():
                content = hashlib.sha256(path.read_bytes()).hexdigest()
            described[os.path.relpath(path, folder)] = (
                status.st_ino,
                status.st_mode,
                status.st_nlink,
                status.st_mtime_ns,
                status.st_ctime_ns,
                content,
            )
    return described
