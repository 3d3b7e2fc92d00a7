"""kohya's folders: how often an image is shown, and its prompt, are in the folder's name.

    dog/
      img/                       optional
        10_sks dog/              10 times in one epoch; "sks dog" where an image has no caption
          a.jpg
          a.txt                  optional
        0_rejected/              0 times: left out
      reg/                       optional: class images
        1_dog/

SimpleTuner counts additional passes, so its repeats are kohya's - 1.
Source: generate_dreambooth_subsets_config_by_subdirs of sd-scripts' config_util.py, which
leaves out images that are in no such folder.
"""

import re
from dataclasses import dataclass, field
from itertools import batched

from tuner_kit.data.inventory import Inventory
from tuner_kit.data.layouts.few import Few
from tuner_kit.data.layouts.layout import (
    FolderShape,
    Layout,
    LayoutOptions,
    Reading,
    folders_of,
    leave_out_others,
)
from tuner_kit.data.records import DatasetPart, SkippedFile, SkipReason, printable
from tuner_kit.errors import Problem, Severity

# kohya reads any number, but 2019_holiday is a year, and 01_first puts folders in order.
_RECOGNIZED = re.compile(r"(0|[1-9]\d{0,2})_.*", re.DOTALL | re.ASCII)
_READ = re.compile(r"(0*\d{1,3})_(.*)", re.DOTALL | re.ASCII)
_REGULARIZATION = re.compile(r"reg(ulari[sz]ation)?([ _-]?(images?|data))?", re.IGNORECASE)
_BATCH = 1_000


@dataclass(frozen=True, slots=True)
class RepeatFolder:
    """A folder like `10_sks dog`."""

    name: str
    """Relative to the dataset folder."""
    num_passes: int
    """Times that its images are shown in one epoch."""
    words: str | None
    """What is behind the number, as it is written."""
    is_regularization: bool


def is_in_repeat_folder(name: str) -> bool:
    """Whether an image is in a folder that is kohya's without much doubt."""
    return any(_RECOGNIZED.fullmatch(folder) for folder in folders_of(name))


def repeat_folder_of(image_name: str) -> RepeatFolder | None:
    """Give the innermost folder like `10_sks dog` that an image is in."""
    folders = tuple(folders_of(image_name))
    for depth in range(len(folders), 0, -1):
        match = _READ.fullmatch(folders[depth - 1])
        if match is not None:
            return RepeatFolder(
                name="/".join(folders[:depth]),
                num_passes=int(match[1]),
                words=match[2].strip() or None,
                is_regularization=any(map(_REGULARIZATION.fullmatch, folders[: depth - 1])),
            )
    return None


def fits(shape: FolderShape, _: LayoutOptions) -> bool:
    """Recognize it by the folders, if at least half of the images are in them."""
    return shape.is_mostly_repeat_folders


def read(inventory: Inventory, _: LayoutOptions) -> Reading:
    """Make a part of each folder; texts beside the images win over the folder's words."""
    inventory.pair_by_stem()
    sorting = _Sorting()
    for names in batched(inventory.image_names(), _BATCH):
        sorted_names = [(name, sorting.put(name)) for name in names]
        inventory.assign((name, part) for name, part in sorted_names if part is not None)
        inventory.skip(
            SkippedFile(name, SkipReason.NO_REPEATS) for name, part in sorted_names if part is None
        )
    inventory.skip_unpaired_texts()
    leave_out_others(inventory)
    problems = () if sorting.outside.count == 0 else (_outside(inventory, sorting.outside),)
    return Reading(tuple(sorting.parts.values()), problems)


@dataclass(slots=True)
class _Sorting:
    """Sorts images into parts; there are as many parts as folders, not as images."""

    parts: dict[str, DatasetPart] = field(default_factory=dict)
    outside: Few = field(default_factory=Few)

    def put(self, image_name: str) -> str | None:
        """Give the name of the image's part; None for an image that is left out."""
        folder = repeat_folder_of(image_name)
        if folder is None:
            self.outside.add(image_name)
            return None
        if folder.num_passes == 0:
            return None
        name = printable(folder.name)
        if name not in self.parts:
            self.parts[name] = _part_of(name, folder)
        return name


def _part_of(name: str, folder: RepeatFolder) -> DatasetPart:
    return DatasetPart(
        name=name,
        repeats=folder.num_passes - 1,
        prompt=None if folder.words is None else printable(folder.words),
        is_regularization=folder.is_regularization,
    )


def _outside(inventory: Inventory, names: Few) -> Problem:
    verb = "is" if names.count == 1 else "are"
    return Problem(
        id="D16",
        severity=Severity.WARNING,
        what=f"{names.count_of('image')} {verb} in no folder that says how often to show it, like "
        f"10_sks dog, and left out: {names.listed}",
        where=f"{inventory.root} (first: {names.first})",
        fix="nothing, if that is meant; otherwise move them into such a folder, or set layout "
        "of the dataset to text-files",
    )


def evidence(shape: FolderShape) -> str:
    """Count the images in such folders."""
    found = shape.in_repeat_folders
    return f"{found.count_of('image')} in folders that begin with a number: {found.listed}"


KOHYA = Layout(
    name="kohya",
    title="kohya's folders: 10_sks dog",
    fits=fits,
    read=read,
    evidence=evidence,
)
