"""A folder of the `datasets` library, whose images are inside its tables.

pokemon/                           pokemon/
  dataset_dict.json                  data/
  train/                               train-00000-of-00001.parquet
    dataset_info.json
    state.json
    data-00000-of-00001.arrow
"""

from tuner_kit.data.inventory import Inventory
from tuner_kit.data.layouts.few import Few
from tuner_kit.data.layouts.layout import FolderShape, Layout, LayoutOptions, Reading
from tuner_kit.errors import DatasetError, Problem


def find_saved_datasets(inventory: Inventory) -> Few:
    """Find `dataset_dict.json`, and `state.json` with `dataset_info.json` beside it."""
    found = Few()
    folder_with_info = None
    for name in inventory.other_names():
        folder, _, file_name = name.rpartition("/")
        if file_name == "dataset_info.json":
            folder_with_info = folder
        elif file_name == "dataset_dict.json" or (
            file_name == "state.json" and folder == folder_with_info
        ):
            found.add(name)
    return found


def find_image_shards(inventory: Inventory) -> Few:
    """Find Parquet files with images inside; all are taken to be like the first."""
    found = Few()
    for name in inventory.other_names():
        if not name.lower().endswith(".parquet") or is_metadata_table(name):
            continue
        if found.count == 0:
            # pyarrow takes 0.1 s to import; a folder without tables shouldn't pay for it.
            from tuner_kit.data.layouts.metadata_parquet import has_image_column

            if not has_image_column(inventory.root / name):
                return found
        found.add(name)
    return found


def is_metadata_table(name: str) -> bool:
    """Whether a file is imagefolder's table of captions."""
    return name.rpartition("/")[2].casefold() == "metadata.parquet"


def fits(shape: FolderShape, _: LayoutOptions) -> bool:
    """Recognize it by what the library writes, or by tables with images."""
    return shape.saved_datasets.count > 0 or shape.image_shards.count > 0


def read(inventory: Inventory, _: LayoutOptions) -> Reading:
    """Refuse: the images must be written as files first.

    Raises:
        DatasetError: D30, always.
    """
    raise DatasetError(
        Problem(
            id="D30",
            what="the dataset folder holds its images inside tables of the datasets library",
            where=str(inventory.root),
            fix="write each image as N.png and its caption as N.txt into a folder (load_from_disk "
            "or load_dataset of the datasets library gives both), and name that folder",
        )
    )


def evidence(shape: FolderShape) -> str:
    """Name the files of the library."""
    found = shape.saved_datasets if shape.saved_datasets.count else shape.image_shards
    return f"{found.count_of('file')} of the datasets library: {found.listed}"


HUGGINGFACE = Layout(
    name="huggingface",
    title="a folder of the datasets library",
    fits=fits,
    read=read,
    evidence=evidence,
)
