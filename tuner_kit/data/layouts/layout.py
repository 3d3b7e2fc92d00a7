"""What a layout is: how a folder of it is recognized, and how it is read."""

from collections.abc import Callable, Container, Iterator
from dataclasses import dataclass

from tuner_kit.data.inventory import Inventory
from tuner_kit.data.layouts.few import Few
from tuner_kit.data.records import DatasetPart, SkippedFile, SkipReason
from tuner_kit.errors import Problem


@dataclass(frozen=True, slots=True)
class LayoutOptions:
    """What the person says about the images that the folder may not say."""

    instance_prompt: str | None = None
    """One caption for all images, as DreamBooth does."""
    class_prompt: str | None = None
    """One caption for all class images."""


@dataclass(frozen=True, slots=True)
class FolderShape:
    """What a folder looks like, by the names of its files alone."""

    images: Few
    captioned: Few
    """Images that have a caption file of their stem beside them."""
    in_repeat_folders: Few
    """Images in folders like `10_sks dog`."""
    captioned_in_repeat_folders: Few
    in_image_folder: Few
    """Images below `Images`."""
    in_caption_folder: Few
    """Caption files below `ImageCaptions`."""
    in_instance_folder: Few
    """Images below a folder like `instance_images`."""
    named_like_captions: Few
    """Images whose file name reads as a caption."""
    metadata_jsonl: Few
    metadata_csv: Few
    metadata_parquet: Few
    saved_datasets: Few
    """Files that the `datasets` library writes when it saves to disk."""
    image_shards: Few
    """Parquet files that hold the images themselves."""

    @property
    def is_mostly_repeat_folders(self) -> bool:
        """Whether at least half of the images are in folders like `10_sks dog`."""
        return 0 < self.images.count <= 2 * self.in_repeat_folders.count


@dataclass(frozen=True, slots=True)
class Reading:
    """What reading a layout has shown besides the captions, which are in the inventory."""

    parts: tuple[DatasetPart, ...] = (DatasetPart(),)
    problems: tuple[Problem, ...] = ()


type Fits = Callable[[FolderShape, LayoutOptions], bool]
type Read = Callable[[Inventory, LayoutOptions], Reading]


@dataclass(frozen=True, slots=True)
class Layout:
    """One way in which people keep images and captions in a folder."""

    name: str
    """As it is written in `tuner.yaml`."""
    title: str
    """For lists of layouts, in a few words."""
    fits: Fits
    read: Read
    """Pairs images with captions in the inventory, and leaves out what is not trained on."""
    evidence: Callable[[FolderShape], str]
    """What in the folder speaks for it, for the question which layout is meant."""


def leave_out_others(inventory: Inventory, used: Container[str] = ()) -> None:
    """Leave out the files that are neither images, nor caption files, nor used otherwise."""
    inventory.skip(
        SkippedFile(name, SkipReason.NOT_AN_IMAGE)
        for name in inventory.other_names()
        if name not in used
    )


def leave_out_lone_texts(inventory: Inventory) -> None:
    """Leave out texts without an image beside, where captions come from elsewhere."""
    inventory.skip(
        SkippedFile(name, SkipReason.LONE_CAPTION) for name in inventory.lone_text_names()
    )


def folders_of(name: str) -> Iterator[str]:
    """Give the folders that a file is in, the outermost first."""
    *folders, _ = name.split("/")
    return iter(folders)
