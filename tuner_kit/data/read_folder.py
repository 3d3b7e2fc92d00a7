"""A dataset folder -> a snapshot: images with `.txt` captions beside them, nested or not."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from tuner_kit.data.snapshot import DatasetSnapshot, ImageRecord, SkippedFile, SkipReason
from tuner_kit.errors import DatasetError, Problem

IMAGE_SUFFIXES = frozenset(
    {".png", ".jpg", ".jpeg", ".jfif", ".webp", ".bmp", ".tif", ".tiff", ".avif"}
)
CAPTION_SUFFIX = ".txt"

# What operating systems leave in folders without a leading dot.
_SYSTEM_NAMES = frozenset({"__MACOSX", "Thumbs.db", "desktop.ini"})


def read_folder(dataset_dir: Path) -> DatasetSnapshot:
    """Read what a dataset folder holds; only the headers of the images are read.

    Raises:
        DatasetError: D01 the folder is missing or can't be listed; D02 it has no images.
    """
    try:
        found = tuple(_walk(dataset_dir, frozenset()))
    except OSError as error:
        raise DatasetError(_unreadable_folder(dataset_dir, error)) from error
    files = [item for item in found if isinstance(item, Path)]
    captions = {_pairing_key(file): file for file in files if _suffix(file) == CAPTION_SUFFIX}
    records = _read_records(files, captions)
    skipped = [item for item in found if isinstance(item, SkippedFile)]
    skipped += _skip_the_rest(files, {_pairing_key(record.path) for record in records})
    if not records:
        raise DatasetError(_no_images(dataset_dir, skipped))
    return DatasetSnapshot(
        root=dataset_dir,
        records=records,
        skipped=tuple(sorted(skipped, key=lambda item: item.path)),
    )


def _walk(folder: Path, ancestors: frozenset[tuple[int, int]]) -> Iterator[Path | SkippedFile]:
    """Give every file below a folder in a stable order, and what is left out, with the reason."""
    status = folder.stat()
    identity = (status.st_dev, status.st_ino)
    if identity in ancestors:
        yield SkippedFile(folder, SkipReason.VISITED)
        return
    for entry in sorted(folder.iterdir()):
        if entry.name.startswith(".") or entry.name in _SYSTEM_NAMES:
            yield SkippedFile(entry, SkipReason.HIDDEN)
        elif entry.is_dir():
            yield from _walk_subfolder(entry, ancestors | {identity})
        elif entry.is_file():
            yield entry
        else:
            is_link = entry.is_symlink()
            yield SkippedFile(entry, SkipReason.BROKEN_LINK if is_link else SkipReason.SPECIAL)


def _walk_subfolder(
    folder: Path, ancestors: frozenset[tuple[int, int]]
) -> Iterator[Path | SkippedFile]:
    try:
        yield from _walk(folder, ancestors)
    except PermissionError:
        yield SkippedFile(folder, SkipReason.UNLISTABLE)


def _suffix(path: Path) -> str:
    return path.suffix.lower()


def _pairing_key(path: Path) -> tuple[Path, str]:
    """Folder and stem: what an image and its caption have in common."""
    return path.parent, path.stem


def _read_records(
    files: Iterable[Path], captions: Mapping[tuple[Path, str], Path]
) -> tuple[ImageRecord, ...]:
    # Pillow takes 40 ms to import; commands that never look at images shouldn't pay for it.
    from tuner_kit.data.decode import pillow_warnings_ignored

    with pillow_warnings_ignored():
        return tuple(
            _read_record(file, captions.get(_pairing_key(file)))
            for file in files
            if _suffix(file) in IMAGE_SUFFIXES
        )


def _read_record(image_path: Path, caption_path: Path | None) -> ImageRecord:
    from tuner_kit.data.decode import read_header

    status = image_path.stat()
    header = read_header(image_path)
    return ImageRecord(
        path=image_path,
        caption_path=caption_path,
        width_px=header.width_px if header else 0,
        height_px=header.height_px if header else 0,
        size_bytes=status.st_size,
        modified_ns=status.st_mtime_ns,
        pixel_mode=header.pixel_mode if header else "",
        has_transparency=header is not None and header.has_transparency,
        is_animated=header is not None and header.is_animated,
    )


def _skip_the_rest(
    files: Iterable[Path], image_keys: set[tuple[Path, str]]
) -> Iterator[SkippedFile]:
    for file in files:
        if _suffix(file) == CAPTION_SUFFIX:
            if _pairing_key(file) not in image_keys:
                yield SkippedFile(file, SkipReason.LONE_CAPTION)
        elif _suffix(file) not in IMAGE_SUFFIXES:
            yield SkippedFile(file, SkipReason.NOT_AN_IMAGE)


def _unreadable_folder(dataset_dir: Path, error: OSError) -> Problem:
    if isinstance(error, FileNotFoundError):
        what = f"the dataset folder {dataset_dir} does not exist"
    elif isinstance(error, NotADirectoryError):
        what = f"the dataset {dataset_dir} is a file, not a folder"
    else:
        what = f"the dataset folder {dataset_dir} can't be read: {error.strerror}"
    return Problem(
        id="D01",
        what=what,
        where=str(dataset_dir),
        fix="set path of the dataset to a folder of images that you may read",
    )


def _no_images(dataset_dir: Path, skipped: Sequence[SkippedFile]) -> Problem:
    kinds = Counter(
        item.reason.value if item.reason is SkipReason.HIDDEN else _suffix(item.path) or "others"
        for item in skipped
    )
    found = ", ".join(f"{count} {kind}" for kind, count in kinds.most_common(5)) or "nothing"
    return Problem(
        id="D02",
        what=f"no images in the dataset folder; found instead: {found}",
        where=str(dataset_dir),
        fix=f"put images there ({' '.join(sorted(IMAGE_SUFFIXES))}), or correct path",
    )
