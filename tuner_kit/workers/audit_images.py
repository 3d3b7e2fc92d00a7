"""Decode every image of a folder that was not looked at before, and find look-alikes.

SimpleTuner drops an image whose header is broken without counting it, and stops in the
middle of a run at a truncated JPEG. So every image is decoded once, completely. What is
found out is written to the folder's inventory every second: an interrupted audit goes on
where it stopped.
"""

import os
import sqlite3
import sys
import time
from array import array
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np
from PIL import Image

from tuner_kit.data.decode import pillow_warnings_ignored
from tuner_kit.data.inventory import Inventory
from tuner_kit.data.records import PixelFacts
from tuner_kit.process.messages import AuditImagesRequest, AuditImagesResult
from tuner_kit.workers.near_duplicates import group_look_alikes
from tuner_kit.workers.pixel_facts import PixelBudget, look_at
from tuner_kit.workers.runtime import Emit, RepairableError, run

_MAX_THREADS = 16
# Enough that all threads are busy while the first one decodes something large.
_WAITING_PER_THREAD = 8
_SAVE_EVERY_S = 1.0
_EMIT_EVERY_S = 0.1
# Larger than what glibc keeps for itself when it is freed: with 16 threads, images of 24 and
# 169 megapixels took 1.8 GB at most instead of 3.3 GB.
_PILLOW_BLOCK_BYTES = 64 * 1024**2


def audit_images(request: AuditImagesRequest, emit: Emit) -> AuditImagesResult:
    """Look at what is new in the inventory.

    Raises:
        RepairableError: the inventory can't be written.
    """
    # Described under "Block allocator" in the manual of Pillow, and missing in its stubs.
    Image.core.set_block_size(_PILLOW_BLOCK_BYTES)  # type: ignore[attr-defined]
    num_threads = request.max_threads or min(_MAX_THREADS, os.cpu_count() or 1)
    try:
        with Inventory(request.dataset_dir, request.database_path) as inventory:
            num_looked_at = look_at_images(inventory, num_threads, emit)
            if not inventory.has_present_groups():
                emit("looking for images that look alike")
                find_look_alikes(inventory)
    except sqlite3.OperationalError as error:
        raise RepairableError(
            what=f"what was found out about the images can't be written: {error}",
            where=str(request.database_path),
            fix="free some space on that disk, or wait until another check of this folder is done",
        ) from error
    return AuditImagesResult(num_looked_at=num_looked_at)


def look_at_images(inventory: Inventory, num_threads: int, emit: Emit) -> int:
    """Decode all images that were not looked at yet, and count them."""
    total = inventory.num_to_decode()
    budget = PixelBudget()

    def work(name: str) -> tuple[str, PixelFacts]:
        return name, look_at(inventory.root / name, budget)

    found: list[tuple[str, PixelFacts]] = []
    done = 0
    saved_s = emitted_s = time.monotonic()
    with pillow_warnings_ignored(), ThreadPoolExecutor(num_threads) as pool:
        window = num_threads * _WAITING_PER_THREAD
        for item in _map_in_order(pool, work, inventory.images_to_decode(), window=window):
            found.append(item)
            done += 1
            now_s = time.monotonic()
            if now_s - saved_s >= _SAVE_EVERY_S:
                inventory.save_pixels(found)
                found.clear()
                saved_s = now_s
            if now_s - emitted_s >= _EMIT_EVERY_S or done == total:
                emit("checking images", done, total)
                emitted_s = now_s
    if found:
        inventory.save_pixels(found)
    return done


def _map_in_order[Item, Result](
    pool: ThreadPoolExecutor,
    function: Callable[[Item], Result],
    items: Iterable[Item],
    *,
    window: int,
) -> Iterator[Result]:
    """Do what `pool.map` does, with a bounded number of items under way."""
    waiting: deque[Future[Result]] = deque()
    try:
        for item in items:
            waiting.append(pool.submit(function, item))
            if len(waiting) >= window:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        for future in waiting:
            future.cancel()


def find_look_alikes(inventory: Inventory) -> None:
    """Number the groups of images that look alike, in the inventory."""
    # Packed, and the names read again afterwards: of 100,000 images this takes 5.6 MB.
    hashes, layouts = array("q"), bytearray()
    for _, value, layout in inventory.looks():
        hashes.append(value)
        layouts += layout
    packed = np.frombuffer(layouts, np.uint8).reshape(len(hashes), -1) if hashes else np.empty(0)
    groups = group_look_alikes(np.array(hashes, np.int64), packed.astype(np.uint8, copy=False))
    names = (name for name, *_ in inventory.looks())
    inventory.save_groups(
        {name: int(group) for name, group in zip(names, groups, strict=True) if group}
    )


if __name__ == "__main__":
    sys.exit(run(AuditImagesRequest, audit_images))
