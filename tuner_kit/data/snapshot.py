"""A dataset folder as it was read: its images with their captions, parts and findings."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from tuner_kit.data.caption_policy import CaptionPolicy
from tuner_kit.data.inventory import Inventory
from tuner_kit.data.records import DatasetPart, ImageRecord
from tuner_kit.errors import Problem


@dataclass(frozen=True, slots=True)
class DatasetSnapshot:
    """What a folder held at one moment; close it, or use it as a context manager."""

    inventory: Inventory
    layout: str
    """Name of the layout that the folder was read in."""
    parts: tuple[DatasetPart, ...]
    problems: tuple[Problem, ...] = ()
    """What the layout's reader found."""

    @property
    def root(self) -> Path:
        """The folder as the user wrote it; the paths of the images begin with it."""
        return self.inventory.root

    def __enter__(self) -> Self:
        """Do nothing: it is open."""
        return self

    def __exit__(self, *error: object) -> None:
        """Close the inventory."""
        self.inventory.close()


@dataclass(frozen=True, slots=True)
class TrainingImage:
    """An image that can be trained on, with its final caption."""

    record: ImageRecord
    part: DatasetPart
    caption: str


@dataclass(frozen=True, slots=True)
class Selection:
    """Which images of a snapshot are trained on, and with which captions."""

    captions: CaptionPolicy
    leaves_out_copies: bool = False
    """Of exact duplicates only the first is kept."""
    held_out: frozenset[str] = frozenset()
    """Names of the images that are kept from training."""

    def images(self, snapshot: DatasetSnapshot) -> Iterator[TrainingImage]:
        """Give the images in the snapshot's order; what can't be trained on is left out."""
        chooser = Chooser(self, snapshot.parts)
        for record in snapshot.inventory.records():
            image = chooser.take(record)
            if image is not None:
                yield image


class Chooser:
    """Applies a selection to the images of a snapshot, one after the other."""

    def __init__(self, selection: Selection, parts: Sequence[DatasetPart]) -> None:
        self._selection = selection
        self._parts = {part.name: part for part in parts}
        self._seen: set[str] = set()

    def take(self, record: ImageRecord) -> TrainingImage | None:
        """Give an image as it is trained on; None when it is not."""
        selection = self._selection
        if record.fault is not None:
            return None
        part = self._parts[record.part]
        caption = selection.captions.caption_for(record, part)
        if caption is None or (selection.leaves_out_copies and _is_copy(record, self._seen)):
            return None
        # After the copies: one of a held-out image must not be trained on in its place.
        is_held_out = record.name in selection.held_out
        return None if is_held_out else TrainingImage(record, part, caption)


def _is_copy(record: ImageRecord, seen: set[str]) -> bool:
    """Whether an image of the same bytes was seen before; only look-alikes are remembered."""
    if record.pixels is None or not record.pixels.near_group:
        return False
    if record.pixels.sha256 in seen:
        return True
    seen.add(record.pixels.sha256)
    return False
