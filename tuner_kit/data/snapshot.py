"""What a dataset folder held at one moment: its images, captions and left-out files."""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path


class SkipReason(StrEnum):
    """Why a file or folder is not trained on."""

    HIDDEN = "hidden"
    NOT_AN_IMAGE = "not an image the trainer reads"
    LONE_CAPTION = "a text file without an image of its name"
    BROKEN_LINK = "a link to nothing"
    UNLISTABLE = "a folder that can't be listed"
    VISITED = "a link to a folder that contains it"
    SPECIAL = "not a regular file"


@dataclass(frozen=True, slots=True)
class ImageRecord:
    """One image as its header describes it; the pixels have not been decoded."""

    path: Path
    caption_path: Path | None
    """The `.txt` file of the same stem beside the image."""
    width_px: int
    """As shown, that is after EXIF rotation; 0 when the header can't be read."""
    height_px: int
    """As shown, that is after EXIF rotation; 0 when the header can't be read."""
    size_bytes: int
    modified_ns: int
    pixel_mode: str = "RGB"
    """Pillow's name of the pixel format; empty when the header can't be read."""
    has_transparency: bool = False
    is_animated: bool = False
    """More than one frame or page; the small preview inside a camera JPEG doesn't count."""


@dataclass(frozen=True, slots=True)
class SkippedFile:
    """A file or folder below the dataset folder that is not trained on."""

    path: Path
    reason: SkipReason


@dataclass(frozen=True, slots=True)
class DatasetSnapshot:
    """A dataset folder as it was read, in a stable order."""

    root: Path
    """The folder as the user wrote it; the paths in here begin with it."""
    records: tuple[ImageRecord, ...]
    skipped: tuple[SkippedFile, ...]

    def name_of(self, path: Path) -> str:
        """Name a file for a person: relative to the folder, always printable."""
        name = path.relative_to(self.root).as_posix()
        # File names need not be valid UTF-8; printing a lone surrogate would crash.
        return name.encode("utf-8", "backslashreplace").decode("utf-8").replace("\n", "\\n")
