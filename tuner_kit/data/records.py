"""The values that a dataset folder is read into: images, captions, parts, left-out files."""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path


class SkipReason(StrEnum):
    """Why a file or folder is not trained on."""

    HIDDEN = "hidden"
    SIDE_FOLDER = "a folder of masks, outputs or checkpoints"
    MASK = "a mask of another image"
    NOT_AN_IMAGE = "not an image the trainer reads"
    NO_DECODER = "an image format without a decoder here"
    LONE_CAPTION = "a text file without an image of its name"
    NO_REPEATS = "in a folder that is repeated 0 times"
    BROKEN_LINK = "a link to nothing"
    UNLISTABLE = "a folder that can't be listed"
    VISITED = "a link to a folder that is read already"
    SPECIAL = "not a regular file"


@dataclass(frozen=True, slots=True)
class SkippedFile:
    """A file or folder below the dataset folder that is not trained on."""

    name: str
    """Relative to the dataset folder."""
    reason: SkipReason


@dataclass(frozen=True, slots=True)
class Caption:
    """What a dataset says about one image, before the trigger word is added."""

    text: str | None
    """One line, stripped; empty for an empty file, None when it can't be read as UTF-8."""
    origin: str
    """Where it is written, relative to the dataset folder: `a.txt`, `metadata.jsonl:7`."""
    num_lines: int = 1
    """Lines that aren't blank."""
    has_bom: bool = False
    problem: str | None = None
    """Why `text` is None."""
    repaired_text: str | None = None
    """What the text would be in the encoding that it seems to have."""


@dataclass(frozen=True, slots=True)
class TextFile:
    """A caption file that was found, whether or not it belongs to an image."""

    name: str
    """Relative to the dataset folder."""
    stem: str
    """The name without its suffix."""
    caption: Caption


@dataclass(frozen=True, slots=True)
class Header:
    """What the first bytes of an image say about it."""

    width_px: int
    """As shown, that is after EXIF rotation."""
    height_px: int
    """As shown, that is after EXIF rotation."""
    pixel_mode: str
    """Pillow's name of the pixel format."""
    image_format: str
    """Pillow's name of the file format."""
    has_transparency: bool = False
    is_animated: bool = False
    """More than one frame or page; the small preview inside a camera JPEG doesn't count."""
    is_turned: bool = False
    """EXIF says that it is to be shown rotated or mirrored."""


@dataclass(frozen=True, slots=True)
class PixelFacts:
    """What decoding an image completely has shown."""

    fault: str | None
    """Why it can't be trained on; the rest is empty then."""
    sha256: str = ""
    """Of the file's bytes."""
    perceptual_hash: int = 0
    """64 bits as a signed number; look-alikes differ in few of them."""
    sharpness: float = 0.0
    """How abrupt the most abrupt changes are: about 1 for a clean edge, below 0.3 blurred."""
    brightness: float = 0.0
    """Mean luminance, 0..255."""
    contrast: float = 0.0
    """Standard deviation of the luminance, 0..255 scale."""
    color_layout: bytes = b""
    """The picture in 4 x 4 RGB pixels: which colors are where."""
    near_group: int = 0
    """The same number for images that look alike; 0 for an image that looks like no other."""


@dataclass(frozen=True, slots=True)
class ImageRecord:
    """One image with all that is known about it."""

    name: str
    """Relative to the dataset folder, with forward slashes."""
    root: Path
    """The dataset folder."""
    size_bytes: int
    header: Header | None
    """None when it isn't an image, whatever its suffix says."""
    caption: Caption | None
    """None when the dataset has none for it."""
    pixels: PixelFacts | None
    """None while the image has not been decoded."""
    part: str = ""
    """Name of the part of the dataset that it belongs to."""

    @property
    def path(self) -> Path:
        """The file."""
        return self.root / self.name

    @property
    def fault(self) -> str | None:
        """Why it can't be trained on; None while nothing is known against it."""
        if self.pixels is not None:
            return self.pixels.fault
        if self.header is None:
            return "empty file" if self.size_bytes == 0 else "its content is not an image"
        return None


@dataclass(frozen=True, slots=True)
class DatasetPart:
    """Images of a dataset that are repeated, captioned and used alike."""

    name: str = ""
    """Empty for a dataset that has one part only."""
    repeats: int = 0
    """Additional passes over the images in one epoch."""
    prompt: str | None = None
    """Caption of images that have none."""
    is_regularization: bool = False
    """Class images: they keep what the model knows, and are not what it shall learn."""


def printable(name: str) -> str:
    """Write a file name for a person: any byte is shown, and nothing breaks the line."""
    if name.isprintable():  # as nearly all names are
        return name
    # File names need not be valid UTF-8; printing a lone surrogate would crash.
    text = name.encode("utf-8", "backslashreplace").decode("utf-8")
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode()
        for character in text
    )
