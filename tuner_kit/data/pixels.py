"""Starts the worker that decodes every image of a dataset that was not looked at before."""

from pathlib import Path
from tempfile import TemporaryDirectory

from tuner_kit.data.inventory import Inventory
from tuner_kit.process.worker import OnEvent, run_worker


def look_at_pixels(inventory: Inventory, on_event: OnEvent) -> None:
    """Decode what is new, and find look-alikes; an interrupted look goes on where it stopped.

    Raises:
        WorkerError: the worker stopped.
    """
    if inventory.num_to_decode() == 0 and inventory.has_present_groups():
        return
    from tuner_kit.process.messages import AuditImagesRequest, AuditImagesResult

    request = AuditImagesRequest(
        dataset_dir=inventory.root.absolute(), database_path=inventory.path.absolute()
    )
    with TemporaryDirectory(prefix="tuner_kit-audit-") as workdir:
        run_worker("audit_images", request, AuditImagesResult, Path(workdir), on_event)
