"""A folder that appears under its name only when it is complete."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tuner_kit.workers.runtime import RepairableError


@contextmanager
def new_folder(path: Path) -> Iterator[Path]:
    """Give `<path>.partial`, emptied of what an earlier attempt left, and rename it at the end.

    Raises:
        RepairableError: the folder exists already.
    """
    if path.exists():
        raise RepairableError(
            what=f"{path.name} exists already",
            where=str(path),
            fix="choose another folder, or remove this one first",
        )
    partial_dir = path.with_name(path.name + ".partial")
    shutil.rmtree(partial_dir, ignore_errors=True)
    partial_dir.mkdir(parents=True)
    yield partial_dir
    partial_dir.rename(path)
