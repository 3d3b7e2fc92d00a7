"""How a rule of the audit is written: it sees every image once, then says what it found."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from tuner_kit.data.caption_policy import CaptionPolicy
from tuner_kit.data.listing import MAX_SHOWN, list_some
from tuner_kit.data.records import DatasetPart, ImageRecord, printable
from tuner_kit.errors import Problem, Severity


@dataclass(frozen=True, slots=True)
class AuditPolicy:
    """What the training asks of a dataset, and what it may do about damage."""

    resolution_px: int
    """Edge of the training images (of a square of the same area when they aren't cropped)."""
    is_cropped: bool = True
    """Squares are cut; otherwise each image keeps its shape."""
    trigger_word: str | None = None
    fallback_caption: str | None = None
    is_repaired: bool = False
    """Damage is mended or left out in the private copy, so it doesn't stop a training."""
    parts: Mapping[str, DatasetPart] = field(default_factory=lambda: {"": DatasetPart()})
    """By name, as the layout gives them."""

    @property
    def captions(self) -> CaptionPolicy:
        """How an image gets the caption that it is trained with."""
        return CaptionPolicy(self.trigger_word, self.fallback_caption, self.is_repaired)

    def part_of(self, image: ImageRecord) -> DatasetPart:
        """Give the part that an image belongs to."""
        return self.parts[image.part]

    def caption_for(self, image: ImageRecord) -> str | None:
        """Give the caption that an image is trained with; None when it has none."""
        return self.captions.caption_for(image, self.part_of(image))


@dataclass(frozen=True, slots=True)
class Dataset:
    """The dataset that a rule speaks about."""

    root: Path
    num_images: int

    def where(self, first: str) -> str:
        """Give the folder and the first file that a finding is about."""
        return f"{self.root} (first: {printable(first)})"


class Rule(Protocol):
    """Looks for one kind of mistake."""

    def see(self, image: ImageRecord) -> None:
        """Look at the next image; memory grows with what is found, not with what is seen."""

    def conclude(self, dataset: Dataset) -> Problem | None:
        """Say what was found, after the last image."""


@dataclass(slots=True)
class Found:
    """The files that a rule has found, and for the first few what is wrong with each."""

    names: list[str] = field(default_factory=list)
    _shown: list[str] = field(default_factory=list)

    def add(self, name: str, detail: str = "") -> None:
        """Remember a file."""
        self.names.append(name)
        if len(self._shown) < MAX_SHOWN:
            shown = printable(name)
            self._shown.append(f"{shown} ({detail})" if detail else shown)

    @property
    def listed(self) -> str:
        """The first few, and how many more there are."""
        return list_some(self._shown, len(self.names))

    def count(self, noun: str) -> str:
        """Say `1 file is` or `2 files are`."""
        count = len(self.names)
        return f"1 {noun} is" if count == 1 else f"{count} {noun}s are"


@dataclass(frozen=True, slots=True)
class Wording:
    """What a finding says; `what` is completed by the names of the files."""

    what: str
    fix: str
    severity: Severity = Severity.ERROR


type Applies = Callable[[ImageRecord], str | None]
"""Gives what is wrong with an image in a few words (or none: ""), None when nothing is."""
type Words = Callable[[Found, Dataset], Wording]


@dataclass(slots=True)
class ImageRule:
    """A rule that judges each image by itself."""

    id: str
    applies: Applies
    words: Words
    found: Found = field(default_factory=Found)

    def see(self, image: ImageRecord) -> None:
        """Look at the next image."""
        detail = self.applies(image)
        if detail is not None:
            self.found.add(image.name, detail)

    def conclude(self, dataset: Dataset) -> Problem | None:
        """Name the images that were found."""
        if not self.found.names:
            return None
        return problem_about(self.id, self.found, dataset, self.words(self.found, dataset))


def problem_about(problem_id: str, found: Found, dataset: Dataset, wording: Wording) -> Problem:
    """Write a finding about files."""
    return Problem(
        id=problem_id,
        severity=wording.severity,
        what=f"{wording.what}: {found.listed}",
        where=dataset.where(found.names[0]),
        fix=wording.fix,
        files=tuple(printable(name) for name in found.names),
    )


type MakeRule = Callable[[AuditPolicy], Rule]
type RuleTable = Sequence[MakeRule]
