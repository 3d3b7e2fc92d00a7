"""A dataset folder -> a snapshot: files found, captions paired, headers read; pixels later."""

import hashlib
import os
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from itertools import batched
from pathlib import Path
from tempfile import TemporaryDirectory

from tuner_kit.data.captions import read_caption
from tuner_kit.data.inventory import Inventory, read_root
from tuner_kit.data.inventory_rows import discard
from tuner_kit.data.layouts.layout import Layout, LayoutOptions
from tuner_kit.data.layouts.shape import summarize
from tuner_kit.data.layouts.table import choose, recognize
from tuner_kit.data.records import SkippedFile, SkipReason, printable
from tuner_kit.data.snapshot import DatasetSnapshot
from tuner_kit.data.walk import IMAGE_SUFFIXES, masked_stem
from tuner_kit.errors import DatasetError, MachineError, Problem
from tuner_kit.process.environment import cache_dir

OnProgress = Callable[[str, int, int | None], None]
"""Called with what is being done, the number done, and the number of all where it is known."""

_BATCH = 500


@dataclass(frozen=True, slots=True)
class DatasetSource:
    """Which folder to read, and how."""

    dir: Path
    written: str
    """What the person called it."""
    layout: str = "auto"
    options: LayoutOptions = field(default_factory=LayoutOptions)


def read_dataset(source: DatasetSource, on_progress: OnProgress | None = None) -> DatasetSnapshot:
    """Read what a dataset folder holds; only the headers of new images are read.

    Raises:
        DatasetError: D01 the folder is missing or can't be listed; D02 it has no images;
            D14 it fits two layouts; what else its layout can't do without.
        MachineError: M04 there is no place to remember what is found.
    """
    report = on_progress or (lambda _phase, _done, _total: None)
    _verify_listable(source.dir)
    try:
        return _open_and_read(source, report)
    except sqlite3.OperationalError as error:
        raise MachineError(_no_place(inventory_path(source.dir), error)) from error
    except sqlite3.DatabaseError:  # it is damaged further in than opening it could show
        discard(inventory_path(source.dir))
        return _open_and_read(source, report)


def _verify_listable(dataset_dir: Path) -> None:
    """Look before anything is remembered about a folder that may not exist."""
    try:
        os.scandir(dataset_dir).close()
    except OSError as error:
        raise DatasetError(_unreadable_folder(dataset_dir, error)) from error


def _open_and_read(source: DatasetSource, report: OnProgress) -> DatasetSnapshot:
    inventory = _open_inventory(source.dir)
    try:
        return _read(inventory, source, report)
    except BaseException:
        inventory.close()
        raise


def _read(inventory: Inventory, source: DatasetSource, report: OnProgress) -> DatasetSnapshot:
    _list_files(inventory, report)
    for names in batched(inventory.texts_to_read(), _BATCH):
        inventory.save_texts(
            (name, read_caption(f"{source.dir}/{name}", origin=name)) for name in names
        )
    inventory.skip(_masks(inventory))
    layout = choose(inventory, source.layout, source.options)
    reading = layout.read(inventory, source.options)
    if inventory.num_images() == 0:
        raise DatasetError(_no_images(inventory), *reading.problems)
    _read_headers(inventory, report)
    return DatasetSnapshot(inventory, layout.name, reading.parts, reading.problems)


def _list_files(inventory: Inventory, report: OnProgress) -> None:
    try:
        inventory.find_files(lambda done: report("listing files", done, None))
    except OSError as error:
        raise DatasetError(_unreadable_folder(inventory.root, error)) from error


def _masks(inventory: Inventory) -> Iterator[SkippedFile]:
    """Find the images that are masks of another: `a_mask.png` beside `a.jpg`."""
    for name in inventory.image_names():
        stem = masked_stem(name.rpartition(".")[0])
        if stem is not None and any(inventory.images_of_stem(stem)):
            yield SkippedFile(name, SkipReason.MASK)


def _read_headers(inventory: Inventory, report: OnProgress) -> None:
    num_new = inventory.num_headers_to_read()
    if num_new == 0:
        return
    # Pillow takes 40 ms to import; a folder that was read before shouldn't pay for it.
    from tuner_kit.data.decode import read_headers

    done = 0
    for names in batched(inventory.headers_to_read(), _BATCH):
        inventory.save_headers(read_headers(inventory.root, names))
        done += len(names)
        report("reading image sizes", done, num_new)


