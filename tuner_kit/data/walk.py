"""Every file below a folder, and what is left out of it, one at a time and with the reason."""

import os
import re
import stat
from collections import deque
from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from importlib.util import find_spec
from types import MappingProxyType

from tuner_kit.data.records import SkippedFile, SkipReason

IMAGE_SUFFIXES = frozenset(
    {".png", ".jpg", ".jpeg", ".jfif", ".webp", ".bmp", ".tif", ".tiff", ".avif"}
)
"""Formats that Pillow reads by itself."""
PLUGIN_SUFFIXES: Mapping[str, str] = MappingProxyType(
    {".heic": "pi_heif", ".heif": "pi_heif", ".jxl": "pillow_jxl"}
)
"""Formats that need a decoder, with the module that has it."""
CAPTION_SUFFIXES = (".txt", ".caption")
"""Endings of files with one image's caption; the first wins."""

# What operating systems leave in folders without a leading dot.
_SYSTEM_NAMES = frozenset({"__MACOSX", "Thumbs.db", "desktop.ini"})
# Pictures that trainers and mask editors put beside the images.
_SIDE_FOLDERS = re.compile(
    r"(masks?|outputs?|samples?|validation_images|checkpoints?|checkpoint-\d+)", re.IGNORECASE
)
_LABEL_STEM = re.compile(r".+-(masklabel|condlabel)", re.IGNORECASE)
_MASK_STEM = re.compile(r"(.*[^/])[._-]mask", re.IGNORECASE | re.DOTALL)


class FileKind(Enum):
    """What a file is by its name."""

    IMAGE = "image"
    CAPTION = "caption"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class FoundFile:
    """One regular file, as the directory lists it."""

    name: str
    """Relative to the walked folder, with forward slashes."""
    kind: FileKind
    size_bytes: int
    version: str
    """Changes when the file is replaced or written to."""


def walk(folder: str) -> Iterator[FoundFile | SkippedFile]:
    """Give every file below a folder, and what is left out of it.

    Nothing is kept but the folders, so memory stays flat however many files there are; a
    deep tree needs no recursion. Each folder is read once: linked ones after all others, and
    not at all when they are among these.

    Raises:
        OSError: the folder itself can't be listed.
    """
    readable = readable_suffixes()
    folders = _Folders(folder)
    while (prefix := folders.next()) is not None:
        try:
            entries = os.scandir(os.path.join(folder, prefix))  # noqa: PTH118 - a Path is slow
        except OSError:
            if not prefix:
                raise
            yield SkippedFile(prefix.rstrip("/"), SkipReason.UNLISTABLE)
            continue
        with entries:
            for entry in entries:
                name = prefix + entry.name
                if _is_folder(entry):
                    reason = folders.add(entry, name)
                    if reason is not None:
                        yield SkippedFile(name, reason)
                else:
                    yield _describe(entry, name, readable)
    yield from folders.visited


class _Folders:
    """The folders that are still to be listed, and those that were met."""

    def __init__(self, root: str) -> None:
        self._root = root
        self._pending = [""]
        self._linked = deque[str]()
        self._seen: set[tuple[int, int]] = set()
        self.visited: list[SkippedFile] = []
        self._is_new(root)

    def add(self, entry: "os.DirEntry[str]", name: str) -> SkipReason | None:
        """Take a folder in, or say why it is left out."""
        if _is_hidden(entry.name):
            return SkipReason.HIDDEN
        if _SIDE_FOLDERS.fullmatch(entry.name):
            return SkipReason.SIDE_FOLDER
        if entry.is_symlink():
            self._linked.append(f"{name}/")
        elif self._is_new(entry.path):
            self._pending.append(f"{name}/")
        return None

    def next(self) -> str | None:
        """Give the next folder to list, with a slash at its end; None after the last."""
        if self._pending:
            return self._pending.pop()
        while self._linked:
            prefix = self._linked.popleft()
            if self._is_new(os.path.join(self._root, prefix)):  # noqa: PTH118
                return prefix
            self.visited.append(SkippedFile(prefix.rstrip("/"), SkipReason.VISITED))
        return None

    def _is_new(self, folder: str) -> bool:
        """Whether a folder was not met yet; one that can't be asked is new."""
        try:
            # On Windows a directory entry's own stat has no inode.
            status = os.stat(folder)  # noqa: PTH116
        except OSError:
            return True
        identity = (status.st_dev, status.st_ino)
        is_new = identity not in self._seen
        self._seen.add(identity)
        return is_new


def _is_folder(entry: "os.DirEntry[str]") -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link to itself, or to something inside a file
        return False


def _is_hidden(name: str) -> bool:
    return name.startswith(".") or name in _SYSTEM_NAMES


def readable_suffixes() -> frozenset[str]:
    """Give the endings of the image formats that can be decoded on this machine."""
    plugins = {suffix for suffix, module in PLUGIN_SUFFIXES.items() if find_spec(module)}
    return IMAGE_SUFFIXES | plugins


def _describe(
    entry: "os.DirEntry[str]", name: str, readable: Container[str]
) -> FoundFile | SkippedFile:
    if _is_hidden(entry.name):
        return SkippedFile(name, SkipReason.HIDDEN)
    try:
        status = entry.stat()
    except OSError:
        return SkippedFile(name, SkipReason.BROKEN_LINK)
    if not stat.S_ISREG(status.st_mode):
        return SkippedFile(name, SkipReason.SPECIAL)
    kind, skipped = kind_of(entry.name, readable)
    if skipped is not None:
        return SkippedFile(name, skipped)
    return FoundFile(name, kind, status.st_size, version_of(status))


def kind_of(
    file_name: str, readable: Container[str] = IMAGE_SUFFIXES
) -> tuple[FileKind, SkipReason | None]:
    """Tell by its name what a file is, and why it would be left out."""
    stem, suffix = os.path.splitext(file_name)  # noqa: PTH122
    suffix = suffix.lower()
    if suffix in CAPTION_SUFFIXES:
        return FileKind.CAPTION, None
    if suffix not in readable:
        return FileKind.OTHER, SkipReason.NO_DECODER if suffix in PLUGIN_SUFFIXES else None
    if _LABEL_STEM.fullmatch(stem):
        return FileKind.IMAGE, SkipReason.MASK
    return FileKind.IMAGE, None


def masked_stem(stem: str) -> str | None:
    """Give the stem of the image whose mask a name would be: `a` for `a_mask` or `a-mask`.

    Whether it is one depends on whether there is such an image.
    """
    match = _MASK_STEM.fullmatch(stem)
    return None if match is None else match[1]


def version_of(status: os.stat_result) -> str:
    """Name a file's content by what changes with it; the change time can't be set back."""
    return f"{status.st_size}-{status.st_mtime_ns}-{status.st_ctime_ns}-{status.st_ino}"
