"""One dataset examined: read, audited, split, and laid out as the trainer will batch it."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import Self

from tuner_kit.catalog.base_models import ModelFamily
from tuner_kit.data.audit.audit import audit
from tuner_kit.data.audit.length_rules import TextEncoderLimit
from tuner_kit.data.audit.rule import AuditPolicy
from tuner_kit.data.find_source import find_source
from tuner_kit.data.pixels import look_at_pixels
from tuner_kit.data.read_dataset import DatasetSource, read_dataset
from tuner_kit.data.records import DatasetPart, ImageRecord
from tuner_kit.data.snapshot import Chooser, DatasetSnapshot, Selection, TrainingImage
from tuner_kit.data.split import Candidate, HeldOutChoice, Side, num_held_out
from tuner_kit.errors import Problem
from tuner_kit.preflight.bucket_rules import check_buckets
from tuner_kit.process.messages import Event
from tuner_kit.process.worker import OnEvent
from tuner_kit.simpletuner.bucket_geometry import BucketKey
from tuner_kit.simpletuner.bucket_plan import BucketPlan, BucketSettings, plan_buckets


@dataclass(frozen=True, slots=True)
class DatasetDemands:
    """What a training asks of one dataset."""

    policy: AuditPolicy
    train_batch_size: int = 1
    gradient_accumulation_steps: int = 1
    num_gpus: int = 1
    repeats: int = 0
    """Additional passes over the images, on top of those that the layout gives a part."""
    holds_out: bool = True
    earlier_sides: Mapping[str, Side] = field(default_factory=dict)
    """By sha256: what the images were used for when the run began."""
    limits: Sequence[TextEncoderLimit] = ()
    family: ModelFamily = "sd3"
    """Of the base model: it decides how large the caches are."""

    def bucket_settings(self, part: DatasetPart) -> BucketSettings:
        """Give what decides how the images of a part are batched."""
        return BucketSettings(
            resolution_px=self.policy.resolution_px,
            is_cropped=self.policy.is_cropped,
            train_batch_size=self.train_batch_size,
            gradient_accumulation_steps=self.gradient_accumulation_steps,
            repeats=total_repeats(self.repeats, part),
            num_processes=self.num_gpus,
        )

    def settings_of(self, parts: Sequence[DatasetPart]) -> Mapping[str, BucketSettings]:
        """Give the same for several parts, by their names."""
        return {part.name: self.bucket_settings(part) for part in parts}


def total_repeats(repeats: int, part: DatasetPart) -> int:
    """Combine the passes of a dataset with those of one of its parts."""
    return (repeats + 1) * (part.repeats + 1) - 1


@dataclass(frozen=True, slots=True)
class PartPlan:
    """How the trainer will batch one part of a dataset."""

    part: DatasetPart
    buckets: BucketPlan
    captions: frozenset[int]
    """Hashes of the different captions."""
    dropped: tuple[str, ...] = ()
    """Names of the images that the trainer leaves out because of their shape."""


@dataclass(frozen=True, slots=True)
class ExaminedDataset:
    """A dataset with all that was found out about it; close it after use."""

    snapshot: DatasetSnapshot
    selection: Selection
    parts: tuple[PartPlan, ...]
    num_images: int
    """Images of the folder that its layout keeps."""
    num_captions: int
    """Of these, how many have a caption that can be read, or a prompt instead."""
    problems: tuple[Problem, ...]
    written: str = ""
    """What the person called it."""
    family: ModelFamily = "sd3"
    """Of the base model that it was examined for."""

    def __enter__(self) -> Self:
        """Do nothing: it is open."""
        return self

    def __exit__(self, *error: object) -> None:
        """Close the inventory."""
        self.snapshot.inventory.close()

    @property
    def num_trained(self) -> int:
        """Images that the trainer gets and keeps."""
        return sum(plan.buckets.num_images for plan in self.parts)

    @property
    def num_held_out(self) -> int:
        """Images that are kept from training."""
        return len(self.selection.held_out)

    def training_images(self, part: DatasetPart) -> Iterator[TrainingImage]:
        """Give the images of a part that are trained on."""
        images = self.selection.images(self.snapshot)
        return (image for image in images if image.part == part)


def examine(
    source: DatasetSource,
    demands: DatasetDemands,
    on_event: OnEvent,
    *,
    looks_at_pixels: bool = True,
) -> ExaminedDataset:
    """Read a dataset and find out everything about it.

    Args:
        source: the folder, and how it is read.
        demands: what the training asks of it.
        on_event: called with the progress.
        looks_at_pixels: decodes the images that are new; without, damage and duplicates
            stay unseen, and nothing is held out.

    Raises:
        DatasetError: the folder can't be read at all.
        WorkerError: decoding stopped.
    """

    def report(phase: str, done: int, total: int | None) -> None:
        on_event(Event(phase=phase, current=done, total=total))

    found, notices = find_source(source, on_event)
    snapshot = read_dataset(found, report)
    try:
        if looks_at_pixels:
            look_at_pixels(snapshot.inventory, on_event)
        examined = _conclude(snapshot, demands, is_decoded=looks_at_pixels)
        return replace(examined, written=source.written, problems=(*notices, *examined.problems))
    except BaseException:
        snapshot.inventory.close()
        raise


def _conclude(
    snapshot: DatasetSnapshot, demands: DatasetDemands, *, is_decoded: bool
) -> ExaminedDataset:
    policy = demands.policy
    everything = Selection(
        policy.captions,
        leaves_out_copies=policy.is_repaired,
    )
    held_out = _choose(snapshot, everything, demands) if is_decoded else frozenset()
    selection = Selection(everything.captions, everything.leaves_out_copies, held_out)
    counter = _PartCounter(snapshot, selection, demands)
    audited = audit(snapshot, policy, demands.limits, [counter])
    parts = counter.plan()
    planned = chain.from_iterable(
        check_buckets(plan.buckets, snapshot.root, plan.dropped) for plan in parts
    )
    return ExaminedDataset(
        snapshot=snapshot,
        selection=selection,
        parts=parts,
        num_images=snapshot.inventory.num_images(),
        num_captions=counter.num_captions,
        problems=tuple(sorted((*audited, *planned), key=lambda problem: problem.id)),
        family=demands.family,
    )


def _choose(
    snapshot: DatasetSnapshot, everything: Selection, demands: DatasetDemands
) -> frozenset[str]:
    """Choose the held-out images of each part by its share; class images are all trained on."""
    if not demands.holds_out:
        return frozenset()
    settings = demands.settings_of(snapshot.parts)
    choices = {
        part.name: HeldOutChoice(demands.earlier_sides)
        for part in snapshot.parts
        if not part.is_regularization
    }
    for image in everything.images(snapshot):
        choice, pixels = choices.get(image.part.name), image.record.pixels
        # What the trainer drops because of its shape is no part of either side.
        if choice is not None and pixels is not None and _place(image.record, settings):
            choice.see(Candidate(image.record.name, pixels.sha256, pixels.near_group))
    num_images = sum(choice.num_seen for choice in choices.values())
    rate = num_held_out(num_images) / num_images if num_images else 0.0
    chosen = (choice.choose(round(rate * choice.num_seen)) for choice in choices.values())
    return frozenset(chain.from_iterable(chosen))


def _place(image: ImageRecord, settings: Mapping[str, BucketSettings]) -> BucketKey | None:
    """Name an image's bucket; None where the trainer has none for its shape."""
    header = image.header
    if header is None:
        return None
    return settings[image.part].place(header.width_px, header.height_px)


