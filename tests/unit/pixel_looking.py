"""Looks at the pixels of a folder in this process: what the worker does, without its start."""

from pathlib import Path

from tuner_kit.data.inventory import Inventory
from tuner_kit.data.read_dataset import inventory_path
from tuner_kit.process.messages import AuditImagesRequest, Event
from tuner_kit.workers.audit_images import audit_images


def remember_pixels(folder: Path) -> None:
    """Fill the folder's inventory in the person's cache, as a check would."""
    path = inventory_path(folder)
    path.parent.mkdir(parents=True, exist_ok=True)
    with Inventory(folder, path) as inventory:
        inventory.remember_root()
        inventory.find_files()
        audit_images(AuditImagesRequest(dataset_dir=folder, database_path=path), _emit_nothing)


def _emit_nothing(phase: str, current: int = 0, total: int | None = None) -> None:
    """Take the worker's progress and do nothing."""


def ignore(_: Event) -> None:
    """Take a command's progress and do nothing."""
