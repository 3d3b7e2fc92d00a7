"""The private folder that the trainer gets instead of the user's own.

SimpleTuner writes its bucket files into the folder of the images and can be told to
delete images from there. It gets a folder of links, with captions in final form.
"""

import hashlib
import os
import re
import shutil
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from tuner_kit.data.conversion import conversion_of, write_converted
from tuner_kit.data.snapshot import DatasetSnapshot, ImageRecord
from tuner_kit.errors import DatasetError, Problem

CaptionFor = Callable[[ImageRecord], str]
PlaceFile = Callable[[Path, Path], object]
"""Makes the first path appear at the second, or raises OSError where that isn't possible."""

_MAX_STEM_LENGTH = 40


@dataclass(frozen=True, slots=True)
class DatasetView:
    """A folder that is ready for the trainer."""

    dir: Path
    num_images: int
    num_converted: int
    captions: tuple[str, ...]
    """In the order of the snapshot's records."""


def fingerprint_view(
    snapshot: DatasetSnapshot,
    *,
    caption_for: CaptionFor,
    on_progress: Callable[[int, int], None] | None = None,
) -> str:
    """Give 16 hex digits that change with any image's bytes and with any final caption.

    The same images and captions give the same digits in every folder and on every machine:
    the trainer's order of images is derived from them. Every image is read once.
    """
    digest = hashlib.sha256()
    for number, record in enumerate(snapshot.records, start=1):
        with record.path.open("rb") as image:
            digest.update(hashlib.file_digest(image, "sha256").digest())
        name = snapshot.name_of(record.path)
        digest.update(hashlib.sha256(f"{name}\0{caption_for(record)}".encode()).digest())
        if on_progress is not None:
            on_progress(number, len(snapshot.records))
    return digest.hexdigest()[:16]


def build_view(
    snapshot: DatasetSnapshot, view_dir: Path, *, caption_for: CaptionFor
) -> DatasetView:
    """Fill a private folder with the images and their final captions.

    An existing folder is complete and is reused, so its name must tell what is in it:
    see `fingerprint_view`.

    Raises:
        DatasetError: a caption is unusable, or the folder would be inside the dataset.
    """
    _verify_outside(snapshot.root, view_dir)
    captions = tuple(caption_for(record) for record in snapshot.records)
    if not view_dir.exists():
        _fill_folder(snapshot.records, captions, view_dir)
    return DatasetView(
        dir=view_dir,
        num_images=len(snapshot.records),
        num_converted=sum(conversion_of(record) is not None for record in snapshot.records),
        captions=captions,
    )


def _verify_outside(dataset_dir: Path, view_dir: Path) -> None:
    if view_dir.resolve().is_relative_to(dataset_dir.resolve()):
        raise DatasetError(
            Problem(
                id="D13",
                what=f"the run would be written inside the dataset folder {dataset_dir}",
                where=str(view_dir),
                fix="set paths.runs_dir to a folder outside the dataset",
            )
        )


def _fill_folder(records: Sequence[ImageRecord], captions: Sequence[str], view_dir: Path) -> None:
    partial_dir = view_dir.with_name(f"{view_dir.name}.partial")
    if partial_dir.exists():
        shutil.rmtree(partial_dir)
    partial_dir.mkdir(parents=True)
    stems = [_view_stem(number, record) for number, record in enumerate(records, start=1)]
    with ThreadPoolExecutor(min(2, os.cpu_count() or 1)) as pool:
        list(pool.map(_add_image, records, [partial_dir / stem for stem in stems]))
    for stem, caption in zip(stems, captions, strict=True):
        (partial_dir / f"{stem}.txt").write_text(caption, encoding="utf-8", newline="")
    partial_dir.rename(view_dir)


def _view_stem(number: int, record: ImageRecord) -> str:
    """Name an image uniquely; two images of one stem would share the trainer's cache entry."""
    safe = re.sub(r"[^A-Za-z0-9_-]+", "_", record.path.stem).strip("_")
    return f"{number:05d}-{safe[:_MAX_STEM_LENGTH] or 'image'}"


def _add_image(record: ImageRecord, target_stem_path: Path) -> None:
    # The stem has no dot, so with_suffix can't cut anything off.
    if conversion_of(record) is None:
        place_file(record.path, target_stem_path.with_suffix(record.path.suffix.lower()))
    else:
        write_converted(record.path, target_stem_path.with_suffix(".png"))


def make_symlink(source_path: Path, target_path: Path) -> None:
    """Link by name; the image is found as long as it isn't moved."""
    target_path.symlink_to(source_path.absolute())


def make_hard_link(source_path: Path, target_path: Path) -> None:
    """Link by content, on the same disk only."""
    target_path.hardlink_to(source_path.resolve())


# Windows allows symbolic links to developers only; some disks know neither kind of link.
_WAYS_TO_PLACE: tuple[PlaceFile, ...] = (make_symlink, make_hard_link, shutil.copyfile)


def place_file(
    source_path: Path, target_path: Path, *, ways: Sequence[PlaceFile] = _WAYS_TO_PLACE
) -> None:
    """Make a file appear at another place in the first way that works here."""
    *attempts, last_resort = ways
    for attempt in attempts:
        try:
            attempt(source_path, target_path)
        except (OSError, NotImplementedError):
            continue
        return
    last_resort(source_path, target_path)