class _PartCounter:
    """Counts the buckets and captions of every part, as the images pass by."""

    def __init__(
        self, snapshot: DatasetSnapshot, selection: Selection, demands: DatasetDemands
    ) -> None:
        self._parts = snapshot.parts
        self._chooser = Chooser(selection, snapshot.parts)
        self._settings = demands.settings_of(snapshot.parts)
        self._counts = {name: Counter[BucketKey | None]() for name in self._settings}
        self._captions: dict[str, set[int]] = {name: set() for name in self._settings}
        self._dropped: dict[str, list[str]] = {name: [] for name in self._settings}
        self._prompted = {part.name for part in snapshot.parts if part.prompt is not None}
        self.num_captions = 0
        """Images whose caption can be read, or whose part has a prompt."""

    def see(self, image: ImageRecord) -> None:
        """Count the image, if it is trained on."""
        is_written = image.caption is not None and bool(image.caption.text)
        self.num_captions += is_written or image.part in self._prompted
        taken = self._chooser.take(image)
        if taken is None:
            return
        key = _place(image, self._settings)
        if key is None:
            self._dropped[image.part].append(image.name)
        self._counts[image.part][key] += 1
        self._captions[image.part].add(hash(taken.caption))

    def plan(self) -> tuple[PartPlan, ...]:
        """Say how the trainer will batch each part."""
        return tuple(
            PartPlan(
                part,
                plan_buckets(self._counts[part.name], self._settings[part.name]),
                frozenset(self._captions[part.name]),
                tuple(self._dropped[part.name]),
            )
            for part in self._parts
        )