def find_layouts(dataset_dir: Path) -> tuple[Layout, ...]:
    """Give the layouts that a folder fits: none where it can't be told, several to be asked about.

    Raises:
        DatasetError: D01 the folder is missing or can't be listed.
    """
    _verify_listable(dataset_dir)
    with closing(_open_inventory(dataset_dir)) as inventory:
        _list_files(inventory, lambda _phase, _done, _total: None)
        return recognize(summarize(inventory), LayoutOptions())


def inventory_path(dataset_dir: Path) -> Path:
    """Name the database of a folder in the person's cache."""
    resolved = os.fsencode(os.path.realpath(dataset_dir))
    return cache_dir() / "inventories" / f"{hashlib.sha256(resolved).hexdigest()[:16]}.sqlite"


def list_lost_inventories() -> tuple[Path, ...]:
    """Name the databases of folders that are gone."""
    folder = cache_dir() / "inventories"
    paths = sorted(folder.glob("*.sqlite")) if folder.is_dir() else []
    return tuple(path for path in paths if (root := read_root(path)) and _is_gone(root))


def _is_gone(folder: Path) -> bool:
    """Whether a folder isn't there; one that others may not look for is not gone."""
    try:
        return not folder.is_dir()
    except OSError:
        return False


def _open_inventory(dataset_dir: Path) -> Inventory:
    """Open the folder's inventory, in a temporary place where the cache can't be written."""
    path = inventory_path(dataset_dir)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        inventory = Inventory(dataset_dir, path)
    except (OSError, sqlite3.OperationalError):
        return _open_temporary(dataset_dir, path)
    try:
        inventory.remember_root()
    except sqlite3.OperationalError:  # it can be read, but not written
        inventory.close()
        return _open_temporary(dataset_dir, path)
    except BaseException:
        inventory.close()
        raise
    return inventory


def _open_temporary(dataset_dir: Path, path: Path) -> Inventory:
    try:
        temporary = TemporaryDirectory(prefix="tuner_kit-")
        return Inventory(dataset_dir, Path(temporary.name) / path.name, temporary)
    except (OSError, sqlite3.Error) as error:
        raise MachineError(_no_place(path, error)) from error


def _no_place(path: Path, error: Exception) -> Problem:
    return Problem(
        id="M04",
        what=f"there is no place to remember what the images are like: {error}",
        where=str(path.parent),
        fix="make room on the disk, or set XDG_CACHE_HOME to a folder that can be written",
    )


def _unreadable_folder(dataset_dir: Path, error: OSError) -> Problem:
    shown = printable(str(dataset_dir))
    if isinstance(error, FileNotFoundError):
        what = f"the dataset folder {shown} does not exist"
    elif isinstance(error, NotADirectoryError):
        what = f"the dataset {shown} is a file, not a folder"
    else:
        what = f"the dataset folder {shown} can't be read: {error.strerror}"
    return Problem(
        id="D01",
        what=what,
        where=shown,
        fix="name a folder of images that you may read",
    )


def _no_images(inventory: Inventory) -> Problem:
    # The others are skipped too, but for those that the layout has used.
    skipped = (item for item in inventory.skipped() if item.reason is not SkipReason.NOT_AN_IMAGE)
    kinds = Counter(map(_kind_of, skipped))
    kinds.update(map(_suffix_of, inventory.other_names()))
    found = ", ".join(f"{count} {kind}" for kind, count in kinds.most_common(5)) or "nothing"
    return Problem(
        id="D02",
        what=f"no images in the dataset folder; found instead: {found}",
        where=printable(str(inventory.root)),
        fix=f"put images there ({' '.join(sorted(IMAGE_SUFFIXES))}), or correct the path",
    )


def _kind_of(item: SkippedFile) -> str:
    if item.reason is SkipReason.HIDDEN:
        return "hidden"
    return _suffix_of(item.name)


def _suffix_of(name: str) -> str:
    return printable(Path(name).suffix.lower()) or "others"
