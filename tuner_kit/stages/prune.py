"""prune: what fills the disk and no run uses, shown first and then removed."""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tuner_kit.data.read_dataset import list_lost_inventories
from tuner_kit.errors import RunStateError, TunerError
from tuner_kit.runs.disk_errors import explain_disk_errors
from tuner_kit.runs.find import list_runs
from tuner_kit.runs.layout import Run
from tuner_kit.runs.lock import hold_lock
from tuner_kit.runs.status import RunStatus, derive_status
from tuner_kit.simpletuner.cache_use import UnusedCache, find_unused_caches


@dataclass(frozen=True, slots=True)
class Prunable:
    """Something that can go."""

    run: Run | None
    """Whose it is; None for what is remembered of folders that are gone."""
    cache: UnusedCache
    size_bytes: int


def find_prunable(runs_dir: Path) -> tuple[Prunable, ...]:
    """List what no run uses, and how much room it takes; nothing is removed.

    Runs that are being worked on, or whose state is unclear, are left alone.
    """
    caches = [(run, cache) for run in list_runs(runs_dir) for cache in _unused_of(run)]
    lost = [
        UnusedCache(path.parent, (path,), "of a dataset that is gone")
        for path in list_lost_inventories()
    ]
    return tuple(
        Prunable(run, cache, sum(map(size_of, cache.paths)))
        for run, cache in (*caches, *((None, cache) for cache in lost))
    )


def _unused_of(run: Run) -> tuple[UnusedCache, ...]:
    try:
        with hold_lock(run):
            return _unused_of_locked(run)
    except TunerError:
        return ()


def _unused_of_locked(run: Run) -> tuple[UnusedCache, ...]:
    """List what a run doesn't use; the trainer may outlive the process that held the lock."""
    status = derive_status(run)
    if status is RunStatus.RUNNING:
        return ()
    return tuple(find_unused_caches(run, is_finished=status is RunStatus.FINISHED))


def size_of(path: Path) -> int:
    """Measure a file or folder in bytes; a link counts itself, not what it leads to."""
    try:
        if path.is_dir() and not path.is_symlink():
            return sum(size_of(inside) for inside in path.iterdir())
        return path.lstat().st_size
    except OSError:  # it vanished while we looked
        return 0


def prune(items: Sequence[Prunable]) -> int:
    """Remove what was listed, unless it is used by now.

    Returns:
        How many bytes that has freed.

    Raises:
        MachineError: something can't be removed.
    """
    return sum(item.size_bytes for item in items if _prune_one(item))


def _prune_one(item: Prunable) -> bool:
    if item.run is None:
        _remove(item.cache)
        return True
    try:
        with hold_lock(item.run):
            is_unused = item.cache in _unused_of_locked(item.run)
            if is_unused:
                _remove(item.cache)
            return is_unused
    except RunStateError:  # its training has begun since
        return False


def _remove(cache: UnusedCache) -> None:
    with explain_disk_errors(cache.folder):
        for path in cache.paths:
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)
