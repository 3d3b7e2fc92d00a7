"""The layouts that can be read, and which of them a folder has."""

from collections.abc import Mapping
from types import MappingProxyType

from tuner_kit.catalog.layouts import AUTO_LAYOUT
from tuner_kit.data.inventory import Inventory
from tuner_kit.data.layouts.file_names import FILE_NAMES
from tuner_kit.data.layouts.huggingface import HUGGINGFACE
from tuner_kit.data.layouts.image_captions import IMAGE_CAPTIONS
from tuner_kit.data.layouts.instance_prompt import INSTANCE_PROMPT
from tuner_kit.data.layouts.kohya import KOHYA
from tuner_kit.data.layouts.layout import FolderShape, Layout, LayoutOptions
from tuner_kit.data.layouts.metadata_csv import METADATA_CSV
from tuner_kit.data.layouts.metadata_jsonl import METADATA_JSONL
from tuner_kit.data.layouts.metadata_parquet import METADATA_PARQUET
from tuner_kit.data.layouts.shape import summarize
from tuner_kit.data.layouts.text_files import TEXT_FILES
from tuner_kit.data.records import printable
from tuner_kit.errors import DatasetError, Problem

LAYOUTS: tuple[Layout, ...] = (
    TEXT_FILES,
    METADATA_JSONL,
    METADATA_CSV,
    METADATA_PARQUET,
    IMAGE_CAPTIONS,
    KOHYA,
    INSTANCE_PROMPT,
    FILE_NAMES,
    HUGGINGFACE,
)
"""In the order in which lists show them."""
LAYOUT_OF_NAME: Mapping[str, Layout] = MappingProxyType({item.name: item for item in LAYOUTS})


def recognize(shape: FolderShape, options: LayoutOptions) -> tuple[Layout, ...]:
    """Give the layouts that a folder fits; none for images without any captions."""
    if options.instance_prompt is not None:
        return (INSTANCE_PROMPT,)  # asked for, whatever else is there
    return tuple(layout for layout in LAYOUTS if layout.fits(shape, options))


def choose(inventory: Inventory, wanted: str, options: LayoutOptions) -> Layout:
    """Give the layout of a folder whose files were found.

    Args:
        inventory: of the folder.
        wanted: a layout's name, or `auto`.
        options: what the person says about the images.

    Raises:
        DatasetError: D14, the folder fits several layouts.
    """
    if wanted != AUTO_LAYOUT:
        return LAYOUT_OF_NAME[wanted]
    shape = summarize(inventory)
    fitting = recognize(shape, options)
    if len(fitting) > 1:
        raise DatasetError(_ambiguous(inventory, shape, fitting))
    # Images without any captions: what is missing are the texts beside them.
    return fitting[0] if fitting else TEXT_FILES


def _ambiguous(inventory: Inventory, shape: FolderShape, fitting: tuple[Layout, ...]) -> Problem:
    readings = "; or ".join(f"{layout.name} ({layout.evidence(shape)})" for layout in fitting)
    names = " or ".join(layout.name for layout in fitting)
    return Problem(
        id="D14",
        what=f"the dataset folder can be read in {len(fitting)} ways: {readings}",
        where=printable(str(inventory.root)),
        fix=f"set layout of the dataset to {names} (on the command line --layout)",
    )
