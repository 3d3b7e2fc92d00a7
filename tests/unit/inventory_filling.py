"""Inventories in which everything is known of a folder."""

from pathlib import Path

from dataset_reading import look

from tuner_kit.data.captions import read_caption
from tuner_kit.data.inventory import Inventory
from tuner_kit.data.records import Header

HEADER = Header(640, 480, "RGBA", "PNG", has_transparency=True, is_animated=True)


def open_filled(root: Path, database_path: Path) -> Inventory:
    """Find files, and read everything that is new."""
    inventory = Inventory(root, database_path)
    inventory.find_files()
    read_new_texts(inventory)
    inventory.save_headers((name, HEADER) for name in list(inventory.headers_to_read()))
    look(inventory)
    inventory.pair_by_stem()
    return inventory


def read_new_texts(inventory: Inventory) -> None:
    inventory.save_texts(
        (name, read_caption(inventory.root / name, origin=name))
        for name in inventory.texts_to_read()
    )


def to_read(root: Path, database_path: Path) -> tuple[list[str], list[str], list[str]]:
    """Name the headers, texts and pixels that a new look at the folder has to read."""
    with Inventory(root, database_path) as inventory:
        inventory.find_files()
        return (
            list(inventory.headers_to_read()),
            list(inventory.texts_to_read()),
            list(inventory.images_to_decode()),
        )
