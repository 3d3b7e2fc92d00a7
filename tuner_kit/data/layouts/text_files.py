"""Images with a text file beside each, nested or not.

cats/
  a.jpg
  a.txt          the caption of a.jpg
  outdoors/
    b.png
    b.caption    kohya's other ending; b.txt would win over it
"""

from tuner_kit.data.inventory import Inventory
from tuner_kit.data.layouts.layout import (
    FolderShape,
    Layout,
    LayoutOptions,
    Reading,
    leave_out_others,
)


def fits(shape: FolderShape, _: LayoutOptions) -> bool:
    """Recognize it by images with a text beside; those in kohya's folders are kohya's."""
    num_elsewhere = shape.captioned_in_repeat_folders.count if shape.is_mostly_repeat_folders else 0
    return shape.captioned.count > num_elsewhere


def read(inventory: Inventory, _: LayoutOptions) -> Reading:
    """Pair images with the text files beside them."""
    inventory.pair_by_stem()
    inventory.skip_unpaired_texts()
    leave_out_others(inventory)
    return Reading()


def evidence(shape: FolderShape) -> str:
    """Count the captioned images."""
    return f"{shape.captioned.count_of('image')} with a text file beside: {shape.captioned.listed}"


TEXT_FILES = Layout(
    name="text-files",
    title="images with a .txt or .caption file beside each",
    fits=fits,
    read=read,
    evidence=evidence,
)
