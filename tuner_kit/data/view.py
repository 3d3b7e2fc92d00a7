"""The private folder that the trainer gets instead of the user's own.

SimpleTuner writes its bucket files into the folder of the images and can be told to
delete images from there. It gets a folder of links, with captions in final form, whose names
are made of the images' bytes: a file of the trainer's cache belongs to the name of its image, so
a changed image is encoded anew and an unchanged one never is.
"""

import hashlib
import os
import re
import shutil
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import batched
from pathlib import Path

from tuner_kit.data.conversion import conversion_of, converted_suffix, write_converted
from tuner_kit.data.snapshot import TrainingImage
from tuner_kit.errors import DatasetError, Problem

type PlaceFile = Callable[[Path, Path], object]
"""Makes the first path appear at the second, or raises OSError where that isn't possible."""

_MAX_STEM_LENGTH = 40
_HASH_DIGITS = 16
_BATCH = 64


type Images = Callable[[], Iterator[TrainingImage]]
"""Gives the images anew with every call, so that they need not be held all at once."""


@dataclass(frozen=True, slots=True)
class DatasetView:
    """A folder that is ready for the trainer."""

    dir: Path
    num_images: int
    fingerprint: str
    """16 hex digits that change with any image's bytes and with any final caption."""


def build_view(images: Images, dataset_dir: Path, views_dir: Path) -> DatasetView:
    """Fill a private folder below `views_dir` with images and their final captions.

    The same images and captions give the same fingerprint in every folder and on every
    machine: the trainer's order of images is derived from it. The folder is named by it
    too, so one that exists is complete and is reused.

    Raises:
        DatasetError: D13 the folder would be inside the dataset.
    """
    content, place = hashlib.sha256(), hashlib.sha256()
    num_images = 0
    for image in images():
        content.update(f"{_stem_of(image)}\0{sha256_of(image)}\0{image.caption}\0".encode())
        place.update(os.fsencode(image.record.path.absolute()) + b"\0")
        num_images += 1
    fingerprint = content.hexdigest()[:16]
    # The folder holds links, so it belongs to one place of each image.
    view_dir = views_dir / f"view-{fingerprint}-{place.hexdigest()[:6]}"
    _verify_apart(dataset_dir, view_dir)
    if not view_dir.exists():
        _fill_folder(images(), view_dir)
    return DatasetView(view_dir, num_images, fingerprint)


def _verify_apart(dataset_dir: Path, view_dir: Path) -> None:
    """Make sure that nothing is written among the user's images.

    Raises:
        DatasetError: D13 the folder would be inside the dataset.
    """
    if view_dir.resolve().is_relative_to(dataset_dir.resolve()):
        raise DatasetError(
            Problem(
                id="D13",
                what=f"the run would be written inside the dataset folder {dataset_dir}",
                where=str(view_dir),
                fix="set paths.runs_dir to a folder outside the dataset",
            )
        )


def _fill_folder(images: Iterator[TrainingImage], view_dir: Path) -> None:
    partial_dir = view_dir.with_name(f"{view_dir.name}.partial")
    if partial_dir.exists():
        shutil.rmtree(partial_dir)
    partial_dir.mkdir(parents=True)
    with ThreadPoolExecutor(min(2, os.cpu_count() or 1)) as pool:
        for batch in batched(_with_names(images), _BATCH):
            list(pool.map(_add_image, batch, [partial_dir] * len(batch)))
    partial_dir.rename(view_dir)


def _with_names(images: Iterator[TrainingImage]) -> Iterator[tuple[TrainingImage, str]]:
    """Name each image uniquely: two of one stem would share the trainer's cache entry."""
    copies: Counter[str] = Counter()
    for image in images:
        # Some disks don't tell cases apart.
        stem = _stem_of(image).lower()
        # Only look-alikes can be exact copies; the others are not remembered.
        if image.record.pixels is None or image.record.pixels.near_group:
            copies[stem] += 1
        yield image, _stem_of(image, copy_number=max(1, copies[stem]))


def _stem_of(image: TrainingImage, *, copy_number: int = 1) -> str:
    """Name an image by its bytes, and so that a person recognizes it in the trainer's log."""
    readable = re.sub(r"[^A-Za-z0-9_-]+", "_", Path(image.record.name).stem).strip("_")
    # In front of the readable part, which may end in a number itself.
    number = "" if copy_number == 1 else f"_{copy_number}"
    digits = sha256_of(image)[:_HASH_DIGITS]
    return f"{digits}{number}-{readable[:_MAX_STEM_LENGTH] or 'image'}"


def sha256_of(image: TrainingImage) -> str:
    """Give the hash of an image's bytes, as the audit measured it."""
    pixels = image.record.pixels
    assert pixels is not None  # noqa: S101 - nothing is trained on before it was decoded
    return pixels.sha256


def _add_image(named: tuple[TrainingImage, str], folder: Path) -> None:
    image, stem = named
    source, header = image.record.path, image.record.header
    # The stem has no dot, so with_suffix can't cut anything off.
    target = folder / stem
    if header is None or conversion_of(header) is None:
        place_file(source, target.with_suffix(source.suffix.lower()))
    else:
        write_converted(source, target.with_suffix(converted_suffix(header)))
    target.with_suffix(".txt").write_text(image.caption, encoding="utf-8", newline="")


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
        except FileExistsError:  # a copy would be written through that link, into its target
            raise
        except (OSError, NotImplementedError):
            continue
        return
    last_resort(source_path, target_path)
