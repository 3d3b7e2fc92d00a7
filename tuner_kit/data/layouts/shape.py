"""What a folder looks like by the names of its files, in flat memory however many there are."""

from collections.abc import Callable, Iterable

from tuner_kit.data.inventory import Inventory
from tuner_kit.data.layouts import metadata_csv, metadata_jsonl, metadata_parquet
from tuner_kit.data.layouts.few import Few
from tuner_kit.data.layouts.file_names import reads_as_caption
from tuner_kit.data.layouts.huggingface import find_image_shards, find_saved_datasets
from tuner_kit.data.layouts.image_captions import is_in_caption_folder, is_in_image_folder
from tuner_kit.data.layouts.instance_prompt import is_in_instance_folder
from tuner_kit.data.layouts.kohya import is_in_repeat_folder
from tuner_kit.data.layouts.layout import FolderShape

type _Test = Callable[[str], bool]


def summarize(inventory: Inventory) -> FolderShape:
    """Describe a folder whose files were found; the content of images and texts isn't read."""
    images, in_repeat_folders, in_image_folder, in_instance_folder = _count(
        inventory.image_names(),
        (_any, is_in_repeat_folder, is_in_image_folder, is_in_instance_folder),
    )
    captioned, captioned_in_repeat_folders = _count(
        inventory.images_with_text(), (_any, is_in_repeat_folder)
    )
    (in_caption_folder,) = _count(inventory.text_names(), (is_in_caption_folder,))
    formats = (metadata_jsonl.FORMAT, metadata_csv.FORMAT, metadata_parquet.FORMAT)
    jsonl, csv, parquet = _count(inventory.other_names(), [item.matches for item in formats])
    return FolderShape(
        images=images,
        captioned=captioned,
        in_repeat_folders=in_repeat_folders,
        captioned_in_repeat_folders=captioned_in_repeat_folders,
        in_image_folder=in_image_folder,
        in_caption_folder=in_caption_folder,
        in_instance_folder=in_instance_folder,
        # Names are read as captions only where there are no others.
        named_like_captions=Few() if captioned.count else _count_captions(inventory),
        metadata_jsonl=jsonl,
        metadata_csv=csv,
        metadata_parquet=parquet,
        saved_datasets=find_saved_datasets(inventory),
        image_shards=find_image_shards(inventory),
    )


def _count_captions(inventory: Inventory) -> Few:
    (named_like_captions,) = _count(inventory.image_names(), (reads_as_caption,))
    return named_like_captions


def _any(_: str) -> bool:
    return True


def _count(names: Iterable[str], tests: Iterable[_Test]) -> list[Few]:
    """Count the names that pass each test, in one pass."""
    counted = [(test, Few()) for test in tests]
    for name in names:
        for test, found in counted:
            if test(name):
                found.add(name)
    return [found for _, found in counted]
