"""Images and captions in two folders side by side.

flowers/
  Images/
    a.jpg
    red/b.jpg
  ImageCaptions/     also: Captions; case, spaces, hyphens and underscores don't matter
    a.txt
    red/b.txt        the caption of Images/red/b.jpg
"""

from collections.abc import Iterator

from tuner_kit.data.inventory import Inventory
from tuner_kit.data.layouts.layout import (
    FolderShape,
    Layout,
    LayoutOptions,
    Reading,
    leave_out_others,
)
from tuner_kit.data.records import Caption
from tuner_kit.data.walk import CAPTION_SUFFIXES

_IMAGE_FOLDERS = frozenset({"images", "image"})
_CAPTION_FOLDERS = frozenset({"imagecaptions", "imagecaption", "captions"})


def is_in_image_folder(name: str) -> bool:
    """Whether a file is below a top-level folder like `Images`."""
    return _top_folder(name) in _IMAGE_FOLDERS


def is_in_caption_folder(name: str) -> bool:
    """Whether a file is below a top-level folder like `ImageCaptions`."""
    return _top_folder(name) in _CAPTION_FOLDERS


def _top_folder(name: str) -> str:
    folder, slash, _ = name.partition("/")
    return folder.casefold().translate({ord(mark): None for mark in " -_"}) if slash else ""


def fits(shape: FolderShape, _: LayoutOptions) -> bool:
    """Recognize it by the two folders, each with files of its kind."""
    return shape.in_image_folder.count > 0 and shape.in_caption_folder.count > 0


def read(inventory: Inventory, _: LayoutOptions) -> Reading:
    """Pair each image with the text of the same name in the other folder."""
    image_folders = {
        name.partition("/")[0] for name in inventory.image_names() if is_in_image_folder(name)
    }
    for suffix in CAPTION_SUFFIXES:
        inventory.pair(_captions(inventory, sorted(image_folders), suffix))
    inventory.skip_unpaired_texts()
    leave_out_others(inventory)
    return Reading()


def _captions(
    inventory: Inventory, image_folders: list[str], suffix: str
) -> Iterator[tuple[str, Caption]]:
    for text in inventory.text_files():
        if is_in_caption_folder(text.name) and text.name.lower().endswith(suffix):
            _, _, stem = text.stem.partition("/")
            for folder in image_folders:
                for image in inventory.images_of_stem(f"{folder}/{stem}"):
                    yield image, text.caption


def evidence(shape: FolderShape) -> str:
    """Count what the two folders hold."""
    return (
        f"{shape.in_image_folder.count_of('image')} and "
        f"{shape.in_caption_folder.count_of('text file')} in two folders: "
        f"{shape.in_image_folder.first}, {shape.in_caption_folder.first}"
    )


IMAGE_CAPTIONS = Layout(
    name="image-captions",
    title="Images/ with the captions in ImageCaptions/",
    fits=fits,
    read=read,
    evidence=evidence,
)
